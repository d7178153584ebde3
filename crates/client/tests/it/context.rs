//! Contexts: a thousand tasks at once, threads, panics.

use std::collections::HashMap;
use std::sync::Arc;

use client::{Actor, EntityRef, LogContext, Logger, Memory, Origin, Registry, carry, carry_fn, log};
use serde_json::Value;
use tokio::task::JoinSet;

fn logger() -> (Arc<Memory>, Logger) {
    let memory = Arc::new(Memory::default());
    (memory.clone(), Logger::new("acme.www", Registry::any(), memory))
}

fn note(task: usize, step: &str) {
    log(&EntityRef::new("task", task.to_string()), step).record().unwrap();
}

/// What one task does: it yields wherever another could come between.
async fn work(task: usize) {
    let pause = tokio::task::yield_now;
    note(task, "outer");
    pause().await;
    let nested = LogContext::new().actor(Actor::user(format!("nested-{task}"))).logger(own_logger());
    nested
        .scope(async {
            note(task, "nested");
            pause().await;
            LogContext::inherit()
                .system()
                .scope(async {
                    pause().await;
                    note(task, "system");
                })
                .await;
            pause().await;
            note(task, "nested");
        })
        .await;
    pause().await;
    note(task, "outer");
    let mut set = JoinSet::new();
    set.spawn(carry(async move {
        tokio::task::yield_now().await;
        note(task, "outer");
    }));
    set.spawn_blocking(carry_fn(move || note(task, "outer")));
    set.spawn(async { assert!(LogContext::current().is_none(), "nothing leaks into other tasks") });
    set.join_all().await;
    note(task, "outer");
}

fn own_logger() -> Logger {
    // The nested context is a new one, so it is given the logger of the outer.
    LOGGER.with(Clone::clone)
}

tokio::task_local! { static LOGGER: Logger; }

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_never_mix_actors_or_correlation_ids() {
    let (memory, logger) = logger();
    let mut tasks = JoinSet::new();
    for task in 0..1000 {
        let context = LogContext::new().actor(Actor::user(format!("outer-{task}"))).logger(logger.clone());
        tasks.spawn(LOGGER.scope(logger.clone(), context.scope(work(task))));
    }
    tasks.join_all().await;

    let entries = memory.entries();
    assert_eq!(entries.len(), 8 * 1000);
    let mut correlations: HashMap<String, (String, bool)> = HashMap::new();
    for entry in &entries {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (task, step) = (text(&entry["entity"]["id"]), text(&entry["action"]));
        let expected = match step.as_str() {
            "system" => String::new(),
            other => format!("{other}-{task}"),
        };
        assert_eq!(text(&entry["actor"]["id"]), expected, "{entry}");
        assert_eq!(entry["actor"]["type"], if step == "system" { "system" } else { "user" });
        // Each of the two contexts of a task has its own correlation id, and shares it with nobody.
        let owner = (task, step == "outer");
        let known = correlations.entry(text(&entry["correlation_id"])).or_insert_with(|| owner.clone());
        assert_eq!(*known, owner, "{entry}");
    }
    assert_eq!(correlations.len(), 2 * 1000);
}

#[test]
fn a_context_ends_with_its_scope_also_on_panic() {
    let outer = LogContext::new().actor(Actor::user("outer"));
    let who = || LogContext::current().and_then(|context| context.who().cloned());
    outer.sync_scope(|| {
        let inner = LogContext::new().actor(Actor::user("inner"));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            inner.sync_scope(|| {
                assert_eq!(who(), Some(Actor::user("inner")));
                panic!("on purpose");
            });
        }));
        assert!(panicked.is_err());
        assert_eq!(who(), Some(Actor::user("outer")));
        // The same context again, within itself: nothing leaks.
        outer.sync_scope(|| outer.sync_scope(|| assert_eq!(who(), Some(Actor::user("outer")))));
        assert_eq!(who(), Some(Actor::user("outer")));
    });
    assert_eq!(who(), None);
}

#[test]
fn what_the_call_says_goes_before_the_context_and_the_context_can_be_given() {
    let (memory, logger) = logger();
    let origin = Origin::new().path("/admin");
    let context =
        LogContext::new().actor(Actor::user("42")).origin(origin).reason("ticket 91").logger(logger.clone());
    let page = EntityRef::new("page", "7").title("Home");
    context.sync_scope(|| {
        log(&page, "a").record().unwrap();
        log(&page, "b").system().reason("because").record().unwrap();
        log(&page, "c").user("7").correlation_id(uuid::Uuid::nil()).record().unwrap();
    });
    logger.log(&page, "d").context(&context).record().unwrap();
    let entries = memory.entries();
    let field = |n: usize, pointer: &str| entries[n].pointer(pointer).and_then(Value::as_str);
    let id = context.id().to_string();
    assert_eq!((field(0, "/actor/id"), field(0, "/reason")), (Some("42"), Some("ticket 91")));
    assert_eq!(field(0, "/origin/path"), Some("/admin"));
    assert_eq!(field(0, "/correlation_id"), Some(id.as_str()));
    assert_eq!((field(1, "/actor/type"), field(1, "/reason")), (Some("system"), Some("because")));
    assert_eq!(field(1, "/correlation_id"), Some(id.as_str()));
    assert_eq!(
        (field(2, "/actor/id"), field(2, "/correlation_id")),
        (Some("7"), Some("00000000-0000-0000-0000-000000000000"))
    );
    assert_eq!((field(3, "/actor/id"), field(3, "/correlation_id")), (Some("42"), Some(id.as_str())));
}
