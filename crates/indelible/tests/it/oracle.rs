//! What a list must answer, worked out the slow way: from the entries as the tail shows them, without anything
//! of the product's own search.

use serde_json::Value;

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // Knuth's multiplier; the low bits are the bad ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// One of these.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        let count = u64::try_from(of.len()).unwrap();
        of[usize::try_from(self.below(count)).unwrap()]
    }
}

/// The columns a list can be sorted by, as the API names them.
pub(crate) const COLUMNS: [&str; 25] = [
    "timestamp",
    "occurred_at",
    "created",
    "recorded_at",
    "user",
    "actor",
    "action",
    "kind",
    "entity_type",
    "entity",
    "entity_id",
    "ip",
    "outcome",
    "connector",
    "site",
    "details",
    "summary",
    "duration_ms",
    "duration",
    "source",
    "channel",
    "method",
    "route",
    "path",
    "ref",
];

/// The entries a query asks for, in its order.
pub(crate) fn ask(entries: &[Value], parameters: &[(String, String)], sort: &str) -> Vec<Value> {
    let mut found: Vec<&Value> = entries.iter().filter(|entry| matches(entry, parameters)).collect();
    let (descending, column) = sort.strip_prefix('-').map_or((false, sort), |column| (true, column));
    found.sort_by_key(|entry| (key(entry, column), entry["site"].to_string(), entry["index"].as_u64()));
    if descending {
        found.reverse();
    }
    found.into_iter().cloned().collect()
}

/// Parameters of one name are alternatives, those of different names all hold.
fn matches(entry: &Value, parameters: &[(String, String)]) -> bool {
    let group = |name: &str| if name == "actor" { "user".to_owned() } else { name.to_owned() };
    parameters.iter().all(|(name, _)| {
        let mut alternatives = parameters.iter().filter(|(other, _)| group(other) == group(name));
        alternatives.any(|(name, value)| matches_one(entry, name, value))
    })
}

fn matches_one(entry: &Value, name: &str, value: &str) -> bool {
    let is = |found: &str, wanted: &str| match wanted.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == wanted,
    };
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    match name {
        "from" => time(entry, "occurred_at") >= value.parse().unwrap(),
        "to" => time(entry, "occurred_at") <= value.parse().unwrap(),
        "action" | "kind" => text(&format!("/{name}")).is_some_and(|found| is(found, value)),
        "entity_type" => text("/entity/type").is_some_and(|found| is(found, value)),
        "entity_id" => text("/entity/id").is_some_and(|found| is(found, value)),
        "ip" => text("/origin/ip").is_some_and(|found| is(found, value)),
        "correlation_id" => text("/correlation_id").is_some_and(|found| is(found, &value.to_lowercase())),
        "user" | "actor" => {
            let folded = value.to_lowercase();
            let named = |pointer| text(pointer).is_some_and(|found| is(&found.to_lowercase(), &folded));
            let nobody = ["id", "name", "email"].iter().all(|part| entry["actor"].get(part).is_none());
            text("/actor/id").is_some_and(|found| is(found, value))
                || named("/actor/name")
                || named("/actor/email")
                || (nobody && named("/actor/type"))
        }
        other => panic!("{other}"),
    }
}

fn time(entry: &Value, field: &str) -> jiff::Timestamp {
    entry[field].as_str().unwrap().parse().unwrap()
}

/// What a column's values are ordered by: numbers and addresses by size, texts in any case and then as they are
/// written.
fn key(entry: &Value, column: &str) -> (Vec<u128>, String) {
    let text = |value: &Value| {
        let written = value.as_str().unwrap_or_default();
        let lower = written.to_lowercase();
        let spelling = if lower == written { String::new() } else { format!("\0{written}") };
        (Vec::new(), lower + &spelling)
    };
    let number = |number: i128| (vec![number.cast_unsigned() ^ (1 << 127)], String::new());
    let first = |of: &Value, names: &[&str]| {
        let found = names.iter().find_map(|name| of.get(name)).cloned().unwrap_or_default();
        text(&found)
    };
    match column {
        "timestamp" | "occurred_at" | "created" => number(time(entry, "occurred_at").as_nanosecond()),
        "recorded_at" => number(time(entry, "recorded_at").as_nanosecond()),
        "user" | "actor" => first(&entry["actor"], &["name", "email", "id", "type"]),
        "entity" => first(&entry["entity"], &["title", "id"]),
        "entity_type" => text(&entry["entity"]["type"]),
        "entity_id" => text(&entry["entity"]["id"]),
        "details" | "summary" => text(&entry["summary"]),
        "duration" | "duration_ms" => number(entry["duration_ms"].as_u64().map_or(-1, i128::from)),
        "ip" => {
            let address = entry.pointer("/origin/ip").map(|ip| ip.as_str().unwrap().parse().unwrap());
            let parts = match address {
                None => vec![0],
                Some(std::net::IpAddr::V4(ip)) => vec![4, u128::from(ip.to_bits())],
                Some(std::net::IpAddr::V6(ip)) => vec![6, ip.to_bits()],
            };
            (parts, String::new())
        }
        "channel" | "method" | "route" | "path" | "ref" => text(&entry["origin"][column]),
        other => text(&entry[other]),
    }
}
