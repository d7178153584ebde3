//! What was lost, and what came before or beside the capture, is told and found.

use std::sync::Arc;

use serde_json::json;

use super::source::{LOGICAL, Source, json};
use crate::postgres::Cluster;

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, title text, email text); \
    INSERT INTO item SELECT n, 'item ' || n, 'a@example.com' FROM generate_series(1, 5) n";
const RULES: &str = "[[table]]\nmatch = \"public.item\"\ntype = \"item\"\nmask = [\"email\"]\n[[table]]\nmatch = \"public.late*\"";

/// What the log knows items to be like now.
fn titles(source: &Source) -> Vec<(String, Option<String>)> {
    (1..=8)
        .filter_map(|id: i32| {
            let (_, state) =
                source.indelible.search().state(&source.site, "item", &id.to_string(), None).unwrap()?;
            let title = state.state.map(|state| {
                let state: serde_json::Value = serde_json::from_str(state.get()).unwrap();
                state["title"].as_str().unwrap().to_owned()
            });
            Some((id.to_string(), title))
        })
        .collect()
}

fn expected(titles: &[(i32, Option<&str>)]) -> Vec<(String, Option<String>)> {
    titles.iter().map(|(id, title)| (id.to_string(), title.map(ToOwned::to_owned))).collect()
}

#[test]
fn rows_from_before_are_found_once() {
    let source = Source::new(TABLES, RULES);
    source.start().stop();
    let running = source.start();
    source.compared(1);
    let actions = source.actions();
    assert_eq!(
        (actions["postgres.start"], actions["postgres.found_create"], actions["postgres.compared"]),
        (1, 5, 1)
    );
    let entries = source.entries();
    let compared = entries.iter().find(|entry| entry.action == "postgres.compared").unwrap();
    let found = &json(compared.data.as_deref())["tables"]["public.item"];
    assert_eq!(found, &json!({"rows": 5, "unknown": 5, "different": 0, "gone": 0}));
    running.stop();
}

#[test]
fn what_a_lost_slot_lost_is_a_gap_and_then_found() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.compared(1);
    source.sql("UPDATE item SET title = 'changed' WHERE id = 1");
    source.sync();
    running.stop();
    let slot = source.rules().slot();
    source.sql(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    source.sql(
        "UPDATE item SET title = 'unseen' WHERE id = 2; DELETE FROM item WHERE id = 3; INSERT INTO item VALUES (6, 'new'); \
         UPDATE item SET id = 7 WHERE id = 4; UPDATE item SET email = 'b@example.com' WHERE id = 5",
    );
    let running = source.start();
    source.compared(2);
    source.sql("UPDATE item SET title = 'seen again' WHERE id = 5");
    source.sync();
    assert_eq!(running.figures().gaps, 1);
    let entries = source.entries();
    let gap = entries.iter().find(|entry| entry.action == "postgres.gap").unwrap();
    assert_eq!(json(gap.data.as_deref())["why"], json!("the replication slot is gone"));
    let found: Vec<(String, String)> = entries
        .iter()
        .skip_while(|entry| entry.action != "postgres.gap")
        .filter(|entry| entry.action.starts_with("postgres.found"))
        .map(|entry| (entry.action.clone(), entry.entity.as_ref().unwrap().id.clone()))
        .collect();
    for (action, id) in [("update", "2"), ("delete", "3"), ("create", "6"), ("create", "7"), ("delete", "4")]
    {
        assert!(
            found.contains(&(format!("postgres.found_{action}"), id.to_owned())),
            "{action} {id}: {found:?}"
        );
    }
    assert_eq!(found.len(), 5, "what is masked cannot be compared, and the rest is as it was: {found:?}");
    let items = expected(&[
        (1, Some("changed")),
        (2, Some("unseen")),
        (3, None),
        (4, None),
        (5, Some("seen again")),
        (6, Some("new")),
        (7, Some("item 4")),
    ]);
    assert_eq!(titles(&source), items);
    let update = entries.iter().find(|entry| entry.action == "postgres.found_update").unwrap();
    assert_eq!(
        (&json(update.before.as_deref())["title"], &json(update.after.as_deref())["title"]),
        (&json!("item 2"), &json!("unseen"))
    );
    running.stop();
}

