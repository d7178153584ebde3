//! The registry as a whole: against captured entries, against hostile data, and the guessing of codes that
//! nobody registered.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize)]
struct WagtailEntries {
    entries: Vec<WagtailEntry>,
}

#[derive(Deserialize)]
struct WagtailEntry {
    log_model: String,
    content_type_label: String,
    label: String,
    action: String,
    data: Value,
    message_derived: String,
    comment_derived: String,
}

impl WagtailEntry {
    fn context(&self) -> MessageContext<'_> {
        MessageContext {
            data: Some(&self.data),
            entity_type: &self.content_type_label,
            title: Some(&self.label),
            is_page: self.log_model == "wagtailcore.PageLogEntry",
        }
    }
}

fn wagtail_entries() -> Vec<WagtailEntry> {
    let text = include_str!("../../tests/fixtures/wagtail-entries.json");
    serde_json::from_str::<WagtailEntries>(text).unwrap().entries
}

#[derive(Deserialize)]
struct StreamRecords {
    records: Vec<StreamRecord>,
}

#[derive(Deserialize)]
struct StreamRecord {
    operation: String,
    connector: String,
    action: String,
}

fn stream_records() -> Vec<StreamRecord> {
    let text = include_str!("../../tests/fixtures/stream-records.json");
    serde_json::from_str::<StreamRecords>(text).unwrap().records
}

#[test]
fn codes_are_unique_and_found() {
    let mut seen = HashSet::new();
    for def in all() {
        assert!(seen.insert(def.code), "{} is registered twice", def.code);
        assert_eq!(lookup(def.code).map(|found| found.code), Some(def.code));
    }
    assert_eq!(seen.len(), FAMILIES.iter().map(|family| family.len()).sum::<usize>());
    assert_eq!(wagtail::ACTIONS.len(), 38);
    assert_eq!(indelible::ACTIONS.len(), 25);
    assert_eq!(wordpress::ACTIONS.len(), 15);
    assert_eq!(site_cms::ACTIONS.len(), 17);
    assert_eq!(connexcs::ACTIONS.len(), 9);
    assert_eq!(postgres::ACTIONS.len(), 14);
    let connectors: HashSet<_> =
        stream::ACTIONS.iter().map(|def| stream::connector_and_action(def.code).unwrap().0).collect();
    assert_eq!(connectors.len(), 22);
}

#[test]
fn every_action_has_words() {
    for def in all() {
        let ActionDef { code, label, verb, .. } = *def;
        assert!(label.starts_with(|c: char| c.is_ascii_uppercase()), "{code}: {label}");
        assert!(verb.starts_with(|c: char| c.is_ascii_lowercase()), "{code}: {verb}");
        assert!(code.bytes().all(|byte| byte.is_ascii_graphic()), "{code}");
        assert_eq!(label_of(code), label);
        assert_eq!(verb_of(code), verb);
        assert!(!message(code, &MessageContext::default()).contains(['{', '}']), "{code}");
    }
}

#[test]
fn messages_of_captured_wagtail_entries_are_those_of_wagtail() {
    let entries = wagtail_entries();
    for entry in &entries {
        assert_eq!(message(&entry.action, &entry.context()), entry.message_derived, "{}", entry.action);
        assert_eq!(
            comment(&entry.action, Some(&entry.data)).unwrap_or_default(),
            entry.comment_derived,
            "{}",
            entry.action
        );
        // Type names alone lead to the same: every captured page's type ends in "page".
        let guessed = MessageContext::new(&entry.content_type_label, Some(&entry.label), Some(&entry.data));
        assert_eq!(message(&entry.action, &guessed), entry.message_derived, "{}", entry.content_type_label);
    }
    let captured: HashSet<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    for def in wagtail::ACTIONS {
        assert!(captured.contains(def.code), "{} has no captured entry", def.code);
    }
}

