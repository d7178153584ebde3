//! The store in PostgreSQL, beside bare inserts into the same tables and beside the embedded store, in one run.
//!
//! ```sh
//! cargo bench -p indelible --bench postgres -- --entries 1000000
//! ```
//!
//! It starts a server of its own in a temporary directory, with `fsync` on: the directory must be on a real disk.

#[expect(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "it is the tests'")]
#[path = "../tests/it/postgres/cluster.rs"]
mod cluster;
mod common;
#[path = "ingest/entries.rs"]
mod entries;
#[path = "postgres/page.rs"]
mod page;
#[path = "postgres/store.rs"]
mod store;

use std::io::Write as _;
use std::time::{Duration, Instant};

use cluster::Cluster;
use common::{ENTRIES_AT_ONCE, Installation, Outcome, entries_asked};
use entries::Generator;
use indelible::OpenOptions;
use indelible::search::{Bucket, FacetsQuestion, PATIENCE, Question};
use model::{Filter, Order, SortColumn};
use tokio_postgres::{Client, NoTls};

/// Times that each question is asked.
const TIMES: usize = 200;

/// Entries that each process appends where several do.
const EACH: u64 = 40_000;

fn main() -> Outcome<()> {
    let Some(entries) = entries_asked(200_000)? else { return Ok(()) };
    let mut out = std::io::stdout().lock();
    let cluster = Cluster::start(&["shared_buffers=512MB", "max_wal_size=4GB"]);
    let database = cluster.database();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let generator = Generator::new(1);

    writeln!(
        out,
        "{entries} entries of about 1 KB in batches of {ENTRIES_AT_ONCE}, one sender, not indexed meanwhile"
    )?;
    let few = entries.min(100_000);
    let alone = store::appended(&cluster, &generator, few)?;
    line(&mut out, "PostgreSQL store alone: packing, writing, committing", rate(few, alone))?;
    let quiet = OpenOptions { without_indexing: true, ..options(&cluster, &database) };
    let mut stored = Installation::open(tempfile::tempdir()?, &quiet, "acme.www")?;
    let mut embedded = Installation::open(
        tempfile::tempdir()?,
        &OpenOptions { without_indexing: true, ..OpenOptions::default() },
        "acme.www",
    )?;
    let appended = timed(|| fill(&stored, &generator, entries))?;
    line(&mut out, "the same from parsing to acknowledging", rate(entries, appended))?;
    let bare = runtime.block_on(bare_rows(&cluster, &database))?;
    line(&mut out, "the same rows by bare unnest inserts, committed as often", bare)?;
    writeln!(out, "  PostgreSQL store alone of that: {:.2} ×", rate(few, alone) / bare)?;
    let plain = runtime.block_on(plain_table(&cluster, &database, &generator, entries.min(100_000)))?;
    line(&mut out, "bare unnest inserts, a row an entry with four indexes", plain)?;
    writeln!(out, "  PostgreSQL store, from parsing on, of that: {:.2} ×", rate(entries, appended) / plain)?;
    let own = timed(|| fill(&embedded, &generator, entries))?;
    line(&mut out, "embedded store", rate(entries, own))?;

    stored.reopen(&options(&cluster, &database))?;
    embedded.reopen(&OpenOptions::default())?;
    for installation in [&stored, &embedded] {
        installation.indelible.search().catch_up(Duration::from_hours(1))?;
    }
    writeln!(
        out,
        "{:<52} {:>10} {:>10} {:>10} {:>10}",
        "milliseconds", "PostgreSQL", "p99", "embedded", "p99"
    )?;
    for question in QUESTIONS {
        let (there, here) = (ask(&stored, &question)?, ask(&embedded, &question)?);
        writeln!(
            out,
            "{:<52} {:>10.2} {:>10.2} {:>10.2} {:>10.2}",
            question.what, there.0, there.1, here.0, here.1
        )?;
    }
    let (there, here) = (page::activity(&runtime, &stored)?, page::activity(&runtime, &embedded)?);
    for ((what, there), here) in page::PAGES.iter().zip(there).zip(here) {
        writeln!(
            out,
            "{:<52} {:>10.2} {:>10.2} {:>10.2} {:>10.2}",
            format!("the activity page over HTTP, {what}"),
            there.0,
            there.1,
            here.0,
            here.1
        )?;
    }

    drop((stored, embedded));
    for processes in [1, 2, 4] {
        cluster.sql("postgres", "CHECKPOINT");
        let elapsed = together(&cluster, processes, &generator)?;
        let all = EACH * u64::try_from(processes)?;
        line(&mut out, &format!("{processes} processes, a site each"), rate(all, elapsed))?;
    }
    Ok(())
}

