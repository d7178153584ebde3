//! Who may what: every route of the API document, with every role and every way of having none.

use std::collections::BTreeSet;

use model::Role;
use reqwest::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Server, entry, json, refused};
use indelible::store::SavedSearch;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Not even to be somebody.
    Nothing,
    /// To be somebody: it is about the caller alone.
    ToBeKnown,
    /// To read the site in its path, or any site.
    Read,
    Append,
    /// To revert, or to configure the site.
    Administer,
    /// To manage tokens.
    Govern,
    CreateSites,
}

/// Method, path as in the document, what it needs, and its status when all is well.
const ROUTES: [(&str, &str, Needs, u16); 42] = [
    ("get", "/healthz", Needs::Nothing, 200),
    ("get", "/readyz", Needs::Nothing, 200),
    ("get", "/metrics", Needs::Read, 200),
    ("get", "/api/v1/sites", Needs::Read, 200),
    ("post", "/api/v1/sites", Needs::CreateSites, 201),
    ("get", "/api/v1/entries", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/entries", Needs::Read, 200),
    ("post", "/api/v1/sites/{site}/entries", Needs::Append, 201),
    ("get", "/api/v1/sites/{site}/entries/tail", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/facets", Needs::Read, 200),
    ("get", "/api/v1/facets", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/completions", Needs::Read, 200),
    ("get", "/api/v1/completions", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/export", Needs::Read, 200),
    ("get", "/api/v1/export", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/evidence", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/entries/{id}", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/entries/{id}/proof", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/entities/{type}/{id}/history", Needs::Read, 200),
    ("get", "/api/v1/sites/{site}/entities/{type}/{id}/state", Needs::Read, 200),
    // The entry changed nothing, so that there is nothing to revert.
    ("post", "/api/v1/sites/{site}/entries/{id}/revert", Needs::Administer, 422),
    ("get", "/api/v1/sites/{site}/settings", Needs::Administer, 200),
    ("put", "/api/v1/sites/{site}/settings", Needs::Administer, 200),
    ("post", "/api/v1/sites/{site}/erasures", Needs::Govern, 201),
    ("get", "/api/v1/sites/{site}/connectors", Needs::Administer, 200),
    ("put", "/api/v1/sites/{site}/connectors/{name}", Needs::Administer, 200),
    ("delete", "/api/v1/sites/{site}/connectors/{name}", Needs::Administer, 204),
    ("get", "/api/v1/tokens", Needs::Govern, 200),
    ("post", "/api/v1/tokens", Needs::Govern, 201),
    ("delete", "/api/v1/tokens/{id}", Needs::Govern, 204),
    ("post", "/api/v1/viewer-tokens", Needs::Govern, 201),
    ("get", "/api/v1/users", Needs::Govern, 200),
    ("post", "/api/v1/users", Needs::Govern, 201),
    ("put", "/api/v1/users/{name}", Needs::Govern, 200),
    ("delete", "/api/v1/users/{name}", Needs::Govern, 204),
    ("get", "/api/v1/sessions", Needs::ToBeKnown, 200),
    ("delete", "/api/v1/sessions", Needs::ToBeKnown, 204),
    ("get", "/api/v1/searches", Needs::Read, 200),
    ("post", "/api/v1/searches", Needs::Read, 201),
    ("get", "/api/v1/searches/{id}", Needs::Read, 200),
    ("put", "/api/v1/searches/{id}", Needs::Read, 200),
    ("delete", "/api/v1/searches/{id}", Needs::Read, 204),
];

/// The contract's table "Who may what", written once more.
fn may(role: Role, needs: Needs) -> bool {
    if needs == Needs::ToBeKnown {
        return true;
    }
    match role {
        Role::SuperAdmin => true,
        Role::Owner => needs != Needs::CreateSites,
        Role::Admin => matches!(needs, Needs::Nothing | Needs::Read | Needs::Append | Needs::Administer),
        Role::Auditor => matches!(needs, Needs::Nothing | Needs::Read),
        Role::Writer => matches!(needs, Needs::Nothing | Needs::Append),
        Role::Aem(role) => match role.as_str() {
            "ops" | "config_admin" | "publish" => {
                matches!(needs, Needs::Nothing | Needs::Read | Needs::Append)
            }
            "author" | "develop" => matches!(needs, Needs::Nothing | Needs::Read),
            _ => needs == Needs::Nothing,
        },
    }
}

#[test]
fn every_route_of_the_document_is_in_the_table() {
    let document = serde_json::to_value(indelible::api::document()).unwrap();
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    let known = ROUTES.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(documented, known, "a new route needs a line here that says who may use it");
}

/// Somebody who signs in with a password.
fn user(name: &str) -> String {
    json!({"name": name, "password": "correct horse battery", "role": "writer", "site": "acme.www"})
        .to_string()
}

/// Asks routes about `acme.www` in such a way that only the credential decides.
struct Asker {
    server: Server,
    entry: String,
    /// Numbers the sites that are created.
    asked: std::cell::Cell<u32>,
}

impl Asker {
    async fn start() -> Self {
        let server = Server::start().await;
        server.create_site("acme.docs");
        let entry = server.appended(entry("")).await["id"].as_str().unwrap().to_owned();
        Self { server, entry, asked: 0.into() }
    }

    /// A request without credentials. A saved search that it is about belongs to the super admin.
    async fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.request_of(Role::SuperAdmin, method, path).await
    }

    /// The same for a caller of this role: a saved search that it is about is its own.
    async fn request_of(&self, role: Role, method: &str, path: &str) -> RequestBuilder {
        self.asked.set(self.asked.get() + 1);
        let id = match path {
            path if path.contains("/tokens/") => self.spare_token().await,
            path if path.contains("/searches/") => self.spare_search(role),
            path if path.contains("/entities/") => "1".to_owned(),
            _ => self.entry.clone(),
        };
        let url = path.replace("{site}", "acme.www").replace("{type}", "page").replace("{id}", &id);
        let name = if path.contains("/users/") { self.spare_user().await } else { "cms".to_owned() };
        let url = url.replace("{name}", &name);
        let body = match (method, path) {
            ("post", "/api/v1/sites") => json!({"id": format!("new{}", self.asked.get())}).to_string(),
            ("post", "/api/v1/tokens") => {
                json!({"name": "t", "role": "writer", "site": "acme.www"}).to_string()
            }
            ("post", "/api/v1/viewer-tokens") => json!({"site": "acme.www"}).to_string(),
            ("post", "/api/v1/users") => {
                let name = format!("user{}", self.asked.get());
                user(&name)
            }
            ("put", "/api/v1/users/{name}") => json!({"password": "another long password"}).to_string(),
            ("post", "/api/v1/searches") => {
                json!({"name": self.asked.get().to_string(), "site": "acme.www", "query": "kind=delete"})
                    .to_string()
            }
            ("put", "/api/v1/searches/{id}") => json!({"query": "kind=create"}).to_string(),
            ("put", "/api/v1/sites/{site}/settings") => "{}".to_owned(),
            ("put", "/api/v1/sites/{site}/connectors/{name}") => {
                json!({"revert_url": "https://www.example.com/", "revert_secret": "s"}).to_string()
            }
            ("post", path) if path.ends_with("/erasures") => {
                let spare = self.server.appended(entry("")).await;
                json!({"entry_id": spare["id"], "sections": ["actor"], "reason": "r"}).to_string()
            }
            ("post", path) if path.ends_with("/revert") => String::new(),
            ("post", _) => entry(""),
            _ => String::new(),
        };
        let method: Method = method.to_uppercase().parse().unwrap();
        self.server.client.request(method, self.server.url(&url)).body(body)
    }

    /// A token that may be revoked.
    async fn spare_token(&self) -> String {
        let body = json!({"name": "spare", "role": "writer", "site": "acme.www"});
        let (status, made) = self.server.post("/api/v1/tokens", body.to_string()).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// A user who may be removed.
    async fn spare_user(&self) -> String {
        let name = format!("spare{}", self.asked.get());
        let (status, made) = self.server.post("/api/v1/users", user(&name)).await;
        assert_eq!(status, 201, "{made}");
        name
    }

    /// A saved search of whoever has this role, that may be deleted.
    fn spare_search(&self, role: Role) -> String {
        let search = SavedSearch {
            id: uuid::Uuid::from_u128(self.asked.get().into()),
            owner: role.as_str().to_owned(),
            site: Some("acme.www".parse().unwrap()),
            name: format!("spare {}", self.asked.get()),
            query: "kind=delete".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
        };
        self.server.indelible.store().put_saved_search(&search).unwrap();
        search.id.to_string()
    }
}

#[tokio::test]
async fn every_role_on_every_route() {
    let asker = Asker::start().await;
    for role in Role::all() {
        let sites: &[Option<&str>] = match role {
            Role::SuperAdmin => &[None],
            Role::Owner | Role::Admin | Role::Auditor | Role::Writer | Role::Aem(_) => {
                &[Some("acme.www"), None]
            }
        };
        for site in sites {
            let token = asker.server.token(role, *site);
            for (method, path, needs, success) in ROUTES {
                let request = asker.request_of(role, method, path).await.bearer_auth(&token);
                if may(role, needs) {
                    let (status, body) = json(request.send().await.unwrap()).await;
                    assert_eq!(status, success, "{role} of {site:?}, {method} {path}: {body}");
                } else {
                    let problem = refused(request, 403, "forbidden", "-").await;
                    let detail = problem["detail"].as_str().unwrap();
                    assert!(detail.starts_with(&format!("the role {role} may not ")), "{detail}");
                }
            }
        }
    }
}

#[tokio::test]
async fn nobody_without_a_valid_token() {
    let asker = Asker::start().await;
    let server = &asker.server;
    let revoked = server.token(Role::SuperAdmin, None);
    let tokens = server.read("/api/v1/tokens").await;
    let id = tokens["data"][0]["id"].as_str().unwrap();
    let revoke = server.request(Method::DELETE, &format!("/api/v1/tokens/{id}"));
    assert_eq!(revoke.send().await.unwrap().status(), 204);
    let cut = server.root[..server.root.len() - 1].to_owned();
    let credentials = [
        None,
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer idl_wrong".to_owned()),
        Some(format!("Bearer {cut}")),
        Some(format!("Bearer {revoked}")),
        Some(format!("Basic {}", server.root)),
        Some(server.root.clone()),
    ];
    for credential in credentials {
        for (method, path, needs, success) in ROUTES {
            let mut request = asker.request(method, path).await;
            if let Some(credential) = &credential {
                request = request.header(AUTHORIZATION, credential);
            }
            if needs == Needs::Nothing {
                assert_eq!(request.send().await.unwrap().status(), success, "{path} is open");
                continue;
            }
            let problem = refused(request.try_clone().unwrap(), 401, "unauthenticated", "-").await;
            assert!(problem["detail"].as_str().unwrap().contains("Authorization: Bearer TOKEN"));
            let answer = request.send().await.unwrap();
            assert!(answer.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
        }
    }
    // A token does not belong into an address, where proxies write it down.
    let request = server.client.get(server.url(&format!("/api/v1/sites?token={}", server.root)));
    refused(request, 401, "unauthenticated", "-").await;
    let shouted = server
        .client
        .get(server.url("/api/v1/sites"))
        .header(AUTHORIZATION, format!("BEARER {}", server.root));
    assert_eq!(shouted.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn another_sites_token_learns_nothing() {
    let asker = Asker::start().await;
    for role in Role::all() {
        let token = asker.server.token(role, Some("acme.docs"));
        for (method, path, needs, success) in ROUTES {
            let request = asker.request_of(role, method, path).await.bearer_auth(&token);
            let is_allowed = may(role, needs);
            if needs == Needs::Nothing {
                assert_eq!(request.send().await.unwrap().status(), success);
            } else if path.contains("{site}") {
                refused(request, 404, "unknown_site", "-").await;
            } else if !is_allowed || needs == Needs::CreateSites {
                refused(request, 403, "forbidden", "-").await;
            } else if path.contains("/searches/") {
                // Not even to who has its owner's name.
                refused(request, 404, "not_found", "-").await;
            } else if needs == Needs::ToBeKnown && method == "delete" {
                assert_eq!(request.send().await.unwrap().status(), success);
            } else if method == "get" {
                let (status, answer) = json(request.send().await.unwrap()).await;
                assert_eq!(status, success, "{answer}");
                assert!(!answer.to_string().contains("acme.www"), "{role} {path}: {answer}");
            } else {
                // A token of `acme.www`, to be made or ended, or a search to be saved.
                let is_named = method == "delete" || method == "put";
                let code = if is_named { "not_found" } else { "unknown_site" };
                refused(request, 404, code, "-").await;
            }
        }
    }
}

#[tokio::test]
async fn the_installations_own_log_is_for_super_admins() {
    let server = Server::start().await;
    let entries = server.read("/api/v1/sites/_system/entries").await;
    assert_eq!(entries["data"].as_array().unwrap().last().unwrap()["action"], "indelible.token.create");
    for role in [Role::Owner, Role::Admin, Role::Auditor, Role::Writer] {
        for site in [None, Some("acme.www")] {
            let token = server.token(role, site);
            let request = server.request_as(&token, Method::GET, "/api/v1/sites/_system/entries");
            refused(request, 404, "unknown_site", "-").await;
            let request =
                server.request_as(&token, Method::POST, "/api/v1/sites/_system/entries").body(entry(""));
            refused(request, 404, "unknown_site", "-").await;
        }
    }
}

#[tokio::test]
async fn no_secret_is_stored() {
    let server = Server::start().await;
    let mut waiting = vec![server.directory().to_owned()];
    let mut files = 0;
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // Files of the search index come and go.
        let bytes = match std::fs::read(&path) {
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && path.to_str().unwrap().contains("/index/") =>
            {
                continue;
            }
            bytes => bytes.unwrap(),
        };
        files += 1;
        let secret = &server.root.as_bytes()[4..];
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
    assert!(files > 2, "there is a store to look at");
}

#[tokio::test]
async fn no_answer_has_a_secret() {
    let asker = Asker::start().await;
    let server = &asker.server;
    let secrets = [server.root.clone(), server.token(Role::Owner, Some("acme.www"))];
    for (method, path, ..) in ROUTES.iter().filter(|(method, ..)| *method == "get") {
        let request = asker.request(method, path).await.bearer_auth(&server.root);
        let text = request.send().await.unwrap().text().await.unwrap();
        for secret in &secrets {
            assert!(!text.contains(&secret[4..]), "{path}");
        }
        assert!(!text.contains("sha256") && !text.contains("idl_"), "{path}");
    }
    let system = server.read("/api/v1/sites/_system/entries?limit=1000").await.to_string();
    assert!(!system.contains("idl_") && !system.contains(&server.root[4..]));
}

/// Signs in with a token and returns the cookie.
async fn sign_in(server: &Server, token: &str) -> String {
    let form = format!("token={token}");
    let response = server.client.post(server.url("/sign-in")).body(form).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()[LOCATION].to_str().unwrap()), (303, "/"));
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_screens_cookie_works_for_the_api_and_ends_with_its_token() {
    let server = Server::start().await;
    let owner = server.token(Role::Owner, Some("acme.www"));
    let cookie = sign_in(&server, &owner).await;
    let get = |path: &str| server.client.get(server.url(path)).header(COOKIE, format!("other=1; {cookie}"));
    let (status, sites) = json(get("/api/v1/sites").send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &sites["data"][0]["id"]), (200, &json!("acme.www")));
    // A wrong token is not made good by a cookie.
    refused(get("/api/v1/sites").bearer_auth("idl_wrong"), 401, "unauthenticated", "-").await;

    let append = || {
        let url = server.url("/api/v1/sites/acme.www/entries");
        server.client.post(url).header(COOKIE, cookie.as_str()).body(entry(""))
    };
    assert_eq!(append().send().await.unwrap().status(), 201);
    // A form on a page elsewhere must not write with the visitor's cookie.
    let forged = append().header(ORIGIN, "https://evil.example").header(HOST, server.address.to_string());
    refused(forged, 403, "cross_site", "-").await;
    refused(append().header("Sec-Fetch-Site", "cross-site"), 403, "cross_site", "-").await;
    assert_eq!(server.size("acme.www").await, 1);

    let tokens = server.read("/api/v1/tokens").await;
    let token = tokens["data"].as_array().unwrap().iter().find(|token| token["role"] == "owner").unwrap();
    let path = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
    server.request(Method::DELETE, &path).send().await.unwrap();
    refused(get("/api/v1/sites"), 401, "unauthenticated", "-").await;
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let server = Server::start().await;
    let cookie = sign_in(&server, &server.root).await;
    let get = || server.client.get(server.url("/api/v1/sites")).header(COOKIE, cookie.as_str());
    assert_eq!(get().send().await.unwrap().status(), 200);
    let out =
        server.client.post(server.url("/sign-out")).header(COOKIE, cookie.as_str()).send().await.unwrap();
    assert_eq!(out.status(), 303);
    refused(get(), 401, "unauthenticated", "-").await;
    let wrong = server.client.post(server.url("/sign-in")).body("token=idl_wrong").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers().get(SET_COOKIE).is_none());
}
