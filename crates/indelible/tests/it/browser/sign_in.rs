//! Getting in and out.

use indelible::access::new_link;
use model::Role;

use super::Browser;
use crate::support::Server;

#[tokio::test]
async fn a_token_opens_a_session_until_it_is_signed_out() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let browser = Browser::open(&server).await;

    // The page that was asked for comes after the sign-in.
    browser.go("/sites/acme.docs?kind=update").await;
    assert_eq!(browser.place().await, "/sign-in?next=%2Fsites%2Facme.docs%3Fkind%3Dupdate");
    browser.fill("token", "idl_wrong").await;
    browser.press("form:has(#token) button").await;
    let message = browser.text("[role=alert]").await;
    assert!(message.contains("This token is unknown, revoked or expired"), "{message}");
    browser.fill("token", &server.token(Role::Admin, None)).await;
    browser.press("form:has(#token) button").await;
    assert_eq!(browser.place().await, "/sites/acme.docs?kind=update");

    browser.click(".account summary").await;
    assert_eq!(browser.texts(".account .sheet p").await, ["admin Admin"]);
    browser.press(".account button").await;
    assert_eq!(browser.text("[role=status]").await, "You are signed out.");
    browser.go("/").await;
    assert_eq!(browser.title().await, "Sign in · Indelible");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let server = Server::start().await;
    let store = server.indelible.store().clone();
    let link = tokio::task::spawn_blocking(move || new_link(store.as_ref(), "first super admin"));
    let link = format!("/sign-in?link={}", link.await.unwrap().unwrap().reveal());
    let browser = Browser::open(&server).await;

    browser.go(&link).await;
    assert_eq!(browser.place().await, "/");
    assert_eq!(browser.text(".account summary bdi").await, "first super admin");
    browser.click(".account summary").await;
    browser.press(".account button").await;

    browser.go(&link).await;
    let message = browser.text("[role=alert]").await;
    assert!(message.starts_with("This sign-in link was already used or has expired."), "{message}");
}

#[tokio::test]
async fn an_auditor_of_one_site_sees_that_site_only() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;

    assert_eq!(browser.place().await, "/sites/acme.www");
    browser.click(".menu summary").await;
    assert_eq!(browser.texts(".menu nav li").await, ["acme.www acme.www"]);
    for path in ["/sites/acme.docs", "/sites/acme.docs/integrity", "/sites/_system", "/sites/nowhere"] {
        browser.go(path).await;
        assert_eq!(browser.title().await, "Not found · Indelible", "{path}");
    }
    browser.follow("Go to the start").await;
    assert_eq!(browser.place().await, "/sites/acme.www");
}

#[tokio::test]
async fn a_writer_may_read_nothing() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, Role::Writer, Some("acme.www")).await;
    browser.go("/sites/acme.www").await;
    assert_eq!(browser.text("main h1").await, "No permission");
}
