//! The search against its meaning: whatever is asked, the answer is what `Filter::matches` says of every entry,
//! whether entries are in the index, in memory or only in the log.

use std::path::Path;
use std::time::Duration;

use indelible::journal::{Append, admit_all};
use indelible::search::{self, Bucket, FacetsQuestion, PATIENCE, Question};
use indelible::store::Site;
use indelible::{Indelible, OpenOptions};
use model::{Cursor, Entry, Filter, Kind, Order, SortColumn, SortKey, SortValue};
use serde_json::{Value, json};

use crate::oracle::{COLUMNS, Dice};

pub(crate) const PATIENT: Duration = Duration::from_mins(2);

pub(crate) fn open(directory: &Path) -> Indelible {
    let options = OpenOptions { origin: Some("search.test".to_owned()), ..OpenOptions::default() };
    Indelible::open(directory, &options).unwrap()
}

pub(crate) fn create(indelible: &Indelible, id: &str) -> Site {
    let caller = indelible::access::Caller::local("test");
    indelible.create_site(id.parse().unwrap(), id, &caller).unwrap()
}

pub(crate) fn append(indelible: &Indelible, site: &Site, entries: &[Value]) {
    let texts: Vec<String> = entries.iter().map(ToString::to_string).collect();
    let admitted = admit_all(
        texts.iter().map(String::as_bytes),
        "Website token",
        None,
        &indelible::settings::Rules::default(),
    )
    .unwrap();
    let entries =
        admitted.into_iter().map(|entry| entry.unwrap_or_else(|error| panic!("{error:?}"))).collect();
    let append = Append { site: site.clone(), entries, atomic: false, change: None };
    for outcome in indelible.journal().append_blocking(append).unwrap() {
        assert!(matches!(outcome, indelible::journal::Outcome::Appended(_)), "{outcome:?}");
    }
}

const NAMES: [&str; 6] = ["Ana Lima", "ana lima", "Björn Šeda", "李 小龙", "O'Neil", "e\u{301}va"];
const WORDS: [&str; 10] =
    ["harbour", "Winter", "market", "sip-INGRESS-4711", "ΟΔΟΣ", "東京tower", "a_b", "x", "10.5", "naïve"];
const ACTIONS: [&str; 5] = ["wagtail.publish", "wagtail.edit", "UPDATE", "page.delete", "login"];

/// An entry in which everything that filters can ask for is sometimes there.
pub(crate) fn entry(dice: &mut Dice) -> Value {
    let uuid =
        |dice: &mut Dice| uuid::Uuid::from_u64_pair(dice.below(6) << 60 | 0x7000, 9 << 60 | dice.below(3));
    let text = |dice: &mut Dice| {
        let count = 1 + dice.below(5);
        (0..count).map(|_| dice.pick(&WORDS)).collect::<Vec<_>>().join(dice.pick(&[" ", ", ", "-", "/"]))
    };
    let state = |dice: &mut Dice| {
        json!({
            "title": text(dice), "status": dice.pick(&["draft", "Published", "true", "5"]),
            "price": dice.pick::<Value>(&[&json!(5), &json!(5.0), &json!("5"), &json!(12.5), &json!(null), &json!(true)]),
            "seo": {"title": text(dice), "n": dice.below(3)}, "tags": ["red", dice.pick(&["Blue", "green"])],
            "a.b": dice.below(2), "id": uuid(dice), "long": "y".repeat(usize::try_from(dice.below(90)).unwrap()),
            "at": dice.pick(&["2026-11-02T10:00:00Z", "2026-11-05T10:00:00+02:00", "soon"]),
        })
    };
    let second = dice.below(400_000);
    let fraction = dice.pick(&["", ".5", ".123456789", ".000001"]);
    let time =
        jiff::Timestamp::from_second(1_795_000_000 + i64::try_from(second).unwrap()).unwrap().to_string();
    let mut entry = json!({
        "occurred_at": time.replace('Z', &format!("{fraction}Z")),
        "action": dice.pick(&ACTIONS),
        "entity": {"type": dice.pick(&["page", "Page", "post"]), "id": format!("{}{}", dice.pick(&["K", "k"]), dice.below(30)),
            "title": text(dice)},
    });
    let mut maybe = |dice: &mut Dice, key: &str, value: Value| {
        if dice.below(3) > 0 {
            entry[key] = value;
        }
    };
    let actor = match dice.below(4) {
        0 => json!({"type": "system"}),
        1 => json!({"type": "service", "id": "bot"}),
        _ => json!({"type": "user", "id": format!("U{}", dice.below(5)), "name": dice.pick(&NAMES),
            "email": "ana@example.com", "roles": [dice.pick(&["Editor", "chef"])],
            "on_behalf_of": {"type": "user", "id": "7", "name": dice.pick(&NAMES)}}),
    };
    maybe(dice, "actor", actor);
    let ip = *dice.pick::<&str>(&[&"203.0.113.9", &"203.0.114.1", &"10.0.0.1", &"2001:db8::1"]);
    let origin = json!({"ip": ip, "user_agent": text(dice), "method": dice.pick(&["GET", "post"]), "route": "live",
        "path": format!("/{}", text(dice)), "channel": dice.pick(&["Portal", "api"]), "request_id": format!("R{}", dice.below(9))});
    maybe(dice, "origin", origin);
    let (before, after, data) =
        (state(dice), state(dice), json!({"list": [{"x": dice.below(4)}, text(dice)]}));
    maybe(dice, "before", before);
    maybe(dice, "after", after);
    maybe(dice, "data", data);
    let (summary, reason, correlation) = (text(dice), text(dice), uuid(dice));
    maybe(dice, "summary", json!(summary));
    maybe(dice, "reason", json!(reason));
    maybe(dice, "correlation_id", json!(correlation));
    let duration = dice.below(300);
    maybe(dice, "duration_ms", json!(duration));
    maybe(dice, "connector", json!("wagtail"));
    maybe(dice, "errors", json!(["Time out", "x"]));
    entry
}

