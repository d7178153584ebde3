//! `log()`: what an entry says, and what is wrong with one.

use std::collections::HashMap;
use std::sync::Arc;

use client::{
    Action, Actor, Audited, EntityRef, Error, Kind, LogContext, LogError, Logger, Memory, Model, Outcome,
    Registry, State, WithoutActor, log, log_change,
};
use serde_json::json;

struct Page {
    id: Option<u32>,
    title: String,
    secret: String,
}

impl Audited for Page {
    fn entity_type(&self) -> &'static str {
        "blog.page"
    }
    fn entity_id(&self) -> Option<String> {
        self.id.map(|id| id.to_string())
    }
    fn entity_title(&self) -> Option<String> {
        Some(self.title.clone())
    }
    fn state(&self) -> Option<State> {
        Some(State::new().field("title", &self.title).masked("secret", &self.secret))
    }
}

fn page() -> Page {
    Page { id: Some(7), title: "Home".into(), secret: "s3cret".into() }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    for (code, kind) in [
        ("page.create", Kind::Create),
        ("page.edit", Kind::Update),
        ("page.delete", Kind::Delete),
        ("page.view", Kind::Read),
    ] {
        registry.register(Action::new(code, kind, code)).unwrap();
    }
    let rename =
        Action::new("page.rename", Kind::Update, "Rename").message("Renamed to '{new}'").comment("{comment}");
    registry.register(rename).unwrap();
    registry.register_model("order", Model::new().site("acme.orders")).unwrap();
    registry
}

fn logger() -> (Arc<Memory>, Logger) {
    let memory = Arc::new(Memory::default());
    (memory.clone(), Logger::new("acme.www", registry(), memory).connector("cms"))
}

#[test]
fn states_follow_from_the_kind_of_action() {
    let (memory, logger) = logger();
    let page = page();
    for action in ["page.create", "page.edit", "page.delete", "page.view"] {
        logger.log(&page, action).system().record().unwrap();
    }
    logger.log(&page, "page.edit").system().outcome(Outcome::Failure).error("no").record().unwrap();
    let entries = memory.entries();
    let there: Vec<_> =
        entries.iter().map(|entry| (entry["before"].is_object(), entry["after"].is_object())).collect();
    assert_eq!(there, [(false, true), (false, true), (true, false), (false, false), (false, false)]);
    assert_eq!(entries[0]["after"], json!({"title": "Home", "secret": "[masked]"}));
    assert_eq!((&entries[0]["kind"], &entries[0]["connector"]), (&json!("create"), &json!("cms")));
    assert_eq!(entries[0]["entity"], json!({"type": "blog.page", "id": "7", "title": "Home"}));
    assert!(entries[0]["occurred_at"].is_string());
    assert!(!format!("{entries:?}").contains("s3cret"));
}

#[test]
fn a_change_is_captured_and_a_failed_one_is_not_logged() {
    let (memory, logger) = logger();
    LogContext::new().actor(Actor::user("42")).logger(logger).sync_scope(|| {
        let mut page = page();
        let change = |page: &mut Page| {
            page.title = "Start".into();
            page.secret = "n3w".into();
            Ok::<(), &str>(())
        };
        log_change(&mut page, "page.edit", change).unwrap().record().unwrap();
        assert_eq!(log_change(&mut page, "page.edit", |_| Err("no")).unwrap_err(), "no");
    });
    let entries = memory.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["before"], json!({"title": "Home", "secret": "[masked]"}));
    assert_eq!(
        entries[0]["after"],
        json!({"title": "Start", "secret": "[masked 2]"}),
        "it tells that it changed"
    );
}

#[test]
fn messages_and_comments_are_made_from_data() {
    let (memory, logger) = logger();
    let page = page();
    let data = json!({"new": "Start", "comment": "ticket 91"});
    logger.log(&page, "page.rename").system().data(&data).record().unwrap();
    logger.log(&page, "page.rename").system().data(&data).summary("s").reason("r").record().unwrap();
    logger.log(&page, "page.rename").system().record().unwrap();
    let texts: Vec<_> =
        memory.entries().iter().map(|entry| (entry["summary"].clone(), entry["reason"].clone())).collect();
    assert_eq!(texts[0], (json!("Renamed to 'Start'"), json!("ticket 91")));
    assert_eq!(texts[1], (json!("s"), json!("r")));
    assert_eq!(texts[2], (json!(null), json!(null)), "nothing to tell: readers show the label");
}

