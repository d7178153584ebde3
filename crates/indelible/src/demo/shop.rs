//! `northwind.shop`: a tea shop on a multi-site CMS. Prices and stock move all day; what happens at night
//! is in [`super::incident`].

use serde_json::{Value, json};

use super::calendar::Script;
use super::edit::{list, rewrite, set, within};
use super::incident;
use super::people::{NORTHWIND, Person, someone};
use super::prose::{self, Theme, slug, ticket};
use super::stage::{Deed, Request, Stage, State, Thing};

pub(super) const SCRIPT: Script = Script {
    moments_per_day: 10,
    work: &[
        (16, change_price),
        (14, describe_product),
        (12, sell),
        (6, add_product),
        (8, edit_variants),
        (9, edit_story),
        (6, review_story),
        (5, edit_page),
        (4, edit_navigation),
        (4, change_settings),
        (4, add_redirect),
        (4, change_member),
        (3, export_orders),
        (2, denied),
        (3, archive_product),
        (2, support_customer),
    ],
    clockwork: &[(3 * 60 + 30, stock_taking), (13 * 60 + 15, stock_taking), (22 * 60 + 45, end_sales)],
    events: &[
        (66, 9 * 60 + 12, import_prices),
        (incident::DAYS_BEFORE, 2 * 60 + 41, incident::guess_password),
        (incident::DAYS_BEFORE, 3 * 60 + 12, incident::strike),
        (incident::DAYS_BEFORE, 7 * 60 + 48, incident::discover),
        (incident::DAYS_BEFORE, 8 * 60 + 26, incident::repair),
    ],
};

const TEAS: &[(&str, &str, u64)] = &[
    ("Above the Fog", "green", 1850),
    ("Pine Argument", "smoked", 1620),
    ("No Urgent Post", "blend", 990),
    ("Forty Days at Sea", "black", 1280),
    ("Second Flush, First Regret", "black", 1490),
    ("Moth & Candle 🦋", "white", 2100),
    ("شاي المساء", "herbal", 870),
    ("Harbour Breakfast", "black", 1090),
    ("The Quiet Oolong", "oolong", 1975),
    ("Rain, Then Walnut", "green", 1730),
    ("静けさ Sencha", "green", 1890),
    ("Captain's Insomnia", "blend", 1150),
    ("Lost Luggage Lapsang", "smoked", 1580),
    ("Orchard by Night", "herbal", 920),
    ("Ninth Wave Assam", "black", 1340),
];

const STORIES: &[&str] = &[
    "How slow ships taste",
    "Meet the family on the right side of the pine",
    "Packing day, by the numbers",
    "☔ A rainy-day brewing guide",
    "What a tin should sound like",
    "The harvest letter",
];

pub(super) fn login(stage: &mut Stage, by: &Request, person: &Person) {
    let deed = Deed::new("cms.login", format!("{} signed in", person.name));
    stage.note(by, "member", person.id, Some(person.name), deed);
}

pub(super) fn furnish(stage: &mut Stage) {
    for tea in TEAS.iter().take(11) {
        let product = product(stage, *tea, "published");
        stage.furnish("product", product);
    }
    for (id, title) in [
        ("p-1", "Home"),
        ("p-2", "Shipping and returns"),
        ("p-3", "Our growers"),
        ("p-4", "Wholesale"),
        ("p-5", "Gift tins"),
        ("p-6", "Contact"),
    ] {
        let body = prose::write(&mut stage.random, &Theme::Tea, 2);
        let fields = json!({"title": title, "route": format!("/{}", slug(title)), "status": "published",
            "body": body, "seo": {"title": title, "description": null}});
        stage.furnish(
            "page",
            Thing::new(id, &fields).at(format!("https://shop.northwind.example.com/{}", slug(title))),
        );
    }
    for title in STORIES.iter().take(3) {
        let story = story(stage, title, "published");
        stage.furnish("blog", story);
    }
    furnish_host(stage);
}

