//! `acme.docs`: the manual of a lantern controller, on Wagtail. Bodies are lists of blocks with ids, as
//! Wagtail's stream fields are, so its changes are blocks added, removed, moved and edited.

use serde_json::{Value, json};

use super::calendar::Script;
use super::edit::{list, rewrite, set, toggle};
use super::people::{ACME, Person, someone};
use super::prose::{self, Theme, slug, ticket};
use super::stage::{Deed, Request, Stage, State, Thing};

const PAGE: &str = "docs.manualpage";
const SNIPPET: &str = "docs.warning";

pub(super) const SCRIPT: Script = Script {
    moments_per_day: 8,
    work: &[
        (24, edit_page),
        (14, publish_page),
        (8, add_page),
        (8, review_page),
        (7, comment_on_page),
        (4, rename_page),
        (4, move_page),
        (4, lock_page),
        (5, schedule_page),
        (6, edit_warning),
        (3, unpublish_page),
        (3, go_back),
        (3, translate_page),
        (2, restrict_page),
        (2, make_token),
    ],
    clockwork: &[(6 * 60, publish_scheduled)],
    events: &[(52, 11 * 60 + 8, delete_section), (28, 15 * 60 + 47, odd_titles)],
};

const TITLES: &[&str] = &[
    "First light",
    "Pairing a controller",
    "Schedules and dusk",
    "Groups and nesting",
    "Firmware updates",
    "Brightness steps",
    "Resetting a controller",
    "Reading the ring",
    "The HTTP API",
    "Exporting logs",
    "Batteries",
    "Clock and time zones",
    "Safety by the pond",
    "Glossary",
];

pub(super) fn furnish(stage: &mut Stage) {
    for title in TITLES.iter().take(10) {
        let page = page(stage, title, true);
        stage.furnish(PAGE, page);
    }
    for (id, title) in [("1", "Hot glass"), ("2", "Open flame"), ("3", "Water")] {
        let text = prose::paragraph(&mut stage.random, &Theme::Manual);
        stage.furnish(
            SNIPPET,
            Thing::new(id, &json!({"title": title, "level": "warning", "text": text, "live": true})),
        );
    }
}

fn page(stage: &mut Stage, title: &str, live: bool) -> Thing {
    let id = stage.next_id(PAGE, 100);
    let blocks: Vec<Value> = (0..3).map(|_| block(stage)).collect();
    let fields = json!({"title": title, "slug": slug(title), "live": live, "has_unpublished_changes": !live,
        "locked": false,
        "parent": {"id": 3, "title": "Manual"}, "locale": "en", "body": blocks, "tags": ["controller"],
        "seo_title": "", "search_description": "", "go_live_at": null, "comments": []});
    Thing::new(id, &fields).at(format!("https://docs.acme.example.com/manual/{}/", slug(title)))
}

fn block(stage: &mut Stage) -> Value {
    let id = stage.next_id("block", 7000);
    let random = &mut stage.random;
    match random.below(4) {
        0 => {
            json!({"id": id, "type": "heading", "value": random.pick(&["Before you begin",
                "What the colours mean", "If it does not work", "For the curious"])})
        }
        1 => {
            json!({"id": id, "type": "code", "value": {"language": "http",
                "text": "POST /v2/groups/porch/dim HTTP/1.1\nContent-Type: application/json\n\n{\"to\": 40, \"over_s\": 90}"}})
        }
        _ => json!({"id": id, "type": "paragraph", "value": prose::paragraph(random, &Theme::Manual)}),
    }
}

fn is_live(state: &State) -> bool {
    state.get("live") == Some(&json!(true))
}

fn has_draft(state: &State) -> bool {
    state.get("has_unpublished_changes") == Some(&json!(true))
}

/// A page, somebody to work on it, and the request in the admin.
fn work(
    stage: &mut Stage,
    roles: &[&str],
    fits: fn(&State) -> bool,
) -> Option<(usize, &'static Person, Request)> {
    let at = stage.pick(PAGE, fits)?;
    let person = someone(&mut stage.random, ACME, roles);
    let id = stage.thing(PAGE, at)?.id.clone();
    let request = stage.by(person).from("method", "POST").from("path", format!("/admin/pages/{id}/edit/"));
    Some((at, person, request))
}

