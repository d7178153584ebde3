//! `fern.telecom`: a carrier's switch in the manner of `ConnexCS`. Its log has the hard cases of a diff:
//! verbs in upper case, a full old record beside a new one that is only the submitted body, and lists sent
//! as JSON in a string.

use serde_json::{Value, json};

use super::calendar::Script;
use super::edit::{list, set};
use super::people::{FERN, FERN_CUSTOMERS, Person, someone};
use super::prose::ticket;
use super::stage::{Deed, Request, Stage, State, Thing};

pub(super) const SCRIPT: Script = Script {
    moments_per_day: 9,
    work: &[
        (20, put_routing),
        (10, weigh_card),
        (10, update_customer),
        (8, portal_ingress),
        (6, post_ingress),
        (8, change_rate),
        (5, publish_card),
        (6, assign_did),
        (6, send_notice),
        (4, block_prefix),
        (4, unblock_prefix),
        (4, api_limits),
        (3, denied),
        (3, wrong_password),
        (2, new_customer),
    ],
    clockwork: &[(60 + 5, generate_invoices), (5 * 60 + 30, expire_blocks), (23 * 60 + 50, close_day)],
    events: &[(22, 17 * 60 + 31, fraud_alarm)],
};

const CARRIERS: &[&str] = &[
    "Bluefin Voice",
    "Cormorant Tel",
    "Low Tide Networks",
    "Quill & Daughters",
    "Obuya Calls",
    "Saltmarsh Wholesale",
    "Third Lighthouse",
];
const PREFIXES: &[&str] = &["4420", "4930", "3511", "4791", "9715", "8210", "5255"];

pub(super) fn login(stage: &mut Stage, by: &Request, person: &Person) {
    let portal = person.role == "customer";
    let by = by.clone().from("channel", if portal { "portal" } else { "panel" });
    let deed = Deed::new("LOGIN", format!("{} logged in", person.name));
    stage.note(&by, if portal { "portal_user" } else { "user" }, person.id, Some(person.name), deed);
}

pub(super) fn furnish(stage: &mut Stage) {
    for (number, company) in (0_u64..).zip(CARRIERS) {
        let account = 1001 + number;
        stage.furnish("customer", Thing::new(account.to_string(), &customer(account, company)));
        let cards: Vec<Value> = (0..2 + number % 3)
            .map(|card| json!({"card": 40 + number + card * 7, "weight": 100 - card * 20}))
            .collect();
        let fields = json!({"id": 1735 + number, "account_id": account,
            "name": format!("{company} default"), "strategy": "weight", "cards": cards,
            "enabled": true, "capacity": 120, "tech_prefix": null, "last_modified": "2026-08-01T00:00:00Z"});
        stage.furnish("routing", Thing::new((1735 + number).to_string(), &fields));
        let fields = json!({"id": 610 + number, "account_id": account, "label": format!("{company} SIP"),
            "ip": format!("198.51.100.{}", 120 + number), "port": 5060, "transport": "udp",
            "flow_speed": 30, "channels": 60, "codecs": ["PCMA", "G729"]});
        stage.furnish("ingress", Thing::new((610 + number).to_string(), &fields));
    }
    for (number, name) in (0_u64..).zip(["Standard A-Z", "Premium CLI", "Weekend"]) {
        let rates: Vec<Value> = PREFIXES
            .iter()
            .map(|&prefix| {
                json!({"prefix": prefix,
            "rate": stage.random.between(40, 900), "increment": "60/60"})
            })
            .collect();
        let fields = json!({"id": 40 + number, "name": name, "currency": "EUR", "revision": 1,
            "published": true, "rates": rates});
        stage.furnish("rate_card", Thing::new((40 + number).to_string(), &fields));
    }
}

fn customer(account: u64, company: &str) -> Value {
    json!({"id": account, "company": company, "status": "active", "currency": "EUR", "credit_limit": 5000,
        "debit_limit": null, "channels": 120,
        "flow_speed": 40, "alerts": {"low_balance": 250,
            "email": format!("noc@customer-{account}.example.com")}, "tags": ["wholesale"]})
}

