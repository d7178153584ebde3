//! What capturing costs the database, beside a table with triggers of the usual kind, and how fast the log takes it in.
//!
//! ```sh
//! cargo bench -p indelible --bench capture
//! ```
//!
//! It starts a server of its own in a temporary directory, with `fsync` on: the directory must be on a real disk.

#[expect(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "it is the tests'")]
#[path = "../tests/it/postgres/cluster.rs"]
mod cluster;
mod common;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::Cluster;
use common::{Installation, Outcome, entries_asked};
use indelible::OpenOptions;
use indelible::capture::{Capture, Rules, apply, steps};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Rows of each table, of eight columns, and rows of one update.
const ROWS: u64 = 100_000;
const ROWS_AT_ONCE: u64 = 1_000;
/// Each measurement, by turns: many short ones, as the machine may be another from one minute to the next.
const SECONDS: u64 = 3;
const TURNS: usize = 12;
const CLIENTS: u64 = 2;

const TABLES: [&str; 3] = ["plain", "captured", "triggered"];

/// A row trigger that keeps both rows whole, as tools of the kind do.
const TRIGGER: &str = "CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now(), \
    relation oid, operation text, old_row jsonb, new_row jsonb); CREATE INDEX ON history (at); CREATE INDEX ON history (relation); \
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    INSERT INTO history (relation, operation, old_row, new_row) VALUES (TG_RELID, TG_OP, to_jsonb(OLD), to_jsonb(NEW)); \
    RETURN NULL; END $$; \
    CREATE TRIGGER keep AFTER UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION keep()";

fn main() -> Outcome<()> {
    if entries_asked(1)?.is_none() {
        return Ok(());
    }
    let cluster = Cluster::start(&["wal_level=logical", "shared_buffers=512MB", "max_wal_size=8GB"]);
    let directory = tempfile::tempdir()?;
    // The server's programs may run as another user.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rules = set_up(&cluster, directory.path(), &runtime)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "updates of {ROWS_AT_ONCE} rows of eight columns, {CLIENTS} clients, {TURNS} × {SECONDS} s by turns; rows a second"
    )?;
    let mut rates: [Vec<f64>; 3] = Default::default();
    for turn in 0..TURNS {
        cluster.sql("source", "CHECKPOINT");
        for place in 0..TABLES.len() {
            // Each is first, second and last in turn.
            let place = (turn + place) % TABLES.len();
            if let Some((table, rates)) = TABLES.get(place).zip(rates.get_mut(place)) {
                rates.push(updates(&cluster, directory.path(), table)?);
            }
        }
    }
    let [plain, captured, triggered] = rates.map(middle);
    writeln!(out, "  plain                                {plain:>10.0}")?;
    writeln!(
        out,
        "  captured, with a context             {captured:>10.0}   {:.0} %",
        captured / plain * 100.0
    )?;
    writeln!(
        out,
        "  with a row trigger                   {triggered:>10.0}   {:.0} %",
        triggered / plain * 100.0
    )?;
    drain(&mut out, &cluster, directory.path(), &runtime, rules, plain)
}

/// Three tables alike: one with nothing, one that is captured, one with a row trigger.
fn set_up(cluster: &Cluster, directory: &Path, runtime: &Runtime) -> Outcome<Rules> {
    cluster.sql("postgres", "CREATE DATABASE source");
    cluster.sql("postgres", "CREATE ROLE capturer LOGIN; CREATE ROLE shop LOGIN");
    for table in TABLES {
        cluster.sql(
            "source",
            &format!(
                "CREATE TABLE {table} (id bigint PRIMARY KEY, number int, name text, email text, note text, price numeric(10, 2), \
                 at timestamptz, flag boolean); INSERT INTO {table} SELECT n, n, 'name ' || n, 'u' || n || '@example.com', \
                 repeat('x', 60), n / 7.0, now(), true FROM generate_series(1, {ROWS}) n; GRANT ALL ON {table} TO shop"
            ),
        );
    }
    cluster.sql("source", TRIGGER);
    cluster.sql("source", "GRANT ALL ON history TO shop");
    let rules = directory.join("rules.toml");
    std::fs::write(
        &rules,
        "name = \"bench\"\nsite = \"acme.www\"\ncontext_users = [\"shop\"]\n\
         [[table]]\nmatch = \"public.captured\"\nbaseline = false\n",
    )?;
    let rules = Rules::load(&rules)?;
    let administrator = cluster.url("admin", "source");
    runtime
        .block_on(async { apply(&steps(&rules, &administrator, "capturer").await?, &administrator).await })?;
    Ok(rules)
}

