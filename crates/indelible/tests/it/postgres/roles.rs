//! What the service's role cannot do, whoever has its credentials.

use super::Fresh;
use crate::store::{create, grow};

#[test]
fn the_services_user_can_change_and_remove_nothing_of_a_log() {
    let fresh = Fresh::new();
    let store = fresh.open();
    let mut ledger = create(&store, 1, "acme.www");
    grow(&store, &mut ledger, 300);
    for table in [
        "block",
        "entry_id",
        "link",
        "tile",
        "removal",
        "umbrella_leaf",
        "umbrella_tile",
        "configuration",
        "site",
    ] {
        for statement in [
            format!("DELETE FROM indelible.{table}"),
            format!("UPDATE indelible.{table} SET log = log"),
            format!("TRUNCATE indelible.{table}"),
            format!("DROP TABLE indelible.{table}"),
            format!("ALTER TABLE indelible.{table} DISABLE TRIGGER ALL"),
        ] {
            let refused = fresh.cluster.sql_as("app", &fresh.database, &statement).unwrap_err();
            assert!(
                refused.contains("permission denied") || refused.contains("must be owner"),
                "{statement}: {refused}"
            );
        }
    }
    for (statement, reason) in [
        ("UPDATE indelible.head SET size = 10 WHERE log = 1", "never runs backwards"),
        ("UPDATE indelible.head SET root = '\\x00' WHERE log = 1", "never runs backwards"),
        ("UPDATE indelible.head SET log = 9 WHERE log = 1", "permission denied"),
        ("DELETE FROM indelible.head", "permission denied"),
        ("SELECT indelible.put_tiles(1, '{0}', '{0}', ARRAY['\\x0011'::bytea])", "would not extend"),
        (
            "SELECT indelible.remove_content(1, 5, true, '{}', '{}', '{}', '{}', '{}', 0, 0, '')",
            "permission denied",
        ),
        ("SET ROLE indelible_owner", "permission denied"),
        ("SET ROLE indelible_retention", "permission denied"),
        ("CREATE FUNCTION indelible.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "permission denied"),
    ] {
        let refused = fresh.cluster.sql_as("app", &fresh.database, statement).unwrap_err();
        assert!(refused.contains(reason), "{statement}: {refused}");
    }
    ledger.check(&store);
}

#[test]
fn the_retentions_user_removes_only_as_the_rules_say() {
    let fresh = Fresh::new();
    let store = fresh.open();
    let mut ledger = create(&store, 1, "acme.www");
    grow(&store, &mut ledger, 300);
    for statement in [
        "DELETE FROM indelible.block",
        "UPDATE indelible.block SET content = ''",
        "DELETE FROM indelible.removal",
    ] {
        let refused = fresh.cluster.sql_as("janitor", &fresh.database, statement).unwrap_err();
        assert!(refused.contains("permission denied"), "{statement}: {refused}");
    }
    let remove = |reason: u64, is_erasure: bool, last: u64| {
        let statement = format!(
            "SELECT indelible.remove_content(1, {reason}, {is_erasure}, '{{0}}', '{{2}}', ARRAY['\\x00'::bytea], '{{}}', \
             '{{}}', 0, {last}, '\\x00')"
        );
        fresh.cluster.sql_as("janitor", &fresh.database, &statement)
    };
    for (reason, last) in [(300, 5), (5, 5), (4, 5), (1_000_000, 5)] {
        let refused = remove(reason, true, last).unwrap_err();
        assert!(refused.contains("no published entry tells of this removal"), "{refused}");
    }
    let set = |settings: &str| {
        let statement = format!(
            "INSERT INTO indelible.configuration (log, name, version, value) SELECT 1, 'settings', count(*) + 1, \
             '{settings}' FROM indelible.configuration"
        );
        fresh.cluster.sql("postgres", "SELECT 1");
        fresh.cluster.sql(&fresh.database, &statement);
    };
    set(r#"{"hold": true}"#);
    assert!(remove(299, true, 5).unwrap_err().contains("the site is on hold"));
    assert!(remove(299, false, 5).unwrap_err().contains("the site is on hold"));
    let later = r#"{"hold": false, "audit_log_retention_days": {"value": 10, "lowered": {"from": "forever", "until": "2999-01-01T00:00:00Z"}}}"#;
    set(later);
    assert!(remove(299, false, 5).unwrap_err().contains("younger than Infinity days"));
    set(r#"{"audit_log_retention_days": {"value": "forever"}}"#);
    assert!(remove(299, false, 5).unwrap_err().contains("younger than Infinity days"));
    set(r#"{"audit_log_retention_days": {"value": 100000}}"#);
    assert!(remove(299, false, 5).unwrap_err().contains("younger than 100000 days"));
    ledger.check(&store);
}
