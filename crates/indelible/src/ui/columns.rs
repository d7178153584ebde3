//! A list's parameters as its form, its chips and its headings need them.

use jiff::Timestamp;
use model::Filter;

use super::view::{Chip, FilterForm, text, url};

/// Page sizes that the form offers.
const LIMITS: [u32; 4] = [25, 50, 100, 200];

/// The parameter by which a list waits for its counts however long they take, and its value.
pub(super) const COUNTS: &str = "counts";
pub(super) const WAIT: &str = "wait";

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
        // Which columns are shown and whether counts are waited for is the pages' own business.
        let is_asked = |(name, _): &&(String, String)| name != "columns" && name != COUNTS;
        let pairs = self.pairs.iter().filter(is_asked).map(|(name, value)| {
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
        let kept =
            self.pairs.iter().filter(|(name, _)| ["sort", "limit", "columns"].contains(&name.as_str()));
        url::with_query(&self.path, &kept.map(|(name, value)| (name, value)).collect::<Vec<_>>())
    }

    pub(super) fn waits_for_counts(&self) -> bool {
        self.get(COUNTS) == WAIT
    }

    pub(super) fn is_first_page(&self) -> bool {
        self.get("cursor").is_empty()
    }

    pub(super) fn chips(&self) -> Vec<Chip> {
        let labelled = self.pairs.iter().enumerate().flat_map(|(place, (name, value))| {
            if name == "q" {
                return self.chips_of_filter(place, value);
            }
            self.chip(place, name, value).into_iter().collect()
        });
        labelled.collect()
    }

    /// A chip for each part of a filter that can be taken away alone.
    fn chips_of_filter(&self, place: usize, filter: &str) -> Vec<Chip> {
        let parts = parts(filter).unwrap_or_else(|| vec![filter]);
        let chip = |(at, part): (usize, &&str)| {
            let others = parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, part)| *part);
            let rest = others.collect::<Vec<_>>().join(" ");
            Chip {
                label: "Search".to_owned(),
                value: (*part).to_owned(),
                is_code: true,
                remove_href: if rest.is_empty() { self.without(place) } else { self.with("q", &rest) },
            }
        };
        parts.iter().enumerate().map(chip).collect()
    }

    fn chip(&self, place: usize, name: &str, value: &str) -> Option<Chip> {
        {
            let (label, is_code) = match name {
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
                value: match name {
                    "from" | "to" => chip_time(value),
                    _ => value.to_owned(),
                },
                is_code,
                remove_href: self.without(place),
            })
        }
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
}

/// The parts of a filter all of which must hold, as they are written; `None` where it does not fall into such parts.
pub(super) fn parts(filter: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut depth, mut is_quoted) = (Vec::new(), 0, 0_usize, false);
    for (at, c) in filter.char_indices().chain([(filter.len(), ' ')]) {
        match c {
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth = depth.checked_sub(1)?,
            c if c.is_whitespace() && !is_quoted && depth == 0 => {
                parts.extend(filter.get(start..at).filter(|part| !part.is_empty()));
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.retain(|part| *part != "AND");
    // Words that belong together, as in `NOT x` or `a OR b`, show in that the parts do not mean the whole.
    let alone = parts.iter().map(|part| Filter::parse(part).ok()).collect::<Option<Vec<Filter>>>()?;
    let whole = Filter::parse(filter).ok()?;
    let is_sum = alone.into_iter().reduce(Filter::and).is_some_and(|sum| sum == whole);
    is_sum.then_some(parts)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_counts_is_the_pages_own_business() {
        let pairs =
            [("kind", "update"), (COUNTS, WAIT)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = Parameters::new("/sites/acme".to_owned(), pairs.to_vec());
        assert!(parameters.waits_for_counts());
        assert_eq!(
            (parameters.query().as_str(), parameters.filters().as_str()),
            ("kind=update", "kind=update")
        );
        assert_eq!(parameters.chips().len(), 1);
    }

    #[test]
    fn a_filter_falls_into_what_can_be_taken_away() {
        for (filter, expected) in [
            ("actor:ana", Some(vec!["actor:ana"])),
            ("actor:ana -kind:update", Some(vec!["actor:ana", "-kind:update"])),
            (
                "actor:\"Ana Lima\" AND (kind:update OR kind:delete)",
                Some(vec!["actor:\"Ana Lima\"", "(kind:update OR kind:delete)"]),
            ),
            ("kind:update OR kind:delete", None),
            ("actor:ana (kind:update", None),
            ("NOT kind:update", None),
        ] {
            assert_eq!(parts(filter), expected, "{filter}");
        }
    }
}
