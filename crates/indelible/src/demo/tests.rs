use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{SiteId, action::kind_of};
use serde_json::Map;

use super::*;

const SEED: u64 = 7;

fn now() -> Timestamp {
    "2026-11-21T15:20:00Z".parse().unwrap()
}

fn told() -> Vec<(&'static str, Value)> {
    entries(now(), SEED).map(|(site, json)| (site, serde_json::from_str(&json).unwrap())).collect()
}

fn time(entry: &Value) -> Timestamp {
    entry["occurred_at"].as_str().unwrap().parse().unwrap()
}

fn generated(site: &str) -> bool {
    !site.starts_with("captured.")
}

#[test]
fn same_seed_same_bytes() {
    let first: Vec<_> = entries(now(), SEED).collect();
    assert_eq!(first, entries(now(), SEED).collect::<Vec<_>>());
    assert_ne!(first, entries(now(), SEED + 1).collect::<Vec<_>>());
}

#[test]
fn sites_have_valid_ids_and_entries() {
    let ids: BTreeSet<_> = sites().iter().map(|site| site.id).collect();
    assert_eq!(ids.len(), 7);
    for id in &ids {
        assert_eq!(id.parse::<SiteId>().unwrap().as_str(), *id);
    }
    assert_eq!(told().into_iter().map(|(site, _)| site).collect::<BTreeSet<_>>(), ids);
}

#[test]
fn every_entry_passes_the_door() {
    let mut ids = BTreeSet::new();
    for (site, json) in entries(now(), SEED) {
        assert!(json.len() < 64 * 1024, "{} bytes", json.len());
        let draft =
            model::parse(json.as_bytes()).unwrap_or_else(|violations| panic!("{violations:?}\n{json}"));
        assert!(ids.insert((site, draft.id.unwrap())), "id given twice");
    }
}

#[test]
fn times_are_sorted_and_within_ninety_days() {
    for end in ["2026-11-21T15:20:00Z", "2026-02-01T00:00:00Z", "2031-07-01T23:59:59.999Z"] {
        let end: Timestamp = end.parse().unwrap();
        let start = end - SignedDuration::from_hours(24 * 90);
        let times: Vec<_> =
            entries(end, SEED).map(|(_, json)| time(&serde_json::from_str(&json).unwrap())).collect();
        assert!(times.is_sorted());
        assert!(times.iter().all(|time| (start..end).contains(time)));
        assert!(end.duration_since(*times.last().unwrap()).as_hours() < 24, "the end is lively");
    }
}

/// What is known of an entity while walking through its entries.
fn walk(known: Option<&Value>, entry: &Value) -> Option<Value> {
    let (before, after) = (entry.get("before"), entry.get("after"));
    if let (Some(known), true) = (known, before.is_some() || after.is_some()) {
        assert_eq!(Some(known).filter(|known| !known.is_null()), before, "broken chain at {entry}");
    }
    let Some(before) = before else { return after.cloned().or_else(|| known.cloned()) };
    let Some(after) = after else { return Some(Value::Null) };
    assert_ne!(before, after, "an entry without a change: {entry}");
    if entry["data"].get("partial") != Some(&json!(true)) {
        return Some(after.clone());
    }
    let mut merged: Map<String, Value> = before.as_object().unwrap().clone();
    for (name, value) in after.as_object().unwrap() {
        let was_list = merged.get(name).is_some_and(Value::is_array);
        let value =
            if was_list { serde_json::from_str(value.as_str().unwrap()).unwrap() } else { value.clone() };
        assert!(merged.insert(name.clone(), value).is_some(), "a body has known fields only");
    }
    Some(Value::Object(merged))
}

#[test]
fn states_of_every_entity_chain() {
    for seed in [SEED, 2026] {
        check_chains(seed);
    }
}

fn check_chains(seed: u64) {
    let mut states: HashMap<(&str, String, String), Value> = HashMap::new();
    let mut changes = 0;
    for (site, json) in entries(now(), seed).filter(|(site, _)| generated(site)) {
        let entry: Value = serde_json::from_str(&json).unwrap();
        let text = |field: &str| entry["entity"][field].as_str().unwrap().to_owned();
        let key = (site, text("type"), text("id"));
        changes += usize::from(entry.get("before").is_some() && entry.get("after").is_some());
        if let Some(state) = walk(states.get(&key), &entry) {
            states.insert(key, state);
        }
    }
    assert!(changes > 2000, "{changes} entries have both states");
    assert!(states.len() > 500, "{} entities have states", states.len());
}