/// People, navigation and settings.
fn furnish_host(stage: &mut Stage) {
    for person in NORTHWIND {
        stage.furnish(
            "member",
            Thing::new(
                person.id,
                &json!({"display_name": person.name,
            "email": person.email, "role": person.role, "two_factor": person.role == "admin",
            "active": true}),
            ),
        );
    }
    stage.furnish(
        "navigation_menu",
        Thing::new(
            "nav-main",
            &json!({"title": "Main navigation", "items": [
        {"id": "n1", "label": "Tea", "target": "/tea", "children": [{"id": "n2", "label": "Green",
            "target": "/tea/green", "children": []}, {"id": "n3", "label": "Black", "target": "/tea/black",
            "children": []}]},
        {"id": "n4", "label": "Gift tins", "target": "/gift-tins", "children": []}, {"id": "n5",
            "label": "Journal", "target": "/journal", "children": []}]}),
        ),
    );
    stage.furnish(
        "site_settings",
        Thing::new(
            "payment",
            &json!({"title": "Payment", "provider": "Plainpay",
        "payout_account": {"holder": "Northwind Tea", "iban_last4": "0417", "bank": "Harbour Mutual"},
        "methods": ["card", "invoice", "bank_transfer"], "capture": "on_shipment",
            "notify": ["accounts@northwind.example.com"], "refund_limit": 250}),
        ),
    );
    stage.furnish(
        "site_settings",
        Thing::new(
            "shipping",
            &json!({"title": "Shipping", "free_from": 4500,
        "zones": [{"id": "eu", "price": 490, "days": 6}, {"id": "no", "price": 590, "days": 7},
        {"id": "world", "price": 1290, "days": 40}]}),
        ),
    );
    stage.furnish(
        "site_settings",
        Thing::new(
            "general",
            &json!({"title": "General",
        "tagline": "Slow ships, good tea", "maintenance": false, "banner": null, "posts_per_page": 12}),
        ),
    );
}

fn product(stage: &mut Stage, (name, family, price): (&str, &str, u64), status: &str) -> Thing {
    let id = format!("tea-{}", stage.next_id("product", 400));
    let random = &mut stage.random;
    let fields = json!({"title": name, "sku": id.to_uppercase(), "family": family, "status": status,
        "price": price, "sale_price": null, "currency": "EUR",
        "stock": random.between(40, 300), "description": prose::write(random, &Theme::Tea, 2),
        "attributes": {"origin": random.pick(&["Uva highlands", "Fujian hills", "Estate no. 9",
            "Shizuoka"]), "harvest": 2026, "organic": random.chance(50)},
        "variants": [{"id": "50g", "weight_g": 50, "price": price / 2 + 90}, {"id": "100g", "weight_g": 100,
            "price": price}, {"id": "tin", "weight_g": 125, "price": price + 650}],
        "seo": {"title": name, "description": null}});
    let url = format!("https://shop.northwind.example.com/tea/{id}");
    Thing::new(id, &fields).at(url)
}

fn story(stage: &mut Stage, title: &str, status: &str) -> Thing {
    let id = format!("b-{}", stage.next_id("blog", 20));
    let fields = json!({"title": title, "status": status, "body": prose::write(&mut stage.random,
        &Theme::Tea, 3), "tags": ["tea"], "published_at": null});
    Thing::new(id, &fields).at(format!("https://shop.northwind.example.com/journal/{}", slug(title)))
}

pub(super) fn editor(stage: &mut Stage, roles: &[&str]) -> Request {
    let person = someone(&mut stage.random, NORTHWIND, roles);
    stage.by(person).from("channel", "panel")
}

fn number(state: &State, field: &str) -> u64 {
    state.get(field).and_then(Value::as_u64).unwrap_or_default()
}

fn on_sale(state: &State) -> bool {
    state.get("sale_price").is_some_and(|price| !price.is_null())
}

fn change_price(stage: &mut Stage) {
    let Some(at) = stage.pick("product", |_| true) else { return };
    let by = editor(stage, &["admin", "editor"]);
    let title = stage.title("product", at);
    let reason = ticket(
        &mut stage.random,
        "SHOP",
        &["freight went up", "matching the label", "autumn offer", "grower's new price"],
    );
    let deed = Deed::new("cms.update", format!("Changed the price of {title}")).perhaps_because(reason);
    stage.change(&by, "product", at, deed, |state, random| {
        let price = number(state, "price").max(500);
        if random.chance(35) {
            set(state, "sale_price", price * random.between(75, 90) / 100);
        } else {
            set(state, "price", price / 100 * 100 + random.pick(&[20, 40, 50, 75, 90, 95]));
        }
    });
}

