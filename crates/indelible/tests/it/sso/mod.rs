//! Single sign-on: with a provider that tells the truth, and with one that lies.

mod issuer;
mod provider;

use std::collections::HashMap;

use indelible::oidc::{Oidc, Registration};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use self::issuer::{CLIENT_ID, CLIENT_SECRET, Issuer, Signing};
use crate::support::{Server, entry, refused};

fn registration(issuer: &str) -> Registration {
    Registration {
        issuer: issuer.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.to_owned()),
        role_claim: "roles".to_owned(),
        scopes: vec!["profile".to_owned()],
    }
}

/// A server that signs people in with this provider.
async fn server_with(registration: Registration) -> Server {
    let oidc = Oidc::new(registration).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let with_provider = |app: indelible::api::App| app.signing_in_with(Some(oidc)).recording_reading();
    let server = Server::start_as(directory, with_provider).await;
    server.create_site("acme.www");
    server
}

async fn started() -> (Server, Issuer) {
    let issuer = Issuer::start().await;
    (server_with(registration(&issuer.url)).await, issuer)
}

/// A sign-in that was begun: what the browser keeps, and what the provider is asked.
struct Begun {
    cookie: String,
    question: HashMap<String, String>,
    to: String,
}

async fn begin(server: &Server, query: &str) -> Begun {
    let answer = server.client.get(server.url(&format!("/sign-in/oidc{query}"))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", answer.text().await.unwrap());
    let whole = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(whole.contains("HttpOnly") && whole.contains("SameSite=Lax") && whole.contains("Max-Age=900"));
    let to = answer.headers()[LOCATION].to_str().unwrap().to_owned();
    let question = url::Url::parse(&to).unwrap().query_pairs().into_owned().collect();
    Begun { cookie: whole.split(';').next().unwrap().to_owned(), question, to }
}

async fn come_back(server: &Server, cookie: &str, pairs: &[(String, String)]) -> Response {
    let query = serde_urlencoded::to_string(pairs).unwrap();
    let url = server.url(&format!("/sign-in/oidc/callback?{query}"));
    server.client.get(url).header(COOKIE, cookie).send().await.unwrap()
}

/// The cookie of a session that an answer has opened.
fn session(answer: &Response) -> Option<String> {
    let cookies = answer.headers().get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    cookies
        .filter_map(|cookie| cookie.split(';').next())
        .find(|cookie| cookie.starts_with("indelible_session=") && cookie.len() > "indelible_session=".len())
        .map(str::to_owned)
}

/// The whole way, by somebody who agrees.
async fn sign_in(server: &Server, issuer: &Issuer, query: &str) -> Response {
    let begun = begin(server, query).await;
    come_back(server, &begun.cookie, &issuer.agrees(&begun.question)).await
}

/// Nobody was signed in, and the page says why.
async fn turned_away(answer: Response, why: &str) {
    assert!(session(&answer).is_none(), "{why}");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{why}");
    let text = answer.text().await.unwrap();
    assert!(text.contains(why) && text.contains("id=\"single-sign-on\""), "{why}: {text}");
}

async fn events(server: &Server, filter: &str) -> Vec<Value> {
    let indelible = server.indelible.clone();
    tokio::task::spawn_blocking(move || indelible.trail().flush()).await.unwrap();
    let page = server.read(&format!("/api/v1/sites/_system/entries?q={filter}")).await;
    page["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn somebody_signs_in_as_what_the_provider_says() {
    let (server, issuer) = started().await;
    server.appended(entry("")).await;
    let page = server.client.get(server.url("/sign-in?next=/activity")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("href=\"/sign-in/oidc?next=%2Factivity\""), "{page}");
    let begun = begin(&server, "?next=%2Factivity").await;
    assert!(begun.to.starts_with(&format!("{}/authorize?tenant=1&response_type=code&", issuer.url)));
    let callback = server.url("/sign-in/oidc/callback");
    for (name, value) in [
        ("client_id", CLIENT_ID),
        ("redirect_uri", callback.as_str()),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(begun.question[name], value);
    }
    let answer = come_back(&server, &begun.cookie, &issuer.agrees(&begun.question)).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &"/activity".parse().unwrap()));
    let cookie = session(&answer).unwrap();
    let read = |path: &str| server.client.get(server.url(path)).header(COOKIE, &cookie);
    assert_eq!(read("/api/v1/sites/acme.www/entries").send().await.unwrap().status(), 200);
    let append = server.client.post(server.url("/api/v1/sites/acme.www/entries")).header(COOKIE, &cookie);
    refused(append.body(entry("")), 403, "forbidden", "-").await;
    let account = read("/account").send().await.unwrap().text().await.unwrap();
    assert!(account.contains("ana") && !account.contains("Set password"), "{account}");
    let signed_in = events(&server, "action:indelible.sign_in%20outcome:success").await;
    let detail =
        server.read(&format!("/api/v1/sites/_system/entries/{}", signed_in[0]["id"].as_str().unwrap())).await;
    assert_eq!((&detail["actor"]["name"], &detail["data"]["means"]), (&json!("ana"), &json!("oidc")));
    // Everywhere at once, as for users of its own.
    let out =
        server.client.delete(server.url("/api/v1/sessions")).header(COOKIE, &cookie).send().await.unwrap();
    assert_eq!(out.status(), 204);
    refused(read("/api/v1/sites/acme.www/entries"), 401, "unauthenticated", "-").await;
}

