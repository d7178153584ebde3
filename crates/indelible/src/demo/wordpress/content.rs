//! Posts, pages, files, tags and comments.

use serde_json::{Value, json};

use super::super::edit::{rewrite, set, toggle, within};
use super::super::people::{ACME, someone};
use super::super::prose::{self, Theme, slug, ticket};
use super::super::stage::{Deed, Stage, Thing};

pub(super) const TITLES: &[&str] = &[
    "A lantern for every doorstep",
    "Why brass goes green and what to do about it",
    "🏮 Lantern Week: five evenings, five lights",
    "فوانيس الشتاء وصلت",
    "How we test glass (loudly)",
    "Meet Agatha, the machine that bends",
    "Notes from the solstice walk",
    "Trimming a wick: a love story",
    "מדריך קצר לעששיות גן",
    "The moth question, answered",
    "Behind the counter on the busiest day of the year",
    "Repair café: bring your broken panes 🔧✨",
    "What 1,200 lumens really look like",
    "An apprentice's first month",
    "The ferry, the fog and forty parcels",
    "Five gardens, one switch",
    "ランタンの夜、東京より",
    "Spring cleaning for storm lamps",
    "Ask the workshop: soot, smoke and smells",
    "A short history of long nights",
];

const OPENINGS: &[&str] =
    &["In praise of", "Against", "A letter about", "What we learnt from", "More on", "The trouble with"];
const SUBJECTS: &[&str] = &[
    "brass",
    "soot",
    "long evenings",
    "short wicks",
    "other people's lanterns",
    "the neighbour's owl",
    "fog",
    "Mondays",
    "glass from elsewhere",
    "moths, again",
];

const TAGS: &[&str] =
    &["brass", "glass", "care", "workshop", "events", "winter", "gardens", "moths", "repairs", "people"];
const REASONS: &[&str] = &[
    "legal asked for the shorter wording",
    "typo reported by a customer",
    "campaign moved by a week",
    "new photographs",
    "translation came back",
];

pub(super) fn url(title: &str) -> String {
    format!("https://www.acme.example.com/{}/", slug(title))
}

pub(super) fn post(stage: &mut Stage, title: &str, status: &str) -> Thing {
    let id = stage.next_id("post", 40);
    let random = &mut stage.random;
    let author = someone(random, ACME, &["author", "editor"]);
    let fields = json!({"title": title, "slug": slug(title), "status": status, "author": {"id": author.id,
        "name": author.name},
        "content": prose::write(random, &Theme::Lanterns, 3), "excerpt": "", "categories": ["Journal"],
        "tags": [random.pick(TAGS)], "featured_image": null, "sticky": false,
        "seo": {"title": title, "description": null, "noindex": false, "canonical": null}});
    Thing::new(id, &fields).at(url(title))
}

pub(super) fn write_post(stage: &mut Stage) {
    let writer = someone(&mut stage.random, ACME, &["author", "editor", "contributor"]);
    let by = stage.by(writer).from("channel", "admin");
    let title = match TITLES.get(stage.count("post")) {
        Some(title) => (*title).to_owned(),
        None if stage.random.chance(30) => format!("Notes from the workshop, no. {}", stage.count("post")),
        None => format!("{} {}", stage.random.pick(OPENINGS), stage.random.pick(SUBJECTS)),
    };
    let post = post(stage, &title, "draft");
    stage.create(&by, "post", post, Deed::new("wp.posts.created", format!("\"{title}\" post drafted")));
}

