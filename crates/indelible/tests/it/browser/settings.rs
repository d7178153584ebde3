//! A site's settings, set by forms that need no scripts.

use model::Role;
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Browser, server_with};
use crate::support::Server;

const PAGE: &str = "/sites/acme.www/settings";
const ENTRY: &str = "0193aaaa-0000-7000-8000-000000000001";

impl Browser {
    /// Presses the button with these words.
    async fn press_button(&self, words: &str) {
        let xpath = format!("//main//button[normalize-space()='{words}']");
        let button = self.client.find(super::Locator::XPath(&xpath)).await;
        let button = button.unwrap_or_else(|error| panic!("button “{words}”: {error}"));
        self.leave(async || button.click().await.unwrap()).await;
    }
}

async fn changes(server: &Server) -> Vec<Value> {
    let log = server.read("/api/v1/sites/acme.www/entries?action=indelible.site.settings").await;
    log["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_form_sets_what_it_shows_and_its_change_is_an_entry() {
    let server = Server::start().await;
    let browser = Browser::open_without_scripts(&server).await;
    browser.sign_in(&server.token(Role::Owner, Some("acme.www"))).await;
    browser.follow("Settings").await;
    assert_eq!(browser.place().await, PAGE);

    browser.click("[name=keep][value=days]").await;
    browser.find("[name=days]").await.clear().await.unwrap();
    browser.find("[name=days]").await.send_keys("30").await.unwrap();
    browser.press_button("Preview what would go").await;
    let preview = browser.find(".preview").await.text().await.unwrap();
    assert!(
        preview.starts_with("Kept for 30 days: nothing is that old") && preview.contains("Saved now"),
        "{preview}"
    );
    assert_eq!(changes(&server).await.len(), 0, "a preview sets nothing");

    browser.press_button("Save retention").await;
    assert!(browser.place().await.starts_with(&format!("{PAGE}?saved=retention")));
    assert_eq!(browser.find("#retention [role=status]").await.text().await.unwrap(), "Saved.");
    browser.press_button("Set a hold").await;
    browser.click("[name=reason][value=changes]").await;
    browser.press_button("Save reasons").await;
    browser.click("[name=public_log]").await;
    browser.press_button("Save reading").await;
    browser
        .find("#visibility-rules")
        .await
        .send_keys("auditor: entity.type:page\nauthor: actor.id:7")
        .await
        .unwrap();
    browser.press_button("Save visibility").await;
    browser.find("#mask-fields").await.send_keys("iban\ncards.*.number").await.unwrap();
    browser.press_button("Save masked fields").await;
    browser.find("#noise-fields").await.clear().await.unwrap();
    browser.find("#noise-fields").await.send_keys("touched\n/meta/seen").await.unwrap();
    browser.press_button("Save noise").await;

    let settings = server.read("/api/v1/sites/acme.www/settings").await;
    assert_eq!(settings["audit_log_retention_days"], 30);
    assert_eq!(settings["retention"]["effective"], 365, "a lowered retention waits");
    assert_eq!((&settings["hold"], &settings["require_reason"]), (&json!(true), &json!(true)));
    assert_eq!((&settings["public_log"], &settings["network_only"]), (&json!(true), &json!(false)));
    assert_eq!(settings["visibility"], json!({"auditor": "entity.type:page", "author": "actor.id:7"}));
    assert_eq!(settings["mask_fields"], json!(["iban", "cards.*.number"]));
    assert_eq!(settings["noise_fields"], json!(["touched", "/meta/seen"]));
    let told = changes(&server).await;
    let changed: Vec<&Value> = told.iter().rev().map(|entry| &entry["changed"]).collect();
    let expected = [
        "audit_log_retention_days",
        "hold",
        "require_reason",
        "public_log",
        "visibility",
        "mask_fields",
        "noise_fields",
    ];
    assert_eq!(changed, expected.map(|name| json!([name])).iter().collect::<Vec<_>>());

    browser.press_button("Back to the default list").await;
    let settings = server.read("/api/v1/sites/acme.www/settings").await;
    assert!(settings["noise_fields"].as_array().unwrap().contains(&json!("updated_at")));
    browser.press_button("Lift the hold").await;
    assert_eq!(server.read("/api/v1/sites/acme.www/settings").await["hold"], false);
    // The page that retention had leads here.
    browser.go("/sites/acme.www/retention").await;
    assert_eq!(browser.place().await, format!("{PAGE}#retention"));
}

#[tokio::test]
async fn what_cannot_be_comes_back_with_what_is_wrong() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, Role::Owner, Some("acme.www")).await;
    for (part, choice, field, wrong, message) in [
        ("retention", "[name=keep][value=days]", "[name=days]", "a month", "whole number"),
        ("reasons", "[name=reason][value=when]", "[name=filter]", "kind:(", "filter"),
        ("visibility", "", "#visibility-rules", "auditor", "must be a role, a colon and a filter"),
        ("visibility", "", "#visibility-rules", "owner: kind:update", "governs the site"),
        ("visibility", "", "#visibility-rules", "auditor: kind:(", "is not a filter"),
        ("visibility", "", "#visibility-rules", "auditor: a\nauditor: b", "has two rules"),
        ("masked", "", "#mask-fields", "a..b", "has an empty step"),
        ("noise", "", "#noise-fields", "a/b", "neither a field"),
    ] {
        browser.go(PAGE).await;
        if !choice.is_empty() {
            browser.click(choice).await;
        }
        let field = format!("#{part} {field}");
        browser.find(&field).await.clear().await.unwrap();
        browser.find(&field).await.send_keys(wrong).await.unwrap();
        browser.press(&format!("#{part} .strong")).await;
        let error = browser.text(&format!("#{part} .error")).await;
        assert!(error.contains(message), "{part}: {error}");
        let kept = browser.run("return document.querySelector(arguments[0]).value", &field).await;
        assert_eq!(kept, wrong, "{part}");
        assert_eq!(browser.count("[aria-invalid]").await, 1, "{part}");
    }
    assert_eq!(changes(&server).await.len(), 0);
    browser.go(&format!("{PAGE}?keep=days&days=0.5&preview=yes")).await;
    assert_eq!(browser.count("#retention .error").await, 1);
}

