//! `northwind.press`: press releases on AEM Edge Delivery, where the log knows operations rather than
//! states: who previewed, published and purged which path, how long it took and what went wrong.

use serde_json::{Value, json};

use super::calendar::Script;
use super::edit::{list, set, toggle, within};
use super::people::{NORTHWIND, someone};
use super::stage::{Deed, Request, Stage, Thing};

pub(super) const SCRIPT: Script = Script {
    moments_per_day: 8,
    work: &[
        (34, preview_and_publish),
        (14, preview),
        (7, publish_many),
        (6, unpublish),
        (4, delete),
        (6, purge),
        (6, sync_code),
        (5, reindex),
        (3, configure),
        (3, take_snapshot),
        (3, prepare_form),
        (2, refused),
    ],
    clockwork: &[(4 * 60, index_nightly), (4 * 60 + 20, rebuild_sitemap)],
    events: &[(45, 16 * 60 + 20, bad_deploy), (9, 8 * 60 + 55, embargo)],
};

const PATHS: &[&str] = &[
    "/",
    "/news/forty-days-at-sea",
    "/news/new-tin-new-sound",
    "/news/autumn-ship-is-in",
    "/news/growers-prize",
    "/news/statement-on-pine",
    "/news/harvest-letter-2026",
    "/people/marketa-dolezel",
    "/people/caspian-wray",
    "/media/logos",
    "/media/photographs",
    "/contact",
    "/ar/news/shay-al-masa",
    "/nav",
    "/footer",
];

pub(super) fn furnish(stage: &mut Stage) {
    let fields = json!({"label": "Site configuration", "access": {"preview": ["*@northwind.example.com"],
        "admin": {"role": {"admin": ["marketa@northwind.example.com", "gustav@northwind.example.com"],
        "publish": ["elio@northwind.example.com"]}}},
        "headers": [{"path": "/**", "name": "x-robots-tag", "value": "all"}],
            "cdn": {"prod": {"host": "press.northwind.example.com", "type": "managed"}},
            "sitemaps": ["/sitemap.xml"]});
    stage.furnish("config", Thing::new("/config/northwind/sites/press.json", &fields));
}

/// An operation of a person on a path, as AEM's admin service sees it.
fn operation(stage: &mut Stage, route: &str, method: &str, path: &str) -> Request {
    let person = someone(&mut stage.random, NORTHWIND, &["editor", "author", "admin"]);
    stage.by(person).from("method", method).from("route", route).from("path", path).from("ref", "main")
}

/// The record of an operation, with the keys AEM gives it.
fn record(request: &Request, status: u64, duration_ms: u64) -> Value {
    let of = |field: &str| request.origin.get(field).cloned().unwrap_or_default();
    json!({"status": status, "duration": duration_ms, "method": of("method"), "route": of("route"),
        "path": of("path"),
        "user": request.actor.get("email"), "contentBusId": "2c1b9f0d5e", "org": "northwind",
            "site": "press", "ref": "main"})
}

fn entity_type(path: &str) -> &'static str {
    if path.contains('.') || path.ends_with('*') { "resource" } else { "page" }
}

/// An operation in words: done, and tried.
fn words(action: &str) -> (&'static str, &'static str) {
    match action {
        "aem.preview" => ("Previewed", "Preview of"),
        "aem.unpreview" => ("Removed from preview", "Removal from preview of"),
        "aem.publish" => ("Published", "Publication of"),
        "aem.unpublish" => ("Unpublished", "Unpublishing of"),
        "aem.index" => ("Indexed", "Indexing of"),
        "aem.unindex" => ("Removed from the index", "Removal from the index of"),
        "aem.cache.purge" => ("Purged the cache of", "Cache purge of"),
        _ => ("Prepared", "Preparation of"),
    }
}

/// Tells one operation. One in thirty fails.
fn run(stage: &mut Stage, by: &Request, action: &str, path: &str, (low, high): (u64, u64)) -> bool {
    let duration = stage.random.between(low, high);
    let words = words(action);
    if stage.random.below(30) == 0 {
        let (status, error) = stage.random.pick(&[
            (502, "origin did not answer in time"),
            (413, "image is larger than 20 MB"),
            (415, "unsupported block: carousel-of-carousels"),
            (404, "source document not found"),
        ]);
        let deed = Deed::new(action, format!("{} {path} failed: {error}", words.1))
            .failed(&[error])
            .took(duration * 3);
        stage.note(by, entity_type(path), path, None, deed.data(record(by, status, duration * 3)));
        return false;
    }
    let deed =
        Deed::new(action, format!("{} {path}", words.0)).took(duration).data(record(by, 200, duration));
    stage.note(by, entity_type(path), path, None, deed);
    true
}