pub(super) fn edit_post(stage: &mut Stage) {
    let Some(at) = stage.pick("post", |state| state.get("status") != Some(&json!("trash"))) else { return };
    let editor = someone(&mut stage.random, ACME, &["author", "editor", "seo_editor"]);
    let by =
        stage.by(editor).from("channel", "admin").from("method", "POST").from("path", "/wp-json/wp/v2/posts");
    let title = stage.title("post", at);
    let reason = ticket(&mut stage.random, "WEB", REASONS);
    let deed = Deed::new("wp.posts.updated", format!("\"{title}\" post updated")).perhaps_because(reason);
    let seo_only = editor.role == "seo_editor";
    stage.change(&by, "post", at, deed, |state, random| {
        if seo_only {
            let text = format!("{} Read on in the journal.", prose::paragraph(random, &Theme::Lanterns));
            let noindex = random.chance(10);
            if let Some(seo) = within(state, "seo") {
                set(seo, "description", text.chars().take(150).collect::<String>());
                set(seo, "noindex", noindex);
            }
            return;
        }
        rewrite(state, "content", random);
        if random.chance(30) {
            toggle(state, "tags", random.pick(TAGS));
        }
        if random.chance(12) {
            set(state, "excerpt", prose::paragraph(random, &Theme::Lanterns));
        }
    });
    if stage.random.chance(30) {
        stage.wait(40, 300);
        let by = stage.by(editor).from("channel", "admin");
        let deed = Deed::new("wp.posts.updated", format!("\"{title}\" post updated"));
        stage.change(&by, "post", at, deed, |state, random| rewrite(state, "content", random));
    }
}

pub(super) fn publish_post(stage: &mut Stage) {
    let Some(at) = stage.pick("post", |state| state.get("status") == Some(&json!("draft"))) else {
        return write_post(stage);
    };
    let editor = someone(&mut stage.random, ACME, &["editor"]);
    let by = stage.by(editor).from("channel", "admin").from("method", "POST");
    let title = stage.title("post", at);
    // One click of the button: picture, text and status are three hooks of one request.
    let image = stage
        .pick("attachment", |_| true)
        .and_then(|image| stage.thing("attachment", image))
        .map(|i| i.id.clone());
    let deed = Deed::new("wp.posts.updated", format!("Featured image of \"{title}\" set"));
    stage.change(&by, "post", at, deed, |state, _| set(state, "featured_image", image));
    let published = stage.now().to_string();
    let deed = Deed::new("wp.posts.updated", format!("\"{title}\" post published"));
    stage.change(&by, "post", at, deed, |state, random| {
        rewrite(state, "content", random);
        set(state, "status", "publish");
        set(state, "published_at", published);
    });
    let sticky = stage.random.chance(20);
    let deed = Deed::new("wp.posts.updated", format!("\"{title}\" pinned to the front page"));
    stage.change(&by, "post", at, deed, |state, _| set(state, "sticky", sticky));
}

pub(super) fn trash_post(stage: &mut Stage) {
    let Some(at) = stage.pick("post", |state| state.get("status") != Some(&json!("trash"))) else { return };
    let editor = someone(&mut stage.random, ACME, &["editor"]);
    let by = stage.by(editor).from("channel", "admin");
    let title = stage.title("post", at);
    let previous = stage.text("post", at, "status");
    let deed = Deed::new("wp.posts.trashed", format!("\"{title}\" post trashed"));
    stage.change(&by, "post", at, deed, |state, _| set(state, "status", "trash"));
    stage.wait(30, 240);
    let by = stage.by(editor).from("channel", "admin");
    if stage.random.chance(60) {
        let deed = Deed::new("wp.posts.untrashed", format!("\"{title}\" post restored from trash"));
        stage.change(&by, "post", at, deed.because("wrong post"), |state, _| set(state, "status", previous));
    } else {
        stage.delete(
            &by,
            "post",
            at,
            Deed::new("wp.posts.deleted", format!("\"{title}\" post deleted from trash")),
        );
    }
}

