//! Every role × every way in × own site, other site and the installation's own: what is not in the API document. The
//! API's routes are in [`access`](crate::access), the AEM dialect's in [`dialects`](crate::dialects).

use model::{Permission, Role};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Server, entry};

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A page, with the cookie of a session.
    Page,
    /// An API, with a token.
    Token,
    /// The same as a stream of events.
    Events,
}

use By::{Events, Page, Token};

/// Path, how it is asked, the permission that it takes on the site in its path, and its status when all is well.
const ROUTES: [(&str, By, Permission, u16); 20] = [
    ("/sites/{site}", Page, Permission::Read, 200),
    ("/sites/{site}/entries/{id}", Page, Permission::Read, 200),
    ("/sites/{site}/entities/page/1", Page, Permission::Read, 200),
    ("/sites/{site}/integrity", Page, Permission::Read, 200),
    ("/sites/{site}/entries/{id}/revert", Page, Permission::Revert, 200),
    ("/api/v1/sites/{site}/entries/tail", Events, Permission::Read, 200),
    ("/api/v1/sites/{site}/entries/tail", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/entries", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/entries/{id}", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/entries/{id}/proof", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/facets", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/completions", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/export?format=csv", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/evidence", Token, Permission::Read, 200),
    ("/api/v1/sites/{site}/settings", Token, Permission::Configure, 200),
    ("/api/v1/sites/{site}/audit", Token, Permission::Read, 200),
    ("/logs/{site}/checkpoint", Token, Permission::Read, 200),
    ("/logs/{site}/log.v1.json", Token, Permission::Read, 200),
    ("/logs/{site}/tile/0/000.p/1", Token, Permission::Read, 200),
    ("/logs/{site}/tile/entries/000.p/1", Token, Permission::Read, 200),
];

/// What a credential for one site, or for all, gets for a route of a site. What is none of its business does not exist.
fn expected(role: Role, own: Option<&str>, site: &str, permission: Permission, success: u16) -> u16 {
    let is_everywhere = role == Role::SuperAdmin && own.is_none();
    let reaches = is_everywhere || (site != "_system" && own.is_none_or(|own| own == site));
    match (reaches, role.may(permission)) {
        (false, _) => 404,
        (true, false) => 403,
        (true, true) => success,
    }
}

/// A server with one entry, of the same id, in each of two sites, and the id of an entry of the installation's own.
async fn stage() -> (Server, String, String) {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let id = "01890000-0000-7000-8000-000000000001".to_owned();
    for site in ["acme.www", "acme.docs"] {
        let body = entry(&format!(r#","id":"{id}""#));
        assert_eq!(server.post(&format!("/api/v1/sites/{site}/entries"), body).await.0, 201);
    }
    let system = server.read("/api/v1/sites/_system/entries").await;
    (server, id, system["data"][0]["id"].as_str().unwrap().to_owned())
}

async fn session(server: &Server, token: &str) -> String {
    let answer =
        server.client.post(server.url("/sign-in")).body(format!("token={token}")).send().await.unwrap();
    answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_role_on_its_own_site_another_and_the_installations() {
    let (server, id, system_id) = stage().await;
    let mut asked = 0;
    for role in Role::all() {
        for own in [Some("acme.www"), Some("acme.docs"), None] {
            let token = server.token(role, own);
            let cookie = session(&server, &token).await;
            for site in ["acme.www", "acme.docs", "_system", "acme.none"] {
                for (path, by, permission, success) in ROUTES {
                    let id = if site == "_system" { &system_id } else { &id };
                    let path = path.replace("{site}", site).replace("{id}", id);
                    // Of what is in `_system`, nothing is a page.
                    let mut wanted = expected(role, own, site, permission, success);
                    let is_missing =
                        site == "acme.none" || (site == "_system" && path.contains("/entities/"));
                    if is_missing && wanted != 404 {
                        wanted = 404;
                    }
                    let request = match by {
                        Page => server.client.get(server.url(&path)).header(COOKIE, &cookie),
                        Token => server.request_as(&token, Method::GET, &path),
                        Events => {
                            server.request_as(&token, Method::GET, &path).header(ACCEPT, "text/event-stream")
                        }
                    };
                    let found = request.send().await.unwrap().status().as_u16();
                    assert_eq!(found, wanted, "{role} of {own:?}: {path} by {by:?}");
                    asked += 1;
                }
            }
        }
    }
    assert_eq!(asked, Role::all().count() * 3 * 4 * ROUTES.len());
}

/// The pages' routes, as the code has them, so that none is forgotten.
fn pages() -> Vec<(Method, String)> {
    let source = include_str!("../../src/ui/mod.rs");
    let mut pages = Vec::new();
    for route in source.split(".route(\"").skip(1) {
        let (path, handlers) = route.split_once("\",").unwrap();
        let handlers = handlers.split(".route(").next().unwrap();
        for (method, word) in [(Method::GET, "get("), (Method::POST, "post(")] {
            if handlers.contains(word) {
                pages.push((method, path.to_owned()));
            }
        }
    }
    pages
}

/// What is there for strangers: signing in, files that hold nothing, and the page that takes a viewer's token.
const OPEN: [&str; 5] = ["/sign-in", "/sign-in/oidc", "/sign-in/oidc/callback", "/assets/{file}", "/embed"];

fn filled(path: &str, site: &str, id: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    for part in &mut parts {
        *part = match *part {
            "{site}" => site,
            "{id}" => id,
            "{type}" => "page",
            other if other.starts_with('{') => "1",
            other => other,
        };
    }
    parts.join("/")
}

#[tokio::test]
async fn no_page_is_shown_to_a_stranger() {
    let (server, id, _) = stage().await;
    let pages = pages();
    assert!(pages.len() > 25, "the routes read: {pages:?}");
    for (method, path) in pages.into_iter().filter(|(_, path)| !OPEN.contains(&path.as_str())) {
        let url = server.url(&filled(&path, "acme.www", &id));
        for cookie in ["", "indelible_session=wrong", "indelible_session="] {
            let answer =
                server.client.request(method.clone(), &url).header(COOKIE, cookie).send().await.unwrap();
            let leads = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{method} {path}");
            assert!(leads.is_some_and(|to| to.starts_with("/sign-in")), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn no_page_of_another_site_is_there() {
    let (server, id, _) = stage().await;
    for role in Role::all() {
        let cookie = session(&server, &server.token(role, Some("acme.docs"))).await;
        for (method, path) in pages().into_iter().filter(|(_, path)| path.contains("{site}")) {
            for site in ["acme.www", "_system"] {
                let url = server.url(&filled(&path, site, &id));
                let answer =
                    server.client.request(method.clone(), &url).header(COOKIE, &cookie).send().await.unwrap();
                let status = answer.status().as_u16();
                // A form may be refused before it is looked at for which site it is.
                let is_refused = status == 404 || (method == Method::POST && matches!(status, 403 | 422));
                assert!(is_refused, "{role} {method} {path} of {site}: {status}");
                assert!(!answer.text().await.unwrap().contains("Home"), "{role} {path}");
            }
        }
    }
}

#[tokio::test]
async fn no_page_of_another_server_posts_here() {
    let (server, id, _) = stage().await;
    let cookie = session(&server, &server.root).await;
    let before = server.size("acme.www").await;
    for (method, path) in pages().into_iter().filter(|(method, _)| *method == Method::POST) {
        let url = server.url(&filled(&path, "acme.www", &id));
        for (name, value) in
            [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")]
        {
            let request =
                server.client.request(method.clone(), &url).header(COOKIE, &cookie).header(name, value);
            let answer =
                request.body("name=x&password=correct+horse+battery&role=super_admin").send().await.unwrap();
            assert_eq!(answer.status(), 403, "{path} from {name}: {value}");
        }
    }
    let users = server.read("/api/v1/users").await;
    assert_eq!((&users["data"], server.size("acme.www").await), (&json!([]), before));
}
