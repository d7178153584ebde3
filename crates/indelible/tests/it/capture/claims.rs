//! Who did it: what is believed of what sessions say, and what is refused and told.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::source::{Source, json};

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, title text); INSERT INTO item SELECT n, 'x' FROM generate_series(1, 9) n";
const RULES: &str = "[[table]]\nmatch = \"public.item\"\nbaseline = false";
const ANA: &str = r#"{"actor":{"type":"user","id":"ana"},"origin":{"channel":"portal","ip":"203.0.113.9"},"reason":"ticket 91"}"#;

/// What the only entry that a statement makes says of who acted, and of how that is known.
fn told(source: &Source, statements: &str) -> (Option<String>, Value) {
    let before = source.changes().len();
    source.as_shop(statements).unwrap();
    source.sync();
    let changes = source.changes();
    assert_eq!(changes.len(), before + 1, "{statements}");
    let last = changes.last().unwrap();
    (last.actor.as_ref().unwrap().id.clone(), json(last.data.as_deref())["context"].clone())
}

#[test]
fn an_application_says_who_acts() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sync();
    let say = format!("SELECT indelible_capture.set_context('{ANA}')");
    let (actor, context) =
        told(&source, &format!("BEGIN; {say}; UPDATE item SET title = 'a' WHERE id = 1; COMMIT"));
    assert_eq!((actor.as_deref(), context), (Some("ana"), json!({"state": "claimed", "by": "shop"})));
    let last = source.changes().pop().unwrap();
    assert_eq!(last.reason.as_deref(), Some("ticket 91"));
    let origin = last.origin.as_ref().unwrap();
    assert_eq!(
        (origin.channel.as_deref(), origin.ip.map(|ip| ip.to_string()).as_deref()),
        (Some("portal"), Some("203.0.113.9"))
    );

    // Also after the rows; and the last one counts, and the others are told.
    let bea = say.replace("ana", "bea");
    let (actor, context) =
        told(&source, &format!("BEGIN; {say}; UPDATE item SET title = 'b' WHERE id = 1; {bea}; COMMIT"));
    assert_eq!(actor.as_deref(), Some("bea"));
    assert_eq!(context["others"], json!([{"by": "shop", "actor": {"type": "user", "id": "ana"}}]));

    // Not one that was taken back.
    let (actor, _) = told(
        &source,
        &format!(
            "BEGIN; {say}; SAVEPOINT s; {bea}; ROLLBACK TO s; UPDATE item SET title = 'c' WHERE id = 1; COMMIT"
        ),
    );
    assert_eq!(actor.as_deref(), Some("ana"));

    // It ends with its transaction.
    let (actor, context) = told(&source, "UPDATE item SET title = 'd' WHERE id = 1");
    assert_eq!((actor.as_deref(), context), (Some("postgres"), json!({"state": "none"})));
    running.stop();
}

#[test]
fn nothing_else_names_an_actor() {
    let source = Source::new(TABLES, RULES);
    let running = source.start();
    source.sync();
    for (number, statement) in [
        format!("UPDATE item SET title = 'SELECT indelible_capture.set_context(''{ANA}'')' WHERE id = 1"),
        format!("UPDATE item SET title = 'b' WHERE id = 1 /* indelible.context {ANA} */"),
        format!(
            "SET application_name = '{}'; UPDATE item SET title = 'c' WHERE id = 1",
            ANA.get(..40).unwrap()
        ),
    ]
    .iter()
    .enumerate()
    {
        let (actor, context) = told(&source, statement);
        assert_eq!((actor.as_deref(), &context), (Some("postgres"), &json!({"state": "none"})), "{number}");
    }
    // Somebody who emits the message himself, alone and late beside one that is believed.
    let emit = format!("SELECT pg_logical_emit_message(true, 'indelible.context', '{ANA}')");
    let (actor, context) =
        told(&source, &format!("BEGIN; {emit}; UPDATE item SET title = 'd' WHERE id = 1; COMMIT"));
    assert_eq!((actor.as_deref(), &context["state"]), (Some("postgres"), &json!("refused")));
    assert!(context["others"][0]["refused"].as_str().unwrap().contains("does not come from"), "{context}");
    let bea = ANA.replace("ana", "bea");
    let (actor, context) = told(
        &source,
        &format!(
            "BEGIN; SELECT indelible_capture.set_context('{bea}'); UPDATE item SET title = 'e' WHERE id = 1; {emit}; COMMIT"
        ),
    );
    assert_eq!((actor.as_deref(), &context["state"]), (Some("bea"), &json!("claimed")));
    assert_eq!(context["others"].as_array().unwrap().len(), 1, "{context}");
    running.stop();
}

#[test]
fn who_may_not_say_it_is_refused_by_the_database() {
    let source = Source::new(TABLES, RULES);
    source.sql(
        "DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
         GRANT ALL ON item TO stranger",
    );
    let as_stranger =
        |statement: &str| source.cluster.sql_as("stranger", &source.database, statement).unwrap_err();
    let error = as_stranger(&format!("SELECT indelible_capture.set_context('{ANA}')"));
    assert!(error.contains("permission denied"), "{error}");
    for table in ["seal", "reverted"] {
        let error = source.as_shop(&format!("SELECT * FROM indelible_capture.{table}")).unwrap_err();
        assert!(error.contains("permission denied"), "{error}");
    }
    let error = source.as_shop("SELECT indelible_capture.sealed('{}')").unwrap_err();
    assert!(error.contains("permission denied"), "{error}");
}

#[test]
fn with_a_secret_sql_alone_names_nobody() {
    let source = Source::new(TABLES, RULES).signed_with("the application's");
    let running = source.start();
    source.sync();
    let (actor, context) = told(
        &source,
        &format!(
            "BEGIN; SELECT indelible_capture.set_context('{ANA}'); UPDATE item SET title = 'a' WHERE id = 1; COMMIT"
        ),
    );
    assert_eq!(actor.as_deref(), Some("postgres"));
    assert_eq!(context["others"][0]["refused"], json!("it is not signed by the application"));

    // As a driver does, which knows its session's number.
    let connection = source.cluster.address("shop", &source.database);
    super::source::runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(&connection, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let said = json!({"actor": {"type": "user", "id": "ana"}, "pid": pid, "at": indelible::clock::now().to_string()});
        let said = said.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"the application's").unwrap();
        mac.update(said.as_bytes());
        let mut signature = String::new();
        for byte in mac.finalize().into_bytes() {
            write!(signature, "{byte:02x}").unwrap();
        }
        client.batch_execute("BEGIN").await.unwrap();
        client.execute("SELECT indelible_capture.set_context($1, $2)", &[&said, &signature]).await.unwrap();
        client.batch_execute("UPDATE item SET title = 'b' WHERE id = 1; COMMIT").await.unwrap();
        // The same once more, in another transaction of another session: it was signed for that one.
        let (other, connection) =
            tokio_postgres::connect(&source.cluster.address("shop", &source.database), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        other.batch_execute("BEGIN").await.unwrap();
        other.execute("SELECT indelible_capture.set_context($1, $2)", &[&said, &signature]).await.unwrap();
        other.batch_execute("UPDATE item SET title = 'c' WHERE id = 1; COMMIT").await.unwrap();
    });
    source.sync();
    let changes = source.changes();
    let context = |place: usize| json(changes[place].data.as_deref())["context"].clone();
    assert_eq!(context(1), json!({"state": "signed", "by": "shop"}));
    assert_eq!(context(2)["others"][0]["refused"], json!("it was signed for another session"));
    running.stop();
}
