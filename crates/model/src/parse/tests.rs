use super::*;
use crate::limits::CODE_BYTES_MAX;

fn entry(fields: &str) -> String {
    format!(r#"{{"action":"page.update","entity":{{"type":"page","id":"1"}}{fields}}}"#)
}

#[track_caller]
fn refuses(text: &str, code: Code, field: &str) -> String {
    let violations = parse(text.as_bytes()).expect_err(text);
    let first = &violations[0];
    assert_eq!((first.code, first.field.as_str()), (code, field), "{first}");
    first.message.clone()
}

#[test]
fn reads_the_entry_of_the_contract() {
    let draft = parse(
        br#"{"id":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","occurred_at":"2026-11-21T04:15:15.123Z",
        "actor":{"type":"user","id":"42","name":"Ana","email":"ana@example.com","roles":["editor"],
                 "on_behalf_of":{"type":"user","id":"7"}},
        "action":"wagtail.publish","kind":"update","outcome":"success",
        "entity":{"type":"page","id":"1002","title":"Home","url":"https://example.com/"},
        "summary":"Published Home","reason":"ticket 91","before":{"n":9007199254740993},"after":{"n": 1.10},
        "origin":{"ip":"203.0.113.9","user_agent":"UA","method":"POST","route":"live","path":"/home",
                  "query":"","ref":"main","request_id":"r","session_id":"s","channel":"portal"},
        "correlation_id":"67c2b9c4-ff00-4f0e-955f-83e915f859f2","connector":"wagtail","duration_ms":12,
        "errors":["e"],"data":[1, {"a": null}]}"#,
    )
    .unwrap();
    assert_eq!(draft.actor.display_name(), "Ana");
    assert_eq!(draft.before.unwrap().get(), r#"{"n":9007199254740993}"#);
    assert_eq!(draft.after.unwrap().get(), r#"{"n":1.10}"#);
    assert_eq!(draft.data.unwrap().get(), r#"[1,{"a":null}]"#);
    assert_eq!(draft.occurred_at.unwrap().to_string(), "2026-11-21T04:15:15.123Z");
}

#[test]
fn fills_in_defaults() {
    let draft = parse(entry("").as_bytes()).unwrap();
    assert_eq!(draft.actor, Actor::system());
    assert_eq!((draft.kind, draft.kind_given), (Kind::Update, false));
    assert_eq!(draft.outcome, Outcome::Success);
    assert!(draft.id.is_none() && draft.occurred_at.is_none() && draft.before.is_none());
    // null says "none", as in every optional field.
    let draft = parse(entry(r#","before":null,"actor":null,"id":null,"data":null"#).as_bytes()).unwrap();
    assert!(draft.before.is_none() && draft.id.is_none() && draft.data.is_none());
}

#[test]
fn refuses_by_field_and_reason() {
    use Code::{DuplicateKey, InvalidValue, JsonSyntax, MissingField, TooLarge, UnknownField, WrongType};
    refuses("", JsonSyntax, "");
    refuses("[]", WrongType, "");
    refuses("5", WrongType, "");
    refuses("{}", MissingField, "action");
    refuses(r#"{"action":"a"}"#, MissingField, "entity");
    refuses(r#"{"action":"a","entity":{"type":"page"}}"#, MissingField, "entity.id");
    refuses(r#"{"action":"a","entity":"page"}"#, WrongType, "entity");
    refuses(r#"{"action":7,"entity":{"type":"p","id":"1"}}"#, WrongType, "action");
    refuses(r#"{"action":"a","entity":{"type":"p","id":1}}"#, WrongType, "entity.id");
    refuses(&entry(r#","colour":1"#), UnknownField, "colour");
    refuses(&entry(r#","actor":{"type":"user","id":"1","colour":1}"#), UnknownField, "actor.colour");
    refuses(&entry(r#","origin":{"country":"SE"}"#), UnknownField, "origin.country");
    refuses(&entry(r#","action":"b""#), DuplicateKey, "action");
    refuses(&entry(r#","after":{"a":{"b":1,"b":2}}"#), DuplicateKey, "after/a/b");
    refuses(&entry(r#","before":[1]"#), WrongType, "before");
    refuses(&entry(r#","after":"x""#), WrongType, "after");
    refuses(&entry(r#","duration_ms":-1"#), WrongType, "duration_ms");
    refuses(&entry(r#","duration_ms":1.5"#), WrongType, "duration_ms");
    refuses(&entry(r#","errors":"x""#), WrongType, "errors");
    refuses(&entry(r#","errors":[{}]"#), WrongType, "errors[0]");
    refuses(&entry(r#","actor":{"id":"1"}"#), MissingField, "actor.type");
    refuses(&entry(r#","actor":{"type":"user"}"#), MissingField, "actor.id");
    refuses(&entry(r#","actor":{"type":"robot","id":"1"}"#), InvalidValue, "actor.type");
    refuses(&entry(r#","kind":"upsert""#), InvalidValue, "kind");
    refuses(&entry(r#","outcome":"maybe""#), InvalidValue, "outcome");
    refuses(&entry(r#","id":"42""#), InvalidValue, "id");
    refuses(&entry(r#","id":"00000000-0000-0000-0000-000000000000""#), InvalidValue, "id");
    refuses(&entry(r#","correlation_id":"x""#), InvalidValue, "correlation_id");
    refuses(&entry(r#","origin":{"ip":"300.1.1.1"}"#), InvalidValue, "origin.ip");
    refuses(r#"{"action":"","entity":{"type":"p","id":"1"}}"#, InvalidValue, "action");
    refuses(r#"{"action":" a","entity":{"type":"p","id":"1"}}"#, InvalidValue, "action");
    refuses(r#"{"action":"a","entity":{"type":"p","id":""}}"#, InvalidValue, "entity.id");
    let long = "x".repeat(CODE_BYTES_MAX + 1);
    refuses(&format!(r#"{{"action":"{long}","entity":{{"type":"p","id":"1"}}}}"#), TooLarge, "action");
    let huge = "x".repeat(ENTRY_BYTES_MAX);
    refuses(&entry(&format!(r#","summary":"{huge}""#)), TooLarge, "");
}

#[test]
fn refuses_bad_times() {
    for time in [
        "yesterday",
        "2026-11-21",
        "2026-11-21T04:15:15",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "1763698515",
        "2026-11-21T25:00:00Z",
        "",
    ] {
        refuses(&entry(&format!(r#","occurred_at":"{time}""#)), Code::InvalidValue, "occurred_at");
    }
    let offset = parse(entry(r#","occurred_at":"2026-11-21T06:15:15.123456+02:00""#).as_bytes()).unwrap();
    assert_eq!(offset.occurred_at.unwrap().to_string(), "2026-11-21T04:15:15.123456Z");
}

#[test]
fn refuses_what_is_not_utf8() {
    let mut bytes = entry(r#","summary":"x""#).into_bytes();
    let place = bytes.len() - 3;
    bytes[place] = 0xff;
    assert_eq!(parse(&bytes).unwrap_err()[0].code, Code::NotUtf8);
}

#[test]
fn tells_all_bad_values_at_once() {
    let text = entry(r#","id":"x","occurred_at":"y","kind":"z","origin":{"ip":"?"}"#);
    let fields: Vec<String> = parse(text.as_bytes()).unwrap_err().into_iter().map(|v| v.field).collect();
    assert_eq!(fields, ["id", "occurred_at", "kind", "origin.ip"]);
}

#[test]
fn messages_help() {
    let message = refuses(&entry(r#","colour":1"#), Code::UnknownField, "colour");
    assert!(
        message.starts_with("not a field of an entry; known here are id, occurred_at, actor"),
        "{message}"
    );
    let message = refuses(&entry(r#","actor":{"type":"robot","id":"1"}"#), Code::InvalidValue, "actor.type");
    assert_eq!(message, "`robot` is not an actor type: use user, service or system");
}

#[test]
fn names_every_field_that_there_is_none_of() {
    let violations = parse(entry(r#","foo":1,"bar":2"#).as_bytes()).unwrap_err();
    let fields: Vec<_> = violations.iter().map(|v| (v.code, v.field.as_str())).collect();
    assert_eq!(fields, [(Code::UnknownField, "bar"), (Code::UnknownField, "foo")]);
}

#[test]
fn types_are_named_as_json_has_them() {
    let message = refuses(&entry(r#","duration_ms":"a""#), Code::WrongType, "duration_ms");
    assert_eq!(message, "invalid type: string \"a\", expected a whole number from 0 on");
    let message = refuses(&entry(r#","errors":"a""#), Code::WrongType, "errors");
    assert_eq!(message, "invalid type: string \"a\", expected an array");
}