#[tokio::test]
async fn revert_endpoints_are_set_changed_and_removed() {
    let server = Server::start().await;
    let browser = Browser::open_without_scripts(&server).await;
    browser.sign_in(&server.token(Role::Admin, Some("acme.www"))).await;
    browser.go(PAGE).await;
    let fill = async |field: &str, text: &str| {
        browser.find(field).await.clear().await.unwrap();
        browser.find(field).await.send_keys(text).await.unwrap();
    };
    let connectors = async || server.read("/api/v1/sites/acme.www/connectors").await["data"].clone();
    // A secret is needed, and what was written so far stays.
    fill("#connector-0", "site-cms").await;
    fill("#revert-url-0", "https://cms.example.org/revert").await;
    browser.press_button("Save endpoint").await;
    assert_eq!(
        browser.text("#endpoints .error").await,
        "is required with revert_url: orders are signed with it"
    );
    assert_eq!(browser.find("#connector-0").await.prop("value").await.unwrap().as_deref(), Some("site-cms"));
    fill("#revert-secret-0", "a secret of both").await;
    browser.press_button("Save endpoint").await;
    assert!(browser.place().await.starts_with(&format!("{PAGE}?saved=endpoints")));
    let set =
        json!([{"name": "site-cms", "revert_url": "https://cms.example.org/revert", "has_secret": true}]);
    assert_eq!(connectors().await, set);
    assert!(!browser.client.source().await.unwrap().contains("a secret of both"));
    // The secret stays when none is given.
    fill("#revert-url-0", "https://cms.example.org/other").await;
    browser.press("#endpoints form:first-of-type .strong").await;
    assert_eq!(connectors().await[0]["revert_url"], "https://cms.example.org/other");
    assert_eq!(connectors().await[0]["has_secret"], true);
    browser.press_button("Remove").await;
    assert_eq!(connectors().await, json!([]));
    let told = server.read("/api/v1/sites/acme.www/entries?q=action:indelible.connector.*").await;
    assert_eq!(told["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_a_role_may_not_set_is_neither_offered_nor_taken() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    assert_eq!(browser.texts(".tabs a").await, ["Activity", "Integrity", "Connectors"]);
    browser.go(PAGE).await;
    assert_eq!(browser.texts("main .status, main h1").await, ["403", "No permission"]);

    let browser = Browser::signed_in(&server, Role::Admin, Some("acme.www")).await;
    browser.go(PAGE).await;
    assert_eq!(browser.text("#hold .set").await, "No hold is on. Owners set and lift holds.");
    let post = "return fetch(location.pathname, {method: 'POST', body: new URLSearchParams(arguments[0])}).then(r => r.status)";
    assert_eq!(browser.run(post, "part=hold&hold=on").await, 403);
    assert_eq!(browser.run(post, "part=everything").await, 422);
    assert_eq!(changes(&server).await.len(), 0);
}

/// A session's cookie comes along with what a page of another site posts; such posts change nothing.
#[tokio::test]
async fn no_other_page_can_post_a_setting() {
    let server = Server::start().await;
    let form = "application/x-www-form-urlencoded";
    let token = server.token(Role::Owner, Some("acme.www"));
    let sign_in = server.client.post(server.url("/sign-in")).header(CONTENT_TYPE, form);
    let answer = sign_in.body(format!("token={token}")).send().await.unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let post = async |origin: &str| {
        let request = server.client.request(Method::POST, server.url(PAGE)).header(COOKIE, &cookie);
        let request = request.header(CONTENT_TYPE, form).header(ORIGIN, origin);
        request.body("part=hold&hold=on").send().await.unwrap().status()
    };
    assert_eq!(post("https://evil.example.com").await, StatusCode::FORBIDDEN);
    assert_eq!(changes(&server).await.len(), 0);
    assert_eq!(post(server.url("").as_str()).await, StatusCode::SEE_OTHER);
    assert_eq!(changes(&server).await.len(), 1);
}

#[tokio::test]
async fn a_site_says_which_fields_are_noise() {
    let entry = json!({"id": ENTRY, "action": "wagtail.edit", "entity": {"type": "page", "id": "1"},
        "before": {"title": "a", "updated_at": 1, "touched": 1}, "after": {"title": "b", "updated_at": 2, "touched": 2}});
    let server = server_with(&[entry]).await;
    let browser = Browser::signed_in(&server, Role::Admin, Some("acme.www")).await;
    let drawn = async || {
        browser.go(&format!("/sites/acme.www/entries/{ENTRY}")).await;
        browser.texts("section > .diff tbody .path").await.join(" ").replace("~ changed: ", "")
    };
    assert_eq!(drawn().await, "title touched");
    assert_eq!(browser.text(".raw > summary").await, "1 field that changes with every save");
    let settings = json!({"noise_fields": ["touched"]}).to_string();
    let request = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    let answer = request.header(CONTENT_TYPE, "application/json").body(settings).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(drawn().await, "title updated_at");
}
