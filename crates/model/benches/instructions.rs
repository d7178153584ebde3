//! How many instructions the hot functions of `model` and `tlog` take, compared with what was recorded.
//!
//! ```text
//! scripts/instructions             # compares, and fails when a function has grown
//! scripts/instructions --record    # writes instructions.txt anew
//! ```
//!
//! Times move with the machine and its other tenants; instructions hardly do, so a gate can stand on them.
//! They are counted by valgrind. Each function is called N times in a process of its own and 2 N times in
//! another; the difference, by N, is what a call takes, with its result's end and without any start-up.
//! Valgrind shows programs no SHA instructions: hashes are counted as computed without them.
//!
//! The counts of one binary differ by 0.02 % at most from run to run, where a `HashMap` takes other keys in every
//! process, and not at all elsewhere. What is allowed beyond is for what a compiler makes of the same code.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its table is what a benchmark is for")]

use std::env::consts::ARCH;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::process::{Child, Command, ExitCode, Stdio};

use model::filter::each_text;
use model::{Draft, Entry, Filter, Sealed, StoredEntry, diff, text};
use tlog::{Hash, RightEdge, TILE_WIDTH, Tile, TileNodes, inclusion_proof, leaf_hash, verify_inclusion};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// How far a function may grow, or shrink before its count is to be recorded anew: a change beside it can change
/// what is inlined into it.
const GROWTH_PERMILLE_MAX: i64 = 100;
/// The same when the counts were recorded with another compiler, valgrind or processor. The toolchain is not
/// pinned; a nightly of 1.97 made of what 1.95 had made up to 5 % less and 1 % more.
const GROWTH_PERMILLE_MAX_ELSEWHERE: i64 = 250;

/// What is counted: name, N, and what makes the call ready.
const FUNCTIONS: [(&str, u64, Prepare); 13] = [
    ("parse", 300, parse),
    ("seal", 100, seal),
    ("decode-and-open", 1000, decode_and_open),
    ("filter-parse", 1000, filter_parse),
    ("filter-matches-hit", 5000, filter_matches_hit),
    ("filter-matches-miss", 5000, filter_matches_miss),
    ("diff-changed", 1000, diff_changed),
    ("diff-changes", 1000, diff_changes),
    ("words", 500, words),
    ("leaf-hash", 300, leaf_hash_of_an_entry),
    ("append-256", 20, append_256),
    ("inclusion-proof", 20, prove),
    ("verify-inclusion", 200, verify),
];

type Outcome<T> = Result<T, Box<dyn Error>>;
type Call = Box<dyn FnMut()>;
type Prepare = fn() -> Outcome<Call>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["--run", name, calls] => run(name, calls).map(|()| true),
        // `cargo bench` says `--bench` behind everything else.
        ["--bench"] => print(),
        ["--check"] | ["--check", "--bench"] => check(),
        ["--record"] | ["--record", "--bench"] => record(),
        [.., "--bench"] => Err("it takes `--check`, `--record` or nothing".into()),
        // `cargo test --all-targets` does not: then it is enough that every function can be called.
        _ => FUNCTIONS.iter().try_for_each(|(name, ..)| run(name, "1")).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is counted: a process that does nothing but to call one function.
fn run(name: &str, calls: &str) -> Outcome<()> {
    let function = FUNCTIONS.iter().find(|(known, ..)| *known == name);
    let (_, _, prepare) = function.ok_or("there is no such function")?;
    let mut call = prepare()?;
    for _ in 0..calls.parse::<u64>()? {
        call();
    }
    Ok(())
}

/// Never fails for want of valgrind: `cargo bench` of the whole workspace comes by here.
fn print() -> Outcome<bool> {
    match valgrind() {
        Ok(_) => table(&Counts::taken()?, &Counts::recorded().unwrap_or_default()),
        Err(error) => println!("instructions: not counted: {error}"),
    }
    Ok(true)
}

fn record() -> Outcome<bool> {
    let counts = Counts::taken()?;
    table(&counts, &Counts::recorded().unwrap_or_default());
    fs::write(RECORDED, counts.file()?)?;
    Ok(true)
}