/// Branches of Wagtail's messages that no captured entry takes.
#[test]
fn messages_of_other_wagtail_entries() {
    let check = |code: &str, data: Value, expected: &str| {
        let context = MessageContext::new("acme.Advert", Some("Buy"), Some(&data));
        assert_eq!(message(code, &context), expected, "{data}");
    };
    let revision = json!({"id": 7, "created": "2026-11-21T04:17:28.336Z", "go_live_at": "2026-11-22T16:00:00Z",
        "has_live_version": true});
    check(
        "wagtail.publish.schedule",
        json!({"revision": revision}),
        "Revision 7 from Nov. 21, 2026, 4:17 a.m. scheduled for publishing at Nov. 22, 2026, 4 p.m..",
    );
    check(
        "wagtail.schedule.cancel",
        json!({"revision": revision}),
        "Revision 7 from Nov. 21, 2026, 4:17 a.m. unscheduled from publishing at Nov. 22, 2026, 4 p.m..",
    );
    let never = json!({"revision": {"id": 7, "created": "2026-11-21T04:17:28Z", "go_live_at": null,
        "has_live_version": false}});
    check("wagtail.schedule.cancel", never.clone(), "Advert unscheduled from publishing");
    check("wagtail.publish.schedule", never, "Advert scheduled for publishing");
    check("wagtail.copy", json!({"source": null}), "Copied");
    check("wagtail.create_alias", json!({"source": null}), "Created an alias");
    check(
        "wagtail.workflow.approve",
        json!({"workflow": {"title": "W", "task": {"title": "T"}}}),
        "Workflow task approved",
    );
    check(
        "wagtail.revert",
        json!({"revision": {"id": 7, "created": "21 Nov 2026 04:17"}}),
        "Reverted to previous revision with id 7 from Nov. 21, 2026, 4:17 a.m.",
    );
}

#[test]
fn short_forms_are_those_of_wagtail() {
    let check = |code: &str, expected: &str| {
        assert_eq!(message(code, &MessageContext::new("acme.Advert", None, None)), expected, "{code}");
    };
    check("wagtail.edit", "Edited");
    check("wagtail.rename", "Renamed");
    check("wagtail.revert", "Reverted to previous revision");
    check("wagtail.copy_for_translation", "Copied for translation");
    check("wagtail.convert_alias", "Converted an alias into an ordinary page");
    check("wagtail.move", "Moved");
    check("wagtail.reorder", "Reordered");
    check("wagtail.publish.scheduled", "Published scheduled draft");
    check("wagtail.view_restriction.create", "Added view restriction");
    check("wagtail.view_restriction.edit", "Updated view restriction");
    check("wagtail.view_restriction.delete", "Removed view restriction");
    check("wagtail.workflow.start", "Workflow started");
    check("wagtail.workflow.reject", "Workflow task rejected. Workflow complete");
    check("wagtail.workflow.resume", "Workflow task resubmitted. Workflow resumed");
    check("wagtail.workflow.cancel", "Workflow cancelled");
    check("wagtail.comments.create", "Added a comment");
    check("wagtail.comments.create_reply", "Replied to a comment");
    check("wagtail.comments.delete_reply", "Deleted a reply");
    check("wagtail.apitoken.revoke", "API token revoked");
}

/// Replaces, one after the other, every value inside each captured entry's data by values of other types.
#[test]
fn hostile_data_leads_to_the_short_form() {
    let poisons =
        [json!(null), json!([1, "x"]), json!(7), json!(true), json!(""), json!({}), json!({"title": null})];
    for entry in wagtail_entries() {
        let short = message(&entry.action, &MessageContext { data: None, ..entry.context() });
        for poison in &poisons {
            let whole = message(&entry.action, &MessageContext { data: Some(poison), ..entry.context() });
            assert_eq!(whole, short, "{} with {poison}", entry.action);
            for pointer in pointers(&entry.data, "") {
                let mut data = entry.data.clone();
                *data.pointer_mut(&pointer).unwrap() = poison.clone();
                let context = MessageContext { data: Some(&data), ..entry.context() };
                let text = message(&entry.action, &context);
                assert!(!text.is_empty() && !text.contains(['{', '}']), "{}: {text}", entry.action);
                assert_ne!(comment(&entry.action, Some(&data)).as_deref(), Some(""));
            }
        }
    }
    assert_eq!(comment("wagtail.workflow.reject", None), None);
    assert_eq!(comment("wagtail.workflow.reject", Some(&json!({"comment": 7}))), None);
    assert_eq!(comment("wagtail.workflow.reject", Some(&json!({"comment": ""}))), None);
    assert_eq!(comment("wagtail.publish", Some(&json!({"comment": "x"}))), None);
}

fn pointers(value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (key, inner) in value.as_object().into_iter().flatten() {
        let pointer = format!("{at}/{key}");
        found.extend(pointers(inner, &pointer));
        found.push(pointer);
    }
    found
}