fn panel(stage: &mut Stage, roles: &[&str], table: &str, id: &str) -> Request {
    let person = someone(&mut stage.random, FERN, roles);
    let channel = if person.role == "developer" { "api" } else { "panel" };
    stage.by(person).from("channel", channel).from("path", format!("/api/cp/{table}/{id}"))
}

fn id_of(stage: &Stage, kind: &str, at: usize) -> String {
    stage.thing(kind, at).map(|thing| thing.id.clone()).unwrap_or_default()
}

fn touch(state: &mut State, time: &str) {
    set(state, "last_modified", time);
}

/// The documented case: the old record whole, the new one as submitted, its cards a string.
fn put_routing(stage: &mut Stage) {
    let Some(at) = stage.pick("routing", |_| true) else { return };
    let id = id_of(stage, "routing", at);
    let by = panel(stage, &["noc"], "routing", &id).from("method", "PUT");
    let name = stage.title("routing", at);
    let reason = ticket(
        &mut stage.random,
        "NOC",
        &[
            "quality on 4420 dropped",
            "carrier maintenance tonight",
            "balancing by price",
            "test calls went fine",
        ],
    );
    let deed = Deed::new("PUT", format!("Changed routing {name}")).perhaps_because(reason);
    stage.change_by_body(&by, "routing", at, (deed, &["name", "strategy", "cards"]), |state, random| {
        if random.chance(20) {
            set(state, "strategy", random.pick(&["weight", "priority", "lcr", "round-robin"]));
        }
        let Some(cards) = list(state, "cards") else { return };
        match random.below(5) {
            0 if cards.len() > 1 => drop(cards.pop()),
            1 if cards.len() > 1 => drop(cards.remove(0)),
            2 if cards.len() > 1 => cards.rotate_left(1),
            3 if cards.len() < 6 => cards.push(json!({"card": random.between(60, 99), "weight": 20})),
            _ => {
                if let Some(card) = cards.first_mut().and_then(Value::as_object_mut) {
                    set(card, "weight", random.between(1, 20) * 5);
                }
            }
        }
    });
}

fn weigh_card(stage: &mut Stage) {
    let Some(at) = stage.pick("routing", |_| true) else { return };
    let id = id_of(stage, "routing", at);
    let by = panel(stage, &["noc"], "routing", &id).from("method", "POST");
    let time = stage.now().to_string();
    let deed = Deed::new("UPDATE", format!("Updated routing {}", stage.title("routing", at)));
    stage.change(&by, "routing", at, deed, |state, random| {
        match random.below(3) {
            0 => set(state, "enabled", state.get("enabled") != Some(&json!(true))),
            1 => set(state, "tech_prefix", random.pick(&[Value::Null, json!("88#"), json!("0")])),
            // The old form sends capacity as text.
            _ => {
                let capacity = random.between(6, 40) * 10;
                set(
                    state,
                    "capacity",
                    if random.chance(30) { json!(capacity.to_string()) } else { json!(capacity) },
                );
            }
        }
        touch(state, &time);
    });
}

fn update_customer(stage: &mut Stage) {
    let Some(at) = stage.pick("customer", |_| true) else { return };
    let id = id_of(stage, "customer", at);
    let by = panel(stage, &["billing", "support"], "customer", &id).from("method", "PUT");
    let reason = ticket(
        &mut stage.random,
        "BILL",
        &["deposit received", "asked by phone, called back", "paid late twice", "new contract"],
    );
    let deed = Deed::new("UPDATE", format!("Updated customer {}", stage.title("customer", at)))
        .perhaps_because(reason);
    stage.change(&by, "customer", at, deed, |state, random| match random.below(3) {
        0 => set(state, "credit_limit", random.between(10, 90) * 250),
        1 => set(state, "debit_limit", random.pick(&[Value::Null, json!(0), json!(1500)])),
        _ => {
            if let Some(tags) = list(state, "tags") {
                let tag = random.pick(&[json!("late-payer"), json!("vip"), json!("trial")]);
                match tags.iter().position(|known| *known == tag) {
                    Some(at) => drop(tags.remove(at)),
                    None => tags.push(tag),
                }
            }
        }
    });
}