fn describe_product(stage: &mut Stage) {
    let Some(at) = stage.pick("product", |_| true) else { return };
    let by = editor(stage, &["editor", "author"]);
    let title = stage.title("product", at);
    stage.change(
        &by,
        "product",
        at,
        Deed::new("cms.update", format!("Edited the description of {title}")),
        |state, random| {
            rewrite(state, "description", random);
            let is_seo = random.chance(25);
            if let Some(seo) = within(state, "seo").filter(|_| is_seo) {
                let text = prose::paragraph(random, &Theme::Tea);
                set(seo, "description", text.chars().take(140).collect::<String>());
            }
            let is_harvest = random.chance(15);
            if let Some(attributes) = within(state, "attributes").filter(|_| is_harvest) {
                // The form sends years as text, the importer as numbers.
                set(attributes, "harvest", if random.chance(50) { json!(2026) } else { json!("2026") });
            }
        },
    );
}

fn sell(stage: &mut Stage) {
    let by = stage
        .by_service("plainpay-hook", "Plainpay", "203.0.113.80")
        .from("method", "POST")
        .from("path", "/api/v1/hooks/order-paid");
    for _ in 0..stage.random.between(1, 3) {
        let Some(at) = stage.pick("product", |state| number(state, "stock") > 8) else { return };
        let sold = stage.random.between(1, 7);
        let title = stage.title("product", at);
        let order = stage.next_id("order", 88_000);
        let deed = Deed::new("cms.update", format!("Order {order}: {sold} × {title}"))
            .data(json!({"order": order, "quantity": sold}));
        stage.change(&by, "product", at, deed, |state, _| {
            let left = number(state, "stock").saturating_sub(sold);
            set(state, "stock", left);
        });
    }
}

fn stock_taking(stage: &mut Stage) {
    let by = stage.by_system("stock-sync").from("route", "nightly-stock");
    let took = stage.random.between(800, 9000);
    if stage.random.chance(6) {
        let deed = Deed::new("cms.update", "Stock was not synchronised");
        return stage.note(
            &by,
            "job",
            "stock-sync",
            Some("Stock synchronisation"),
            deed.failed(&["warehouse answered 503 after 3 tries"]).took(30_000),
        );
    }
    for _ in 0..3 {
        let Some(at) = stage.pick("product", |state| number(state, "stock") < 60) else { return };
        let title = stage.title("product", at);
        let deed = Deed::new("cms.update", format!("Stock of {title} set from the warehouse")).took(took);
        stage.change(&by, "product", at, deed, |state, random| set(state, "stock", random.between(80, 320)));
    }
}

fn end_sales(stage: &mut Stage) {
    let by = stage.by_system("scheduler");
    if let Some(at) = stage.pick("product", on_sale) {
        let title = stage.title("product", at);
        stage.change(
            &by,
            "product",
            at,
            Deed::new("cms.update", format!("The offer for {title} ended")),
            |state, _| set(state, "sale_price", Value::Null),
        );
    }
}

fn add_product(stage: &mut Stage) {
    let number = stage.count("product");
    let Some(tea) = TEAS.get(number).copied().filter(|_| stage.random.chance(40)) else {
        return describe_product(stage);
    };
    let by = editor(stage, &["editor", "admin"]);
    let product = product(stage, tea, "draft");
    stage.create(&by, "product", product, Deed::new("cms.create", format!("Added {}", tea.0)));
    stage.wait(90, 600);
    let deed = Deed::new("cms.publish", format!("Published {}", tea.0));
    stage.change(&by, "product", number, deed, |state, _| set(state, "status", "published"));
}

fn edit_variants(stage: &mut Stage) {
    let Some(at) = stage.pick("product", |_| true) else { return };
    let by = editor(stage, &["editor", "admin"]);
    let deed = Deed::new("cms.update", format!("Edited the sizes of {}", stage.title("product", at)));
    stage.change(&by, "product", at, deed, |state, random| {
        let Some(variants) = list(state, "variants") else { return };
        let sample = json!({"id": "sample", "weight_g": 8, "price": 190});
        let known = variants.iter().position(|variant| variant.get("id") == sample.get("id"));
        match (random.below(3), known) {
            (0, Some(at)) => drop(variants.remove(at)),
            (0, None) => variants.insert(0, sample),
            (1, _) if variants.len() > 1 => variants.rotate_left(1),
            _ => {
                let last = variants.len().saturating_sub(1);
                if let Some(variant) = variants.get_mut(last).and_then(Value::as_object_mut) {
                    set(variant, "price", random.between(600, 2700));
                }
            }
        }
    });
}

