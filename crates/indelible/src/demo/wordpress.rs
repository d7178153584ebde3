//! `acme.www`: the marketing site of a lantern maker, on `WordPress`.

mod content;
mod upkeep;

use serde_json::{Value, json};

use super::calendar::Script;
use super::people::{ACME, Person};
use super::prose::{self, Theme, slug};
use super::stage::{Deed, Request, Stage, Thing};

pub(super) const SCRIPT: Script = Script {
    moments_per_day: 10,
    work: &[
        (26, content::edit_post),
        (9, content::write_post),
        (13, content::publish_post),
        (9, content::edit_page),
        (8, content::upload_media),
        (4, content::describe_media),
        (10, content::moderate_comment),
        (5, upkeep::edit_menu),
        (5, upkeep::change_option),
        (4, upkeep::edit_widget),
        (3, upkeep::switch_plugin),
        (5, content::tag_work),
        (4, upkeep::change_user),
        (2, content::trash_post),
        (3, upkeep::mistype_password),
        (2, upkeep::customise_theme),
    ],
    clockwork: &[
        (2 * 60 + 17, upkeep::update_plugins),
        (5 * 60 + 40, content::receive_comments),
        (19 * 60 + 5, content::receive_comments),
    ],
    events: &[
        (61, 10 * 60 + 22, content::long_title),
        (40, 14 * 60 + 3, upkeep::deny_editor),
        (33, 9 * 60 + 31, content::paste_markup),
        (57, 8 * 60 + 40, upkeep::welcome),
        (12, 16 * 60 + 50, upkeep::farewell),
    ],
};

pub(super) fn login(stage: &mut Stage, by: &Request, person: &Person) {
    let deed = Deed::new("wp.users.login", format!("{} logged in", person.name));
    stage.note(by, "user", person.id, Some(person.name), deed);
}

pub(super) fn furnish(stage: &mut Stage) {
    furnish_content(stage);
    furnish_host(stage);
}

fn furnish_content(stage: &mut Stage) {
    for (number, title) in content::TITLES.iter().take(12).enumerate() {
        let post = content::post(stage, title, if number % 4 == 3 { "draft" } else { "publish" });
        stage.furnish("post", post);
    }
    for title in ["Home", "About the workshop", "Opening hours", "Visit us", "Guarantee", "Imprint"] {
        let id = stage.next_id("post", 40);
        let content = prose::write(&mut stage.random, &Theme::Lanterns, 2);
        let fields = json!({"title": title, "slug": slug(title), "status": "publish", "content": content,
            "parent": null,
            "template": "default", "menu_order": 0, "seo": {"title": title, "description": null,
                "noindex": false}});
        stage.furnish("page", Thing::new(id, &fields).at(content::url(title)));
    }
    for person in ACME {
        stage.furnish(
            "user",
            Thing::new(
                person.id,
                &json!({"display_name": person.name, "email": person.email,
            "roles": [person.role], "bio": "", "two_factor": person.role == "administrator"}),
            ),
        );
    }
}

fn furnish_host(stage: &mut Stage) {
    let options = [
        ("blogname", "Site title", json!("Acme Lanterns")),
        ("blogdescription", "Tagline", json!("Small rooms in the dark")),
        ("posts_per_page", "Posts per page", json!("10")),
        ("comment_moderation", "Hold comments", json!(true)),
        ("permalink_structure", "Permalinks", json!("/%year%/%postname%/")),
        ("timezone_string", "Time zone", json!("Europe/Lisbon")),
        ("default_role", "Default role", json!("subscriber")),
    ];
    for (id, label, value) in options {
        stage.furnish("option", Thing::new(id, &json!({"label": label, "value": value})));
    }
    let item = |id: u64, title: &str, children: Value| {
        json!({"id": id, "title": title,
        "url": format!("/{}/", slug(title)), "children": children})
    };
    let items = json!([
        item(
            301,
            "Lanterns",
            json!([item(302, "Storm lamps", json!([])), item(303, "Garden lights", json!([]))])
        ),
        item(304, "Journal", json!([])),
        item(305, "About", json!([item(306, "Workshop", json!([])), item(307, "People", json!([]))]))
    ]);
    stage.furnish(
        "menu",
        Thing::new("25", &json!({"name": "Main menu", "location": "primary", "items": items})),
    );
    stage.furnish(
        "menu",
        Thing::new(
            "26",
            &json!({"name": "Footer", "location": "footer",
        "items": [item(320, "Imprint", json!([])), item(321, "Privacy", json!([]))]}),
        ),
    );
    furnish_extensions(stage);
}

fn furnish_extensions(stage: &mut Stage) {
    for (slug, name, version) in [
        ("shelf", "Shelf", "2.4.1"),
        ("cookie-jar", "Cookie Jar", "5.0.3"),
        ("lamplight-seo", "Lamplight SEO", "11.2.0"),
        ("quiet-cache", "Quiet Cache", "1.9.8"),
        ("form-of-words", "Form of Words", "3.3.0"),
    ] {
        stage.furnish(
            "plugin",
            Thing::new(slug, &json!({"name": name, "version": version, "active": true, "auto_update": true})),
        );
    }
    stage.furnish(
        "theme",
        Thing::new(
            "duskline",
            &json!({"name": "Duskline", "version": "1.6.2", "mods": {"background_color": "fbf7ef",
        "header_image": null, "accent": "#b4690e", "nav_menu_locations": {"primary": 25, "footer": 26}}}),
        ),
    );
    for (id, title, text) in [
        ("text-2", "Hours", "Tuesday to Saturday, 9–17"),
        ("text-3", "Find us", "Behind the ropewalk, blue door"),
        ("search-2", "Search", ""),
    ] {
        stage.furnish(
            "widget",
            Thing::new(
                id,
                &json!({"title": title, "sidebar": "sidebar-1",
            "position": 1, "settings": {"text": text, "filter": false}}),
            ),
        );
    }
}