/// Whether no function takes much more than is recorded.
fn check() -> Outcome<bool> {
    let recorded = Counts::recorded()?;
    let counts = Counts::taken()?;
    table(&counts, &recorded);
    if !recorded.with.contains(ARCH) {
        println!("warning: recorded with {}: nothing counted here can be compared with that", recorded.with);
        return Ok(true);
    }
    let mut allowed = GROWTH_PERMILLE_MAX;
    if counts.with != recorded.with {
        allowed = GROWTH_PERMILLE_MAX_ELSEWHERE;
        let (with, other) = (&counts.with, &recorded.with);
        println!("warning: counted with {with}, recorded with {other}: {} are allowed", percent(allowed));
    }
    let mut passes = counts.names().eq(recorded.names());
    if !passes {
        println!("failed: other functions are recorded than are counted: run scripts/instructions --record");
    }
    for (name, count) in &counts.of {
        let Some(before) = recorded.get(name) else { continue };
        let growth = growth_permille(before, *count)?;
        if growth > allowed {
            passes = false;
            let (growth, allowed) = (percent(growth), percent(allowed));
            println!(
                "failed: {name} takes {count} instructions, {growth} more than recorded; {allowed} are allowed"
            );
        } else if growth < -allowed {
            println!(
                "{name} takes {} less than recorded: run scripts/instructions --record",
                percent(-growth)
            );
        }
    }
    Ok(passes)
}

/// Instructions of a call by function.
#[derive(Default)]
struct Counts {
    /// Compiler, processor and valgrind.
    with: String,
    of: Vec<(String, u64)>,
}

impl Counts {
    fn taken() -> Outcome<Self> {
        let with = format!("{}, {}, {}", version("rustc")?, processor(), valgrind()?);
        let of = FUNCTIONS.iter().map(|(name, calls, _)| Ok(((*name).to_owned(), count(name, *calls)?)));
        Ok(Self { with, of: of.collect::<Outcome<_>>()? })
    }

    fn recorded() -> Outcome<Self> {
        let text = fs::read_to_string(RECORDED).map_err(|error| format!("{RECORDED}: {error}"))?;
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let with = lines.next().and_then(|line| line.strip_prefix("with "));
        let with = with.ok_or_else(|| format!("{RECORDED}: it does not say what it was recorded with"))?;
        let of = lines.map(|line| {
            let (name, count) = line.split_once(' ').ok_or_else(|| format!("{RECORDED}: `{line}`"))?;
            Ok((name.to_owned(), count.trim().parse()?))
        });
        Ok(Self { with: with.to_owned(), of: of.collect::<Outcome<_>>()? })
    }

    fn file(&self) -> Outcome<String> {
        let mut text = "# Instructions that a call takes, by function: see instructions.rs. Made anew by\n\
            #     scripts/instructions --record\n"
            .to_owned();
        writeln!(text, "with {}", self.with)?;
        for (name, count) in &self.of {
            writeln!(text, "{name:<19} {count:>8}")?;
        }
        Ok(text)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.of.iter().map(|(name, _)| name.as_str())
    }

    fn get(&self, name: &str) -> Option<u64> {
        self.of.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }
}

/// Instructions of one call, to the nearest.
fn count(name: &str, calls: u64) -> Outcome<u64> {
    // Both at the same time, as instructions do not mind company.
    let (once, twice) = (start(name, calls)?, start(name, calls * 2)?);
    let (once, twice) = (instructions(once)?, instructions(twice)?);
    let more = twice.checked_sub(once).ok_or_else(|| format!("{name}: twice the calls took less"))?;
    Ok((more + calls / 2) / calls)
}

fn start(name: &str, calls: u64) -> Outcome<Child> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command.arg(std::env::current_exe()?).args(["--run", name, &calls.to_string()]);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
}

/// What valgrind says at the end: `==12345== I   refs:      1,234,567`; later ones have less space in it.
fn instructions(child: Child) -> Outcome<u64> {
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said.lines().find(|line| line.contains("== I ") && line.contains("refs:"));
    match counted.and_then(|line| line.split_whitespace().last()) {
        Some(number) if output.status.success() => Ok(number.replace(',', "").parse()?),
        _ => Err(format!("valgrind counted nothing:\n{said}").into()),
    }
}

fn valgrind() -> Outcome<String> {
    let missing = "valgrind is missing, which counts them (on Debian and Ubuntu: apt-get install valgrind)";
    version("valgrind").map_err(|_| missing.into())
}

fn version(program: &str) -> Outcome<String> {
    let output = Command::new(program).arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The C library copies and compares with what the processor has.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return format!("{ARCH} with AVX2");
    }
    ARCH.to_owned()
}

