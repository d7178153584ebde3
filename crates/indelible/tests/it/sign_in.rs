//! Signing in with a name and a password, and what becomes of sessions.

use model::Role;
use reqwest::header::{COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Server, entry, json, refused};
use indelible::api::App;

const PASSWORD: &str = "correct horse battery";

async fn add_user(server: &Server, name: &str, role: &str, site: Option<&str>) -> Value {
    let body = json!({"name": name, "password": PASSWORD, "role": role, "site": site});
    let (status, user) = server.post("/api/v1/users", body.to_string()).await;
    assert_eq!(status, 201, "{user}");
    user
}

async fn try_sign_in(server: &Server, name: &str, password: &str, cookie: &str) -> Response {
    let form = [("name", name), ("password", password), ("next", "/activity")];
    let request = server
        .client
        .post(server.url("/sign-in"))
        .body(serde_urlencoded::to_string(form).unwrap())
        .header(COOKIE, cookie);
    request.send().await.unwrap()
}

/// The cookie of a session, as a browser sends it.
async fn sign_in(server: &Server, name: &str, password: &str) -> String {
    let answer = try_sign_in(server, name, password, "").await;
    assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &"/activity".parse().unwrap()));
    cookie(&answer)
}

fn cookie(answer: &Response) -> String {
    answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn status_with(server: &Server, cookie: &str) -> u16 {
    let request = server.client.get(server.url("/api/v1/sites/acme.www/entries")).header(COOKIE, cookie);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_user_signs_in_with_what_the_role_may() {
    let server = Server::start().await;
    let user = add_user(&server, "Ana@Example.com", "auditor", Some("acme.www")).await;
    assert_eq!((&user["name"], &user["site"]), (&json!("ana@example.com"), &json!("acme.www")));
    assert!(!user.to_string().contains("argon2"));
    let cookie = sign_in(&server, "ANA@example.com ", PASSWORD).await;
    assert_eq!(status_with(&server, &cookie).await, 200);
    let append = server.client.post(server.url("/api/v1/sites/acme.www/entries"));
    refused(append.header(COOKIE, &cookie).body(entry("")), 403, "forbidden", "-").await;
    for (name, password) in [("ana@example.com", "wrong"), ("nobody", PASSWORD), ("ana@example.com", "")] {
        let answer = try_sign_in(&server, name, password, "").await;
        assert_eq!(answer.status(), 401);
        assert!(answer.headers().get(SET_COOKIE).is_none());
        assert!(answer.text().await.unwrap().contains("do not belong together"));
    }
    let system = server.read("/api/v1/sites/_system/entries?action=indelible.user.create").await;
    assert_eq!(system["data"][0]["entity"]["title"], "ana@example.com");
    assert!(!system.to_string().contains(PASSWORD) && !system.to_string().contains("argon2"));
}

#[tokio::test]
async fn sessions_end_with_the_password_the_user_and_everywhere() {
    let server = Server::start().await;
    add_user(&server, "ana", "admin", Some("acme.www")).await;
    let (one, two) = (sign_in(&server, "ana", PASSWORD).await, sign_in(&server, "ana", PASSWORD).await);
    let with = |method: Method, cookie: &str| {
        server.client.request(method, server.url("/api/v1/sessions")).header(COOKIE, cookie)
    };
    let (_, sessions) = json(with(Method::GET, &one).send().await.unwrap()).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 2);
    assert_eq!(sessions["data"][0]["opened_from"], "127.0.0.1");
    assert_eq!(with(Method::DELETE, &one).send().await.unwrap().status(), 204);
    assert_eq!((status_with(&server, &one).await, status_with(&server, &two).await), (401, 401));

    let session = sign_in(&server, "ana", PASSWORD).await;
    let form = [("current", PASSWORD), ("password", "staple battery horse")];
    let change = server
        .client
        .post(server.url("/account/password"))
        .header(COOKIE, &session)
        .body(serde_urlencoded::to_string(form).unwrap());
    assert_eq!(change.send().await.unwrap().status(), 303);
    assert_eq!(status_with(&server, &session).await, 401);
    assert_eq!(try_sign_in(&server, "ana", PASSWORD, "").await.status(), 401);

    let session = sign_in(&server, "ana", "staple battery horse").await;
    let remove = server.request(Method::DELETE, "/api/v1/users/ana").send().await.unwrap();
    assert_eq!(remove.status(), 204);
    assert_eq!(status_with(&server, &session).await, 401);
    assert_eq!(try_sign_in(&server, "ana", "staple battery horse", "").await.status(), 401);
    // Whoever gets the name later is somebody else.
    add_user(&server, "ana", "auditor", Some("acme.www")).await;
    assert_eq!(status_with(&server, &session).await, 401);
    sign_in(&server, "ana", PASSWORD).await;
}

#[tokio::test]
async fn a_session_given_by_somebody_else_ends_at_sign_in() {
    let server = Server::start().await;
    add_user(&server, "ana", "admin", Some("acme.www")).await;
    add_user(&server, "eve", "auditor", Some("acme.www")).await;
    let planted = sign_in(&server, "eve", PASSWORD).await;
    let own = cookie(&try_sign_in(&server, "ana", PASSWORD, &planted).await);
    assert_ne!(own, planted, "a sign-in never takes over a session that was there");
    assert_eq!((status_with(&server, &planted).await, status_with(&server, &own).await), (401, 200));
    assert_eq!(status_with(&server, "indelible_session=chosen-by-somebody").await, 401);
}

#[tokio::test]
async fn over_tls_only_the_cookie_of_this_very_host_counts() {
    let directory = tempfile::tempdir().unwrap();
    let over_tls =
        |app: App| App::new(app.indelible.clone(), app.gate.clone(), Some("https://audit.example.org"));
    let server = Server::start_as(directory, over_tls).await;
    server.create_site("acme.www");
    add_user(&server, "ana", "admin", Some("acme.www")).await;
    let answer = try_sign_in(&server, "ana", PASSWORD, "").await;
    let whole = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(
        whole.starts_with("__Host-indelible=") && whole.contains("; Secure") && whole.contains("Path=/;")
    );
    assert!(!whole.contains("Domain"));
    let own = cookie(&answer);
    assert_eq!(status_with(&server, &own).await, 200);
    let unprefixed = own.replace("__Host-indelible", "indelible_session");
    assert_eq!(status_with(&server, &unprefixed).await, 401, "a neighbour could have set it");
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let server = Server::start().await;
    add_user(&server, "ana", "admin", Some("acme.www")).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let answer = try_sign_in(&server, "ana", "a wrong password", "").await;
        if answer.status() == 429 {
            assert_eq!(answer.headers()[RETRY_AFTER], "2");
        }
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429]);
    // The right one must wait too: the answer must not tell it from a wrong one.
    assert_eq!(try_sign_in(&server, "ana", PASSWORD, "").await.status(), 429);
    add_user(&server, "ben", "admin", Some("acme.www")).await;
    sign_in(&server, "ben", PASSWORD).await;
}