#[test]
fn entries_of_a_registered_type_go_to_their_own_site() {
    let (memory, logger) = logger();
    let sites = |entity: &EntityRef| {
        logger.log(entity, "page.edit").system().record().unwrap();
        memory.outgoing().pop().unwrap().site
    };
    assert_eq!(sites(&EntityRef::new("order", "1")), "acme.orders");
    assert_eq!(sites(&EntityRef::new("order.line", "1")), "acme.orders");
    assert_eq!(sites(&EntityRef::new("page", "1")), "acme.www");
    logger.log(&EntityRef::new("order", "1"), "page.edit").system().site("other").record().unwrap();
    assert_eq!(memory.outgoing().pop().unwrap().site, "other");
}

/// Has a state that is no JSON.
struct Odd;
impl Audited for Odd {
    fn entity_type(&self) -> &'static str {
        "odd"
    }
    fn entity_id(&self) -> Option<String> {
        Some("1".into())
    }
    fn state(&self) -> Option<State> {
        Some(State::new().field("map", &HashMap::from([(vec![1], 1)])))
    }
}

#[test]
fn mistakes_are_told_and_nothing_is_logged() {
    let (memory, logger) = logger();
    let page = page();
    let check = |error: LogError, parts: &[&str]| {
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    let refused = |pending: client::PendingEntry<'_>| pending.record().unwrap_err();
    check(refused(log(&page, "page.edit").system()), &["install a logger"]);
    check(refused(logger.log(&page, "page.edit")), &["page.edit", "nobody says who", "LogContext::scope"]);
    check(
        refused(logger.log(&page, "page.edti").system()),
        &["`page.edti` is not registered; `page.edit` is"],
    );
    check(refused(logger.log(&page, "fly").system()), &["`fly` is not registered. Register it"]);
    check(refused(logger.log(&page, "").system()), &["`` is not registered"]);
    let new = Page { id: None, ..self::page() };
    check(refused(logger.log(&new, "page.create").system()), &["the blog.page has no id yet. Save it first"]);
    let odd = HashMap::from([(vec![1], 1)]);
    check(
        refused(logger.log(&page, "page.edit").system().data(&odd)),
        &["`data`", "cannot be written as JSON"],
    );
    check(refused(logger.log(&Odd, "page.edit").system()), &["`after`", "the field `map`"]);
    let long = logger.log(&page, "page.edit").system().data("x".repeat(1024 * 1024));
    let error = refused(long);
    assert!(
        matches!(&error, LogError::Entry(error) if matches!(**error, Error::TooLarge { .. })),
        "{error:?}"
    );
    assert_eq!(memory.entries().len(), 0);
}

#[test]
fn entries_of_nobody_can_be_the_systems_and_are_marked() {
    let (memory, logger) = logger();
    let logger = logger.without_actor(WithoutActor::System);
    logger.log(&page(), "page.edit").record().unwrap();
    let entry = memory.entries().remove(0);
    assert_eq!(
        (&entry["actor"]["type"], &entry["origin"]["channel"]),
        (&json!("system"), &json!("no context"))
    );
}

#[cfg(feature = "schema")]
#[test]
fn data_must_fit_the_schemas_of_action_and_type() {
    let mut registry = registry();
    let amount =
        json!({"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}});
    registry.register(Action::new("order.pay", Kind::Update, "Pay").schema(amount)).unwrap();
    let currency = json!({"required": ["currency"]});
    registry.register_model("invoice", Model::new().schema(currency)).unwrap();
    let bad = Action::new("bad", Kind::Other, "Bad").schema(json!({"type": "nonsense"}));
    assert!(registry.register(bad).unwrap_err().to_string().contains("schema cannot be used"));

    let memory = Arc::new(Memory::default());
    let logger = Logger::new("acme.www", registry, memory.clone());
    let misfit = |kind: &str, data: serde_json::Value| {
        let entity = EntityRef::new(kind, "1");
        logger.log(&entity, "order.pay").system().data(data).record().err().map(|error| error.to_string())
    };
    assert_eq!(misfit("order", json!({"amount": 7})), None);
    let error = misfit("order", json!({"amount": "s3cret"})).unwrap();
    assert!(error.contains("`/amount`") && !error.contains("s3cret"), "{error}");
    assert!(misfit("order", json!(null)).is_some());
    assert!(misfit("invoice", json!({"amount": 7})).unwrap().contains("currency"));
    assert_eq!(memory.entries().len(), 1);
}