fn edit_story(stage: &mut Stage) {
    let number = stage.count("blog");
    if let Some(title) = STORIES.get(number).filter(|_| stage.random.chance(30)) {
        let by = editor(stage, &["author"]);
        let story = story(stage, title, "draft");
        return stage.create(&by, "blog", story, Deed::new("cms.create", format!("Started \"{title}\"")));
    }
    let Some(at) = stage.pick("blog", |_| true) else { return };
    let by = editor(stage, &["author", "editor"]);
    let deed = Deed::new("cms.update", format!("Edited \"{}\"", stage.title("blog", at)));
    stage.change(&by, "blog", at, deed, |state, random| rewrite(state, "body", random));
}

fn review_story(stage: &mut Stage) {
    let Some(at) = stage.pick("blog", |state| state.get("status") != Some(&json!("in_review"))) else {
        return;
    };
    let by = editor(stage, &["author"]);
    let title = stage.title("blog", at);
    let step = |stage: &mut Stage,
                by: &Request,
                action: &str,
                summary: String,
                status: &'static str,
                reason: Option<&str>| {
        let deed = Deed::new(action, summary).perhaps_because(reason.map(str::to_owned));
        stage.change(by, "blog", at, deed, |state, _| set(state, "status", status));
    };
    step(stage, &by, "cms.submit_review", format!("Submitted \"{title}\" for review"), "in_review", None);
    stage.wait(300, 1500);
    let by = editor(stage, &["reviewer"]);
    if stage.random.chance(30) {
        step(
            stage,
            &by,
            "cms.request_changes",
            format!("Asked for changes to \"{title}\""),
            "changes_requested",
            Some("The walnut comes before the rain, not after."),
        );
        return;
    }
    step(stage, &by, "cms.approve", format!("Approved \"{title}\""), "approved", None);
    stage.wait(60, 900);
    let by = editor(stage, &["editor"]);
    step(stage, &by, "cms.publish", format!("Published \"{title}\""), "published", None);
}

fn edit_page(stage: &mut Stage) {
    let Some(at) = stage.pick("page", |_| true) else { return };
    let by = editor(stage, &["editor"]);
    let deed = Deed::new("cms.update", format!("Edited the page {}", stage.title("page", at)));
    stage.change(&by, "page", at, deed, |state, random| rewrite(state, "body", random));
}

fn edit_navigation(stage: &mut Stage) {
    let by = editor(stage, &["editor", "admin"]);
    let id = format!("n{}", stage.next_id("navigation_item", 40));
    stage.change(
        &by,
        "navigation_menu",
        0,
        Deed::new("cms.update", "Rearranged the main navigation"),
        |state, random| {
            let Some(items) = list(state, "items") else { return };
            match random.below(3) {
                0 => items.rotate_right(1),
                1 if items.len() > 3 => drop(items.pop()),
                _ => items.push(json!({"id": id, "label": random.pick(&["Offers", "Letters", "Wholesale",
                "Brewing"]), "target": "/more", "children": []})),
            }
        },
    );
}

fn change_settings(stage: &mut Stage) {
    let by = editor(stage, &["admin", "owner"]);
    let general = stage.random.chance(60);
    let at = if general {
        stage.find("site_settings", "general")
    } else {
        stage.find("site_settings", "shipping")
    };
    let Some(at) = at else { return };
    let reason =
        ticket(&mut stage.random, "SHOP", &["agreed on Tuesday", "carrier changed its table", "season"]);
    let deed = Deed::new(
        "cms.settings_update",
        format!("Changed the settings {}", stage.title("site_settings", at)),
    );
    stage.change(&by, "site_settings", at, deed.perhaps_because(reason), |state, random| {
        if general {
            set(
                state,
                "banner",
                random.pick(&[
                    Value::Null,
                    json!("Orders before Thursday arrive before the fog."),
                    json!("🚢 The September ship is in."),
                ]),
            );
        } else if let Some(zone) =
            list(state, "zones").and_then(|zones| zones.last_mut()).and_then(Value::as_object_mut)
        {
            set(zone, "price", random.between(11, 15) * 100 - 10);
        }
    });
}