/// A filter over what entries have, and now and then over what they do not.
#[expect(clippy::too_many_lines, reason = "a list of conditions of every sort")]
fn filter(dice: &mut Dice, depth: u64) -> String {
    if depth > 0 && dice.below(2) == 0 {
        let (one, other) = (filter(dice, depth - 1), filter(dice, depth - 1));
        return match dice.below(4) {
            0 => format!("({one}) OR ({other})"),
            1 => format!("NOT ({one})"),
            2 => format!("-({one}) ({other})"),
            _ => format!("({one}) ({other})"),
        };
    }
    let uuid = uuid::Uuid::from_u64_pair(dice.below(7) << 60 | 0x7000, 9 << 60 | dice.below(3)).to_string();
    let conditions = [
        "actor:\"ana lima\"",
        "actor:U1",
        "actor:u1",
        "actor:ana*",
        "actor:*lima",
        "actor:system",
        "actor:bot",
        "actor.name:björn*",
        "actor.email:*",
        "actor.role:editor",
        "actor.type:user",
        "on_behalf_of:7",
        "action:wagtail.*",
        "action:UPDATE",
        "action:update",
        "action:(login OR page.delete)",
        "kind:update",
        "kind:(create OR delete)",
        "outcome:success",
        "outcome:failure",
        "entity:K3",
        "entity:*winter*",
        "entity.type:page",
        "entity.type:p*",
        "entity.id:k1*",
        "entity.title:harbour*",
        "site:one",
        "site:t*",
        "ip:203.0.113.9",
        "ip:203.0.113.0/24",
        "ip:203.0.*",
        "ip:2001:db8::/32",
        "ip:::/0",
        "ip:*.1",
        "user_agent:*winter",
        "method:get",
        "method:POST",
        "route:live",
        "path:/x*",
        "channel:portal",
        "channel:*",
        "request_id:R3",
        "request_id:r3",
        "connector:wagtail",
        "source:\"website token\"",
        "summary:*market*",
        "reason:x",
        "error:\"time out\"",
        "error:*",
        "duration>100",
        "duration<=20",
        "duration:50..150",
        "duration:7.5..8.5",
        "index<40",
        "index:10..60",
        "created>=2026-11-20",
        "created<2026-11-19T12:00:00Z",
        "created:2026-11-18..2026-11-19",
        "recorded_at>2020",
        "recorded_at<2020",
        "changed:title",
        "changed:seo",
        "changed:seo.n",
        "changed:a.b",
        "changed:*",
        "changed:s*",
        "changed:nothing",
        "after.status:published",
        "after.status:\"5\"",
        "after.status:5",
        "after.price:5",
        "after.price:\"5\"",
        "after.price:true",
        "after.price:null",
        "after.price>5",
        "after.price:*",
        "before.seo.n:1",
        "before.seo:*",
        "after.seo.title:*harbour*",
        "after.\"a.b\":1",
        "after.tags:blue",
        "after.tags:(red AND green)",
        "after.long:yyyyyyyy*",
        "after.long:yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        "after.at>2026-11-03",
        "after.at:2026-11-05",
        "data:4711",
        "data.list.x:2",
        "data.list.x>1",
        "data.list:*",
        "before:draft",
        "before:*ingress*",
        "after:5",
        "after:true",
        "harbour",
        "WINTER",
        "οδος",
        "東",
        "tower",
        "京",
        "4711",
        "sip-ingress-4711",
        "ingr*",
        "*gress",
        "*ngres*",
        "\"harbour winter\"",
        "harbour/winter",
        "naïve market",
        "10.5",
        "eva",
        "nothere",
        "203.0.113",
        "after.none:1",
        "query:*",
        "session_id:*",
        "title:*",
    ];
    match dice.below(12) {
        0 => format!("correlation_id:{uuid}"),
        1 => format!("correlation_id:{}*", &uuid[..9]),
        2 => uuid,
        3 => format!("{}*", &uuid[..6]),
        4 => format!("after.id:{uuid}"),
        _ => (*dice.pick::<&str>(&conditions.iter().collect::<Vec<_>>())).to_owned(),
    }
}

