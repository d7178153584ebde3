//! Menus, settings, widgets, plugins, the theme and the people themselves.

use serde_json::{Value, json};

use super::super::edit::{list, set, within};
use super::super::people::{ACME, someone};
use super::super::prose::{slug, ticket};
use super::super::stage::{Deed, Stage, Thing};

pub(super) fn edit_menu(stage: &mut Stage) {
    let Some(at) = stage.pick("menu", |_| true) else { return };
    let admin = someone(&mut stage.random, ACME, &["administrator", "editor"]);
    let by = stage.by(admin).from("channel", "admin");
    let id = stage.next_id("menu_item", 400);
    let deed = Deed::new("wp.menus.updated", format!("Updated menu \"{}\"", stage.title("menu", at)));
    stage.change(&by, "menu", at, deed, |state, random| {
        let Some(items) = list(state, "items") else { return };
        let last = items.len().saturating_sub(1);
        match random.below(4) {
            0 if items.len() > 3 => drop(items.remove(random.position(items.len()))),
            1 => items.swap(0, last),
            2 => {
                let title = random.pick(&["Repairs", "Events", "Gift cards", "Press"]);
                items.insert(
                    random.position(items.len()),
                    json!({"id": id.parse::<u64>().unwrap_or_default(), "title": title,
                    "url": format!("/{}/", slug(title)), "children": []}),
                );
            }
            _ => {
                if let Some(item) = items.get_mut(last).and_then(Value::as_object_mut) {
                    set(
                        item,
                        "title",
                        random.pick(&["About", "About us", "The workshop", "Imprint & privacy"]),
                    );
                }
            }
        }
    });
}

pub(super) fn change_option(stage: &mut Stage) {
    let Some(at) = stage.pick("option", |_| true) else { return };
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin").from("path", "/wp-admin/options.php");
    let reason = ticket(
        &mut stage.random,
        "WEB",
        &["asked for by marketing", "trying it for a week", "back to how it was"],
    );
    let deed =
        Deed::new("wp.settings.updated", format!("\"{}\" setting was updated", stage.title("option", at)));
    let id = stage.thing("option", at).map(|thing| thing.id.clone()).unwrap_or_default();
    stage.change(&by, "option", at, deed.perhaps_because(reason), |state, random| {
        let value = match id.as_str() {
            "blogdescription" => json!(random.pick(&[
                "Small rooms in the dark",
                "Light, bent by hand",
                "Lanterns since the last power cut",
                "Small rooms in the dark 🏮"
            ])),
            // The settings screen saves text, the REST route a number.
            "posts_per_page" => {
                if random.chance(50) {
                    json!(random.between(8, 14))
                } else {
                    json!(random.between(8, 14).to_string())
                }
            }
            "comment_moderation" => json!(state.get("value") != Some(&json!(true))),
            "timezone_string" => json!(random.pick(&["Europe/Lisbon", "Europe/Oslo", "UTC"])),
            "default_role" => json!(random.pick(&["subscriber", "contributor"])),
            "permalink_structure" => json!(random.pick(&["/%year%/%postname%/", "/%postname%/"])),
            _ => json!(random.pick(&["Acme Lanterns", "Acme Lanterns & Lamps"])),
        };
        set(state, "value", value);
    });
}

pub(super) fn edit_widget(stage: &mut Stage) {
    let Some(at) = stage.pick("widget", |_| true) else { return };
    let admin = someone(&mut stage.random, ACME, &["administrator", "editor"]);
    let by = stage.by(admin).from("channel", "admin");
    let title = stage.title("widget", at);
    if stage.random.chance(40) {
        let target = stage.random.pick(&["sidebar-1", "footer-1", "wp_inactive_widgets"]);
        let deed = Deed::new("wp.widgets.moved", format!("Widget named \"{title}\" moved to \"{target}\""));
        return stage.change(&by, "widget", at, deed, |state, random| {
            set(state, "sidebar", target);
            set(state, "position", random.between(1, 5));
        });
    }
    let deed = Deed::new("wp.widgets.updated", format!("Widget named \"{title}\" updated"));
    stage.change(&by, "widget", at, deed, |state, random| {
        if let Some(settings) = within(state, "settings") {
            set(
                settings,
                "text",
                random.pick(&[
                    "Tuesday to Saturday, 9–17",
                    "Closed on Mondays, like Agatha",
                    "Open late on solstice",
                    "Behind the ropewalk, blue door",
                    "<em>Knock twice</em>",
                ]),
            );
            set(settings, "filter", random.chance(50));
        }
    });
}

pub(super) fn switch_plugin(stage: &mut Stage) {
    let Some(at) = stage.pick("plugin", |_| true) else { return };
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin").from("path", "/wp-admin/plugins.php");
    let name = stage.title("plugin", at);
    let active =
        stage.thing("plugin", at).and_then(|plugin| plugin.state.get("active")) == Some(&json!(true));
    let word = if active { "deactivated" } else { "activated" };
    let deed = Deed::new(format!("wp.installer.{word}"), format!("\"{name}\" plugin {word}"));
    stage.change(&by, "plugin", at, deed, |state, _| set(state, "active", !active));
    if active {
        stage.wait(200, 1200);
        let by = stage.by(admin).from("channel", "admin");
        let deed = Deed::new("wp.installer.activated", format!("\"{name}\" plugin activated"));
        stage.change(&by, "plugin", at, deed.because("it was not the plugin"), |state, _| {
            set(state, "active", true);
        });
    }
}