/// Customers change their own trunks in the portal; now and then support does it in their place.
fn portal_ingress(stage: &mut Stage) {
    let customer = someone(&mut stage.random, FERN_CUSTOMERS, &[]);
    // A customer's login is the account's number with a prefix, and opens that account's trunks only.
    let account: u64 = customer.id.trim_start_matches("c-").parse().unwrap_or_default();
    let Some(at) = stage.pick("ingress", |state| state.get("account_id") == Some(&json!(account))) else {
        return;
    };
    let by = if stage.random.chance(20) {
        let helper = someone(&mut stage.random, FERN, &["support"]);
        stage.by(helper).on_behalf_of(customer)
    } else {
        stage.by(customer)
    };
    let by = by.from("channel", "portal").from("method", "PUT");
    let deed = Deed::new("PUT", format!("Changed trunk {}", stage.title("ingress", at)));
    stage.change_by_body(&by, "ingress", at, (deed, &["label", "ip", "codecs"]), |state, random| {
        set(state, "ip", format!("198.51.100.{}", random.between(120, 180)));
        if random.chance(40) {
            set(
                state,
                "codecs",
                random.pick(&[
                    json!(["PCMA", "G729"]),
                    json!(["G729", "PCMA"]),
                    json!(["PCMA", "PCMU", "OPUS"]),
                    json!(["PCMA"]),
                ]),
            );
        }
    });
}

fn post_ingress(stage: &mut Stage) {
    let Some(customer) = stage.pick("customer", |_| true) else { return };
    let account = id_of(stage, "customer", customer);
    let id = stage.next_id("ingress", 640);
    let by = panel(stage, &["noc", "support"], "ingress", "").from("method", "POST");
    let company = stage.title("customer", customer);
    let fields = json!({"id": id.parse::<u64>().unwrap_or_default(),
        "account_id": account.parse::<u64>().unwrap_or_default(), "label": format!("{company} trunk {id}"),
        "ip": "2001:db8:77::5", "port": 5060, "transport": "tls", "flow_speed": 10, "channels": 30,
        "codecs": ["OPUS"]});
    stage.create(
        &by,
        "ingress",
        Thing::new(id.clone(), &fields),
        Deed::new("POST", format!("Added trunk {id} for {company}")),
    );
    if stage.count("ingress") > 14 {
        let old = stage.title("ingress", 8);
        stage.delete(
            &by,
            "ingress",
            8,
            Deed::new("DELETE", format!("Removed trunk {old}")).because("silent for 60 days"),
        );
    }
}

fn change_rate(stage: &mut Stage) {
    let Some(at) = stage.pick("rate_card", |_| true) else { return };
    let id = id_of(stage, "rate_card", at);
    let by = panel(stage, &["rates"], "rate-card", &id).from("method", "PUT");
    let deed = Deed::new("UPDATE", format!("Changed rates of {}", stage.title("rate_card", at)));
    stage.change(&by, "rate_card", at, deed, |state, random| {
        set(state, "published", false);
        let Some(rates) = list(state, "rates") else { return };
        for _ in 0..random.between(1, 3) {
            let position = random.position(rates.len());
            if let Some(rate) = rates.get_mut(position).and_then(Value::as_object_mut) {
                set(rate, "rate", random.between(40, 900));
                if random.chance(20) {
                    set(rate, "increment", random.pick(&["1/1", "30/6", "60/60"]));
                }
            }
        }
    });
}