#[tokio::test]
async fn who_manages_users() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    add_user(&server, "root", "super_admin", None).await;
    add_user(&server, "ana", "admin", Some("acme.www")).await;
    add_user(&server, "doc", "admin", Some("acme.docs")).await;
    let owner = server.token(Role::Owner, Some("acme.www"));
    let (_, users) =
        json(server.request_as(&owner, Method::GET, "/api/v1/users").send().await.unwrap()).await;
    let names: Vec<&Value> = users["data"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["ana"]);
    for name in ["root", "doc", "nobody", "%00", "..%2fana"] {
        let path = format!("/api/v1/users/{name}");
        refused(server.request_as(&owner, Method::DELETE, &path), 404, "not_found", "-").await;
        let body = json!({"password": "another long password"}).to_string();
        refused(server.request_as(&owner, Method::PUT, &path).body(body), 404, "not_found", "-").await;
    }
    let add = |role: &str, site: Option<&str>| {
        let body = json!({"name": "new", "password": PASSWORD, "role": role, "site": site});
        server.request_as(&owner, Method::POST, "/api/v1/users").body(body.to_string())
    };
    refused(add("super_admin", Some("acme.www")), 403, "forbidden", "-").await;
    refused(add("writer", None), 403, "forbidden", "-").await;
    refused(add("writer", Some("acme.docs")), 404, "unknown_site", "-").await;
    assert_eq!(add("writer", Some("acme.www")).send().await.unwrap().status(), 201);
    refused(add("writer", Some("acme.www")), 409, "exists", "-").await;
    for (name, password, field) in [
        ("", PASSWORD, "name"),
        ("a b", PASSWORD, "name"),
        ("a\r\nb", PASSWORD, "name"),
        ("<script>", PASSWORD, "name"),
        ("ana2", "short", "password"),
        ("annabelle", "annabelle-annabelle", "password"),
    ] {
        let body = json!({"name": name, "password": password, "role": "writer", "site": "acme.www"});
        let request = server.request_as(&owner, Method::POST, "/api/v1/users").body(body.to_string());
        refused(request, 422, "invalid_value", field).await;
    }
}

#[tokio::test]
async fn the_pages_show_and_end_what_there_is() {
    let server = Server::start().await;
    add_user(&server, "ana", "owner", Some("acme.www")).await;
    let token = server.token(Role::Writer, Some("acme.www"));
    let session = sign_in(&server, "ana", PASSWORD).await;
    let page = |path: &str| server.client.get(server.url(path)).header(COOKIE, &session);
    let text = page("/account").send().await.unwrap().text().await.unwrap();
    assert!(
        text.contains("127.0.0.1") && text.contains("Sign out everywhere") && text.contains("Set password")
    );
    let text = page("/access").send().await.unwrap().text().await.unwrap();
    assert!(text.contains(">ana<") && text.contains(">writer<") && !text.contains("super_admin"));
    let revoke = text.split("action=\"/access/tokens/").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/access/tokens/{revoke}");
    let post = |path: &str| server.client.post(server.url(path)).header(COOKIE, &session);
    // Not at the bidding of a page elsewhere.
    refused(post(&path).header("Sec-Fetch-Site", "cross-site"), 403, "cross_site", "-").await;
    assert_eq!(post(&path).send().await.unwrap().status(), 303);
    let append = server.request_as(&token, Method::POST, "/api/v1/sites/acme.www/entries").body(entry(""));
    refused(append, 401, "unauthenticated", "-").await;
    let form = [("name", "ben"), ("password", PASSWORD), ("role", "auditor"), ("site", "acme.www")];
    assert_eq!(
        post("/access/users").body(serde_urlencoded::to_string(form).unwrap()).send().await.unwrap().status(),
        303
    );
    let ben = sign_in(&server, "ben", PASSWORD).await;
    let access = server.client.get(server.url("/access")).header(COOKIE, &ben).send().await.unwrap();
    assert_eq!(access.status(), 403);
    assert_eq!(post("/access/users/ben/remove").send().await.unwrap().status(), 303);
    assert_eq!(status_with(&server, &ben).await, 401);
}