fn preview(stage: &mut Stage) {
    let path = stage.random.pick(PATHS);
    for _ in 0..stage.random.between(1, 3) {
        let by = operation(stage, "preview", "POST", path);
        run(stage, &by, "aem.preview", path, (180, 900));
        stage.wait(20, 240);
    }
}

fn preview_and_publish(stage: &mut Stage) {
    let path = stage.random.pick(PATHS);
    let by = operation(stage, "preview", "POST", path);
    if run(stage, &by, "aem.preview", path, (180, 900)) {
        stage.wait(5, 120);
        let by = Request { origin: by.origin.clone(), ..by }.from("route", "live");
        run(stage, &by, "aem.publish", path, (250, 1400));
    }
}

fn publish_many(stage: &mut Stage) {
    let by = operation(stage, "live", "POST", "/*");
    let start = stage.random.position(PATHS.len());
    let count = stage.random.position(5) + 3;
    let paths: Vec<&str> = PATHS.iter().cycle().skip(start).take(count).copied().collect();
    for path in paths {
        let by = by.clone().from("path", path);
        run(stage, &by, "aem.publish", path, (250, 2400));
    }
}

fn unpublish(stage: &mut Stage) {
    let path = stage.random.pick(PATHS);
    let by = operation(stage, "live", "DELETE", path);
    run(stage, &by, "aem.unpublish", path, (120, 500));
    stage.wait(200, 900);
    let by = operation(stage, "live", "POST", path);
    run(stage, &by, "aem.publish", path, (250, 1400));
}

/// The sidekick's "Delete" is two operations.
fn delete(stage: &mut Stage) {
    let path = format!(
        "/drafts/{}-{}",
        stage.random.pick(&["test", "copy-of-copy", "final-final", "do-not-publish"]),
        stage.next_id("draft", 0)
    );
    let by = operation(stage, "preview", "DELETE", &path);
    run(stage, &by, "aem.unpreview", &path, (90, 400));
    let by = by.from("route", "live");
    run(stage, &by, "aem.unpublish", &path, (90, 400));
}

fn purge(stage: &mut Stage) {
    let path = stage.random.pick(&["/*", "/news/*", "/media/logos/mark.svg", "/styles/styles.css"]);
    let by = operation(stage, "cache", "POST", path);
    run(stage, &by, "aem.cache.purge", path, (60, 700));
}

fn sync_code(stage: &mut Stage) {
    let by = stage.by_service("code-bot", "Code synchronisation", "192.0.2.140");
    let by = by.from("method", "POST").from("route", "code").from("path", "/*").from("ref", "main");
    let commit = format!("{:010x}", stage.random.below(1 << 40));
    let took = stage.random.between(1500, 9000);
    let changed: Vec<&str> =
        ["/styles/styles.css", "/blocks/hero/hero.js", "/blocks/quote/quote.css", "/scripts/scripts.js"]
            .into_iter()
            .filter(|_| stage.random.chance(50))
            .collect();
    let deed =
        Deed::new("aem.code.sync", format!("{} files synchronised from {commit}", changed.len())).took(took);
    stage.note(&by, "resource", "/*", None, deed.data(json!({"commit": commit, "changed": changed})));
    let by = by.from("route", "job");
    stage.note(
        &by,
        "resource",
        "/*",
        None,
        Deed::new("aem.job", "Cache purge job started")
            .data(json!({"topic": "code-purge", "commit": commit})),
    );
}

fn reindex(stage: &mut Stage) {
    let path = stage.random.pick(PATHS);
    let remove = stage.random.chance(20);
    let by = operation(stage, "index", if remove { "DELETE" } else { "POST" }, path);
    run(stage, &by, if remove { "aem.unindex" } else { "aem.index" }, path, (40, 300));
}

fn index_nightly(stage: &mut Stage) {
    let by = stage.by_system("indexer");
    let updated = stage.random.between(2, 14);
    let took = stage.random.between(400, 4000);
    let deed = Deed::new("aem.indexer", format!("Index updated, {updated} changes")).took(took);
    stage.note(
        &by,
        "site",
        "northwind/press",
        None,
        deed.data(json!({"source": "indexer",
        "changes": [format!("default: updated {updated} paths in {took}ms")], "unmodified": 40 - updated})),
    );
}

