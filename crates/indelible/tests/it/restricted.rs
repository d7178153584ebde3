//! Whatever the rule and whatever the entries: a restricted reader learns of no entry outside of its rule, by no way.

use std::collections::BTreeSet;

use model::Role;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{Server, json};

const TYPES: [&str; 3] = ["page", "post", "rate"];
const ACTORS: [&str; 3] = ["ana", "ben", "cleo"];
const PATHS: [&str; 3] = ["/blog/", "/docs/", "/shop/"];

/// An entry, by what rules ask for.
#[derive(Clone, Copy, Debug)]
struct Made {
    kind: usize,
    actor: usize,
    path: usize,
    deletes: bool,
}

/// A rule: in the filter language, and written out once more.
#[derive(Clone, Debug)]
enum Rule {
    Type(usize),
    Actor(usize),
    Under(usize),
    Deletions,
    Not(Box<Rule>),
    Both(Box<Rule>, Box<Rule>),
    Either(Box<Rule>, Box<Rule>),
}

impl Rule {
    fn text(&self) -> String {
        match self {
            Self::Type(kind) => format!("entity.type:{}", TYPES[*kind]),
            Self::Actor(actor) => format!("actor.id:{}", ACTORS[*actor]),
            Self::Under(path) => format!("entity.id:{}*", PATHS[*path]),
            Self::Deletions => "kind:delete".to_owned(),
            Self::Not(rule) => format!("-({})", rule.text()),
            Self::Both(one, other) => format!("(({}) ({}))", one.text(), other.text()),
            Self::Either(one, other) => format!("(({}) OR ({}))", one.text(), other.text()),
        }
    }

    fn allows(&self, made: Made) -> bool {
        match self {
            Self::Type(kind) => made.kind == *kind,
            Self::Actor(actor) => made.actor == *actor,
            Self::Under(path) => made.path == *path,
            Self::Deletions => made.deletes,
            Self::Not(rule) => !rule.allows(made),
            Self::Both(one, other) => one.allows(made) && other.allows(made),
            Self::Either(one, other) => one.allows(made) || other.allows(made),
        }
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    let leaf = prop_oneof![
        (0..3_usize).prop_map(Rule::Type),
        (0..3_usize).prop_map(Rule::Actor),
        (0..3_usize).prop_map(Rule::Under),
        Just(Rule::Deletions),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let boxed = inner.prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(Rule::Not),
            (boxed.clone(), boxed.clone()).prop_map(|(one, other)| Rule::Both(one, other)),
            (boxed.clone(), boxed).prop_map(|(one, other)| Rule::Either(one, other)),
        ]
    })
}

fn made() -> impl Strategy<Value = Made> {
    (0..3_usize, 0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(kind, actor, path, deletes)| Made {
        kind,
        actor,
        path,
        deletes,
    })
}

/// A word that is in this entry and in no other.
fn mark(number: usize) -> String {
    format!("mark{number:03}x")
}

/// The entry, with its mark wherever a text can be.
fn entry(made: Made, number: usize) -> Value {
    let mark = mark(number);
    json!({
        "action": format!("cms.{mark}"), "kind": if made.deletes { "delete" } else { "update" },
        "actor": {"type": "user", "id": ACTORS[made.actor], "name": mark, "email": format!("{mark}@example.org")},
        "entity": {"type": TYPES[made.kind], "id": format!("{}{}", PATHS[made.path], number % 4), "title": mark},
        "summary": mark, "reason": mark, "before": {"a": mark}, "after": {"a": format!("{mark}y")},
        "origin": {"path": format!("/{mark}"), "channel": mark}, "connector": mark, "data": {"b": mark},
        "correlation_id": "01890000-0000-7000-8000-0000000000aa",
    })
}

/// What a restricted reader is told by one way, and the marks that are in it.
struct Told {
    way: String,
    text: String,
}

impl Told {
    fn marks(&self) -> BTreeSet<String> {
        let starts = self.text.match_indices("mark").map(|(place, _)| place);
        starts
            .filter_map(|place| self.text.get(place..place + 8))
            .filter(|mark| mark.ends_with('x'))
            .map(str::to_owned)
            .collect()
    }
}

/// A reader of one site with a rule: by its token's filter, or by the site's visibility.
struct Restricted<'a> {
    server: &'a Server,
    site: String,
    token: String,
    cookie: Option<String>,
}