#[tokio::test]
async fn an_answer_belongs_to_the_browser_that_asked_and_counts_once() {
    let (server, issuer) = started().await;
    let (mine, theirs) = (begin(&server, "").await, begin(&server, "").await);
    let belongs_to_none = "belongs to no sign-in that was begun in this browser";
    // An answer of somebody else's, as an attacker would slip it under a user.
    let others = issuer.agrees(&theirs.question);
    turned_away(come_back(&server, &mine.cookie, &others).await, belongs_to_none).await;
    turned_away(come_back(&server, "", &others).await, belongs_to_none).await;
    for cookie in ["indelible_attempt=", "indelible_attempt=x.y", "indelible_attempt=chosen-by-somebody.e30"]
    {
        turned_away(come_back(&server, cookie, &others).await, belongs_to_none).await;
    }
    let without_state: Vec<_> = others.iter().filter(|(name, _)| name == "code").cloned().collect();
    turned_away(come_back(&server, &theirs.cookie, &without_state).await, belongs_to_none).await;
    // None of that has used the code up, which is good once.
    let answer = come_back(&server, &theirs.cookie, &others).await;
    assert!(session(&answer).is_some());
    let gone = answer.headers().get_all(SET_COOKIE).iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("indelible_attempt=;") && cookie.contains("Max-Age=0")
    });
    assert!(gone, "each attempt is for one answer");
    turned_away(come_back(&server, &theirs.cookie, &others).await, "was used before").await;
    // A code of another question: its verifier is another.
    let mut mixed = issuer.agrees(&theirs.question);
    mixed[1].1.clone_from(&mine.question["state"]);
    turned_away(come_back(&server, &mine.cookie, &mixed).await, "was used before").await;
    let declined = [
        ("error".to_owned(), "access_denied".to_owned()),
        ("state".to_owned(), mine.question["state"].clone()),
        ("error_description".to_owned(), "<b>call 555-1234</b>".to_owned()),
    ];
    let answer = come_back(&server, &mine.cookie, &declined).await;
    turned_away(answer, "it refused, or the sign-in was cancelled").await;
    let refusals = events(&server, "action:indelible.sign_in%20outcome:failure").await;
    assert!(!refusals.is_empty() && !json!(refusals).to_string().contains("555"));
}