fn edit_blocks(stage: &mut Stage, by: &Request, at: usize, deed: Deed) {
    let fresh = block(stage);
    stage.change(by, PAGE, at, deed, |state, random| {
        set(state, "has_unpublished_changes", true);
        let Some(body) = list(state, "body") else { return };
        let length = body.len();
        match random.below(6) {
            0 if length < 7 => body.insert(random.position(length + 1), fresh),
            1 if length > 2 => drop(body.remove(random.position(length))),
            2 if length > 1 => {
                let moved = body.remove(0);
                body.push(moved);
            }
            _ => {
                let text = body.iter_mut().filter_map(Value::as_object_mut);
                let text = text.filter(|block| block.get("type") == Some(&json!("paragraph"))).last();
                if let Some(block) = text {
                    rewrite(block, "value", random);
                }
            }
        }
    });
}

fn edit_page(stage: &mut Stage) {
    let Some((at, person, by)) = work(stage, &["author", "editor", "contributor"], |_| true) else { return };
    let reason =
        ticket(&mut stage.random, "DOC", &["support kept being asked", "firmware 4.2", "review of the week"]);
    edit_blocks(stage, &by, at, Deed::new("wagtail.edit", "Draft saved").perhaps_because(reason));
    for _ in 0..stage.random.below(3) {
        stage.wait(30, 200);
        let by = stage.by(person).from("method", "POST");
        edit_blocks(stage, &by, at, Deed::new("wagtail.edit", "Draft saved"));
    }
}

fn publish_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor", "administrator"], has_draft) else {
        return edit_page(stage);
    };
    edit_blocks(stage, &by, at, Deed::new("wagtail.edit", "Draft saved"));
    publish(stage, &by, at, Deed::new("wagtail.publish", "Published"));
}

fn publish(stage: &mut Stage, by: &Request, at: usize, deed: Deed) {
    let time = stage.now().to_string();
    stage.change(by, PAGE, at, deed, |state, _| {
        set(state, "live", true);
        set(state, "has_unpublished_changes", false);
        set(state, "go_live_at", Value::Null);
        set(state, "last_published_at", time);
    });
}

fn add_page(stage: &mut Stage) {
    let author = someone(&mut stage.random, ACME, &["author", "editor"]);
    let by = stage.by(author).from("method", "POST").from("path", "/admin/pages/add/docs/manualpage/3/");
    let number = stage.count(PAGE);
    let title = TITLES
        .get(number)
        .map_or_else(|| format!("Appendix {}: more about moths", number - 12), |&t| t.to_owned());
    let page = page(stage, &title, false);
    stage.create(&by, PAGE, page, Deed::new("wagtail.create", "Created"));
    let at = stage.count(PAGE) - 1;
    edit_blocks(stage, &by, at, Deed::new("wagtail.edit", "Draft saved"));
    if stage.random.chance(60) {
        publish(stage, &by, at, Deed::new("wagtail.publish", "Published"));
    }
}

fn review_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["author", "contributor"], has_draft) else { return };
    let flow = |status: &str| {
        json!({"workflow": {"id": 2, "title": "Technical review", "status": status,
        "task": {"id": 3, "title": "Engineering"}}})
    };
    let deed = Deed::new("wagtail.workflow.start", "'Technical review' started. Next step 'Engineering'");
    stage.note_on(&by, PAGE, at, deed.data(flow("in_progress")));
    stage.wait(300, 1500);
    let reviewer = someone(&mut stage.random, ACME, &["administrator", "editor"]);
    let by = stage.by(reviewer).from("method", "POST");
    if stage.random.chance(35) {
        let comment = stage.random.pick(&[
            "The reset procedure counts to nine. It must be ten.",
            "Please show the API call as well.",
            "Lovely, but wrong: dusk is not a time zone.",
        ]);
        let deed = Deed::new("wagtail.workflow.reject", "Rejected at 'Engineering'. Changes requested");
        stage.note_on(&by, PAGE, at, deed.because(comment).data(flow("needs_changes")));
    } else {
        let deed =
            Deed::new("wagtail.workflow.approve", "Approved at 'Engineering'. 'Technical review' complete");
        stage.note_on(&by, PAGE, at, deed.data(flow("approved")));
        publish(stage, &by, at, Deed::new("wagtail.publish", "Published"));
    }
}