/// All entries of these sites, read from the log.
fn everything(indelible: &Indelible, sites: &[Site]) -> Vec<Entry> {
    let read = |site: &Site| {
        let size = indelible.published().size(site.log).unwrap();
        search::read_entries(indelible.store().as_ref(), indelible.published(), site, 0..size).unwrap()
    };
    sites.iter().flat_map(read).collect()
}

fn question<'a>(sites: &'a [Site], filter: &'a Filter, order: Order, limit: usize) -> Question<'a> {
    Question { sites, filter, order, cursor: None, limit, patience: PATIENCE }
}

/// Asks for every page, forwards or from the end backwards, and compares their union with the oracle.
#[track_caller]
fn check(indelible: &Indelible, sites: &[Site], entries: &[Entry], text: &str, order: Order, limit: usize) {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut expected: Vec<(SortKey, &Entry)> = entries
        .iter()
        .filter(|entry| filter.matches(entry))
        .map(|entry| (SortKey::of(entry, order.column), entry))
        .collect();
    expected.sort_by(|(one, _), (other, _)| order.compare(one, other));
    let expected: Vec<_> = expected.iter().map(|(_, entry)| (entry.site.to_string(), entry.index)).collect();

    let mut question = question(sites, &filter, order, limit);
    let mut found = Vec::new();
    let mut last_prev: Option<Cursor> = None;
    loop {
        let page = indelible.search().page(&question).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(page.entries.len() <= limit);
        found.extend(page.entries.iter().map(|entry| (entry.site.to_string(), entry.index)));
        last_prev = page.prev.or(last_prev);
        question.cursor = page.next;
        if question.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, expected, "{text} by {order:?}, {limit} a page");

    // Back from the last page to the first.
    let last_page = if expected.is_empty() { 0 } else { (expected.len() - 1) / limit * limit };
    let mut backwards = Vec::new();
    question.cursor = last_prev.filter(|_| last_page > 0);
    while question.cursor.is_some() {
        let page = indelible.search().page(&question).unwrap();
        let places: Vec<_> = page.entries.iter().map(|entry| (entry.site.to_string(), entry.index)).collect();
        backwards.splice(0..0, places);
        question.cursor = page.prev;
    }
    assert_eq!(backwards, expected[..last_page], "{text} backwards by {order:?}, {limit} a page");
    question.cursor = None;
    let count = indelible.search().count(&question).unwrap();
    assert_eq!(count, u64::try_from(expected.len()).unwrap(), "{text}");
}

