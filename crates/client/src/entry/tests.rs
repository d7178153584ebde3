use std::collections::HashMap;

use serde_json::json;

use super::*;
use crate::who::Principal;

/// The contract's example with its gaps filled.
const EXAMPLE: &str = r#"{"id":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","occurred_at":"2026-11-21T04:15:15.123Z","actor":{"type":"user","id":"42","name":"Ana","email":"ana@example.com","roles":["editor"],"on_behalf_of":{"type":"user","id":"7"}},"action":"wagtail.publish","kind":"update","outcome":"success","entity":{"type":"page","id":"1002","title":"Home","url":"https://example.com/home"},"summary":"Published Home","reason":"ticket 91","before":{"title":"Hom"},"after":{"title":"Home"},"origin":{"ip":"203.0.113.9","user_agent":"curl/8","method":"POST","route":"live","path":"/home","query":"","ref":"main","request_id":"r1","session_id":"s1","channel":"portal"},"correlation_id":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3d","connector":"wagtail","duration_ms":12,"errors":["one","two"],"data":{"any":[1,null]}}"#;

fn full() -> Entry {
    let origin = Origin::new()
        .ip("203.0.113.9".parse().unwrap())
        .user_agent("curl/8")
        .method("POST")
        .route("live")
        .path("/home")
        .query("")
        .ref_name("main")
        .request_id("r1")
        .session_id("s1")
        .channel("portal");
    let actor = Actor::user("42")
        .name("Ana")
        .email("ana@example.com")
        .role("editor")
        .on_behalf_of(Principal::user("7"));
    Entry::new("wagtail.publish", "page", "1002")
        .id("0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c".parse().unwrap())
        .occurred_at("2026-11-21T04:15:15.123Z".parse().unwrap())
        .actor(actor)
        .kind(Kind::Update)
        .outcome(Outcome::Success)
        .title("Home")
        .url("https://example.com/home")
        .summary("Published Home")
        .reason("ticket 91")
        .before(json!({"title": "Hom"}))
        .after(json!({"title": "Home"}))
        .origin(origin)
        .correlation_id("0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3d".parse().unwrap())
        .connector("wagtail")
        .duration(Duration::from_micros(12_900))
        .error("one")
        .error("two")
        .data(json!({"any": [1, null]}))
}

/// JSON has no key for a map key that is a list.
fn unserialisable() -> HashMap<Vec<u8>, u8> {
    HashMap::from([(vec![1], 1)])
}

fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn every_field_is_the_contracts() {
    assert_eq!(json_of(&full()), EXAMPLE);
    assert_eq!(full().build().unwrap().to_line().unwrap(), EXAMPLE.as_bytes());
}

#[test]
fn the_server_reads_what_the_client_writes() {
    let draft = model::parse(&full().to_line().unwrap()).unwrap();
    assert_eq!(draft.id, Some(full().uuid()));
    assert_eq!(draft.actor.on_behalf_of.unwrap().id.as_deref(), Some("7"));

    let draft = model::parse(&Entry::new("a", "t", "1").to_line().unwrap()).unwrap();
    assert_eq!(draft.actor, model::Actor::system());
}

#[test]
fn what_is_not_given_is_left_out() {
    let id = "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c";
    let entry = Entry::new("page.edit", "page", "7").id(id.parse().unwrap());
    let expected = format!(r#"{{"id":"{id}","action":"page.edit","entity":{{"type":"page","id":"7"}}}}"#);
    assert_eq!(json_of(&entry), expected);
}

#[test]
fn every_entry_has_an_id_of_its_own() {
    let (one, other) = (Entry::new("a", "t", "1"), Entry::new("a", "t", "1"));
    assert_ne!(one.uuid(), other.uuid());
    assert_eq!(one.uuid().get_version_num(), 7);
    assert_eq!(one.clone().uuid(), one.uuid());
}

#[test]
fn actors() {
    let check = |actor: Actor, expected: &str| assert_eq!(json_of(&actor), expected);
    check(Actor::system(), r#"{"type":"system"}"#);
    check(Actor::service("importer"), r#"{"type":"service","id":"importer"}"#);
    check(Actor::user("1").role("a").role("b"), r#"{"type":"user","id":"1","roles":["a","b"]}"#);
    let deputy = Actor::service("bot").on_behalf_of(Principal::user("7").name("Bea").email("b@example.com"));
    check(
        deputy,
        r#"{"type":"service","id":"bot","on_behalf_of":{"type":"user","id":"7","name":"Bea","email":"b@example.com"}}"#,
    );
    check(
        Actor::user("1").on_behalf_of(Principal::system()),
        r#"{"type":"user","id":"1","on_behalf_of":{"type":"system"}}"#,
    );
}

#[test]
fn kinds_and_outcomes_are_the_servers() {
    let kinds = [Kind::Create, Kind::Update, Kind::Delete, Kind::Read, Kind::Access, Kind::Other];
    let words: Vec<_> = model::Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(json_of(&kinds), json_of(&words));
    assert_eq!(json_of(&[Outcome::Success, Outcome::Failure]), r#"["success","failure"]"#);
}

#[test]
fn an_unserialisable_value_names_its_field() {
    let new = || Entry::new("a", "t", "1");
    let check = |entry: Entry, expected: &str| {
        let message = entry.clone().build().unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{expected}` of entry {}", entry.uuid())), "{message}");
        assert!(entry.to_line().is_err());
        assert!(serde_json::to_string(&entry).unwrap_err().to_string().contains(expected));
    };
    check(new().before(unserialisable()), "before");
    check(new().after(unserialisable()), "after");
    check(new().data(unserialisable()), "data");
    // The first is told, and a later good value does not hide it.
    check(new().before(unserialisable()).after(unserialisable()).before(json!({})), "before");
}

#[test]
fn raw_json_keeps_its_digits_and_loses_its_line_breaks() {
    let raw =
        RawValue::from_string("{\r\n  \"n\": 12345678901234567890.10,\n \"t\": \"a\\nb\"\n}".to_owned());
    let line = Entry::new("a", "t", "1").data(raw.unwrap()).to_line().unwrap();
    let line = String::from_utf8(line).unwrap();
    assert!(!line.contains(['\n', '\r']), "{line}");
    assert!(line.contains(r#""n": 12345678901234567890.10,  "t": "a\nb""#), "{line}");
}

#[test]
fn durations_never_overflow() {
    let entry = Entry::new("a", "t", "1").duration(Duration::MAX);
    assert_eq!(entry.fields.duration_ms, Some(u64::MAX));
}