#[test]
fn a_slot_that_was_made_anew_behind_our_back_is_a_gap() {
    let source = Source::new(TABLES, &RULES.replacen("mask", "baseline = false\nmask", 1));
    source.start().stop();
    source.sql("INSERT INTO item VALUES (6, 'streamed')");
    let running = source.start();
    source.compared(1);
    running.stop();
    source.sql(&format!("SELECT pg_drop_replication_slot('{}')", source.rules().slot()));
    source.sql("INSERT INTO item VALUES (7, 'lost')");
    source.set_up();
    let running = source.start();
    source.compared(2);
    let entries = source.entries();
    let gap = entries.iter().find(|entry| entry.action == "postgres.gap").unwrap();
    assert_eq!(json(gap.data.as_deref())["why"], json!("the replication slot is another than before"));
    let found = |id: &str| {
        entries
            .iter()
            .any(|entry| entry.action == "postgres.found_create" && entry.entity.as_ref().unwrap().id == id)
    };
    assert!(found("7"), "what came in the gap is found although there is no baseline");
    running.stop();
}

#[test]
fn another_table_of_the_same_name_is_compared() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.compared(1);
    running.stop();
    source.sql("DROP TABLE item; CREATE TABLE item (id int PRIMARY KEY, title text, email text); INSERT INTO item VALUES (1, 'other')");
    source.set_up();
    let running = source.start();
    source.compared(2);
    assert_eq!(titles(&source)[..2], expected(&[(1, Some("other")), (2, None)]));
    running.stop();
}

#[test]
fn a_slot_that_the_server_gave_up_is_a_gap() {
    let settings =
        [&LOGICAL[..], &["max_slot_wal_keep_size=1MB", "min_wal_size=32MB", "max_wal_size=32MB"]].concat();
    let source = Source::on(Arc::new(Cluster::start(&settings)), TABLES, RULES);
    let running = source.start();
    source.compared(1);
    running.stop();
    source.sql("UPDATE item SET title = 'lost' WHERE id = 1");
    for _ in 0..6 {
        source.sql("CREATE TABLE IF NOT EXISTS filler (t text); INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 2000)");
        source.sql("SELECT pg_switch_wal()");
        source.sql("CHECKPOINT");
    }
    let lost =
        format!("SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{}'", source.rules().slot());
    assert_eq!(source.sql(&lost), "lost");
    let running = source.start();
    source.compared(2);
    let entries = source.entries();
    let gap = entries.iter().find(|entry| entry.action == "postgres.gap").unwrap();
    assert!(json(gap.data.as_deref())["slot_lsn"].is_string(), "{:?}", gap.data);
    assert_eq!(titles(&source)[0].1.as_deref(), Some("lost"));
    running.stop();
}

#[test]
fn a_table_that_came_later_is_missed_and_then_compared() {
    let source = Source::new(TABLES, RULES);
    source.start().stop();
    source.sql("CREATE TABLE late_one (id int PRIMARY KEY); INSERT INTO late_one VALUES (1)");
    let running = source.start();
    source.compared(1);
    running.stop();
    let entries = source.entries();
    let missed: Vec<_> = entries.iter().filter(|entry| entry.action == "postgres.uncaptured").collect();
    let [missed] = &missed[..] else { panic!("told once: {missed:?}") };
    assert_eq!(json(missed.data.as_deref())["tables"], json!(["public.late_one"]));
    source.set_up();
    source.sql("INSERT INTO late_one VALUES (2)");
    let running = source.start();
    source.compared(2);
    source.sql("INSERT INTO late_one VALUES (3)");
    source.sync();
    let mut found: Vec<(String, String)> = source
        .entries()
        .into_iter()
        .filter(|entry| entry.entity.as_ref().unwrap().kind == "public.late_one")
        .map(|entry| (entry.action, entry.entity.unwrap().id))
        .collect();
    found.sort();
    let row = |action: &str, id: &str| (format!("postgres.{action}"), id.to_owned());
    // The second came by the stream: the table was published by then.
    assert_eq!(found, [row("found_create", "1"), row("insert", "2"), row("insert", "3")]);
    running.stop();
}
