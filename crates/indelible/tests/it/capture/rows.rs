//! What an entry says of a row, by what happened to it.

use serde_json::{Value, json};

use super::source::{Source, json};

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, title text, price numeric(10, 2), tags text[], meta jsonb, \
    password text, seen_at timestamptz, body text); \
    CREATE TABLE line (order_id int, line int, quantity int, PRIMARY KEY (order_id, line)); \
    CREATE TABLE note (text text); \
    CREATE TABLE secret (id int PRIMARY KEY)";

const RULES: &str = r#"
[[table]]
match = "public.item"
type = "item"
title = "title"
noise = ["seen_at"]
[[table]]
match = "public.secret"
capture = false
[[table]]
match = "public.line"
[[table]]
match = "public.note"
"#;

#[test]
fn rows_are_told_as_they_were_and_are() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sync();
    source.sql(
        "INSERT INTO item VALUES (1, 'Lamp', 12.50, '{a,\"b c\"}', '{\"depth\": 3}', 'hunter2', '2026-11-21 04:15:15+00', 'long')",
    );
    source.sql("UPDATE item SET title = 'Lámpara', price = 13 WHERE id = 1");
    source.sql("DELETE FROM item WHERE id = 1");
    source.sync();
    let [insert, update, delete] = &source.changes()[..] else { panic!("{:?}", source.actions()) };

    assert_eq!((insert.action.as_str(), insert.kind.as_str()), ("postgres.insert", "create"));
    assert!(insert.before.is_none());
    assert_eq!(insert.connector.as_deref(), Some("postgres"));
    let entity = insert.entity.as_ref().unwrap();
    assert_eq!(
        (entity.kind.as_str(), entity.id.as_str(), entity.title.as_deref()),
        ("item", "1", Some("Lamp"))
    );
    let after = json(insert.after.as_deref());
    assert_eq!(after["price"].to_string(), "12.50", "every digit");
    assert_eq!((&after["tags"], &after["meta"]), (&json!(["a", "b c"]), &json!({"depth": 3})));
    assert_eq!(after["seen_at"], json!("2026-11-21 04:15:15+00"));
    assert!(!after["password"].to_string().contains("hunter2"), "{after}");
    let data = json(insert.data.as_deref());
    assert_eq!((&data["table"], &data["primary_key"]), (&json!("public.item"), &json!({"id": 1})));
    assert_eq!(data["context"], json!({"state": "none"}));
    let actor = insert.actor.as_ref().unwrap();
    assert_eq!(actor.name.as_deref(), Some(format!("database {}", source.database).as_str()));

    assert_eq!(
        (&json(update.before.as_deref())["title"], &json(update.after.as_deref())["title"]),
        (&json!("Lamp"), &json!("Lámpara"))
    );
    assert_eq!(json(update.before.as_deref()), after, "the state before is the one after the last");
    assert_eq!(
        (json(delete.before.as_deref()), json(delete.after.as_deref())),
        (json(update.after.as_deref()), Value::Null)
    );
    assert!(insert.correlation_id != update.correlation_id, "one transaction, one correlation");
    running.stop();
}

#[test]
fn keys_of_several_columns_changed_keys_and_no_keys_are_told() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sync();
    source.sql(
        "INSERT INTO line VALUES (7, 1, 5), (7, 2, 5); UPDATE line SET line = 3 WHERE line = 2; \
         INSERT INTO note VALUES ('a'); UPDATE note SET text = 'b'; DELETE FROM note",
    );
    source.sync();
    let changes = source.changes();
    let named: Vec<(String, String, Option<String>)> = changes
        .iter()
        .map(|entry| {
            let entity = entry.entity.clone().unwrap();
            (entity.kind, entity.id, entity.previous_id)
        })
        .collect();
    assert_eq!(named[0], ("public.line".to_owned(), "line=1,order_id=7".to_owned(), None));
    let moved =
        ("public.line".to_owned(), "line=3,order_id=7".to_owned(), Some("line=2,order_id=7".to_owned()));
    assert_eq!(named[2], moved);
    assert!(named[3].1.starts_with("row:"), "{named:?}");
    assert_eq!(named[4].2.as_ref(), Some(&named[3].1), "a row without a key is followed by what it holds");
    assert_eq!(named[5].1, named[4].1);
    running.stop();
}