pub(super) fn update_plugins(stage: &mut Stage) {
    if !stage.random.chance(30) {
        return;
    }
    let by = stage.by_system("wp_cron");
    for _ in 0..stage.random.between(1, 2) {
        let Some(at) = stage.pick("plugin", |state| state.get("auto_update") == Some(&json!(true))) else {
            return;
        };
        let name = stage.title("plugin", at);
        let old = stage.text("plugin", at, "version");
        let (front, last) = old.rsplit_once('.').unwrap_or((&old, "0"));
        let new = format!("{front}.{}", last.parse::<u64>().unwrap_or_default() + 1);
        let deed = Deed::new("wp.installer.updated", format!("\"{name}\" plugin updated to {new}"));
        let took = stage.random.between(900, 5200);
        stage.change(&by, "plugin", at, deed.took(took).data(json!({"auto_updated": true})), |state, _| {
            set(state, "version", new);
        });
    }
}

pub(super) fn change_user(stage: &mut Stage) {
    let Some(at) = stage.pick("user", |_| true) else { return };
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin");
    let name = stage.title("user", at);
    let deed = Deed::new("wp.users.updated", format!("{name}'s profile was updated"));
    stage.change(&by, "user", at, deed, |state, random| match random.below(3) {
        0 => set(state, "two_factor", true),
        1 => set(
            state,
            "bio",
            random.pick(&[
                "Writes about glass.",
                "Bends brass, mostly on purpose.",
                "Keeper of the moth log 🦋",
                "",
            ]),
        ),
        _ => set(
            state,
            "roles",
            random.pick(&[
                json!(["author"]),
                json!(["editor"]),
                json!(["editor", "seo_editor"]),
                json!(["author", "translator"]),
            ]),
        ),
    });
}

pub(super) fn customise_theme(stage: &mut Stage) {
    let Some(at) = stage.pick("theme", |_| true) else { return };
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin").from("path", "/wp-admin/customize.php");
    let deed = Deed::new("wp.settings.updated", "\"Colours\" of the theme were updated");
    stage.change(&by, "theme", at, deed, |state, random| {
        if let Some(mods) = within(state, "mods") {
            set(mods, "background_color", random.pick(&["fbf7ef", "f4efe6", "fffdf8"]));
            set(mods, "accent", random.pick(&["#b4690e", "#a35c06", "#c27a1d"]));
            set(
                mods,
                "header_image",
                random.pick(&[Value::Null, json!("https://www.acme.example.com/uploads/2026/dusk.jpg")]),
            );
        }
    });
}

pub(super) fn mistype_password(stage: &mut Stage) {
    let person = someone(&mut stage.random, ACME, &[]);
    let by = stage
        .request(json!({"type": "user", "id": person.id, "name": person.name}))
        .from("ip", person.ip)
        .from("user_agent", person.agent);
    for _ in 0..stage.random.between(1, 2) {
        let deed = Deed::new("wp.users.login_failed", format!("Failed login for {}", person.email));
        stage.note(&by, "user", person.id, Some(person.name), deed.failed(&["incorrect password"]));
        stage.wait(6, 25);
    }
    let _ = stage.by(person);
}

pub(super) fn deny_editor(stage: &mut Stage) {
    let contributor = someone(&mut stage.random, ACME, &["contributor"]);
    let by = stage
        .by(contributor)
        .from("channel", "admin")
        .from("method", "POST")
        .from("path", "/wp-admin/options.php");
    let deed = Deed::new("wp.settings.permission_denied", "Tried to save general settings");
    stage.note(
        &by,
        "option",
        "blogname",
        Some("Site title"),
        deed.failed(&["capability manage_options is missing"]),
    );
}

/// The id of the apprentice who stays for six weeks.
const APPRENTICE: &str = "14";

pub(super) fn welcome(stage: &mut Stage) {
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin").from("path", "/wp-admin/user-new.php");
    let fields = json!({"display_name": "Florian Achterberg", "email": "florian@acme.example.com",
        "roles": ["subscriber"], "bio": "", "two_factor": false});
    let deed = Deed::new("wp.users.created", "New user account created for Florian Achterberg (Subscriber)");
    stage.create(&by, "user", Thing::new(APPRENTICE, &fields), deed.because("WEB-2090: new apprentice"));
    if let Some(at) = stage.find("user", APPRENTICE) {
        let deed = Deed::new("wp.users.updated", "Florian Achterberg's role was changed to Contributor");
        stage.change(&by, "user", at, deed, |state, _| set(state, "roles", json!(["contributor"])));
    }
}

pub(super) fn farewell(stage: &mut Stage) {
    let admin = someone(&mut stage.random, ACME, &["administrator"]);
    let by = stage.by(admin).from("channel", "admin").from("path", "/wp-admin/users.php");
    if let Some(at) = stage.find("user", APPRENTICE) {
        let deed = Deed::new("wp.users.deleted", "Florian Achterberg's account was deleted");
        let deed = deed.because("WEB-2481: off to sea").data(json!({"content_reassigned_to": admin.id}));
        stage.delete(&by, "user", at, deed);
    }
    for _ in 0..2 {
        if let Some(at) = stage.pick("attachment", |_| true) {
            let deed =
                Deed::new("wp.media.deleted", format!("Deleted \"{}\"", stage.title("attachment", at)));
            stage.delete(&by, "attachment", at, deed);
        }
    }
}