#[test]
fn the_installation_is_lively() {
    let told = told();
    let generated: Vec<_> = told.iter().filter(|(site, _)| generated(site)).collect();
    assert!((5000..7500).contains(&generated.len()), "{} entries", generated.len());
    assert_eq!(told.len() - generated.len(), 95 + 70);
    let set = |field: fn(&Value) -> String| {
        generated.iter().map(|(_, entry)| field(entry)).collect::<BTreeSet<_>>()
    };
    assert!(set(|entry| entry["actor"].to_string()).len() >= 45);
    assert!(set(|entry| entry["action"].to_string()).len() >= 70);
    assert!(set(|entry| entry["entity"]["type"].to_string()).len() >= 30);
    assert_eq!(set(|entry| kind_of(entry["action"].as_str().unwrap()).to_string()).len(), 6);
    let mut correlated: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, entry) in &generated {
        *correlated.entry(entry["correlation_id"].as_str().unwrap()).or_default() += 1;
    }
    assert!(correlated.values().filter(|&&count| count > 2).count() > 100, "bursts");
    for (site, count) in generated.iter().fold(BTreeMap::<_, usize>::new(), |mut counts, (site, _)| {
        *counts.entry(site).or_default() += 1;
        counts
    }) {
        assert!(count > 500, "{site} has only {count} entries");
    }
}

#[test]
fn the_hard_cases_are_there() {
    let told = told();
    let count = |fits: fn(&Value) -> bool| told.iter().filter(|(_, entry)| fits(entry)).count();
    let title = |entry: &Value| entry["entity"]["title"].as_str().unwrap_or_default().to_owned();
    assert!(count(|entry| entry["outcome"] == "failure") > 50);
    assert!(count(|entry| entry["data"]["partial"] == true && entry["after"]["cards"].is_string()) > 30);
    assert!(count(|entry| entry["actor"].get("on_behalf_of").is_some()) > 5);
    assert!(count(|entry| entry["reason"].is_string()) > 200);
    assert!(count(|entry| entry["before"]["price"].is_number() && entry["after"]["price"].is_string()) > 5);
    assert!(count(|entry| entry["after"].to_string().contains("<script")) > 3);
    assert!(count(|entry| entry["action"] == "cms.permission_denied") > 3);
    assert!(told.iter().any(|(_, entry)| title(entry).chars().count() > 300));
    assert!(told.iter().any(|(_, entry)| title(entry).contains("فوانيس")));
    assert!(told.iter().any(|(_, entry)| title(entry).contains('🏮')));
}

#[test]
fn the_night_is_in_the_log_and_undone() {
    let told = told();
    let strange: Vec<_> = told.iter().filter(|(_, entry)| entry["origin"]["ip"] == "203.0.113.66").collect();
    assert!(strange.iter().all(|(site, _)| *site == "northwind.shop"));
    assert!(strange.iter().filter(|(_, entry)| entry["outcome"] == "failure").count() >= 14);
    let payment = |entry: &&Value| entry["entity"]["id"] == "payment" && entry.get("after").is_some();
    let mut changes = told.iter().map(|(_, entry)| entry).filter(payment);
    let struck = changes.next().unwrap();
    assert!(struck["occurred_at"].as_str().unwrap().contains("T03:12:"));
    assert_eq!(struck["after"]["payout_account"]["iban_last4"], "8830");
    let restored = changes.next().unwrap();
    assert_eq!(restored["after"], struck["before"]);
    let of = |action: &str, id: &str| {
        told.iter()
            .map(|(_, entry)| entry)
            .find(|e| e["action"] == action && e["entity"]["id"] == id)
            .unwrap()
    };
    for id in ["p-2", "p-3", "p-4", "p-6"] {
        assert_eq!(of("cms.restore", id)["after"], of("cms.delete", id)["before"]);
    }
}

#[test]
fn only_addresses_for_documentation() {
    for (_, entry) in told().into_iter().filter(|(site, _)| generated(site)) {
        if let Some(ip) = entry["origin"].get("ip") {
            let ip = ip.as_str().unwrap();
            let ranges = ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"];
            assert!(ranges.iter().any(|range| ip.starts_with(range)), "{ip}");
        }
        if let Some(email) = entry["actor"].get("email") {
            assert!(email.as_str().unwrap().ends_with(".example.com"));
        }
    }
}
