//! A list's parameters as its form, its chips and its headings need them.

use jiff::Timestamp;
use model::{Order, SortColumn};

use super::view::{Chip, Column, Columns, FilterForm, Sorted, text, url};

/// Page sizes that the form offers.
const LIMITS: [u32; 4] = [25, 50, 100, 200];

/// The parameters of a list's address, empty ones left out.
pub(super) struct Parameters {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Parameters {
    pub(super) fn new(path: String, pairs: Vec<(String, String)>) -> Self {
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { path, pairs }
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The query for the API's reader: times of the form are in UTC without saying so.
    pub(super) fn query(&self) -> String {
        let pairs = self.pairs.iter().map(|(name, value)| {
            let value = match name.as_str() {
                "from" => with_zone(value, ":00Z"),
                "to" => with_zone(value, ":59.999999999Z"),
                _ => value.clone(),
            };
            (name, value)
        });
        serde_urlencoded::to_string(pairs.collect::<Vec<_>>()).unwrap_or_default()
    }

    /// The filters alone, for the API: neither order nor page.
    pub(super) fn filters(&self) -> String {
        let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(&self.query()).unwrap_or_default();
        let kept =
            pairs.into_iter().filter(|(name, _)| !["sort", "limit", "cursor"].contains(&name.as_str()));
        serde_urlencoded::to_string(kept.collect::<Vec<_>>()).unwrap_or_default()
    }

    /// The list with one parameter set to another value, from its first page.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self.pairs.iter().filter(|(known, _)| known != name && known != "cursor");
        let pairs: Vec<(&str, &str)> =
            others.map(|(name, value)| (name.as_str(), value.as_str())).chain([(name, value)]).collect();
        url::with_query(&self.path, &pairs)
    }

    /// The list within a time, both ends included.
    pub(super) fn within(&self, from: &str, to: &str) -> String {
        let others = self.pairs.iter().filter(|(name, _)| !["from", "to", "cursor"].contains(&name.as_str()));
        let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
        url::with_query(&self.path, &others.chain([("from", from), ("to", to)]).collect::<Vec<_>>())
    }

    /// The list without its filters; order and page size stay.
    pub(super) fn cleared(&self) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| name == "sort" || name == "limit");
        url::with_query(&self.path, &kept.map(|(name, value)| (name, value)).collect::<Vec<_>>())
    }

    pub(super) fn is_first_page(&self) -> bool {
        self.get("cursor").is_empty()
    }

    pub(super) fn chips(&self) -> Vec<Chip> {
        let labelled = self.pairs.iter().enumerate().filter_map(|(place, (name, value))| {
            let (label, is_code) = match name.as_str() {
                "q" => ("Search", true),
                "from" => ("From", false),
                "to" => ("To", false),
                "user" | "actor" => ("User", false),
                "action" => ("Action", true),
                "kind" => ("Kind", false),
                "entity_type" => ("Entity type", true),
                "entity_id" => ("Entity id", true),
                "ip" => ("IP address", true),
                "correlation_id" => ("User action", true),
                _ => return None,
            };
            Some(Chip {
                label: label.to_owned(),
                value: match name.as_str() {
                    "from" | "to" => chip_time(value),
                    _ => value.clone(),
                },
                is_code,
                remove_href: self.without(place),
            })
        });
        labelled.collect()
    }

    fn without(&self, place: usize) -> String {
        let others = self.pairs.iter().enumerate().filter(|(at, (name, _))| *at != place && name != "cursor");
        url::with_query(&self.path, &others.map(|(_, (name, value))| (name, value)).collect::<Vec<_>>())
    }

    /// The form, filled with what the address says. What it offers is for the caller to add.
    pub(super) fn form(&self, limit: usize) -> FilterForm {
        let shown =
            ["q", "from", "to", "user", "action", "kind", "entity_type", "entity_id", "limit", "cursor"];
        let hidden = self.pairs.iter().filter(|(name, _)| !shown.contains(&name.as_str()));
        FilterForm {
            target: self.path.clone(),
            q: self.get("q").to_owned(),
            from: input_time(self.get("from")),
            to: input_time(self.get("to")),
            user: self.get("user").to_owned(),
            action: self.get("action").to_owned(),
            kind: self.get("kind").to_owned(),
            entity_type: self.get("entity_type").to_owned(),
            entity_id: self.get("entity_id").to_owned(),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            limits: LIMITS.to_vec(),
            hidden: hidden.cloned().collect(),
            ..FilterForm::default()
        }
    }

    pub(super) fn columns(&self, order: Order, has_sites: bool) -> Columns {
        let column = |column: SortColumn| {
            let sorted = match (order.column == column, order.descending) {
                (false, _) => Sorted::No,
                (true, false) => Sorted::Ascending,
                (true, true) => Sorted::Descending,
            };
            // Time begins with the newest, names with the first letter; a second click turns them round.
            let descending = match sorted {
                Sorted::No => column == SortColumn::Timestamp,
                Sorted::Ascending => true,
                Sorted::Descending => false,
            };
            let sort = format!("{}{}", if descending { "-" } else { "" }, column.as_str());
            Column { href: Some(self.with("sort", &sort)), sorted }
        };
        Columns {
            time: column(SortColumn::Timestamp),
            site: has_sites.then(|| column(SortColumn::Site)),
            user: column(SortColumn::User),
            action: column(SortColumn::Action),
            entity_type: column(SortColumn::EntityType),
            entity: column(SortColumn::Entity),
        }
    }
}

/// `2026-11-21T04:15`, as a form sends it, is minutes in UTC; anything else is left to the API's reader.
fn with_zone(value: &str, end: &str) -> String {
    if is_minutes(value) {
        format!("{value}{end}")
    } else if is_seconds(value) {
        format!("{value}{}", end.trim_start_matches(":00").trim_start_matches(":59"))
    } else {
        value.to_owned()
    }
}

fn is_minutes(value: &str) -> bool {
    value.len() == 16 && value.contains('T')
}

fn is_seconds(value: &str) -> bool {
    value.len() == 19 && value.contains('T')
}

/// A time in a chip: "2026-11-21 04:15 UTC".
fn chip_time(value: &str) -> String {
    match value.parse::<Timestamp>() {
        Ok(time) => text::exact_time(time).replace(".000 ", " "),
        Err(_) if is_minutes(value) || is_seconds(value) => format!("{} UTC", value.replace('T', " ")),
        Err(_) => value.to_owned(),
    }
}

/// What the form's field shows of a time.
fn input_time(value: &str) -> String {
    value.parse::<Timestamp>().map_or_else(|_| value.to_owned(), text::input_time)
}
