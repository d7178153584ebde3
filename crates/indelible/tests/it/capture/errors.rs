//! What is wrong is said, with what to do about it.

use indelible::capture::{CaptureError, Severity, examine, steps};
use indelible::store::DatabaseUrl;

use super::source::{Source, runtime, wait_for};
use crate::postgres::Cluster;

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, title text)";
const RULES: &str = "[[table]]\nmatch = \"public.item\"";

fn refused(error: &CaptureError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert!(!error.is_passing(), "{text}");
}

#[test]
fn a_server_whose_log_does_not_say_what_changed() {
    let source = Source::without_set_up(Cluster::shared(), TABLES, RULES);
    let administrator = source.url("admin");
    let error = runtime().block_on(steps(&source.rules(), &administrator, "capturer")).unwrap_err();
    refused(&error, &["wal_level is `replica`", "wal_level = logical", "mode = \"triggers\""]);
    refused(&source.start().error(), &["wal_level is `replica`"]);
}

#[test]
fn a_database_that_is_not_set_up() {
    let source = Source::new(TABLES, RULES);
    source.sql(&format!("SELECT pg_drop_replication_slot('{}')", source.rules().slot()));
    refused(&source.start().error(), &["there is no replication slot", "indelible capture init"]);
    source.sql("DROP SCHEMA indelible_capture CASCADE");
    refused(&source.start().error(), &["not set up", "indelible capture init"]);
}

#[test]
fn missing_privileges() {
    let source = Source::new(TABLES, RULES);
    source.sql("REVOKE SELECT ON indelible_capture.seal FROM capturer");
    refused(&source.start().error(), &["permission denied", "indelible capture init"]);
    source.set_up();
    source.cluster.sql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE weak LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    );
    source.sql("GRANT USAGE ON SCHEMA indelible_capture TO weak; GRANT SELECT ON ALL TABLES IN SCHEMA indelible_capture TO weak");
    let weak = source.url("weak");
    let findings = runtime().block_on(examine(&source.rules(), &weak)).unwrap();
    let wrong = findings.iter().find(|finding| finding.severity == Severity::Wrong).unwrap();
    assert!(wrong.text.contains("weak may not replicate"), "{}", wrong.text);
}

#[test]
fn a_slot_in_use_is_waited_for() {
    let source = Source::new(TABLES, RULES);
    let first = source.start();
    source.sync();
    let second = source.start();
    source.sync();
    assert!(first.figures().is_running && !second.figures().is_running);
    // Whoever waited goes on where the other stopped.
    first.stop();
    wait_for(|| second.figures().is_running);
    source.sync();
    second.stop();
}

#[test]
fn rules_that_fit_nothing_and_sites_that_are_not_there() {
    let source = Source::without_set_up(Cluster::shared(), TABLES, RULES);
    let other = source.rules_file().with_file_name("other.toml");
    std::fs::write(&other, "name = \"x\"\nsite = \"acme.none\"\n[[table]]\nmatch = \"public.nothing\"")
        .unwrap();
    let rules = indelible::capture::Rules::load(&other).unwrap();
    let error = runtime().block_on(steps(&rules, &source.url("admin"), "capturer")).unwrap_err();
    refused(&error, &["no table", "fits the rules"]);
    let capture =
        indelible::capture::Capture::new(source.indelible.clone(), rules, source.url("capturer"), None);
    let (_stop, asked) = tokio::sync::watch::channel(false);
    refused(
        &runtime().block_on(capture.run(asked)).unwrap_err(),
        &["no site `acme.none`", "indelible site create acme.none"],
    );
    let missing =
        indelible::capture::Rules::load(&source.rules_file().with_file_name("missing.toml")).unwrap_err();
    assert!(missing.to_string().contains("missing.toml"), "{missing}");
}

#[test]
fn columns_that_are_not_there() {
    let source = Source::without_set_up(
        Cluster::shared(),
        TABLES,
        "[[table]]\nmatch = \"public.item\"\nleave_out = [\"titel\"]",
    );
    let administrator = source.url("admin");
    let error = runtime().block_on(steps(&source.rules(), &administrator, "capturer")).unwrap_err();
    refused(&error, &["`public.item`", "leave_out names `titel`", "correct it"]);
    // What was there when it was set up can go.
    let rules = "[[table]]\nmatch = \"public.item\"\ntitle = \"title\"\nmask = [\"iban\"]";
    let source = Source::new(TABLES, rules);
    source.sql("ALTER TABLE item RENAME title TO name");
    let findings = runtime().block_on(examine(&source.rules(), &source.url("capturer"))).unwrap();
    for (severity, part) in [
        (Severity::Warning, "title names `title`"),
        (Severity::Note, "mask names `iban`, which is no column"),
    ] {
        let is_it = |finding: &&indelible::capture::Finding| {
            finding.severity == severity && finding.text.contains(part)
        };
        assert!(findings.iter().any(|finding| is_it(&finding)), "{part}: {findings:#?}");
    }
}

#[test]
fn a_server_that_is_away() {
    let source = Source::without_set_up(Cluster::shared(), TABLES, RULES);
    let nobody = DatabaseUrl::new("postgres://capturer:hunter2@127.0.0.1:1/shop");
    let error = runtime().block_on(examine(&source.rules(), &nobody)).unwrap_err();
    assert!(error.is_passing() && error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn the_doctor_says_what_is_not_captured() {
    let tables = format!(
        "{TABLES}; CREATE TABLE other (id int); CREATE UNLOGGED TABLE quick (id int PRIMARY KEY); CREATE TABLE keyless (t text); \
         CREATE TABLE late (id int PRIMARY KEY)"
    );
    let rules = "[[table]]\nmatch = \"public.item\"\n[[table]]\nmatch = \"public.quick\"\n[[table]]\nmatch = \"public.keyless\"\n\
        [[table]]\nmatch = \"public.late_*\"";
    let source = Source::new(&tables, rules);
    source.sql("ALTER TABLE item REPLICA IDENTITY DEFAULT; CREATE TABLE late_one (id int PRIMARY KEY)");
    let findings = runtime().block_on(examine(&source.rules(), &source.url("capturer"))).unwrap();
    let has = |severity: Severity, part: &str| {
        assert!(
            findings.iter().any(|finding| finding.severity == severity && finding.text.contains(part)),
            "{severity:?} {part}: {findings:#?}"
        );
    };
    has(Severity::Note, "not captured: public.other");
    has(Severity::Warning, "public.quick is an unlogged table");
    has(Severity::Note, "public.keyless is captured, and its rows are known by all that they hold");
    has(Severity::Wrong, "not captured: public.late_one");
    has(Severity::Warning, "public.item is captured without its old values");
    has(Severity::Warning, "max_slot_wal_keep_size is -1");
    has(Severity::Warning, "nobody reads it");
    has(Severity::Fine, "who acts is said by: restorer, shop");
    // Without old values an update is told for what it is.
    let running = source.start();
    source.sync();
    source.sql("INSERT INTO item VALUES (1, 'a'); UPDATE item SET title = 'b'; DELETE FROM item");
    source.sync();
    let changes = source.changes();
    assert!(changes[1].before.is_none());
    assert_eq!(changes[2].partial, Some(true));
    running.stop();
}
