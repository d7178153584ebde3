//! Entries for tests: one of everything with texts that want to break out, one with nothing, one erased.

use model::{Actor, ActorType, Entity, Entry, Kind, OnBehalfOf, Origin, Outcome};
use serde_json::value::RawValue;
use tlog::Hash;

pub(crate) const BEFORE: &str = r#"{"n":9007199254740993,"t":"a|b=\\c\n\u0000","é":"\u202e"}"#;
pub(crate) const AFTER: &str = r#"{"n":9007199254740995,"t":"a|b=\\c\n\u0000","é":"\u202e","x;y":-0.10}"#;
pub(crate) const DATA: &str = "-12345678901234567890.10";

pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

pub(crate) fn hash() -> Hash {
    tlog::leaf_hash(b"a leaf")
}

/// What only `action` and `entity` make.
pub(crate) fn minimal() -> Entry {
    Entry {
        site: "www".parse().unwrap(),
        index: 0,
        id: "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c".parse().unwrap(),
        recorded_at: "2026-11-21T04:15:15.125Z".parse().unwrap(),
        occurred_at: "2026-11-21T04:15:15Z".parse().unwrap(),
        action: "page.publish".to_owned(),
        kind: Kind::Update,
        outcome: Outcome::Success,
        connector: None,
        source: "website".to_owned(),
        actor: Some(Actor::system()),
        origin: None,
        entity: Some(entity("page", "1002", None)),
        before: None,
        after: None,
        partial: None,
        summary: None,
        reason: None,
        correlation_id: None,
        duration_ms: None,
        errors: Vec::new(),
        data: None,
        reverts: None,
        erased: Vec::new(),
    }
}

pub(crate) fn entity(kind: &str, id: &str, title: Option<&str>) -> Entity {
    Entity {
        kind: kind.to_owned(),
        id: id.to_owned(),
        previous_id: None,
        title: title.map(str::to_owned),
        url: None,
    }
}

/// Every field, hostile to every format.
pub(crate) fn full() -> Entry {
    let some = |text: &str| Some(text.to_owned());
    let list = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
    Entry {
        site: "acme.www".parse().unwrap(),
        index: 7,
        occurred_at: "2026-11-21T04:15:15.123456Z".parse().unwrap(),
        action: r"page.a|b\c".to_owned(),
        outcome: Outcome::Failure,
        connector: some("wagtail"),
        source: "tok=1".to_owned(),
        actor: Some(Actor {
            kind: ActorType::User,
            id: some("=42"),
            name: some("Ana \"A\", Ådal"),
            email: some("ana@example.com"),
            roles: list(["editor", "a;b"]),
            on_behalf_of: Some(OnBehalfOf {
                kind: ActorType::User,
                id: some("7"),
                name: some("+Bo"),
                email: None,
            }),
        }),
        origin: Some(Origin {
            ip: Some("2001:db8::1".parse().unwrap()),
            user_agent: some("Moz\u{0}5.0 (X=1)"),
            method: some("POST"),
            route: some("live"),
            path: some("/ho|me"),
            query: some("a=1&b=\"2\""),
            r#ref: some("main"),
            request_id: some("r-1"),
            session_id: some("s-1"),
            channel: some("portal "),
        }),
        entity: Some(Entity {
            previous_id: some("=1001"),
            url: some("https://example.com/?a=b|c"),
            ..entity("page", "-1002", Some("Home\r\nsweet"))
        }),
        before: Some(raw(BEFORE)),
        after: Some(raw(AFTER)),
        summary: some("\u{202e}@SUM(1)\\|=\nline two"),
        reason: some(" ＝1+1"),
        correlation_id: Some("0193b0c6-0000-7000-8000-000000000001".parse().unwrap()),
        duration_ms: Some(12),
        errors: list(["disk full", "tab\there"]),
        partial: Some(false),
        data: Some(raw(DATA)),
        reverts: Some("0193b0c6-0000-7000-8000-000000000002".parse().unwrap()),
        ..minimal()
    }
}

/// What is left when every section that can go is gone.
pub(crate) fn erased() -> Entry {
    Entry { actor: None, entity: None, ..minimal() }
}