/// How fast the log takes in what has gathered, and what updates are slowed by while it does.
fn drain(
    out: &mut impl std::io::Write,
    cluster: &Cluster,
    directory: &Path,
    runtime: &Runtime,
    rules: Rules,
    plain: f64,
) -> Outcome<()> {
    let options = OpenOptions { without_indexing: true, ..OpenOptions::default() };
    let installation = Installation::open(tempfile::tempdir()?, &options, "acme.www")?;
    let capture =
        Capture::new(installation.indelible.clone(), rules, cluster.url("capturer", "source"), None);
    let status = Arc::clone(capture.status());
    let (stop, asked) = watch::channel(false);
    let running = runtime.spawn(async move { capture.run(asked).await });
    let (start, mut first) = (Instant::now(), None);
    let changed = changes(cluster)?;
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let appended = status.figures().appended;
        // From the first entries on: connecting is not what is measured.
        if first.is_none() && appended > 10 {
            first = Some((Instant::now(), appended));
        }
        if appended >= changed {
            break;
        }
        if start.elapsed() > Duration::from_mins(20) || running.is_finished() {
            return Err(format!("{appended} of {changed} changes were captured").into());
        }
    }
    let (since, before) = first.ok_or("nothing was captured")?;
    let drained = rate(changed - before, since.elapsed());
    writeln!(out, "a backlog of {changed} changes into the log {drained:>10.0} entries/s")?;
    let before = status.figures().appended;
    let start = Instant::now();
    let beside = updates(cluster, directory, "captured")?;
    let appended = rate(status.figures().appended - before, start.elapsed());
    writeln!(out, "  updates while it is captured         {beside:>10.0}   {:.0} %", beside / plain * 100.0)?;
    writeln!(out, "  entries meanwhile                    {appended:>10.0} entries/s")?;
    stop.send_replace(true);
    Ok(runtime.block_on(running)??)
}

/// Rows a second that updates change, by pgbench.
fn updates(cluster: &Cluster, directory: &Path, table: &str) -> Outcome<f64> {
    let script = directory.join(format!("{table}.sql"));
    let context = if table == "captured" {
        "SELECT indelible_capture.set_context('{\"actor\":{\"type\":\"user\",\"id\":\"42\"},\"origin\":{\"channel\":\"portal\"}}');\n"
    } else {
        ""
    };
    std::fs::write(
        &script,
        format!(
            "\\set from random(0, {last})\nBEGIN;\n{context}UPDATE {table} SET number = number + 1, at = now() WHERE id > :from AND \
             id <= :from + {ROWS_AT_ONCE};\nCOMMIT;\n",
            last = ROWS - ROWS_AT_ONCE
        ),
    )?;
    let (clients, seconds) = (CLIENTS.to_string(), SECONDS.to_string());
    let done = cluster::as_postgres("pgbench")
        .args(["-n", "-c", &clients, "-j", &clients, "-T", &seconds, "-f"])
        .arg(&script)
        .arg(cluster.address("shop", "source"))
        .output()?;
    let told = String::from_utf8_lossy(&done.stdout);
    let rate =
        told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
    let transactions = rate.ok_or_else(|| format!("{told}{}", String::from_utf8_lossy(&done.stderr)))?;
    Ok(transactions * f64_of(ROWS_AT_ONCE))
}

/// Changes that the stream has: row versions that were made since the table was filled.
fn changes(cluster: &Cluster) -> Outcome<u64> {
    let sum = cluster
        .sql("source", &format!("SELECT sum(number) - {ROWS}::numeric * ({ROWS} + 1) / 2 FROM captured"));
    Ok(sum.split('.').next().unwrap_or_default().parse()?)
}

fn middle(mut found: Vec<f64>) -> f64 {
    found.sort_by(f64::total_cmp);
    found.get(found.len() / 2).copied().unwrap_or_default()
}

fn rate(count: u64, elapsed: Duration) -> f64 {
    f64_of(count) / elapsed.as_secs_f64()
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn f64_of(count: u64) -> f64 {
    count as f64
}
