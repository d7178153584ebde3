//! `#[derive(Audited)]` around a change.

use std::sync::Arc;

use client::{Action, Audited, Kind, LogContext, Logger, Memory, Registry, log, log_change};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Address {
    city: &'static str,
}

#[derive(Audited)]
#[audited(entity = "user", crate = "::client")]
struct User<T: Serialize> {
    #[audited(id)]
    number: Option<u32>,
    #[audited(title)]
    name: String,
    #[audited(mask)]
    pin: Option<u32>,
    #[audited(rename = "home")]
    address: Address,
    r#type: T,
    #[audited(skip)]
    seen: bool,
}

#[test]
fn a_change_is_logged_with_its_states() {
    let mut registry = Registry::new();
    registry.register(Action::new("user.edit", Kind::Update, "Edit")).unwrap();
    let memory = Arc::new(Memory::default());
    let context = LogContext::new().system().logger(Logger::new("acme.www", registry, memory.clone()));
    let address = Address { city: "Graz" };
    let mut user =
        User { number: None, name: "Ana".into(), pin: Some(1234), address, r#type: "editor", seen: false };
    context.sync_scope(|| {
        assert!(log(&user, "user.edit").record().unwrap_err().to_string().contains("has no id yet"));
        user.number = Some(7);
        let change = |user: &mut User<&str>| {
            (user.name, user.pin, user.seen) = ("Anna".into(), Some(4321), true);
            Ok::<(), std::fmt::Error>(())
        };
        log_change(&mut user, "user.edit", change).unwrap().record().unwrap();
    });
    assert!(user.seen);
    let entry = memory.entries().remove(0);
    assert_eq!(entry["entity"], json!({"type": "user", "id": "7", "title": "Anna"}));
    let state =
        |name: &str, pin: &str| json!({"name": name, "pin": pin, "home": {"city": "Graz"}, "type": "editor"});
    assert_eq!(entry["before"], state("Ana", "[masked]"));
    assert_eq!(entry["after"], state("Anna", "[masked 2]"));
    assert!(!memory.outgoing()[0].text().contains("1234"));
}