fn comment_on_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &[], |_| true) else { return };
    let id = stage.next_id("comment", 300);
    let text = stage.random.pick(&[
        "Is this still true since firmware 4?",
        "Nice owl.",
        "Could we say this in half the words?",
        "Screenshot is of the old ring.",
        "ها هي المشكلة: الترتيب معكوس",
    ]);
    let comment = json!({"id": id, "contentpath": "body", "text": text, "resolved": false});
    let data = json!({"comment": {"id": id, "contentpath": "body", "text": text}});
    let deed = Deed::new("wagtail.comments.create", format!("Added a comment on field Body: \"{text}\""));
    stage.change(&by, PAGE, at, deed.data(data.clone()), |state, _| {
        if let Some(comments) = list(state, "comments") {
            comments.push(comment);
        }
    });
    stage.wait(200, 1200);
    let editor = someone(&mut stage.random, ACME, &["editor"]);
    let by = stage.by(editor).from("method", "POST");
    let deed = Deed::new("wagtail.comments.resolve", format!("Resolved a comment on field Body: \"{text}\""));
    stage.change(&by, PAGE, at, deed.data(data), |state, _| {
        if let Some(comments) = list(state, "comments") {
            comments.retain(|known| known.get("id") != Some(&json!(id)));
        }
    });
}

fn rename_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor"], is_live) else { return };
    let old = stage.title(PAGE, at);
    let base = old.trim_end_matches(", explained").to_owned();
    let new = if base == old { format!("{old}, explained") } else { base };
    let data = json!({"title": {"old": old, "new": new}});
    let deed = Deed::new("wagtail.rename", format!("Renamed from '{old}' to '{new}'")).data(data.clone());
    stage.change(&by, PAGE, at, deed, |state, _| {
        set(state, "slug", slug(&new));
        set(state, "title", new);
    });
    publish(stage, &by, at, Deed::new("wagtail.publish", "Published").data(data));
}

fn move_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor", "administrator"], |_| true) else { return };
    let old = stage.thing(PAGE, at).and_then(|page| page.state.get("parent")).cloned().unwrap_or_default();
    let new = stage.random.pick(&[
        json!({"id": 3, "title": "Manual"}),
        json!({"id": 8, "title": "Reference"}),
        json!({"id": 9, "title": "Appendices"}),
    ]);
    let name = |parent: &Value| parent.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    let deed = Deed::new("wagtail.move", format!("Moved from '{}' to '{}'", name(&old), name(&new)));
    stage.change(&by, PAGE, at, deed.data(json!({"source": old, "destination": new})), |state, _| {
        set(state, "parent", new);
    });
}

fn lock_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor"], |_| true) else { return };
    let locked = stage.thing(PAGE, at).and_then(|page| page.state.get("locked")) == Some(&json!(true));
    let deed =
        if locked { Deed::new("wagtail.unlock", "Unlocked") } else { Deed::new("wagtail.lock", "Locked") };
    stage.change(&by, PAGE, at, deed, |state, _| set(state, "locked", !locked));
}

fn schedule_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor"], has_draft) else { return };
    let tomorrow = (stage.now().as_second().div_euclid(86_400) + 1) * 86_400 + 6 * 3600;
    let time = jiff::Timestamp::from_second(tomorrow).map(|time| time.to_string()).unwrap_or_default();
    let deed = Deed::new("wagtail.publish.schedule", format!("Scheduled for publishing at {time}"));
    stage.change(&by, PAGE, at, deed, |state, _| set(state, "go_live_at", time));
}

fn publish_scheduled(stage: &mut Stage) {
    let now = stage.now().to_string();
    while let Some(at) = stage.pick(PAGE, |state| {
        state.get("go_live_at").and_then(Value::as_str).is_some_and(|time| time <= now.as_str())
    }) {
        let by = stage.by_system("publish_scheduled");
        publish(stage, &by, at, Deed::new("wagtail.publish.scheduled", "Published scheduled draft"));
    }
}