/// What is said of it, who signs it, what is untrue in it.
type Lie = (&'static str, Signing, fn(&mut Value));

#[tokio::test]
async fn tokens_that_prove_nothing_sign_nobody_in() {
    let (server, issuer) = started().await;
    let lies: [Lie; 20] = [
        ("answers another sign-in", Signing::WithOwnKey, |claims| claims["nonce"] = json!("another")),
        ("answers another sign-in", Signing::WithOwnKey, |claims| claims["nonce"] = Value::Null),
        ("for somebody else", Signing::WithOwnKey, |claims| claims["aud"] = json!("another")),
        ("for somebody else", Signing::WithOwnKey, |claims| claims["aud"] = json!(["another"])),
        ("for somebody else", Signing::WithOwnKey, |claims| claims["aud"] = json!([CLIENT_ID, "another"])),
        ("for somebody else", Signing::WithOwnKey, |claims| claims["azp"] = json!("another")),
        ("of another issuer", Signing::WithOwnKey, |claims| claims["iss"] = json!("https://evil.example")),
        ("of another issuer", Signing::WithOwnKey, |claims| claims["iss"] = Value::Null),
        ("has expired", Signing::WithOwnKey, |claims| {
            claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 61);
        }),
        ("has expired", Signing::WithOwnKey, |claims| claims["exp"] = json!(1.5)),
        ("does not read", Signing::WithOwnKey, |claims| claims["exp"] = Value::Null),
        ("does not read", Signing::WithOwnKey, |claims| claims["sub"] = json!(7)),
        ("is from the future", Signing::WithOwnKey, |claims| {
            claims["nbf"] = json!(claims["iat"].as_i64().unwrap() + 600);
        }),
        ("is from the future", Signing::WithOwnKey, |claims| {
            claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 600);
        }),
        ("with an algorithm that is not accepted", Signing::None, |_| ()),
        ("with an algorithm that is not accepted", Signing::WithPublicKeyAsSecret, |_| ()),
        ("with a key that it does not list", Signing::WithUnlistedKey, |_| ()),
        ("the signature of the provider", Signing::UnderAnothersName, |_| ()),
        ("the signature of the provider", Signing::Changed, |_| ()),
        ("ana has no role here", Signing::WithOwnKey, |claims| {
            claims["roles"] = json!(["admins", "super-admin", "auditor:_system"]);
        }),
    ];
    for (why, signing, lie) in lies {
        issuer.lies(signing, lie);
        turned_away(sign_in(&server, &issuer, "").await, why).await;
    }
    assert!(issuer.asked_for("keys") <= 3, "keys that nobody lists are not asked for without end");
    issuer.lies(Signing::WithOwnKey, |_| ());
    assert!(session(&sign_in(&server, &issuer, "").await).is_some());
    let refusals = events(&server, "action:indelible.sign_in%20outcome:failure").await;
    assert!(
        refusals.iter().any(|refusal| refusal["actor"]["name"] == "ana"),
        "it was proven who has no role"
    );
}

#[tokio::test]
async fn another_page_is_not_gone_to_afterwards() {
    let (server, issuer) = started().await;
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\r\nX: y"]
    {
        let query = serde_urlencoded::to_string([("next", next)]).unwrap();
        let answer = sign_in(&server, &issuer, &format!("?{query}")).await;
        assert!(session(&answer).is_some());
        assert_eq!(answer.headers()[LOCATION], "/", "{next}");
        assert!(answer.headers().get("x").is_none());
    }
    // Nor by what a browser was made to keep.
    let begun = begin(&server, "").await;
    let secret = begun.cookie.split_once('.').unwrap().0;
    let forged = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        json!({"next": "//evil.example", "wanted": "super_admin"}).to_string(),
    );
    let answer = come_back(&server, &format!("{secret}.{forged}"), &issuer.agrees(&begun.question)).await;
    assert_eq!(answer.headers()[LOCATION], "/");
    let cookie = session(&answer).unwrap();
    let sites =
        server.client.post(server.url("/api/v1/sites")).header(COOKIE, cookie).body("{\"id\":\"new\"}");
    refused(sites, 403, "forbidden", "-").await;
}

#[tokio::test]
async fn a_provider_changes_its_keys() {
    let (server, issuer) = started().await;
    assert!(session(&sign_in(&server, &issuer, "").await).is_some());
    assert_eq!((issuer.asked_for("discovery"), issuer.asked_for("keys")), (1, 1));
    issuer.rotates("three");
    // It was asked a moment ago, so that one sign-in may have to wait for the new key.
    let mut answer = sign_in(&server, &issuer, "").await;
    while session(&answer).is_none() {
        turned_away(answer, "with a key that it does not list").await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        answer = sign_in(&server, &issuer, "").await;
    }
    assert_eq!(issuer.asked_for("keys"), 2);
}

#[tokio::test]
async fn roles_may_be_in_the_user_information() {
    let (server, issuer) = started().await;
    issuer.lies(Signing::WithOwnKey, |claims| drop(claims.as_object_mut().unwrap().remove("roles")));
    issuer.says_of_user(json!({"sub": "ana", "roles": "owner:acme.www"}));
    let cookie = session(&sign_in(&server, &issuer, "").await).unwrap();
    let tokens = server.client.get(server.url("/api/v1/tokens")).header(COOKIE, cookie);
    assert_eq!(tokens.send().await.unwrap().status(), 200);
    issuer.says_of_user(json!({"sub": "eve", "roles": "super_admin"}));
    turned_away(sign_in(&server, &issuer, "").await, "of two people").await;
    issuer.says_of_user(json!({"sub": "ana"}));
    turned_away(sign_in(&server, &issuer, "").await, "has no role here").await;
}