fn table(counts: &Counts, recorded: &Counts) {
    println!("{:<19}  {:>21}  {:>9}  {:>10}", "function", "instructions per call", "recorded", "difference");
    for (name, count) in &counts.of {
        let before = recorded.get(name);
        let growth = before.and_then(|before| growth_permille(before, *count).ok());
        let before = before.map_or("-".to_owned(), |before| before.to_string());
        let growth = growth.map_or("-".to_owned(), percent);
        println!("{name:<19}  {count:>21}  {before:>9}  {growth:>10}");
    }
}

fn growth_permille(before: u64, now: u64) -> Outcome<i64> {
    let (before, now) = (i64::try_from(before)?, i64::try_from(now)?);
    Ok((now - before) * 1000 / before.max(1))
}

fn percent(permille: i64) -> String {
    let sign = if permille < 0 { "-" } else { "" };
    format!("{sign}{}.{} %", permille.abs() / 10, permille.abs() % 10)
}

/// An update as the benchmark of the product sends it, with a list and an object in its states.
const ENTRY: &str = concat!(
    r#"{"id":"01a1ec22-3c00-7abc-8def-0123456789ab","occurred_at":"2026-11-18T14:40:00.04Z","#,
    r#""actor":{"type":"user","id":"42","name":"Lucía Bauer","email":"user42@example.com","roles":["editor"]},"#,
    r#""action":"wagtail.publish","kind":"update","#,
    r#""entity":{"type":"page","id":"1002","title":"winter market in the harbour","#,
    r#""url":"https://www.example.com/page/1002"},"#,
    r#""before":{"title":"winter market in the harbour","#,
    r#""body":"the city council is on the bridge with a report for visitor and student of the museum","#,
    r#""tags":["winter","market"],"seo":{"title":"Winter market","index":true},"status":"draft","revision":7},"#,
    r#""after":{"title":"winter market in the harbour","#,
    r#""body":"the city council is on the bridge with a programme and music for visitor of the museum","#,
    r#""tags":["winter","market","music"],"seo":{"title":"The winter market","index":true},"#,
    r#""status":"published","revision":8},"#,
    r#""origin":{"ip":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0","#,
    r#""method":"POST","path":"/admin/page/1002/edit"},"#,
    r#""correlation_id":"5b1f0f0e-4c1d-4a55-9d6c-3f2b1a098765","connector":"wagtail","duration_ms":118}"#,
);
const FILTER: &str = r#"actor:"Lucía Bauer" -action:wagtail.edit after.status:published"#;
/// It fails by its last term.
const FILTER_MISSING: &str = r#"actor:"Lucía Bauer" -action:wagtail.edit after.status:archived"#;
const FILTER_LONG: &str = concat!(
    "actor:ana -action:wagtail.edit entity.type:page after.status:published ip:203.0.113.0/24 ",
    r#"created>=2026-11-01 (kind:delete OR changed:title) "free words" ingress*"#,
);

const TREE_SIZE: u64 = 10_000;
const LEAF: u64 = 6_789;

fn parse() -> Outcome<Call> {
    draft()?;
    Ok(calling(|| model::parse(black_box(ENTRY).as_bytes())))
}

/// With a copy of the draft, which sealing uses up.
fn seal() -> Outcome<Call> {
    let draft = draft()?;
    Ok(calling(move || sealed(black_box(&draft).clone())))
}

fn decode_and_open() -> Outcome<Call> {
    let (bytes, _) = sealed(draft()?).place(1_795_000_000_123)?;
    let site = "acme.www".parse()?;
    StoredEntry::decode(&bytes)?.open(&site, 9)?;
    Ok(calling(move || StoredEntry::decode(black_box(&bytes)).and_then(|stored| stored.open(&site, 9))))
}

fn filter_parse() -> Outcome<Call> {
    Filter::parse(FILTER_LONG)?;
    Ok(calling(|| Filter::parse(black_box(FILTER_LONG))))
}

fn filter_matches_hit() -> Outcome<Call> {
    filter_matches(FILTER, true)
}

fn filter_matches_miss() -> Outcome<Call> {
    filter_matches(FILTER_MISSING, false)
}

fn filter_matches(filter: &str, expected: bool) -> Outcome<Call> {
    let (filter, entry) = (Filter::parse(filter)?, entry()?);
    expect(filter.matches(&entry) == expected)?;
    Ok(calling(move || black_box(&filter).matches(black_box(&entry))))
}

fn diff_changed() -> Outcome<Call> {
    let entry = entry()?;
    let call = move || black_box(&entry).changed();
    expect(call().len() == 5)?;
    Ok(calling(call))
}