fn publish_card(stage: &mut Stage) {
    let Some(at) = stage.pick("rate_card", |state| state.get("published") == Some(&json!(false))) else {
        return change_rate(stage);
    };
    let id = id_of(stage, "rate_card", at);
    let by = panel(stage, &["rates"], "rate-card", &id).from("method", "POST");
    let name = stage.title("rate_card", at);
    let took = stage.random.between(2000, 20_000);
    stage.change(
        &by,
        "rate_card",
        at,
        Deed::new("PUBLISH", format!("Published rate card {name}")).took(took),
        |state, _| {
            let revision = state.get("revision").and_then(Value::as_u64).unwrap_or_default();
            set(state, "revision", revision + 1);
            set(state, "published", true);
        },
    );
    let customers = stage.random.between(1, 3);
    for _ in 0..customers {
        let Some(customer) = stage.pick("customer", |_| true) else { return };
        stage.note_on(&by, "customer", customer, Deed::new("SEND", format!("Sent rate card {name} by mail")));
    }
}

fn assign_did(stage: &mut Stage) {
    let number = format!("+4420794{}", stage.random.between(10_000, 99_999));
    let by = panel(stage, &["support"], "did", "").from("method", "POST");
    let Some(customer) = stage.pick("customer", |_| true) else { return };
    let company = stage.title("customer", customer);
    let fields = json!({"label": number, "customer": company, "destination": "sip:desk@198.51.100.130",
        "enabled": true});
    stage.create(
        &by,
        "did",
        Thing::new(number.clone(), &fields),
        Deed::new("CREATE", format!("Assigned {number} to {company}")),
    );
    if stage.count("did") > 12 {
        let old = stage.title("did", 0);
        stage.delete(&by, "did", 0, Deed::new("DELETE", format!("Released {old}")));
    }
}

fn send_notice(stage: &mut Stage) {
    let Some(at) = stage.pick("customer", |_| true) else { return };
    let by = panel(stage, &["billing", "support"], "message", "");
    let what = stage.random.pick(&[
        "a reminder",
        "a maintenance notice",
        "the statement",
        "an apology, with a graph",
    ]);
    let deed = Deed::new("SEND", format!("Sent {what} to {}", stage.title("customer", at)));
    stage.note_on(&by, "customer", at, deed);
}

fn block_prefix(stage: &mut Stage) {
    let prefix = format!("{}{}", stage.random.pick(PREFIXES), stage.random.between(10, 99));
    let by = panel(stage, &["noc"], "blocklist", "").from("method", "POST");
    block(stage, &by, &prefix, "spike of short calls");
}

fn block(stage: &mut Stage, by: &Request, prefix: &str, why: &str) {
    if stage.find("blocklist", prefix).is_none() {
        let thing =
            Thing::new(prefix, &json!({"label": prefix, "reason": why, "expires": "in 7 days", "hits": 0}));
        stage.create(
            by,
            "blocklist",
            thing,
            Deed::new("CREATE", format!("Blocked calls to {prefix}")).because(why),
        );
    }
}

fn unblock_prefix(stage: &mut Stage) {
    let Some(at) = stage.pick("blocklist", |_| true) else { return };
    let by = panel(stage, &["noc"], "blocklist", "").from("method", "DELETE");
    let prefix = stage.title("blocklist", at);
    stage.delete(&by, "blocklist", at, Deed::new("DELETE", format!("Unblocked {prefix}")));
}

fn expire_blocks(stage: &mut Stage) {
    if stage.count("blocklist") > 4 {
        let by = stage.by_system("cron");
        let prefix = stage.title("blocklist", 0);
        stage.delete(&by, "blocklist", 0, Deed::new("DELETE", format!("Block of {prefix} ended by itself")));
    }
}

fn api_limits(stage: &mut Stage) {
    let by = stage.by_service("autoscaler", "Channel autoscaler", "203.0.113.90").from("method", "PUT");
    for _ in 0..stage.random.between(2, 5) {
        let Some(at) = stage.pick("ingress", |_| true) else { return };
        let deed = Deed::new("PUT", format!("Scaled {}", stage.title("ingress", at)));
        stage.change_by_body(&by, "ingress", at, (deed, &["channels", "flow_speed"]), |state, random| {
            set(state, "channels", random.between(3, 24) * 10);
        });
    }
}