fn add_redirect(stage: &mut Stage) {
    let by = editor(stage, &["editor"]);
    let id = format!("r-{}", stage.next_id("redirect", 10));
    let fields =
        json!({"label": format!("/old/{id}"), "from": format!("/old/{id}"), "to": "/tea", "status": 301});
    stage.create(
        &by,
        "redirect",
        Thing::new(id.clone(), &fields),
        Deed::new("cms.create", format!("Redirect from /old/{id} to /tea")),
    );
    if stage.count("redirect") > 6 {
        stage.delete(&by, "redirect", 0, Deed::new("cms.delete", "Removed a redirect nobody followed"));
    }
}

fn change_member(stage: &mut Stage) {
    let Some(at) = stage.pick("member", |_| true) else { return };
    let by = editor(stage, &["admin", "owner"]);
    let deed = Deed::new("cms.update", format!("Changed the membership of {}", stage.title("member", at)));
    stage.change(&by, "member", at, deed, |state, random| {
        if random.chance(50) {
            set(state, "two_factor", random.chance(60));
        } else if !matches!(state.get("role").and_then(Value::as_str), Some("owner" | "admin")) {
            set(state, "role", random.pick(&["editor", "author", "reviewer", "viewer"]));
        }
    });
}

fn export_orders(stage: &mut Stage) {
    let by = editor(stage, &["admin"]);
    let rows = stage.random.between(80, 900);
    let deed = Deed::new("cms.export", format!("Exported {rows} orders"))
        .because("monthly accounts")
        .data(json!({"format": "csv", "rows": rows}));
    stage.note(&by, "order", "all", Some("Orders"), deed);
}

fn denied(stage: &mut Stage) {
    let by =
        editor(stage, &["viewer", "author"]).from("method", "PUT").from("path", "/api/v1/settings/payment");
    let deed = Deed::new("cms.permission_denied", "Tried to change payment settings");
    stage.note(
        &by,
        "site_settings",
        "payment",
        Some("Payment"),
        deed.failed(&["role may not change settings"]),
    );
}

fn archive_product(stage: &mut Stage) {
    let Some(at) = stage.pick("product", |state| state.get("status") == Some(&json!("published"))) else {
        return;
    };
    let by = editor(stage, &["admin"]);
    let title = stage.title("product", at);
    stage.change(
        &by,
        "product",
        at,
        Deed::new("cms.archive", format!("Archived {title}")).because("sold out until the next ship"),
        |state, _| set(state, "status", "archived"),
    );
    stage.wait(400, 1500);
    let by = editor(stage, &["admin"]);
    stage.change(
        &by,
        "product",
        at,
        Deed::new("cms.restore", format!("Restored {title}")).because("a crate turned up"),
        |state, _| set(state, "status", "published"),
    );
}

fn support_customer(stage: &mut Stage) {
    let helper = someone(&mut stage.random, NORTHWIND, &["admin"]);
    let author = someone(&mut stage.random, NORTHWIND, &["author"]);
    let by = stage.by(helper).on_behalf_of(author).from("channel", "panel");
    let Some(at) = stage.pick("blog", |_| true) else { return };
    let deed = Deed::new("cms.update", format!("Edited \"{}\" for {}", stage.title("blog", at), author.name));
    stage.change(
        &by,
        "blog",
        at,
        deed.because("SHOP-1904: author is at sea without a connection"),
        |state, random| rewrite(state, "body", random),
    );
}

/// An importer reads every price as text; half an hour later somebody sees it in the diff.
fn import_prices(stage: &mut Stage) {
    let importer = stage.by_service("price-import", "Price import", "198.51.100.90");
    for at in 0..stage.count("product") {
        let deed = Deed::new("cms.update", format!("Imported the price of {}", stage.title("product", at)))
            .data(json!({"file": "prices-2026-09.csv"}));
        stage.change(&importer, "product", at, deed, |state, _| {
            set(state, "price", number(state, "price").to_string());
        });
    }
    stage.wait(1700, 2300);
    let by = editor(stage, &["admin"]);
    for at in 0..stage.count("product") {
        let price = stage.text("product", at, "price").parse::<u64>().unwrap_or_default();
        let deed = Deed::new("cms.update", format!("Repaired the price of {}", stage.title("product", at)));
        stage.change(
            &by,
            "product",
            at,
            deed.because("SHOP-1533: import wrote prices as text"),
            |state, _| set(state, "price", price),
        );
    }
}