fn diff_changes() -> Outcome<Call> {
    let Entry { before: Some(before), after: Some(after), .. } = entry()? else {
        return Err("no states".into());
    };
    let call = move || diff::changes(black_box(&before), black_box(&after), diff::Extent::Full);
    expect(call().len() >= 5)?;
    Ok(calling(call))
}

/// Every word of an entry, folded, as the search index asks for them.
fn words() -> Outcome<Call> {
    let entry = entry()?;
    let call = move || {
        let mut letters = 0;
        each_text(black_box(&entry), &mut |text| {
            letters += text::words(text).map(|word| black_box(word).len()).sum::<usize>();
            false
        });
        letters
    };
    expect(call() > 300)?;
    Ok(calling(call))
}

fn leaf_hash_of_an_entry() -> Outcome<Call> {
    let (_, leaf) = sealed(draft()?).place(1_795_000_000_123)?;
    Ok(calling(move || leaf_hash(&black_box(&leaf).to_bytes())))
}

/// A batch on top of a tree.
fn append_256() -> Outcome<Call> {
    let leaves: Vec<Hash> = (TREE_SIZE..).take(256).map(leaf).collect();
    let edge =
        RightEdge::from_parts(TREE_SIZE, (0..TREE_SIZE.count_ones()).map(|n| leaf(n.into())).collect())?;
    Ok(calling(move || {
        let mut edge = black_box(&edge).clone();
        for leaf in black_box(&leaves) {
            edge.push_with(*leaf, |level, index, hash| {
                black_box((level, index, hash));
            });
        }
        edge.root()
    }))
}

fn prove() -> Outcome<Call> {
    let tree = Tree::new();
    tree.proof()?;
    Ok(calling(move || black_box(&tree).proof().ok()))
}

fn verify() -> Outcome<Call> {
    let tree = Tree::new();
    let (proof, root) = (tree.proof()?, tree.edge.root());
    let call = move || verify_inclusion(&leaf(LEAF), black_box(LEAF), TREE_SIZE, black_box(&proof), &root);
    call()?;
    Ok(calling(call))
}

fn calling<T>(mut function: impl FnMut() -> T + 'static) -> Call {
    Box::new(move || drop(black_box(function())))
}

fn expect(truth: bool) -> Outcome<()> {
    if truth { Ok(()) } else { Err("the entry is not what the benchmark means it to be".into()) }
}

fn draft() -> Outcome<Draft> {
    model::parse(ENTRY.as_bytes()).map_err(|violations| format!("{violations:?}").into())
}

fn sealed(draft: Draft) -> Sealed {
    draft.seal(uuid::Uuid::from_u128(42), jiff::Timestamp::UNIX_EPOCH, "website", &[7; 32])
}

fn entry() -> Outcome<Entry> {
    Ok(sealed(draft()?).preview(&"acme.www".parse()?, 9)?)
}

/// A leaf's hash by its index: any bytes do.
fn leaf(index: u64) -> Hash {
    let mut bytes = [7; 32];
    bytes.split_at_mut(8).0.copy_from_slice(&index.to_be_bytes());
    Hash::from_bytes(bytes)
}

/// A tree of [`TREE_SIZE`] leaves in tiles, as a store keeps it.
struct Tree {
    edge: RightEdge,
    /// The hashes of levels 0 and 8, which are all that the tiles of such a tree hold.
    levels: [Vec<u8>; 2],
}

impl Tree {
    fn new() -> Self {
        let (mut edge, mut levels) = (RightEdge::new(), [Vec::new(), Vec::new()]);
        for index in 0..TREE_SIZE {
            edge.push_with(leaf(index), |level, _, hash| {
                let [low, high] = &mut levels;
                match level {
                    0 => low.extend(hash.as_bytes()),
                    8 => high.extend(hash.as_bytes()),
                    _ => {}
                }
            });
        }
        Self { edge, levels }
    }

    fn proof(&self) -> Outcome<Vec<Hash>> {
        let nodes = TileNodes::new(TREE_SIZE, |tile: Tile| {
            let level = self.levels.get(usize::from(tile.level()));
            let tiles = level.map(|hashes| hashes.chunks(usize::from(TILE_WIDTH) * 32));
            let number = usize::try_from(tile.index()).unwrap_or(usize::MAX);
            tiles.and_then(|mut tiles| tiles.nth(number)).ok_or(std::io::ErrorKind::NotFound)
        });
        Ok(inclusion_proof(&nodes, LEAF, TREE_SIZE).map_err(|error| error.to_string())?)
    }
}