/// Counts values and days, and compares with counting by hand.
#[track_caller]
fn check_facets(indelible: &Indelible, sites: &[Site], entries: &[Entry], text: &str) {
    let filter = Filter::parse(text).unwrap();
    let columns =
        [SortColumn::User, SortColumn::Action, SortColumn::Ip, SortColumn::Channel, SortColumn::Site];
    let facets = FacetsQuestion { columns: &columns, bucket: Some(Bucket::Day), values_max: 1000 };
    let question = question(sites, &filter, Order::NEWEST_FIRST, 1);
    let found = indelible.search().facets(&question, &facets).unwrap();
    let matching: Vec<_> = entries.iter().filter(|entry| filter.matches(entry)).collect();
    assert_eq!(found.total, u64::try_from(matching.len()).unwrap(), "{text}");
    for (column, values, rest) in found.columns {
        let mut expected = std::collections::BTreeMap::new();
        for entry in &matching {
            let SortValue::Text(value) = column.value(entry) else { panic!("{column:?}") };
            *expected.entry(column.shown(&value).into_owned()).or_insert(0) += 1;
        }
        let counted: std::collections::BTreeMap<_, _> =
            values.iter().map(|value| (value.value.clone(), value.count)).collect();
        assert_eq!((counted, rest), (expected, 0), "{text}: {column:?}");
        assert!(values.windows(2).all(|pair| pair[0].count >= pair[1].count));
    }
    let mut days = std::collections::BTreeMap::new();
    for entry in &matching {
        let day = entry.occurred_at.as_second().div_euclid(86_400) * 86_400_000_000;
        let kind = Kind::ALL.iter().position(|kind| *kind == entry.kind).unwrap();
        days.entry(day).or_insert([0_u64; Kind::ALL.len()])[kind] += 1;
    }
    let histogram: Vec<_> = found.histogram.iter().map(|bucket| (bucket.start_us, bucket.kinds)).collect();
    assert_eq!(histogram, days.into_iter().collect::<Vec<_>>(), "{text}");
}

#[track_caller]
pub(crate) fn check_many(indelible: &Indelible, sites: &[Site], dice: &mut Dice, rounds: u64) {
    let all = everything(indelible, sites);
    let (first, of_first) = (&sites[..1], everything(indelible, &sites[..1]));
    // What was counted of everything is remembered: counted or remembered, it is the same.
    for _ in 0..2 {
        check_facets(indelible, sites, &all, "");
        check_facets(indelible, first, &of_first, "");
    }
    for _ in 0..rounds {
        let text = filter(dice, 2);
        let order = Order::parse(dice.pick(&COLUMNS)).unwrap();
        let order = if dice.below(2) == 0 { order } else { order.reversed() };
        let limit = usize::try_from(dice.pick::<u64>(&[&1, &7, &50, &1000]).to_owned()).unwrap();
        // Pages of one entry of long lists take long and say no more.
        let limit = if limit == 1 && all.len() > 100 { 13 } else { limit };
        if dice.below(2) == 0 {
            check(indelible, sites, &all, &text, order, limit);
            check_facets(indelible, sites, &all, &text);
        } else {
            check(indelible, first, &of_first, &text, order, limit);
        }
    }
}

#[test]
fn whatever_is_asked_is_answered_as_the_filter_means_it() {
    let directory = tempfile::tempdir().unwrap();
    answers_as_the_filter_means_it(|| open(directory.path()));
}

/// Judges the searches of an installation, which is new when it is opened first, and opened twice.
pub(crate) fn answers_as_the_filter_means_it(open: impl Fn() -> Indelible) {
    let mut dice = Dice::new(3);
    let mut sites;
    {
        let indelible = open();
        sites = vec![create(&indelible, "one"), create(&indelible, "two"), create(&indelible, "three.more")];
        // Several shards, a merge of them, and entries that are in none yet.
        for round in 0..12 {
            for site in &sites {
                let count = 1 + dice.below(12);
                let entries: Vec<_> = (0..count).map(|_| entry(&mut dice)).collect();
                append(&indelible, site, &entries);
            }
            if round == 3 || round == 8 {
                check_many(&indelible, &sites, &mut dice, 25);
            }
            if round % 3 != 2 {
                assert!(indelible.search().catch_up(PATIENT).unwrap());
            }
        }
        check_many(&indelible, &sites, &mut dice, 60);
        assert!(indelible.search().catch_up(PATIENT).unwrap());
        check_many(&indelible, &sites, &mut dice, 120);
    }
    // A new start finds the index as it was.
    let indelible = open();
    assert!(indelible.search().catch_up(PATIENT).unwrap());
    sites = sites.iter().map(|site| indelible.sites().find(&site.id).unwrap().unwrap()).collect();
    check_many(&indelible, &sites, &mut dice, 30);
}

/// A filled installation whose index is up to date, closed.
pub(crate) fn filled(directory: &Path) -> u64 {
    let mut dice = Dice::new(11);
    let indelible = open(directory);
    let sites = [create(&indelible, "one"), create(&indelible, "two")];
    for site in &sites {
        for _ in 0..3 {
            let entries: Vec<_> = (0..20).map(|_| entry(&mut dice)).collect();
            append(&indelible, site, &entries);
            assert!(indelible.search().catch_up(PATIENT).unwrap());
        }
    }
    let progress = indelible.search().progress().unwrap();
    assert_eq!(progress.indexed, progress.published);
    progress.published
}