#[tokio::test]
async fn who_is_several_things_says_which() {
    let (server, issuer) = started().await;
    issuer.lies(Signing::WithOwnKey, |claims| {
        claims["preferred_username"] = json!("<b>ana</b>");
        claims["roles"] = json!(["auditor:acme.www", "admin:acme.docs", "staff"]);
    });
    server.create_site("acme.docs");
    let answer = sign_in(&server, &issuer, "?next=%2Faccount").await;
    assert!(session(&answer).is_none());
    let page = answer.text().await.unwrap();
    assert!(!page.contains("<b>ana") && page.contains("acme.www") && page.contains("acme.docs"), "{page}");
    let href = page
        .split("href=\"")
        .find(|part| part.starts_with("/sign-in/oidc?") && part.contains("docs"))
        .unwrap();
    let query = href
        .split('"')
        .next()
        .unwrap()
        .trim_start_matches("/sign-in/oidc")
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    let answer = sign_in(&server, &issuer, &query).await;
    assert_eq!(answer.headers()[LOCATION], "/account");
    let cookie = session(&answer).unwrap();
    let settings = |site: &str| {
        server.client.get(server.url(&format!("/api/v1/sites/{site}/settings"))).header(COOKIE, &cookie)
    };
    assert_eq!(settings("acme.docs").send().await.unwrap().status(), 200);
    refused(settings("acme.www"), 404, "unknown_site", "-").await;
    // What somebody is not, they cannot choose.
    let answer = sign_in(&server, &issuer, "?as=super_admin").await;
    assert!(session(&answer).is_none() && answer.text().await.unwrap().contains("Sign in as"));
}

#[tokio::test]
async fn a_provider_that_is_away_or_somebody_else_signs_nobody_in() {
    let (server, issuer) = started().await;
    issuer.is(|metadata| metadata["issuer"] = json!("https://evil.example"));
    let attempt = || server.client.get(server.url("/sign-in/oidc")).send();
    let answer = attempt().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("identity provider could not be asked") && !text.contains("evil.example"),
        "{text}"
    );
    assert_eq!(attempt().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(issuer.asked_for("discovery"), 1, "a provider that fails is left alone for a while");
    let unusable: [fn(&mut Value); 4] = [
        |metadata| metadata["token_endpoint"] = json!("http://evil.example/token"),
        |metadata| metadata["jwks_uri"] = json!("file:///etc/passwd"),
        |metadata| drop(metadata.as_object_mut().unwrap().remove("jwks_uri")),
        |metadata| metadata["jwks_uri"] = json!("http://127.0.0.1:1/keys"),
    ];
    for metadata in unusable {
        let issuer = Issuer::start().await;
        issuer.is(metadata);
        let server = server_with(registration(&issuer.url)).await;
        let answer = server.client.get(server.url("/sign-in/oidc")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    // Others sign in all the same.
    let form = format!("token={}", server.root);
    let with_token = server.client.post(server.url("/sign-in")).body(form).send().await.unwrap();
    assert!(session(&with_token).is_some());
    let issuer = Issuer::start().await;
    issuer.is(|metadata| metadata["authorization_response_iss_parameter_supported"] = json!(true));
    let server = server_with(registration(&issuer.url)).await;
    turned_away(sign_in(&server, &issuer, "").await, "of another issuer").await;
    let begun = begin(&server, "").await;
    for (named, is_it) in [("https://evil.example", false), (issuer.url.as_str(), true)] {
        let mut pairs = issuer.agrees(&begun.question);
        pairs.push(("iss".to_owned(), named.to_owned()));
        let answer = come_back(&server, &begun.cookie, &pairs).await;
        assert_eq!(session(&answer).is_some(), is_it, "{named}");
    }
    let wrong = Registration { client_secret: Some("wrong".to_owned()), ..registration(&issuer.url) };
    let server = server_with(wrong).await;
    let begun = begin(&server, "").await;
    let mut pairs = issuer.agrees(&begun.question);
    pairs.push(("iss".to_owned(), issuer.url.clone()));
    let answer = come_back(&server, &begun.cookie, &pairs).await;
    assert_eq!((answer.status(), session(&answer)), (StatusCode::SERVICE_UNAVAILABLE, None));
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_way() {
    let server = Server::start().await;
    let page = server.client.get(server.url("/sign-in")).send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("single-sign-on"));
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?code=a&state=b"] {
        assert_eq!(server.client.get(server.url(path)).send().await.unwrap().status(), 404);
    }
}