pub(super) fn edit_page(stage: &mut Stage) {
    let Some(at) = stage.pick("page", |_| true) else { return };
    let editor = someone(&mut stage.random, ACME, &["editor", "administrator"]);
    let by = stage.by(editor).from("channel", "admin");
    let title = stage.title("page", at);
    let reason = ticket(&mut stage.random, "WEB", REASONS);
    let deed = Deed::new("wp.posts.updated", format!("\"{title}\" page updated")).perhaps_because(reason);
    stage.change(&by, "page", at, deed, |state, random| {
        rewrite(state, "content", random);
        if random.chance(20) {
            set(state, "template", random.pick(&["default", "wide", "no-sidebar"]));
        }
        if random.chance(15) {
            // The sort order is a number, until a form sends it as text.
            let order = random.below(9);
            set(state, "menu_order", if random.chance(50) { json!(order) } else { json!(order.to_string()) });
        }
    });
}

pub(super) fn upload_media(stage: &mut Stage) {
    let author = someone(&mut stage.random, ACME, &["author", "editor", "contributor"]);
    let by = stage.by(author).from("channel", "admin").from("path", "/wp-admin/async-upload.php");
    for _ in 0..stage.random.between(1, 4) {
        let id = stage.next_id("attachment", 900);
        let name = stage.random.pick(&[
            "harbour-dusk",
            "agatha-bending",
            "glass-rack",
            "moth-closeup",
            "solstice-walk",
            "wick-before-after",
            "ferry-fog",
        ]);
        let file = format!("{name}-{id}.jpg");
        let fields = json!({"title": file, "file": format!("2026/{file}"), "mime_type": "image/jpeg",
            "alt": null, "caption": "",
            "width": 2400, "height": 1600, "bytes": stage.random.between(180_000, 900_000)});
        let deed = Deed::new("wp.media.uploaded", format!("Added \"{file}\" to media library"));
        stage.create(&by, "attachment", Thing::new(id, &fields), deed);
    }
}

pub(super) fn describe_media(stage: &mut Stage) {
    let Some(at) = stage.pick("attachment", |state| state.get("alt") == Some(&Value::Null)) else { return };
    let editor = someone(&mut stage.random, ACME, &["editor", "seo_editor"]);
    let by = stage.by(editor).from("channel", "admin");
    let deed = Deed::new("wp.media.updated", format!("Updated \"{}\"", stage.title("attachment", at)));
    stage.change(&by, "attachment", at, deed.because("accessibility audit"), |state, random| {
        set(
            state,
            "alt",
            random.pick(&[
                "A lit lantern on a doorstep at dusk",
                "Hands trimming a wick",
                "A moth on a warm pane",
                "Glass panes in a wooden rack",
            ]),
        );
    });
}

pub(super) fn receive_comments(stage: &mut Stage) {
    let posts = stage.random.below(3);
    for _ in 0..posts {
        let Some(at) = stage.pick("post", |state| state.get("status") == Some(&json!("publish"))) else {
            return;
        };
        let last = stage.random.between(10, 250);
        let by = stage
            .request(json!({"type": "system"}))
            .from("ip", format!("198.51.100.{last}"))
            .from("channel", "web");
        let id = stage.next_id("comment", 4000);
        let post = stage.title("post", at);
        let (author, text) = stage.random.pick(&[
            ("Glühwürmchen", "Does it come in copper?"),
            ("night_gardener", "Mine has hung outside for three winters. The moths approve."),
            ("Prize Team", "<script>alert('you have won')</script> CLAIM <b>NOW</b>"),
            ("Fenwick", "Ordered two, received three. Very honest lanterns, odd arithmetic."),
            ("مريم", "جميل جداً، شكراً لكم"),
        ]);
        let fields = json!({"label": format!("{author} on {post}"), "author": author, "post": post,
            "status": "hold", "content": text});
        let deed = Deed::new(
            "wp.comments.created",
            format!("New comment by {author} on \"{post}\" pending approval"),
        );
        stage.create(&by, "comment", Thing::new(id, &fields), deed);
        stage.wait(60, 900);
    }
}