fn rebuild_sitemap(stage: &mut Stage) {
    let by = stage.by_system("sitemap");
    let deed = Deed::new("aem.sitemap.update", "Sitemaps rebuilt")
        .data(json!({"source": "sitemap", "updated": [["/sitemap.xml", "/sitemap-ar.xml"]]}));
    stage.note(&by, "resource", "/sitemap.xml", None, deed);
}

fn configure(stage: &mut Stage) {
    let person = someone(&mut stage.random, NORTHWIND, &["admin", "owner"]);
    let path = "/config/northwind/sites/press.json";
    let by = stage
        .by(person)
        .from("method", "POST")
        .from("route", "config")
        .from("path", path)
        .from("ref", "main");
    let took = stage.random.between(80, 300);
    let deed = Deed::new("aem.config.update", "Site configuration updated").took(took);
    stage.change(&by, "config", 0, deed, |state, random| match random.below(3) {
        0 => {
            if let Some(role) = within(state, "access")
                .and_then(|access| within(access, "admin"))
                .and_then(|admin| within(admin, "role"))
            {
                toggle(
                    role,
                    "publish",
                    random.pick(&[
                        "hanne@northwind.example.com",
                        "idris@northwind.example.com",
                        "kwabena@northwind.example.com",
                    ]),
                );
            }
        }
        1 => {
            if let Some(headers) = list(state, "headers") {
                let header = json!({"path": "/drafts/**", "name": "x-robots-tag", "value": "noindex"});
                match headers.iter().position(|known| *known == header) {
                    Some(at) => drop(headers.remove(at)),
                    None => headers.push(header),
                }
            }
        }
        _ => {
            if let Some(prod) = within(state, "cdn").and_then(|cdn| within(cdn, "prod")) {
                set(prod, "type", random.pick(&["managed", "byo"]));
            }
        }
    });
}

fn take_snapshot(stage: &mut Stage) {
    let by = operation(stage, "snapshot", "POST", "/.snapshots/harvest");
    let paths: Vec<&str> = PATHS.iter().skip(1).take(stage.random.position(4) + 2).copied().collect();
    let deed = Deed::new("aem.snapshot", format!("{} pages added to the snapshot harvest", paths.len()));
    stage.note(&by, "snapshot", "harvest", None, deed.data(json!({"snapshotId": "harvest", "paths": paths})));
}

fn prepare_form(stage: &mut Stage) {
    let by = operation(stage, "form", "POST", "/contact/incoming");
    run(stage, &by, "aem.form", "/contact/incoming", (200, 600));
}

fn refused(stage: &mut Stage) {
    let person = someone(&mut stage.random, NORTHWIND, &["viewer", "reviewer"]);
    let by = stage
        .by(person)
        .from("method", "POST")
        .from("route", "live")
        .from("path", "/news/statement-on-pine")
        .from("ref", "main");
    let deed = Deed::new("aem.publish", "Publication of /news/statement-on-pine refused")
        .failed(&["not authorized"])
        .took(14);
    stage.note(&by, "page", "/news/statement-on-pine", None, deed.data(record(&by, 403, 14)));
}

/// A release that broke the front page, and its way back.
fn bad_deploy(stage: &mut Stage) {
    sync_code(stage);
    for path in ["/", "/news/autumn-ship-is-in", "/contact"] {
        let by = operation(stage, "preview", "POST", path);
        let deed = Deed::new("aem.preview", format!("Preview of {path} failed: hero.js: unexpected token"))
            .took(5003);
        stage.note(
            &by,
            "page",
            path,
            None,
            deed.failed(&["hero.js:17: unexpected token '<'", "rendering stopped"])
                .data(record(&by, 500, 5003)),
        );
        stage.wait(30, 200);
    }
    stage.wait(300, 600);
    sync_code(stage);
    publish_many(stage);
}

/// Published an hour before the embargo ended, taken down four minutes later.
fn embargo(stage: &mut Stage) {
    let path = "/news/growers-prize";
    let by = operation(stage, "live", "POST", path);
    let deed = Deed::new("aem.publish", format!("Published {path}")).took(612).data(record(&by, 200, 612));
    stage.note(&by, "page", path, None, deed.because("thought it was nine already"));
    stage.wait(240, 250);
    let person = someone(&mut stage.random, NORTHWIND, &["owner"]);
    let by = stage
        .by(person)
        .from("method", "DELETE")
        .from("route", "live")
        .from("path", path)
        .from("ref", "main");
    let deed =
        Deed::new("aem.unpublish", format!("Unpublished {path}")).took(188).data(record(&by, 204, 188));
    stage.note(&by, "page", path, None, deed.because("PR-412: embargo ends at 10:00"));
}
