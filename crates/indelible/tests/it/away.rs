//! A program that logs over HTTP while the server is killed again and again: each entry is in the log, once.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use client::outbox::{Outbox, OutboxSettings};
use client::{Actor, EntityRef, LogContext, Logger, Registry, log};
use indelible::{Indelible, OpenOptions};
use model::Role;

use crate::filled::create_site;
use crate::process::{Process, command, run};
use crate::support::token;

const SITE: &str = "acme.www";
const KILLS: usize = 6;

#[test]
fn entries_arrive_once_while_the_server_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let indelible = Indelible::open(&data, &OpenOptions::default()).unwrap();
    create_site(&indelible, SITE);
    let secret = token(&indelible, "cms", Role::Writer, Some(SITE));
    drop(indelible);

    // Each server is where the last one was.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let serve = || {
        let mut command = command();
        command.arg("serve").arg("--data").arg(&data).args(["--listen", &format!("127.0.0.1:{port}")]);
        Process::spawn(command)
    };
    let transport = client::Server::new(&format!("http://127.0.0.1:{port}"), &secret).unwrap();
    let wait = Duration::from_millis(5);
    let settings = OutboxSettings {
        batch_entries: 10,
        segment_bytes: 20_000,
        backoff_first: wait,
        backoff_max: wait,
        ..OutboxSettings::default()
    };
    let outbox = Outbox::open(directory.path().join("outbox"), Arc::new(transport), settings).unwrap();
    let logger = Logger::with_outbox(SITE, Registry::any(), outbox);
    let is_over = AtomicBool::new(false);
    let (mut logged, mut last) = (HashSet::new(), None);
    std::thread::scope(|scope| {
        let logging = scope.spawn(|| {
            let context = LogContext::new().actor(Actor::user("42")).logger(logger.clone());
            let mut ids = HashSet::new();
            context.sync_scope(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let page = EntityRef::new("page", ids.len().to_string());
                    ids.insert(log(&page, "page.edit").record().unwrap().id());
                }
            });
            ids
        });
        for round in 0..KILLS {
            let server = serve();
            // Some of them are taken before the next kill, wherever that finds them.
            let outbox = logger.outbox().unwrap();
            let arrived = || outbox.inspect().unwrap().arrived.get(SITE).map(|arrived| arrived.index);
            let before = arrived();
            while arrived() <= before {
                std::thread::yield_now();
            }
            if round + 1 < KILLS {
                server.kill();
            } else {
                last = Some(server);
            }
        }
        is_over.store(true, Ordering::SeqCst);
        logged = logging.join().unwrap();
        logger.close(Duration::from_mins(5)).unwrap();
    });
    last.unwrap().kill();

    let verified = run(&data, &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let indelible = Indelible::open(&data, &OpenOptions::default()).unwrap();
    let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
    let size = indelible.published().size(site.log).unwrap();
    assert_eq!(usize::try_from(size).unwrap(), logged.len(), "each is there, and once");
    for id in &logged {
        assert!(indelible.search().by_id(&site, *id).unwrap().is_some(), "{id}");
    }
    let report = client::outbox::inspect(&directory.path().join("outbox")).unwrap();
    assert!(!report.has_findings() && report.waiting == 0, "{report}");
}