impl Restricted<'_> {
    async fn told(&self, path: &str) -> Told {
        let answer = self.server.request_as(&self.token, Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        Told { way: path.to_owned(), text: answer.text().await.unwrap() }
    }

    /// Every page of a list, by its cursors.
    async fn pages(&self, query: &str) -> Told {
        let (mut cursor, mut text) = (String::new(), String::new());
        loop {
            let path = format!("/api/v1/sites/{}/entries?limit=3{query}&cursor={cursor}", self.site);
            let (status, page) =
                json(self.server.request_as(&self.token, Method::GET, &path).send().await.unwrap()).await;
            assert_eq!(status, 200, "{page}");
            text.push_str(&page.to_string());
            let Some(next) = page["page"]["next"].as_str() else {
                return Told { way: format!("pages{query}"), text };
            };
            next.clone_into(&mut cursor);
        }
    }

    /// Everything it can be told, by every way that takes no id.
    async fn everything(&self) -> Vec<Told> {
        let site = format!("/api/v1/sites/{}", self.site);
        let mut told =
            vec![self.pages("").await, self.pages("&sort=user").await, self.pages("&q=mark*").await];
        let mut paths = vec![
            format!("{site}/entries?limit=100&sort=-details"),
            "/api/v1/entries?limit=100".to_owned(),
            format!("{site}/facets?fields=actor,action,kind,entity_type,entity_id&histogram=day"),
            "/api/v1/facets?fields=action,connector".to_owned(),
            format!("{site}/export?format=csv"),
            format!("{site}/export?format=ocsf"),
            "/api/v1/export?format=cef".to_owned(),
            format!("{site}/entries/tail"),
            format!("{site}/evidence"),
            format!("{site}/audit?limit=100"),
            format!("{site}/completions?text=action:cms."),
            format!("{site}/completions?text=actor:mark"),
            "/api/v1/completions?text=entity:mark".to_owned(),
        ];
        for kind in TYPES {
            for path in PATHS {
                let path = url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
                paths.extend(
                    (0..4).map(|number| format!("{site}/entities/{kind}/{path}{number}/history?limit=100")),
                );
            }
        }
        for path in paths {
            told.push(self.told(&path).await);
        }
        if let Some(cookie) = &self.cookie {
            for path in [format!("/sites/{}?limit=100", self.site), "/activity?limit=100".to_owned()] {
                let answer = self
                    .server
                    .client
                    .get(self.server.url(&path))
                    .header(COOKIE, cookie)
                    .send()
                    .await
                    .unwrap();
                assert_eq!(answer.status(), 200, "{path}");
                told.push(Told { way: path, text: answer.text().await.unwrap() });
            }
        }
        told
    }
}

async fn check(server: &Server, number: u32, rule: &Rule, entries: &[Made]) {
    let site = format!("acme.site{number}");
    server.create_site(&site);
    let batch: Vec<Value> = entries.iter().enumerate().map(|(at, made)| entry(*made, at)).collect();
    let (status, answer) =
        server.post(&format!("/api/v1/sites/{site}/entries"), json!(batch).to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let ids: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|result| result["id"].as_str().unwrap()).collect();
    let allowed: BTreeSet<String> =
        entries.iter().enumerate().filter(|(_, made)| rule.allows(**made)).map(|(at, _)| mark(at)).collect();

    let body = json!({"name": "part", "role": "auditor", "site": site, "filter": rule.text()});
    let (status, made) = server.post("/api/v1/tokens", body.to_string()).await;
    assert_eq!(status, 201, "{made}");
    let by_filter = made["token"].as_str().unwrap().to_owned();
    let by_rule = server.token(Role::Auditor, Some(&site));
    let settings = server.request(Method::PUT, &format!("/api/v1/sites/{site}/settings"));
    let settings = settings.json(&json!({"visibility": {"auditor": rule.text()}})).send().await.unwrap();
    assert_eq!(settings.status(), 200);
    let sign_in =
        server.client.post(server.url("/sign-in")).body(format!("token={by_rule}")).send().await.unwrap();
    let cookie = sign_in.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();

    for (token, cookie) in [(by_filter, None), (by_rule, Some(cookie))] {
        let reader = Restricted { server, site: site.clone(), token, cookie };
        for told in reader.everything().await {
            let marks = told.marks();
            assert!(
                marks.is_subset(&allowed),
                "{} by {}: {:?}",
                rule.text(),
                told.way,
                marks.difference(&allowed)
            );
            let tells_all =
                told.way.starts_with("pages") || told.way.contains("export") || told.way.ends_with("/tail");
            assert!(
                !tells_all || marks == allowed,
                "{} by {}: {:?}",
                rule.text(),
                told.way,
                allowed.difference(&marks)
            );
        }
        let count = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        // The entry that tells of the rule may be within it, and bears no mark.
        let marked = "limit=1&count=exact&q=-action%3Aindelible.site.settings";
        let list = reader.told(&format!("/api/v1/sites/{site}/entries?{marked}")).await;
        let list: Value = serde_json::from_str(&list.text).unwrap();
        assert_eq!(count(&list["page"]["total"]), allowed.len(), "{}", rule.text());
    }
    let token = server.token(Role::Auditor, Some(&site));
    for (at, id) in ids.iter().enumerate() {
        for path in [format!("entries/{id}"), format!("entries/{id}/proof")] {
            let path = format!("/api/v1/sites/{site}/{path}");
            let status = server.request_as(&token, Method::GET, &path).send().await.unwrap().status();
            assert_eq!(status == 200, allowed.contains(&mark(at)), "{}: {path}", rule.text());
            assert!(status == 200 || status == 404, "{path}: {status}");
        }
    }
}

#[test]
fn a_restricted_reader_learns_of_nothing_outside_of_its_rule() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(Server::start());
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(rule(), vec(made(), 8..20)), |(rule, entries)| {
        number.set(number.get() + 1);
        runtime.block_on(check(&server, number.get(), &rule, &entries));
        Ok(())
    });
    runtime.block_on(async { drop(server) });
    result.unwrap();
}