fn denied(stage: &mut Stage) {
    let by = panel(stage, &["support"], "rate-card", "40").from("method", "DELETE");
    let deed = Deed::new("DELETE", "Tried to delete rate card Standard A-Z");
    stage.note(
        &by,
        "rate_card",
        "40",
        Some("Standard A-Z"),
        deed.failed(&["permission rate-card:delete is missing"]),
    );
}

fn wrong_password(stage: &mut Stage) {
    let last = stage.random.between(100, 250);
    let by = stage
        .request(json!({"type": "user", "name": "admin"}))
        .from("ip", format!("192.0.2.{last}"))
        .from("channel", "panel");
    for _ in 0..stage.random.between(2, 6) {
        let deed = Deed::new("LOGIN", "Failed login for admin").failed(&["no such user"]);
        stage.note(&by, "user", "admin", None, deed);
        stage.wait(2, 9);
    }
}

fn new_customer(stage: &mut Stage) {
    let by = panel(stage, &["billing"], "customer", "").from("method", "POST");
    let id = stage.next_id("customer", 1020);
    let company = format!(
        "{} {}",
        stage.random.pick(&["Pelican", "Sandbar", "Fogbell", "Ropewalk"]),
        stage.random.pick(&["Minutes", "Telephony", "& Sons Voice"])
    );
    let fields = customer(id.parse().unwrap_or_default(), &company);
    stage.create(
        &by,
        "customer",
        Thing::new(id, &fields),
        Deed::new("CREATE", format!("Added customer {company}")),
    );
}

fn generate_invoices(stage: &mut Stage) {
    let by = stage.by_system("billing-run");
    for _ in 0..stage.random.between(1, 3) {
        let Some(at) = stage.pick("customer", |_| true) else { return };
        let number = stage.next_id("invoice", 26_000);
        let company = stage.title("customer", at);
        let fields = json!({"label": format!("Invoice {number}"), "customer": company,
            "total_cents": stage.random.between(4_000, 900_000), "paid": false});
        let took = stage.random.between(200, 3000);
        stage.create(
            &by,
            "invoice",
            Thing::new(number.clone(), &fields),
            Deed::new("GENERATE", format!("Generated invoice {number} for {company}")).took(took),
        );
    }
}

fn close_day(stage: &mut Stage) {
    let by = stage.by_system("cdr-rotate");
    let calls = stage.random.between(80_000, 240_000);
    let took = stage.random.between(4_000, 60_000);
    let deed = Deed::new("GENERATE", format!("Archived {calls} call records"))
        .took(took)
        .data(json!({"calls": calls}));
    stage.note(&by, "cdr", "daily", Some("Call records"), deed);
}

/// Calls to expensive numbers at closing time: two people and a machine stop them in eleven minutes.
fn fraud_alarm(stage: &mut Stage) {
    let machine = stage.by_service("fraud-watch", "Fraud watch", "203.0.113.91");
    let Some(at) = stage.find("customer", "1004") else { return };
    stage.note_on(
        &machine,
        "customer",
        at,
        Deed::new("SEND", "Alarm: 412 calls to 8210 in four minutes")
            .data(json!({"score": 0.97, "calls": 412})),
    );
    stage.wait(100, 200);
    let by = panel(stage, &["noc"], "customer", "1004").from("method", "PUT");
    let deed = Deed::new("UPDATE", "Suspended customer Quill & Daughters")
        .because("NOC-2611: toll fraud, phone system taken over");
    stage.change(&by, "customer", at, deed, |state, _| {
        set(state, "status", "suspended");
        set(state, "channels", 0);
    });
    for prefix in ["821099", "821055", "525577"] {
        block(stage, &by, prefix, "NOC-2611: toll fraud");
    }
    stage.wait(1500, 2400);
    let by = panel(stage, &["support"], "customer", "1004").from("method", "PUT");
    let deed = Deed::new("UPDATE", "Reinstated customer Quill & Daughters")
        .because("NOC-2611: passwords changed, customer grateful");
    stage.change(&by, "customer", at, deed, |state, _| {
        set(state, "status", "active");
        set(state, "channels", 60);
    });
}
