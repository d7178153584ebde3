//! `/searches`: lists that people keep under a name and share by their address.

use model::Role;
use reqwest::header::{HOST, LOCATION, ORIGIN};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{Server, entry, json, refused, token};
use crate::visitor::Visitor;

const SEARCHES: &str = "/api/v1/searches";

fn post(server: &Server, token: &str, body: &Value) -> RequestBuilder {
    server.request_as(token, Method::POST, SEARCHES).body(body.to_string())
}

/// Saves a search, which must be taken.
async fn saved(server: &Server, token: &str, body: &Value) -> Value {
    let (status, search) = json(post(server, token, body).send().await.unwrap()).await;
    assert_eq!(status, 201, "{search}");
    search
}

fn path(search: &Value) -> String {
    format!("{SEARCHES}/{}", search["id"].as_str().unwrap())
}

/// The names of a caller's searches.
async fn names(server: &Server, token: &str) -> Vec<String> {
    let (status, list) = json(server.request_as(token, Method::GET, SEARCHES).send().await.unwrap()).await;
    assert_eq!(status, 200, "{list}");
    let name = |search: &Value| search["name"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap().iter().map(name).collect()
}

fn location(response: &Response) -> &str {
    assert_eq!(response.status(), 303);
    response.headers()[LOCATION].to_str().unwrap()
}

#[tokio::test]
async fn a_search_is_saved_listed_changed_and_deleted() {
    let server = Server::start().await;
    let ana = token(&server.indelible, "ana", Role::Auditor, None);
    assert!(names(&server, &ana).await.is_empty());
    let size = server.size("_system").await;
    let body = json!({"name": " Deletions by Ana ", "site": "acme.www", "query": "?kind=delete&user=Ana%20Lima&ip="});
    let search = saved(&server, &ana, &body).await;
    for (field, value) in [
        ("name", json!("Deletions by Ana")),
        ("site", json!("acme.www")),
        ("query", json!("kind=delete&user=Ana+Lima")),
        ("owner", json!("ana")),
        ("url", json!("/sites/acme.www?kind=delete&user=Ana+Lima")),
    ] {
        assert_eq!(search[field], value, "{field}");
    }
    search["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();

    let network = json!({"name": "all deletions", "site": null, "query": "kind=delete"});
    let network = saved(&server, &ana, &network).await;
    assert_eq!((&network["site"], &network["url"]), (&Value::Null, &json!("/activity?kind=delete")));
    assert_eq!(names(&server, &ana).await, ["all deletions", "Deletions by Ana"]);
    assert!(names(&server, &server.root).await.is_empty(), "everybody has their own");

    // What is left out stays.
    let put = |body: &Value| server.request_as(&ana, Method::PUT, &path(&search)).body(body.to_string());
    let (status, renamed) = json(put(&json!({"name": "Deletions"})).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &renamed["name"]), (200, &json!("Deletions")), "{renamed}");
    let (_, changed) = json(put(&json!({"query": "kind=create"})).send().await.unwrap()).await;
    assert_eq!((&changed["name"], &changed["query"]), (&json!("Deletions"), &json!("kind=create")));
    for field in ["id", "site", "owner", "created_at"] {
        assert_eq!(changed[field], search[field], "{field}");
    }
    let get = || server.request_as(&ana, Method::GET, &path(&search));
    assert_eq!(json(get().send().await.unwrap()).await.1, changed);

    let delete = || server.request_as(&ana, Method::DELETE, &path(&search));
    assert_eq!(delete().send().await.unwrap().status(), 204);
    refused(delete(), 404, "not_found", "-").await;
    refused(get(), 404, "not_found", "-").await;
    assert_eq!(names(&server, &ana).await, ["all deletions"]);
    assert_eq!(server.size("_system").await, size, "personal settings are no entries");
}

#[tokio::test]
async fn what_cannot_be_saved() {
    let server = Server::start().await;
    let root = &server.root;
    for (query, field) in [
        ("colour=red", "query.colour"),
        ("kind=upsert", "query.kind"),
        ("from=yesterday", "query.from"),
        ("sort=size", "query.sort"),
        ("user=a&cursor=abc", "query.cursor"),
        ("user=a&limit=50", "query.limit"),
        ("user=a&count=exact", "query.count"),
        (&format!("user={}", "%20".repeat(2_000)), "query"),
    ] {
        let body = json!({"name": "n", "site": "acme.www", "query": query});
        let problem = post(&server, root, &body).send().await.unwrap();
        assert_eq!(problem.status(), 422, "{query}");
        let problem: Value = problem.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    for name in ["", "  ", "a\nb", "\u{7f}", &"n".repeat(101)] {
        let body = json!({"name": name, "query": "kind=delete"});
        refused(post(&server, root, &body), 422, "invalid_value", "name").await;
    }
    saved(&server, root, &json!({"name": "ö".repeat(100), "query": "kind=delete"})).await;
    refused(post(&server, root, &json!({"name": "n"})), 422, "missing_field", "query").await;
    let unknown = json!({"name": "n", "query": "", "owner": "ana"});
    refused(post(&server, root, &unknown), 422, "unknown_field", "owner").await;
    let body = json!({"name": "n", "site": "acme.nothing", "query": ""});
    refused(post(&server, root, &body), 404, "unknown_site", "-").await;
    assert_eq!(names(&server, root).await.len(), 1, "what was refused is not there");
}

#[tokio::test]
async fn a_name_is_taken_once_per_owner_and_list() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let ana = token(&server.indelible, "ana", Role::Auditor, None);
    for site in [json!("acme.www"), json!("acme.docs"), Value::Null] {
        let body = json!({"name": "mine", "site": site, "query": "kind=delete"});
        let first = saved(&server, &ana, &body).await;
        let problem = refused(post(&server, &ana, &body), 409, "exists", "-").await;
        let offer = problem["detail"].as_str().unwrap();
        assert!(offer.contains(&format!("PUT or DELETE {}", path(&first))), "{offer}");
        saved(&server, &server.root, &body).await;
    }
    let other = saved(&server, &ana, &json!({"name": "other", "query": ""})).await;
    let rename = server.request_as(&ana, Method::PUT, &path(&other)).body(r#"{"name":"mine"}"#);
    refused(rename, 409, "exists", "-").await;
    let same = server.request_as(&ana, Method::PUT, &path(&other)).body(r#"{"name":"other"}"#);
    assert_eq!(same.send().await.unwrap().status(), 200, "its own name is not in its way");
}

#[tokio::test]
async fn there_is_a_limit_for_each_owner() {
    let server = Server::start().await;
    let body = |number: usize| json!({"name": format!("n{number}"), "query": "kind=delete"});
    let mut last = Value::Null;
    for number in 0..200 {
        last = saved(&server, &server.root, &body(number)).await;
    }
    let problem = refused(post(&server, &server.root, &body(200)), 409, "too_many", "-").await;
    assert!(problem["detail"].as_str().unwrap().starts_with("200 saved searches"), "{problem}");
    let rename = server.request(Method::PUT, &path(&last)).body(r#"{"name":"renamed"}"#);
    assert_eq!(rename.send().await.unwrap().status(), 200);
    saved(&server, &server.token(Role::Owner, None), &body(0)).await;
    server.request(Method::DELETE, &path(&last)).send().await.unwrap();
    saved(&server, &server.root, &body(200)).await;
}

#[tokio::test]
async fn whoever_may_read_the_site_opens_it_and_its_owner_alone_changes_it() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let ana = token(&server.indelible, "ana", Role::Auditor, Some("acme.www"));
    let ben = token(&server.indelible, "ben", Role::Owner, Some("acme.www"));
    let eve = token(&server.indelible, "eve", Role::Owner, Some("acme.docs"));
    // Names are not unique: this one is Ana's, but on another site.
    let namesake = token(&server.indelible, "ana", Role::Owner, Some("acme.docs"));
    let writer = server.token(Role::Writer, Some("acme.www"));
    let search = saved(&server, &ana, &json!({"name": "x", "site": "acme.www", "query": "user=a"})).await;
    let ask = |token: &str, method: Method| server.request_as(token, method, &path(&search)).body("{}");

    for token in [&ben, &server.root] {
        let (status, shared) = json(ask(token, Method::GET).send().await.unwrap()).await;
        assert_eq!((status.as_u16(), &shared), (200, &search));
        for method in [Method::PUT, Method::DELETE] {
            let problem = refused(ask(token, method), 403, "forbidden", "-").await;
            assert!(problem["detail"].as_str().unwrap().contains("only its owner"), "{problem}");
        }
        assert!(names(&server, token).await.is_empty());
    }
    let missing = format!("{SEARCHES}/0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c");
    for token in [&eve, &namesake] {
        let unknown = refused(server.request_as(token, Method::GET, &missing), 404, "not_found", "-").await;
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let problem = refused(ask(token, method), 404, "not_found", "-").await;
            let same =
                |problem: &Value| problem["detail"].as_str().unwrap().split('`').next().map(str::to_owned);
            assert_eq!(same(&problem), same(&unknown), "nothing tells that it is there");
        }
        assert!(names(&server, token).await.is_empty());
        let body = json!({"name": "y", "site": "acme.www", "query": ""});
        refused(post(&server, token, &body), 404, "unknown_site", "-").await;
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        refused(ask(&writer, method), 403, "forbidden", "-").await;
    }
    refused(post(&server, &writer, &json!({"name": "y", "query": ""})), 403, "forbidden", "-").await;
    refused(server.request_as(&writer, Method::GET, SEARCHES), 403, "forbidden", "-").await;
    for id in ["garbage", "%ff"] {
        refused(server.request(Method::GET, &format!("{SEARCHES}/{id}")), 404, "not_found", "-").await;
    }
    for (method, path) in [(Method::GET, SEARCHES), (Method::POST, SEARCHES), (Method::DELETE, &missing)] {
        refused(server.client.request(method, server.url(path)), 401, "unauthenticated", "-").await;
    }
}

#[tokio::test]
async fn they_survive_a_restart() {
    let server = Server::start().await;
    let ana = token(&server.indelible, "ana", Role::Auditor, None);
    let search = saved(&server, &ana, &json!({"name": "x", "site": "acme.www", "query": "user=a"})).await;
    let server = Server::start_in(server.stop().await).await;
    let (_, list) = json(server.request_as(&ana, Method::GET, SEARCHES).send().await.unwrap()).await;
    assert_eq!(list, json!({"data": [search]}));
}

#[tokio::test]
async fn the_list_saves_shows_applies_and_deletes_them() {
    let server = Server::start().await;
    server.appended(entry(r#","actor":{"type":"user","id":"42","name":"Ana"}"#)).await;
    let ana = token(&server.indelible, "ana", Role::Auditor, Some("acme.www"));
    let visitor = Visitor::sign_in(&server, &ana).await;
    let form = r#"<form action="/searches" method="post">"#;
    let page = visitor.page("/sites/acme.www").await;
    assert!(!page.contains("Saved searches"), "nothing is saved, and there is nothing to save");
    for filtered in ["/sites/acme.www?user=42&limit=25", "/activity?user=42", "/sites/acme.www?user=nobody"] {
        assert!(visitor.page(filtered).await.contains(form), "{filtered}");
    }
    let wrong = visitor.page("/sites/acme.www?user=42&colour=red").await;
    assert!(!wrong.contains(form), "what is no list cannot be saved");

    // Times of the form are minutes in UTC; what is saved says so.
    let page = visitor.page("/sites/acme.www?user=42&from=2020-01-01T00:00&limit=25&kind=").await;
    assert!(page.contains(r#"name="query" value="user=42&#38;from=2020-01-01T00%3A00%3A00Z""#), "{page}");
    let query = "user=42&from=2020-01-01T00%3A00%3A00Z";
    let pairs = [("site", "acme.www"), ("query", query), ("name", "<b>Ana & co</b>")];
    let forged = visitor.form("/searches", &pairs).header(ORIGIN, "https://evil.example");
    refused(forged.header(HOST, server.address.to_string()), 403, "cross_site", "-").await;
    let response = visitor.form("/searches", &pairs).send().await.unwrap();
    let list = format!("/sites/acme.www?{query}");
    assert_eq!(location(&response), list);
    let again = visitor.form("/searches", &pairs).send().await.unwrap();
    assert_eq!(again.status(), 409);
    assert!(again.text().await.unwrap().contains("choose another name"));

    let (_, own) = json(server.request_as(&ana, Method::GET, SEARCHES).send().await.unwrap()).await;
    let id = own["data"][0]["id"].as_str().unwrap();
    let link = format!(r#"href="/searches/{id}""#);
    for place in ["/sites/acme.www", list.as_str()] {
        let page = visitor.page(place).await;
        assert!(page.contains("Saved searches (1)") && page.contains(&link), "{page}");
        assert!(page.contains("&#60;b&#62;Ana &#38; co&#60;/b&#62;") && !page.contains(form), "{page}");
        assert_eq!(page.contains(&format!(r#"{link} aria-current="true""#)), place == list);
    }
    assert!(!visitor.page("/activity").await.contains(&link), "it is a search of the site");

    // Shared by its address, for who may read the site.
    let shared = format!("/searches/{id}");
    assert_eq!(location(&visitor.get(&shared).await), list);
    assert!(visitor.page(&list).await.contains("Ana"));
    let ben = Visitor::sign_in(&server, &token(&server.indelible, "ben", Role::Auditor, None)).await;
    assert_eq!(location(&ben.get(&shared).await), list);
    assert!(!ben.page(&list).await.contains(&link), "it is not among Ben's own");
    server.create_site("acme.docs");
    let eve = token(&server.indelible, "eve", Role::Auditor, Some("acme.docs"));
    let eve = Visitor::sign_in(&server, &eve).await;
    assert_eq!(eve.get(&shared).await.status(), 404);
    let stranger = server.client.get(server.url(&shared)).send().await.unwrap();
    assert_eq!(location(&stranger), format!("/sign-in?next=%2Fsearches%2F{id}"));
    let stranger = server.client.post(server.url("/searches")).body("name=x").send().await.unwrap();
    assert_eq!(location(&stranger), "/sign-in");

    let delete = format!("{shared}/delete");
    let next = [("next", "/sites/acme.www?user=42")];
    assert_eq!(ben.form(&delete, &next).send().await.unwrap().status(), 403);
    assert_eq!(eve.form(&delete, &next).send().await.unwrap().status(), 404);
    assert_eq!(location(&visitor.form(&delete, &next).send().await.unwrap()), next[0].1);
    assert!(!visitor.page("/sites/acme.www").await.contains("Saved searches"));
    assert_eq!(visitor.get(&shared).await.status(), 404);

    let network = visitor.form("/searches", &[("site", ""), ("query", "user=42"), ("name", "all")]);
    assert_eq!(location(&network.send().await.unwrap()), "/activity?user=42");
    let elsewhere = visitor.form("/searches", &[("site", "acme.docs"), ("query", "user=42"), ("name", "x")]);
    assert_eq!(elsewhere.send().await.unwrap().status(), 404);
}