#[test]
fn titles_are_text_whatever_they_hold() {
    let data = json!({"title": {"old": "{title.new}", "new": "<b>{$type}</b>"}});
    let context = MessageContext::new("page", None, Some(&data));
    assert_eq!(message("wagtail.rename", &context), "Renamed from '{title.new}' to '<b>{$type}</b>'");
}

#[test]
fn kinds_of_captured_stream_records_follow_what_was_done() {
    for record in stream_records() {
        let code = stream::code(&record.connector, &record.action);
        let expected = match record.action.as_str() {
            "created" | "uploaded" | "added" => Kind::Create,
            "deleted" | "trashed" | "removed" => Kind::Delete,
            "login" | "logout" => Kind::Access,
            _ => Kind::Update,
        };
        assert_eq!(kind_of(&code), expected, "{}: {code}", record.operation);
        assert_eq!(lookup(&code).is_some(), record.connector != "shelf", "{code}");
    }
}

/// Words are separated by spaces here; no code of the lists holds one.
fn check_guesses(kind: Kind, codes: &str) {
    for code in codes.split_whitespace() {
        assert_eq!(guess_kind(code), kind, "{code}");
    }
}

#[test]
fn unregistered_codes_that_change_an_entity_are_recognised() {
    check_guesses(
        Kind::Create,
        "page.create ORDER_CREATED createUser HTMLPageCreated user.added file-uploaded user.import view.create \
         user.signup user.signed_up creation wp.media.uploaded POST post page.copied member.invited \
         page.duplicate create_order_v2",
    );
    check_guesses(
        Kind::Update,
        "page.publish page.unpublish PUT PATCH put user.renamed wp.posts.untrashed setting.changed \
         SettingsUpdate site.settings item-moved page.archived page.restore orderModified account.lock \
         order.refunded comment.approved comment.unapproved plugin.activated update_view page.rollback \
         file.checked_out product.set",
    );
    check_guesses(
        Kind::Delete,
        "DELETE USER_DELETED deletePost page.removed token.delete cache.purged delete_export export.deleted \
         file.trash deletion wp.plugin.uninstalled deleteComment record.erasure",
    );
}

#[test]
fn unregistered_codes_that_leave_an_entity_as_it_was_are_recognised() {
    check_guesses(
        Kind::Read,
        "GET page.view page.viewed report.export export.csv document.read file-downloaded getUser LIST search",
    );
    check_guesses(
        Kind::Access,
        "Login LOGOUT user.login user.login_failed signIn sign_in signed-out user.logged_in user.log_off \
         permission_denied PermissionGranted api_key.revoke user.password access.denied impersonate session \
         user.banned",
    );
    check_guesses(
        Kind::Other,
        "SEND mail.sent invoice.generated job.started search.reindex index.rebuilt frobnicate x ... blog.post \
         posts caché 日本語 42 a-word-that-is-longer-than-any-in-the-lexicon",
    );
    assert_eq!(guess_kind(""), Kind::Other);
    assert_eq!(guess_kind(" "), Kind::Other);
}

#[test]
fn unregistered_codes_are_made_readable() {
    let check = |code: &str, label: &str, verb: &str, sentence: &str| {
        assert_eq!(label_of(code), label, "{code}");
        assert_eq!(verb_of(code), verb, "{code}");
        assert_eq!(message(code, &MessageContext::default()), sentence, "{code}");
    };
    check("acme.export", "Acme export", "exported", "Exported");
    check("page.bulk_publish", "Page bulk publish", "published", "Published");
    check("USER_DELETED", "User deleted", "deleted", "Deleted");
    check("orderShipped", "Order shipped", "shipped", "Shipped");
    check("HTMLExport", "Html export", "exported", "Exported");
    check("newsletter.sent", "Newsletter sent", "sent", "Sent");
    check("user.sign_in", "User sign in", "signed in to", "Signed in");
    check("item.unapproved", "Item unapproved", "unapproved", "Unapproved");
    check(
        "price.recalculation",
        "Price recalculation",
        "performed “price recalculation” on",
        "Price recalculation",
    );
    check("…", "…", "performed “…” on", "…");
}

/// What failed, was denied or is only wanted was not done, and an audit log must not say it was.
#[test]
fn what_was_not_done_is_not_said_to_be_done() {
    for code in
        ["login_failed", "user.delete.denied", "export.requested", "page.publish.failure", "DELETE_ATTEMPT"]
    {
        assert_eq!(verb_of(code), format!("performed “{}” on", label_of(code).to_lowercase()), "{code}");
        assert_eq!(message(code, &MessageContext::default()), label_of(code), "{code}");
    }
}