fn options(cluster: &Cluster, database: &str) -> OpenOptions {
    OpenOptions { database: Some(cluster.url("app", database)), ..OpenOptions::default() }
}

fn fill(installation: &Installation, generator: &Generator, entries: u64) -> Outcome<()> {
    installation.fill(entries, |number| Ok(generator.entry(usize::try_from(number)?)))
}

/// The middle and nearly the worst of the times, in milliseconds.
fn ask(installation: &Installation, asked: &Asked) -> Outcome<(f64, f64)> {
    let mut times = Vec::with_capacity(TIMES);
    for number in 0..TIMES {
        let filter = Filter::parse(&(asked.filter)(number)).map_err(|error| error.to_string())?;
        let question = Question {
            sites: std::slice::from_ref(&installation.site),
            filter: &filter,
            order: Order::NEWEST_FIRST,
            cursor: None,
            limit: 50,
            patience: PATIENCE,
        };
        let start = Instant::now();
        if asked.counts {
            let columns = [SortColumn::User, SortColumn::Action, SortColumn::EntityType];
            let facets = FacetsQuestion { columns: &columns, bucket: Some(Bucket::Day), values_max: 20 };
            installation.indelible.search().facets(&question, &facets)?;
        } else {
            installation.indelible.search().page(&question)?;
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(middle_and_worst(times))
}

/// The middle of some times, and what all but a hundredth of them keep below.
fn middle_and_worst(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    (at(times.len() / 2), at(times.len() * 99 / 100))
}

/// A question, its filter by the number of the time.
struct Asked {
    what: &'static str,
    filter: fn(usize) -> String,
    counts: bool,
}

const WORDS: [&str; 6] = ["harbour", "winter", "festival", "library", "museum", "bridge"];

fn word(place: usize) -> &'static str {
    WORDS.get(place % WORDS.len()).copied().unwrap_or_default()
}

const QUESTIONS: [Asked; 4] = [
    Asked { what: "newest page of 50", filter: |_| String::new(), counts: false },
    Asked {
        what: "three filters: actor, action, type",
        filter: |n| format!("actor.id:{} action:wagtail.edit entity.type:page", n % 300),
        counts: false,
    },
    Asked {
        what: "two words of text",
        filter: |n| format!("{} {}", word(n), word(n / 6 + 1)),
        counts: false,
    },
    Asked { what: "three facets and a histogram by day", filter: |_| String::new(), counts: true },
];

/// Several processes' journals on one database, each with a site of its own.
fn together(cluster: &Cluster, processes: usize, generator: &Generator) -> Outcome<Duration> {
    let database = cluster.database();
    let options = OpenOptions { without_indexing: true, ..options(cluster, &database) };
    let first = Installation::open(tempfile::tempdir()?, &options, "acme.www")?;
    let mut all = Vec::new();
    for number in 0..processes {
        let directory = tempfile::tempdir()?;
        let (from, to) = (first.directory().join("keys"), directory.path().join("keys"));
        std::fs::create_dir(&to)?;
        for found in std::fs::read_dir(from)? {
            let found = found?;
            std::fs::copy(found.path(), to.join(found.file_name()))?;
        }
        all.push(Installation::open(directory, &options, &format!("acme.site{number}"))?);
    }
    timed(|| {
        std::thread::scope(|scope| {
            let running: Vec<_> =
                all.iter().map(|process| scope.spawn(move || fill(process, generator, EACH))).collect();
            for one in running {
                one.join().map_err(|_| "a process ended early")??;
            }
            Ok(())
        })
    })
}

async fn connect(cluster: &Cluster, database: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(&cluster.address("admin", database), NoTls).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Inserts what the store has written once more, into tables with the same columns and indexes, a batch a commit;
/// entries a second.
async fn bare_rows(cluster: &Cluster, database: &str) -> Outcome<f64> {
    let mut client = connect(cluster, database).await?;
    client
        .batch_execute(
            "CREATE SCHEMA bare; CREATE TABLE bare.block (LIKE indelible.block INCLUDING ALL); \
             CREATE TABLE bare.entry_id (LIKE indelible.entry_id INCLUDING ALL); \
             CREATE TABLE bare.tile (LIKE indelible.tile INCLUDING ALL)",
        )
        .await?;
    let blocks = client
        .query(
            "SELECT log, first, count, occurred_min_us, occurred_max_us, recorded_min_ms, expired, content \
             FROM indelible.block WHERE log = 1 ORDER BY first",
            &[],
        )
        .await?;
    let ids = client
        .query("SELECT log, id, position FROM indelible.entry_id WHERE log = 1 ORDER BY position", &[])
        .await?;
    let tiles = client
        .query(
            "SELECT log, level, number, hashes FROM indelible.tile WHERE log = 1 ORDER BY number, level",
            &[],
        )
        .await?;
    let batches = ids.len().div_ceil(usize::try_from(ENTRIES_AT_ONCE)?).max(1);
    let start = Instant::now();
    let part = |all: &[tokio_postgres::Row], batch: usize| {
        let each = all.len().div_ceil(batches);
        (batch * each).min(all.len())..((batch + 1) * each).min(all.len())
    };
    for batch in 0..batches {
        let transaction = client.transaction().await?;
        let some = blocks.get(part(&blocks, batch)).unwrap_or_default();
        let column = |place: usize| some.iter().map(|row| row.get::<_, i64>(place)).collect::<Vec<_>>();
        let expired: Vec<i16> = some.iter().map(|row| row.get(6)).collect();
        let contents: Vec<&[u8]> = some.iter().map(|row| row.get(7)).collect();
        transaction
            .execute(
                "INSERT INTO bare.block SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], \
                 $5::bigint[], $6::bigint[], $7::smallint[], $8::bytea[])",
                &[&column(0), &column(1), &column(2), &column(3), &column(4), &column(5), &expired, &contents],
            )
            .await?;
        let some = ids.get(part(&ids, batch)).unwrap_or_default();
        let logs: Vec<i64> = some.iter().map(|row| row.get(0)).collect();
        let of_batch: Vec<uuid::Uuid> = some.iter().map(|row| row.get(1)).collect();
        let positions: Vec<i64> = some.iter().map(|row| row.get(2)).collect();
        transaction
            .execute(
                "INSERT INTO bare.entry_id SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[])",
                &[&logs, &of_batch, &positions],
            )
            .await?;
        let some = tiles.get(part(&tiles, batch)).unwrap_or_default();
        let logs: Vec<i64> = some.iter().map(|row| row.get(0)).collect();
        let levels: Vec<i16> = some.iter().map(|row| row.get(1)).collect();
        let numbers: Vec<i64> = some.iter().map(|row| row.get(2)).collect();
        let hashes: Vec<&[u8]> = some.iter().map(|row| row.get(3)).collect();
        transaction
            .execute(
                "INSERT INTO bare.tile SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bytea[])",
                &[&logs, &levels, &numbers, &hashes],
            )
            .await?;
        transaction.commit().await?;
    }
    Ok(rate(u64::try_from(ids.len())?, start.elapsed()))
}

/// Inserts entries as an application's own audit table has them, a batch a commit; entries a second.
async fn plain_table(cluster: &Cluster, database: &str, generator: &Generator, count: u64) -> Outcome<f64> {
    let mut client = connect(cluster, database).await?;
    client
        .batch_execute(
            "CREATE TABLE bare.entry (id uuid PRIMARY KEY, occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(), \
             actor text NOT NULL, action text NOT NULL, entity text NOT NULL, entry text NOT NULL); \
             CREATE INDEX ON bare.entry (occurred_at); CREATE INDEX ON bare.entry (actor, occurred_at); \
             CREATE INDEX ON bare.entry (action, occurred_at); CREATE INDEX ON bare.entry (entity, occurred_at)",
        )
        .await?;
    let start = Instant::now();
    for first in (0..count).step_by(usize::try_from(ENTRIES_AT_ONCE)?) {
        let numbers = first..count.min(first + ENTRIES_AT_ONCE);
        let ids: Vec<uuid::Uuid> =
            numbers.clone().map(|number| uuid::Uuid::from_u64_pair(1 << 60, number)).collect();
        let actors: Vec<String> = numbers.clone().map(|number| (number % 300).to_string()).collect();
        let actions: Vec<String> = numbers.clone().map(|number| format!("action{}", number % 6)).collect();
        let entities: Vec<String> =
            numbers.clone().map(|number| format!("page/{}", number % 40_000)).collect();
        let texts = numbers.map(|number| Ok(generator.entry(usize::try_from(number)?)));
        let texts = texts.collect::<Outcome<Vec<String>>>()?;
        let transaction = client.transaction().await?;
        transaction
            .execute(
                "INSERT INTO bare.entry (id, actor, action, entity, entry) \
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])",
                &[&ids, &actors, &actions, &entities, &texts],
            )
            .await?;
        transaction.commit().await?;
    }
    Ok(rate(count, start.elapsed()))
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

fn line(out: &mut impl std::io::Write, what: &str, rate: f64) -> Outcome<()> {
    Ok(writeln!(out, "{what:<60} {rate:>10.0} entries/s")?)
}