pub(super) fn moderate_comment(stage: &mut Stage) {
    let Some(at) = stage.pick("comment", |state| state.get("status") == Some(&json!("hold"))) else {
        return edit_post(stage);
    };
    let editor = someone(&mut stage.random, ACME, &["editor", "administrator"]);
    let by = stage.by(editor).from("channel", "admin");
    let label = stage.title("comment", at);
    let spam = stage.text("comment", at, "content").contains("<script>");
    let (word, status, done) =
        if spam { ("spammed", "spam", "marked as spam") } else { ("approved", "approved", "approved") };
    let deed = Deed::new(format!("wp.comments.{word}"), format!("Comment {label} {done}"));
    stage.change(&by, "comment", at, deed, |state, _| set(state, "status", status));
    if spam {
        stage.delete(
            &by,
            "comment",
            at,
            Deed::new("wp.comments.deleted", format!("Comment {label} deleted permanently")),
        );
    }
}

pub(super) fn tag_work(stage: &mut Stage) {
    let editor = someone(&mut stage.random, ACME, &["editor", "seo_editor"]);
    let by = stage.by(editor).from("channel", "admin");
    if let Some(at) = stage.pick("post_tag", |_| true).filter(|_| stage.count("post_tag") > 4) {
        let name = stage.title("post_tag", at);
        if stage.random.chance(25) {
            stage.delete(
                &by,
                "post_tag",
                at,
                Deed::new("wp.taxonomies.deleted", format!("\"{name}\" tag deleted")),
            );
        } else {
            let deed = Deed::new("wp.taxonomies.updated", format!("\"{name}\" tag updated"));
            stage.change(&by, "post_tag", at, deed, |state, random| {
                set(state, "description", prose::paragraph(random, &Theme::Lanterns));
            });
        }
        return;
    }
    let id = stage.next_id("post_tag", 60);
    let name = stage.random.pick(TAGS);
    let thing = Thing::new(id, &json!({"name": name, "slug": name, "description": "", "parent": null}));
    stage.create(
        &by,
        "post_tag",
        thing,
        Deed::new("wp.taxonomies.created", format!("\"{name}\" tag created")),
    );
}

pub(super) fn long_title(stage: &mut Stage) {
    let writer = someone(&mut stage.random, ACME, &["contributor"]);
    let by = stage.by(writer).from("channel", "admin");
    let title = "On the careful, patient, occasionally smoky and now and then frankly alarming business of restoring a harbour lantern that has spent seventy-odd years at the bottom of a garden pond, told in full by the person who fell in while fetching it, with measurements, regrets, a list of tools that did not float, and a recipe for the soup that followed";
    let post = post(stage, title, "draft");
    stage.create(&by, "post", post, Deed::new("wp.posts.created", format!("\"{title}\" post drafted")));
}

pub(super) fn paste_markup(stage: &mut Stage) {
    let Some(at) = stage.find("page", "52").or_else(|| stage.pick("page", |_| true)) else { return };
    let editor = someone(&mut stage.random, ACME, &["editor"]);
    let by = stage.by(editor).from("channel", "admin");
    let title = stage.title("page", at);
    let snippet = "\n\n<script src=\"https://widgets.example.net/stars.js\" async></script><div class=\"stars\" onclick=\"rate(5)\">★★★★★</div>";
    let deed = Deed::new("wp.posts.updated", format!("\"{title}\" page updated"));
    stage.change(&by, "page", at, deed.because("WEB-2204: star widget, as agreed"), |state, _| {
        let text = state.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
        set(state, "content", text + snippet);
    });
    stage.wait(1500, 2400);
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin");
    let deed = Deed::new("wp.posts.updated", format!("\"{title}\" page updated"));
    stage.change(
        &by,
        "page",
        at,
        deed.because("WEB-2206: no foreign scripts, as also agreed"),
        |state, _| {
            let text = state.get("content").and_then(Value::as_str).unwrap_or_default().replace(snippet, "");
            set(state, "content", text);
        },
    );
}
