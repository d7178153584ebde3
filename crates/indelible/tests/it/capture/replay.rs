//! Random work, replayed from its entries, gives the tables as they are.

use std::collections::{BTreeMap, HashMap};
use std::thread;

use model::Entry;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::Value;
use uuid::Uuid;

use super::source::{Source, json, runtime};

const TABLES: &str = "CREATE TABLE plain (id int PRIMARY KEY, n bigint, name text, big text, j jsonb, a int[]); \
    CREATE TABLE part (id int, region int, name text, big text, PRIMARY KEY (id, region)) PARTITION BY LIST (region); \
    CREATE TABLE part_0 PARTITION OF part FOR VALUES IN (0); CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1); \
    CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2)";

const RULES: &str = "[[table]]\nmatch = \"public.plain\"\n[[table]]\nmatch = \"public.part\"";

/// Sessions that work at the same time.
const SESSIONS: usize = 3;

/// A statement, with numbers to choose rows by.
#[derive(Clone, Debug)]
enum Statement {
    Insert(u16),
    Copy(u16),
    Update(u8, u8),
    Key(u8),
    Json(u8),
    Delete(u8, u8),
    Large(u8),
    LargeElsewhere(u8),
    InsertParts(u16),
    Move(u8),
    UpdateParts(u8),
    Truncate,
    AddColumn(u8),
    DropColumn(u8),
    Widen,
    /// What follows up to here is taken back.
    TakenBack(Box<Statement>),
}

impl Statement {
    fn sql(&self, unique: u64) -> String {
        match self {
            Self::Insert(count) => format!(
                "INSERT INTO plain (id, n, name, j, a) SELECT n, n * 2, 'row ' || n, jsonb_build_object('n', n), ARRAY[n, NULL] \
                 FROM generate_series(1, {}) n ON CONFLICT DO NOTHING",
                count % 40
            ),
            Self::Copy(count) => {
                let rows: Vec<String> = (0..u64::from(count % 20 + 1))
                    .map(|row| format!("{},copied", 1_000 + unique * 20 + row))
                    .collect();
                format!(
                    "COPY plain (id, name) FROM PROGRAM 'printf \"%s\\n\" {}' WITH (FORMAT csv)",
                    rows.join(" ")
                )
            }
            Self::Update(by, rest) => {
                format!("UPDATE plain SET n = n + 1, name = name || '{rest}' WHERE id % {} = 1", by % 5 + 1)
            }
            Self::Key(id) => format!(
                "UPDATE plain SET id = -id WHERE id = {0} AND NOT EXISTS (SELECT FROM plain WHERE id = -{0})",
                id % 40
            ),
            Self::Json(id) => format!(
                "UPDATE plain SET j = jsonb_set(coalesce(j, '{{}}'), '{{k{id}}}', '[1.50, null]') WHERE id < 9"
            ),
            Self::Delete(by, rest) => {
                format!("DELETE FROM plain WHERE abs(id) % {} = {}", by % 7 + 2, rest % 2)
            }
            Self::Large(id) => format!(
                "UPDATE plain SET big = (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300)) WHERE id = {}",
                id % 40
            ),
            // What is large stays, and is not sent again.
            Self::LargeElsewhere(id) => {
                format!("UPDATE plain SET name = 'beside {id}' WHERE big IS NOT NULL")
            }
            Self::InsertParts(count) => format!(
                "INSERT INTO part SELECT n, n % 3, 'part', repeat('x', 10) FROM generate_series(1, {}) n ON CONFLICT DO NOTHING",
                count % 30
            ),
            Self::Move(id) => format!(
                "UPDATE part p SET region = (region + 1) % 3 WHERE id % 4 = {} AND NOT EXISTS \
                 (SELECT FROM part o WHERE o.id = p.id AND o.region = (p.region + 1) % 3)",
                id % 4
            ),
            Self::UpdateParts(id) => format!("UPDATE part SET name = name || '{id}' WHERE id % 3 = 0"),
            Self::Truncate => "TRUNCATE plain".to_owned(),
            Self::AddColumn(number) => {
                format!("ALTER TABLE plain ADD COLUMN IF NOT EXISTS extra_{} text", number % 3)
            }
            Self::DropColumn(number) => {
                format!("ALTER TABLE plain DROP COLUMN IF EXISTS extra_{}", number % 3)
            }
            Self::Widen => "ALTER TABLE plain ALTER COLUMN n TYPE numeric".to_owned(),
            Self::TakenBack(inner) => format!("SAVEPOINT s; {}; ROLLBACK TO s", inner.sql(unique)),
        }
    }
}

fn statement() -> impl Strategy<Value = Statement> {
    let plain = prop_oneof![
        6 => any::<u16>().prop_map(Statement::Insert),
        2 => any::<u16>().prop_map(Statement::Copy),
        6 => any::<(u8, u8)>().prop_map(|(by, rest)| Statement::Update(by, rest)),
        4 => any::<u8>().prop_map(Statement::Key),
        2 => any::<u8>().prop_map(Statement::Json),
        2 => any::<(u8, u8)>().prop_map(|(by, rest)| Statement::Delete(by, rest)),
        2 => any::<u8>().prop_map(Statement::Large),
        2 => any::<u8>().prop_map(Statement::LargeElsewhere),
        3 => any::<u16>().prop_map(Statement::InsertParts),
        4 => any::<u8>().prop_map(Statement::Move),
        2 => any::<u8>().prop_map(Statement::UpdateParts),
        1 => Just(Statement::Truncate),
        1 => any::<u8>().prop_map(Statement::AddColumn),
        1 => any::<u8>().prop_map(Statement::DropColumn),
        1 => Just(Statement::Widen),
    ];
    plain.prop_flat_map(|statement| {
        let taken_back = Just(Statement::TakenBack(Box::new(statement.clone())));
        prop_oneof![5 => Just(statement), 1 => taken_back]
    })
}

