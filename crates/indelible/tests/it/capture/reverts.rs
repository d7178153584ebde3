//! Changes are taken back in the database that they come from.

use std::process::Command;

use model::Role;
use serde_json::{Value, json};

use super::source::{Source, runtime, wait_for};
use crate::process::Process;
use crate::support::token;

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, title text, price numeric(10, 2), tags text[], meta jsonb, at timestamptz); \
    CREATE TABLE line (order_id int, line int, quantity int, PRIMARY KEY (order_id, line)); \
    INSERT INTO item VALUES (1, 'Lamp', 12.50, '{a,\"b c\"}', '{\"depth\": 3}', '2026-11-21 04:15:15+00'); \
    INSERT INTO line VALUES (7, 1, 5)";
const RULES: &str = "[[table]]\nmatch = \"public.item\"\ntype = \"item\"\n[[table]]\nmatch = \"public.line\"\ntype = \"line\"";

struct Served {
    source: Source,
    server: Process,
    token: String,
}

impl Served {
    fn new() -> Self {
        let source = Source::new(TABLES, RULES);
        let token = token(&source.indelible, "admin", Role::Admin, Some("acme.shop"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command.arg("serve").arg("--data").arg(source.directory()).args(["--listen", "127.0.0.1:0"]);
        command.env("APP__CAPTURE__RULES", source.rules_file());
        command.env("APP__CAPTURE__URL", source.cluster.address("capturer", &source.database));
        command.env("APP__CAPTURE__REVERT_URL", source.cluster.address("restorer", &source.database));
        let server = Process::spawn(command);
        source.sync();
        Self { source, server, token }
    }

    /// Reverts the last change of a row; the status and the answer.
    fn revert(&self, action: &str, entity: &str, body: &Value) -> (u16, Value) {
        let of =
            |entry: &&model::Entry| entry.action == action && entry.entity.as_ref().unwrap().id == entity;
        let entries = self.source.entries();
        let entry = entries.iter().rev().find(of).unwrap_or_else(|| panic!("{:?}", self.source.actions()));
        self.revert_entry(&entry.id.to_string(), body)
    }

    fn revert_entry(&self, id: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}/api/v1/sites/acme.shop/entries/{id}/revert", self.server.address);
        runtime().block_on(async {
            let asked = reqwest::Client::new().post(url).bearer_auth(&self.token).json(body);
            let answer = asked.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
        })
    }

    fn metrics(&self, token: &str) -> String {
        let url = format!("http://{}/metrics", self.server.address);
        runtime().block_on(async {
            reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().text().await.unwrap()
        })
    }
}

#[test]
fn rows_are_put_back_with_every_type_and_the_change_is_captured_too() {
    let served = Served::new();
    let source = &served.source;
    let row = "SELECT row_to_json(item)::text FROM item";
    let was = source.sql(row);
    source.sql(
        "UPDATE item SET title = 'Lámpara', price = 13, tags = '{}', meta = NULL, at = '2026-12-01 00:00:00+00' WHERE id = 1",
    );
    source.sync();
    let (status, entry) = served.revert("postgres.update", "1", &json!({"reason": "ticket 91"}));
    assert_eq!(status, 201, "{entry}");
    assert_eq!(source.sql(row), was);
    source.sync();
    let changes = source.changes();
    let captured = changes.last().unwrap();
    assert_eq!(captured.reason.as_deref(), Some("ticket 91"), "who asked for it is told: {captured:?}");
    assert_eq!(captured.origin.as_ref().unwrap().channel.as_deref(), Some("indelible"));
    assert!(source.entries().iter().any(|entry| entry.action == "indelible.revert"));
}

#[test]
fn deleted_rows_come_back() {
    let served = Served::new();
    let source = &served.source;
    let rows = "SELECT row_to_json(l)::text FROM line l";
    let was = source.sql(rows);
    source.sql("DELETE FROM line");
    source.sync();
    let (status, answer) = served.revert("postgres.delete", "line=1,order_id=7", &json!({}));
    assert_eq!(status, 201, "{answer}");
    assert_eq!(source.sql(rows), was);
}

#[test]
fn what_was_changed_since_is_a_conflict_and_what_does_not_stay_is_not_done() {
    let served = Served::new();
    let source = &served.source;
    source.sql("UPDATE item SET title = 'b'");
    source.sql("UPDATE item SET title = 'c'");
    source.sync();
    let changes = source.changes();
    let first = changes.iter().find(|entry| entry.action == "postgres.update").unwrap().id;
    let (status, answer) = served.revert_entry(&first.to_string(), &json!({}));
    assert_eq!(status, 409, "{answer}");

    source.sql("CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN NEW.title := ''never''; RETURN NEW; END'; CREATE TRIGGER keep BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION keep()");
    let (status, answer) = served.revert("postgres.update", "1", &json!({}));
    assert_eq!(status, 422, "a trigger that makes something else of it: {answer}");
    assert_eq!(source.sql("SELECT title FROM item"), "c", "and nothing was changed");
}

#[test]
fn the_server_tells_how_its_capture_is() {
    let served = Served::new();
    let super_admin = token(&served.source.indelible, "monitor", Role::SuperAdmin, None);
    let mut text = String::new();
    wait_for(|| {
        text = served.metrics(&super_admin);
        text.contains("indelible_capture_running{capture=\"") && text.contains("} 1")
    });
    for name in
        ["capture_entries", "capture_lag_bytes", "capture_kept_bytes", "capture_gaps", "capture_refused"]
    {
        assert!(text.contains(&format!("indelible_{name}{{capture=")), "{name}: {text}");
    }
}