/// A second process reads what the first one indexes, and takes over when it ends.
#[test]
fn two_on_one_directory() {
    let directory = tempfile::tempdir().unwrap();
    let published = filled(directory.path());
    let first = open(directory.path());
    assert!(first.search().catch_up(PATIENT).unwrap());
    let second = open(directory.path());
    let site = second.sites().find(&"one".parse().unwrap()).unwrap().unwrap();
    let mut dice = Dice::new(21);
    append(&second, &site, &[entry(&mut dice), entry(&mut dice)]);
    let sites = std::slice::from_ref(&site);
    check_many(&second, sites, &mut dice, 5);
    check_many(&first, sites, &mut dice, 5);
    assert!(first.search().catch_up(PATIENT).unwrap());
    assert_eq!(second.search().progress().unwrap().indexed, published + 2, "seen by the other at once");
    check_many(&second, sites, &mut dice, 5);
    drop(first);
    append(&second, &site, &[entry(&mut dice)]);
    assert!(second.search().catch_up(PATIENT).unwrap(), "the second took over");
    check_many(&second, sites, &mut dice, 5);
}

/// The union of all pages is exactly what there was when the first was read, while the log grows and the index
/// with it.
#[test]
fn pages_stay_while_the_log_grows() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let indelible = open(directory.path());
    let site = indelible.sites().find(&"one".parse().unwrap()).unwrap().unwrap();
    let sites = std::slice::from_ref(&site);
    let mut dice = Dice::new(8);
    for column in ["timestamp", "-timestamp", "user", "-entity", "duration"] {
        let order = Order::parse(column).unwrap();
        let filter = Filter::parse("harbour OR kind:update OR after:*").unwrap();
        let mut expected: Vec<_> =
            everything(&indelible, sites).into_iter().filter(|entry| filter.matches(entry)).collect();
        expected.sort_by(|one, other| {
            order.compare(&SortKey::of(one, order.column), &SortKey::of(other, order.column))
        });
        let mut question = question(sites, &filter, order, 7);
        let mut found = Vec::new();
        loop {
            let page = indelible.search().page(&question).unwrap();
            found.extend(page.entries.iter().map(|entry| entry.index));
            question.cursor = page.next;
            if question.cursor.is_none() {
                break;
            }
            append(&indelible, &site, &[entry(&mut dice), entry(&mut dice)]);
            if dice.below(2) == 0 {
                assert!(indelible.search().catch_up(PATIENT).unwrap());
            }
        }
        assert_eq!(found, expected.iter().map(|entry| entry.index).collect::<Vec<_>>(), "{column}");
    }
}

/// An export has everything that matches, once, in the order of the log, and nothing that came later.
#[test]
fn a_scan_has_everything_once() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let indelible = open(directory.path());
    let site = |id: &str| indelible.sites().find(&id.parse().unwrap()).unwrap().unwrap();
    let sites = [site("one"), site("two")];
    let mut dice = Dice::new(77);
    append(&indelible, &sites[0], &[entry(&mut dice), entry(&mut dice)]);
    let all = everything(&indelible, &sites);
    for _ in 0..60 {
        let text = filter(&mut dice, 2);
        let filter = Filter::parse(&text).unwrap();
        let mut scan = indelible.search().scan(&sites, &filter).unwrap();
        append(&indelible, &sites[1], &[entry(&mut dice)]);
        let mut found = Vec::new();
        while let Some(entries) = scan.step().unwrap() {
            found.extend(entries.iter().map(|entry| (entry.site.to_string(), entry.index)));
        }
        assert_eq!(scan.looked_at(), scan.size(), "{text}");
        for site in &sites {
            let of_site: Vec<_> = found.iter().filter(|(id, _)| id == site.id.as_str()).collect();
            assert!(of_site.is_sorted(), "{text}: in the order of the log");
        }
        found.sort();
        let size = |site: &Site| indelible.published().size(site.log).unwrap();
        let before = |entry: &&Entry| entry.site != sites[1].id || entry.index + 1 < size(&sites[1]);
        let mut expected: Vec<_> = everything(&indelible, &sites)
            .iter()
            .filter(|entry| filter.matches(entry))
            .filter(before)
            .map(|entry| (entry.site.to_string(), entry.index))
            .collect();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
    assert!(all.len() > 100);
}
