use model::Role;

use super::Browser;
use crate::host::{Host, Mood};
use crate::support::Server;

/// The whole way, by clicks alone and without scripts: from the entry to the changed state.
#[tokio::test]
async fn a_change_is_taken_back_from_click_to_changed_state() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"Hom","body":"x"}"#);
    let change = host.save(&server, "1", r#"{"title":"Home","body":"y"}"#).await;
    let browser = Browser::open_without_scripts(&server).await;
    browser.sign_in(&server.token(Role::Admin, Some("acme.www"))).await;
    browser.go(&format!("/sites/acme.www/entries/{change}")).await;
    browser.follow("Revert this change…").await;

    assert_eq!(browser.text("h1").await, "Revert 2 fields of Home?");
    assert_eq!(browser.texts(".diff tbody tr .path").await, ["~ changed: title", "~ changed: body"]);
    assert_eq!(browser.texts(".diff td[data-side=Now]").await, ["Home", "y"]);
    assert_eq!(browser.texts(".diff td[data-side='Put back']").await, ["Hom", "x"]);
    assert_eq!(host.orders().len(), 0);
    browser.fill("reason", "ticket 91").await;
    browser.press("form.revert button").await;

    assert_eq!(browser.text("h1").await, "admin reverted Home");
    assert_eq!(browser.texts(".said dd").await, ["Reverted body, title", "ticket 91"]);
    assert_eq!(host.state("1").unwrap(), r#"{"title":"Hom","body":"x"}"#);
    browser.follow("What it takes back").await;
    assert!(browser.text(".notice").await.contains("This change was reverted."));
    assert!(browser.complaints().await.is_empty());
}

#[tokio::test]
async fn what_was_changed_since_is_overwritten_only_on_demand() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A","body":"x"}"#);
    let change = host.save(&server, "1", r#"{"title":"B","body":"y"}"#).await;
    host.save(&server, "1", r#"{"title":"C","body":"y"}"#).await;
    let browser = Browser::signed_in(&server, Role::Admin, Some("acme.www")).await;
    browser.go(&format!("/sites/acme.www/entries/{change}/revert")).await;
    assert!(browser.text(".notice").await.contains("1 field was changed since this entry."));
    browser.press("form.revert button").await;
    assert!(browser.text(".notice").await.contains("Changed since, so reverting would lose that: /title."));
    assert_eq!(host.state("1").unwrap(), r#"{"title":"C","body":"y"}"#);

    host.is(Mood::Answers(422, r#"{"why":"<b>locked</b>"}"#.to_owned()));
    browser.click("input[name=overwrite]").await;
    browser.fill("reason", "it was wrong").await;
    browser.press("form.revert button").await;
    assert!(browser.text(".notice").await.contains("<b>locked</b>"));
    // The form comes back as it was sent.
    assert!(browser.find("input[name=overwrite]").await.is_selected().await.unwrap());
    host.is(Mood::Well);
    browser.press("form.revert button").await;
    assert_eq!(browser.text("h1").await, "admin reverted Home");
    assert_eq!(host.state("1").unwrap(), r#"{"title":"A","body":"x"}"#);
}

#[tokio::test]
async fn why_not_is_said_where_the_button_would_be() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A"}"#);
    let change = host.save(&server, "1", r#"{"title":"B"}"#).await;
    let new = host.save(&server, "2", r#"{"title":"B"}"#).await;
    let browser = Browser::signed_in(&server, Role::Admin, Some("acme.www")).await;
    browser.go(&format!("/sites/acme.www/entries/{new}")).await;
    assert!(browser.texts(".side p").await.join("\n").contains("Not possible: it created the entity"));
    browser.go(&format!("/sites/acme.www/entries/{new}/revert")).await;
    assert!(browser.text(".notice").await.contains("This entry cannot be reverted: it created the entity"));
    let auditor = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    auditor.go(&format!("/sites/acme.www/entries/{change}")).await;
    assert!(auditor.texts(".side p").await.join("\n").contains("the role auditor may not revert changes"));
    auditor.go(&format!("/sites/acme.www/entries/{change}/revert")).await;
    assert!(auditor.text("main").await.contains("may not revert changes"));
}
