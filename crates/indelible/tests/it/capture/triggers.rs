//! Where a server does not let one replicate, triggers tell the same.

use serde_json::{Value, json};

use super::source::{Source, json, wait_for};

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, title text, price numeric(10, 2), tags text[], meta jsonb, at timestamptz); \
    CREATE TABLE line (order_id int, line int, quantity int, PRIMARY KEY (order_id, line))";
const RULES: &str = "[[table]]\nmatch = \"public.item\"\ntype = \"item\"\ntitle = \"title\"\nbaseline = false\nnoise = [\"at\"]\n\
    [[table]]\nmatch = \"public.line\"\nbaseline = false";

const WORK: [&str; 5] = [
    "INSERT INTO item SELECT n, 'item ' || n, n * 1.5, ARRAY['a', NULL], jsonb_build_object('n', n), '2026-11-21 04:15:15+00' \
     FROM generate_series(1, 1500) n",
    "BEGIN; SELECT indelible_capture.set_context('{\"actor\":{\"type\":\"user\",\"id\":\"ana\"}}'); \
     UPDATE item SET title = upper(title) WHERE id < 4; INSERT INTO line VALUES (1, 1, 1), (1, 2, 2); COMMIT",
    "UPDATE line SET line = 3 WHERE line = 2",
    "UPDATE item SET at = now() WHERE id < 3",
    "DELETE FROM line WHERE line = 1; TRUNCATE item",
];

/// An entry without what differs from run to run.
fn content(source: &Source) -> Vec<Value> {
    let mut entries = source.entries();
    entries.retain(|entry| {
        !matches!(entry.action.as_str(), "postgres.start" | "postgres.compared" | "postgres.define")
    });
    let content = |entry: &model::Entry| {
        let data = json(entry.data.as_deref());
        let entity = entry.entity.as_ref().unwrap();
        let actor = entry.actor.as_ref().unwrap().id.clone();
        json!([
            entry.action,
            entity.kind,
            entity.id,
            entity.previous_id,
            entity.title,
            json(entry.before.as_deref()),
            json(entry.after.as_deref()),
            actor,
            data["table"],
            data["primary_key"],
            data["context"],
            data["rows"],
            data["rows_type"],
        ])
    };
    entries.iter().map(content).collect()
}

#[test]
fn triggers_tell_what_the_stream_tells() {
    let streamed = Source::new(TABLES, RULES);
    let triggered = Source::new(TABLES, &format!("mode = \"triggers\"\n{RULES}"));
    let running = [streamed.start(), triggered.start()];
    for source in [&streamed, &triggered] {
        source.sync();
        for work in WORK {
            source.cluster.sql_as("admin", &source.database, work).unwrap();
            source.sync();
        }
    }
    let (one, other) = (content(&streamed), content(&triggered));
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    wait_for(|| triggered.sql("SELECT count(*) FROM indelible_capture.queue") == "0");
    running.into_iter().for_each(super::source::Running::stop);
}

#[test]
fn what_triggers_told_is_taken_once() {
    let source = Source::new(TABLES, &format!("mode = \"triggers\"\n{RULES}"));
    source.sql("INSERT INTO line VALUES (1, 1, 1)");
    let running = source.start();
    source.sync();
    running.stop();
    // As if the process had died between the log and the queue.
    source.sql("CREATE TABLE kept AS TABLE indelible_capture.queue");
    source.sql("INSERT INTO line VALUES (1, 2, 2)");
    source.sql("INSERT INTO kept SELECT * FROM indelible_capture.queue");
    let running = source.start();
    source.sync();
    wait_for(|| source.sql("SELECT count(*) FROM indelible_capture.queue") == "0");
    source.sql("INSERT INTO indelible_capture.queue OVERRIDING SYSTEM VALUE TABLE kept");
    source.sync();
    assert_eq!((source.changes().len(), running.figures().known), (2, 1));
    running.stop();
}