#[test]
fn noise_is_counted_and_what_is_not_wanted_is_not_told() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sql("INSERT INTO item (id, title) SELECT n, 'x' FROM generate_series(1, 3) n");
    source.sync();
    source
        .sql("UPDATE item SET seen_at = now(); UPDATE item SET title = title; INSERT INTO secret VALUES (1)");
    source.sync();
    let actions = source.actions();
    assert_eq!(
        (actions.get("postgres.update"), actions.get("postgres.noise")),
        (None, Some(&1)),
        "{actions:?}"
    );
    let entries = source.entries();
    let noise = entries.iter().find(|entry| entry.action == "postgres.noise").unwrap();
    assert_eq!(json(noise.data.as_deref())["rows"], json!(3));
    assert_eq!(noise.entity.as_ref().unwrap().id, "public.item");
    assert!(entries.iter().all(|entry| !entry.entity.as_ref().unwrap().id.contains("secret")));
    running.stop();
}

#[test]
fn large_values_that_do_not_change_are_there_and_huge_ones_are_told_by_their_hash() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sync();
    let random = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) n)";
    source.sql(&format!("INSERT INTO item (id, title, body) VALUES (1, 'a', {random})"));
    source.sql("UPDATE item SET title = 'b'");
    source.sql("UPDATE item SET body = repeat(body, 40)");
    source.sync();
    let changes = source.changes();
    assert_eq!(
        json(changes[1].after.as_deref())["body"].as_str().unwrap().len(),
        64_000,
        "not sent again, and there"
    );
    assert_eq!(json(changes[1].before.as_deref())["body"], json(changes[1].after.as_deref())["body"]);
    let last = &changes[2];
    assert_eq!(last.partial, Some(true), "it says that it lacks something");
    let left_out = &json(last.data.as_deref())["left_out"];
    assert_eq!(
        (&left_out["before.body"]["bytes"], &left_out["after.body"]["bytes"]),
        (&json!(64_000), &json!(2_560_000))
    );
    assert_eq!(json(last.after.as_deref())["title"], json!("b"));
    running.stop();
}

#[test]
fn rows_can_name_their_site() {
    let rules = "[[table]]\nmatch = \"public.post\"\nsite = \"acme.{tenant}\"\nmask = [\"email\"]";
    let source = Source::new("CREATE TABLE post (id int PRIMARY KEY, tenant text, email text)", rules);
    let north = crate::filled::create_site(&source.indelible, "acme.north");
    let running = source.start();
    source.sync();
    source.sql("INSERT INTO post VALUES (1, 'north', 'ana@example.com'), (2, 'nowhere', 'bea@example.com')");
    source.sync();
    let [of_north] = &source.entries_of(&north)[..] else { panic!() };
    assert_eq!(of_north.entity.as_ref().unwrap().id, "1");
    assert!(
        !of_north.after.as_ref().unwrap().get().contains("ana@example.com"),
        "masked by the table's rule"
    );
    let at_home = source.changes();
    let [at_home] = &at_home[..] else { panic!("{at_home:?}") };
    assert_eq!(json(at_home.data.as_deref())["site_wanted"], json!("acme.nowhere"));
    // Who moves leaves one site and enters another, which does not learn what was before.
    source.sql("UPDATE post SET tenant = 'north' WHERE id = 2");
    source.sync();
    let of_north = source.entries_of(&north);
    let entered = of_north.last().unwrap();
    assert_eq!((entered.action.as_str(), json(entered.before.as_deref())), ("postgres.insert", Value::Null));
    assert_eq!(source.changes().last().unwrap().action, "postgres.delete");
    running.stop();
}

#[test]
fn definitions_and_emptied_tables_are_told() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sql("INSERT INTO item (id) VALUES (1)");
    source.sync();
    source.sql(
        "BEGIN; ALTER TABLE item ADD COLUMN size int; UPDATE item SET size = 3; TRUNCATE item, line; COMMIT",
    );
    source.sql("ALTER TABLE secret ADD COLUMN more text");
    source.sync();
    let entries = source.entries();
    let define: Vec<_> = entries.iter().filter(|entry| entry.action == "postgres.define").collect();
    let [define] = &define[..] else { panic!("of tables that are not captured nothing is told: {define:?}") };
    assert_eq!(json(define.after.as_deref())["columns"]["size"], json!("integer"));
    assert_eq!(define.summary.as_deref(), Some("ALTER TABLE public.item"));
    let truncated: Vec<_> = entries.iter().filter(|entry| entry.action == "postgres.truncate").collect();
    assert_eq!(truncated.len(), 2);
    assert!(truncated.iter().all(|entry| entry.correlation_id == define.correlation_id));
    let update = entries.iter().find(|entry| entry.action == "postgres.update").unwrap();
    assert_eq!(
        (&json(update.before.as_deref())["size"], &json(update.after.as_deref())["size"]),
        (&json!(null), &json!(3))
    );
    running.stop();
}