/// Statements, and whether they are committed.
type Work = Vec<(Vec<Statement>, bool)>;

fn work() -> impl Strategy<Value = Vec<Work>> {
    let transaction = (proptest::collection::vec(statement(), 1..6), proptest::bool::weighted(0.85));
    proptest::collection::vec(proptest::collection::vec(transaction, 1..12), SESSIONS)
}

/// The rows of each table, by their ids, as the entries of a log tell them.
fn replayed(entries: &[Entry]) -> HashMap<String, BTreeMap<String, Value>> {
    let mut tables: HashMap<String, BTreeMap<String, Value>> = HashMap::new();
    for entry in entries {
        let entity = entry.entity.as_ref().unwrap();
        match entry.action.as_str() {
            "postgres.truncate" => {
                let kind = json(entry.data.as_deref())["rows_type"].as_str().unwrap().to_owned();
                tables.entry(kind).or_default().clear();
            }
            "postgres.insert" => {
                let rows = tables.entry(entity.kind.clone()).or_default();
                let was = rows.insert(entity.id.clone(), json(entry.after.as_deref()));
                assert_eq!(was, None, "{} was there already", entity.id);
            }
            "postgres.update" => {
                let rows = tables.entry(entity.kind.clone()).or_default();
                let was = rows.remove(entity.previous_id.as_ref().unwrap_or(&entity.id));
                assert!(was.is_some(), "{} was not there", entity.id);
                rows.insert(entity.id.clone(), json(entry.after.as_deref()));
            }
            "postgres.delete" => {
                let was = tables.entry(entity.kind.clone()).or_default().remove(&entity.id);
                assert!(was.is_some(), "{} was not there", entity.id);
            }
            _ => {}
        }
    }
    tables
}

fn check(source: &Source) {
    let entries = source.entries();
    let mut correlations: HashMap<u64, Uuid> = HashMap::new();
    for entry in &entries {
        let xid = json(entry.data.as_deref())["xid"].as_u64().unwrap();
        if xid > 0 {
            let correlation = entry.correlation_id.unwrap();
            assert_eq!(
                *correlations.entry(xid).or_insert(correlation),
                correlation,
                "one transaction, one correlation"
            );
        }
    }
    let distinct: std::collections::HashSet<&Uuid> = correlations.values().collect();
    assert_eq!(distinct.len(), correlations.len(), "and each its own");
    let tables = replayed(&entries);
    let address = source.cluster.address("admin", &source.database);
    runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        for name in ["plain", "part"] {
            let rows: Vec<&Value> =
                tables.get(&format!("public.{name}")).map(|rows| rows.values().collect()).unwrap_or_default();
            let rows = serde_json::to_string(&rows).unwrap();
            let differing = format!(
                "WITH replayed AS (SELECT * FROM jsonb_populate_recordset(NULL::{name}, $1::text::jsonb)) \
                 SELECT (SELECT count(*) FROM (TABLE {name} EXCEPT ALL TABLE replayed) a), \
                 (SELECT count(*) FROM (TABLE replayed EXCEPT ALL TABLE {name}) b)"
            );
            let row = client.query_one(&differing, &[&rows]).await.unwrap();
            let counts: (i64, i64) = (row.get(0), row.get(1));
            assert_eq!(
                counts,
                (0, 0),
                "{name}: rows that only the table has, and that only the entries have"
            );
        }
    });
}

fn run(source: &Source, work: &[Work], round: u64) {
    thread::scope(|scope| {
        for (session, work) in (0_u64..).zip(work) {
            scope.spawn(move || {
                for (place, (statements, committed)) in (0_u64..).zip(work) {
                    let unique = (round * 3 + session) * 12 + place;
                    let statements: Vec<String> =
                        statements.iter().map(|statement| statement.sql(unique)).collect();
                    let end = if *committed { "COMMIT" } else { "ROLLBACK" };
                    let statements = format!("BEGIN; {}; {end}", statements.join("; "));
                    // Sessions may lock each other out, and then one of them is rolled back.
                    if let Err(error) = source.cluster.sql_as("admin", &source.database, &statements) {
                        let is_expected =
                            ["deadlock", "duplicate key", "tuple to be locked", "could not serialize"];
                        assert!(is_expected.iter().any(|part| error.contains(part)), "{error}\n{statements}");
                    }
                }
            });
        }
    });
}

#[test]
fn random_work_replayed_gives_the_tables_as_they_are() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sync();
    let round = std::cell::Cell::new(0);
    let config = Config { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    proptest::test_runner::TestRunner::new(config)
        .run(&work(), |work| {
            run(&source, &work, round.replace(round.get() + 1));
            source.sync();
            check(&source);
            Ok(())
        })
        .unwrap();
    assert!(source.changes().len() > 100, "there was something to tell: {:?}", source.actions());
    assert_eq!(running.figures().refused, 0);
    running.stop();
}