fn edit_warning(stage: &mut Stage) {
    let Some(at) = stage.pick(SNIPPET, |_| true) else { return };
    let editor = someone(&mut stage.random, ACME, &["editor", "author"]);
    let by = stage.by(editor).from("method", "POST").from("path", "/admin/snippets/docs/warning/");
    stage.change(&by, SNIPPET, at, Deed::new("wagtail.edit", "Edited"), |state, random| {
        rewrite(state, "text", random);
        if random.chance(30) {
            set(state, "level", random.pick(&["note", "warning", "danger"]));
        }
    });
}

fn unpublish_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor"], is_live) else { return };
    let deed = Deed::new("wagtail.unpublish", "Unpublished").because("DOC-1777: outdated since firmware 4.1");
    stage.change(&by, PAGE, at, deed, |state, _| {
        set(state, "live", false);
        set(state, "has_unpublished_changes", true);
    });
}

fn go_back(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["editor"], |_| true) else { return };
    let Some(body) = stage.thing(PAGE, at).and_then(|page| page.state.get("body")).cloned() else { return };
    edit_blocks(stage, &by, at, Deed::new("wagtail.edit", "Draft saved"));
    stage.wait(120, 900);
    let revision = stage.random.between(300, 900);
    let deed = Deed::new("wagtail.revert", format!("Reverted to previous revision with id {revision}"));
    stage.change(&by, PAGE, at, deed.data(json!({"revision": {"id": revision}})), |state, _| {
        set(state, "body", body);
    });
}

fn translate_page(stage: &mut Stage) {
    let Some((at, person, _)) = work(stage, &["administrator"], is_live) else { return };
    let by = stage.by_service("babel-bridge", "Babel Bridge", "192.0.2.200").on_behalf_of(person);
    let Some(original) = stage.thing(PAGE, at).cloned() else { return };
    let id = stage.next_id(PAGE, 100);
    let source = original.title().unwrap_or_default().to_owned();
    let mut copy = Thing { id, ..original };
    set(&mut copy.state, "locale", "pt");
    set(&mut copy.state, "title", format!("{source} (pt)"));
    set(&mut copy.state, "live", false);
    set(&mut copy.state, "has_unpublished_changes", true);
    set(&mut copy.state, "comments", json!([]));
    let deed =
        Deed::new("wagtail.copy_for_translation", format!("Copied for translation from {source} (English)"));
    stage.create(&by, PAGE, copy, deed);
}

fn restrict_page(stage: &mut Stage) {
    let Some((at, _, by)) = work(stage, &["administrator"], is_live) else { return };
    let deed = Deed::new("wagtail.view_restriction.create", "Added the 'Logged in' view restriction");
    stage.change(&by, PAGE, at, deed, |state, _| toggle(state, "tags", "internal"));
}

fn make_token(stage: &mut Stage) {
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("method", "POST").from("path", "/admin/api-tokens/");
    let id = stage.next_id("wagtailcore.apitoken", 1);
    let fields = json!({"title": format!("search-indexer-{id}"), "scopes": ["pages:read"],
        "expires_at": null});
    stage.create(
        &by,
        "wagtailcore.apitoken",
        Thing::new(id, &fields),
        Deed::new("wagtail.apitoken.create", "API token created"),
    );
    if stage.count("wagtailcore.apitoken") > 2 {
        stage.wait(20, 90);
        stage.delete(
            &by,
            "wagtailcore.apitoken",
            0,
            Deed::new("wagtail.apitoken.revoke", "API token revoked").because("rotation"),
        );
    }
}

fn delete_section(stage: &mut Stage) {
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("method", "POST").from("path", "/admin/bulk/wagtailcore/page/delete/");
    let reason = "DOC-1650: the second-generation controllers are out of warranty";
    for _ in 0..4 {
        if let Some(at) = stage.pick(PAGE, |state| !is_live(state)) {
            stage.delete(&by, PAGE, at, Deed::new("wagtail.delete", "Deleted").because(reason));
        }
    }
}

fn odd_titles(stage: &mut Stage) {
    let author = someone(&mut stage.random, ACME, &["author"]);
    for title in ["دليل التركيب السريع", "🦉 Brightness for owls", "<b>Bold</b> claims & how to escape them"]
    {
        let by = stage.by(author).from("method", "POST");
        let page = page(stage, title, false);
        stage.create(&by, PAGE, page, Deed::new("wagtail.create", "Created"));
        stage.wait(60, 300);
    }
}
