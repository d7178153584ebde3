//! Which entries are asked for, and in which order.
//!
//! [`Filter::matches`] is the meaning. Whatever finds entries faster must find exactly these.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entry::{Actor, Entry};

/// A condition on entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Filter {
    /// All of these; every entry when there is none.
    And(Vec<Filter>),
    /// Any of these; no entry when there is none.
    Or(Vec<Filter>),
    /// Happened at or after the one and at or before the other.
    Occurred {
        /// Earliest time, included.
        from: Option<Timestamp>,
        /// Latest time, included.
        to: Option<Timestamp>,
    },
    /// A field has exactly a value, whatever characters it has.
    Equals {
        /// Which field.
        field: Field,
        /// Which value.
        value: String,
    },
    /// A field has a value. A `*` at the value's end stands for any rest.
    Is {
        /// Which field.
        field: Field,
        /// Which value.
        value: String,
    },
}

/// A field that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Field {
    /// The actor's id, name or mail address; names and addresses in any case.
    Actor,
    /// The action's code.
    Action,
    /// The action's kind.
    Kind,
    /// The entity's type.
    EntityType,
    /// The entity's id.
    EntityId,
    /// The client's address.
    Ip,
    /// What the entries of one user action share.
    CorrelationId,
}

impl Filter {
    /// Every entry.
    #[must_use]
    pub const fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Whether the entry is asked for.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.matches(entry)),
            Self::Or(filters) => filters.iter().any(|filter| filter.matches(entry)),
            Self::Occurred { from, to } => {
                from.is_none_or(|from| entry.occurred_at >= from)
                    && to.is_none_or(|to| entry.occurred_at <= to)
            }
            Self::Equals { field, value } => field.has(entry, value, |found, wanted| found == wanted),
            Self::Is { field, value } => field.has(entry, value, is),
        }
    }

    /// The earliest and the latest time that a matching entry can have happened at.
    #[must_use]
    pub fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::And(filters) => filters.iter().map(Self::times).fold((None, None), |(from, to), (f, t)| {
                (from.into_iter().chain(f).max(), to.into_iter().chain(t).min())
            }),
            Self::Occurred { from, to } => (*from, *to),
            Self::Or(_) | Self::Equals { .. } | Self::Is { .. } => (None, None),
        }
    }

    /// A short hash of the filter, by which a cursor is bound to it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 16] {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let hash: [u8; 32] = Sha256::digest(text).into();
        let mut short = [0; 16];
        short.copy_from_slice(hash.split_at(16).0);
        short
    }
}

impl Field {
    fn has(self, entry: &Entry, wanted: &str, is: fn(&str, &str) -> bool) -> bool {
        let entity = entry.entity.as_ref();
        match self {
            Self::Actor => entry.actor.as_ref().is_some_and(|actor| is_actor(actor, wanted, is)),
            Self::Action => is(&entry.action, wanted),
            Self::Kind => entry.kind.as_str() == wanted,
            Self::EntityType => entity.is_some_and(|entity| is(&entity.kind, wanted)),
            Self::EntityId => entity.is_some_and(|entity| is(&entity.id, wanted)),
            Self::Ip => {
                let ip = entry.origin.as_ref().and_then(|origin| origin.ip);
                ip.is_some_and(|ip| is(&ip.to_string(), wanted))
            }
            Self::CorrelationId => {
                let wanted = wanted.to_ascii_lowercase();
                entry.correlation_id.is_some_and(|id| is(&id.to_string(), &wanted))
            }
        }
    }
}

fn is_actor(actor: &Actor, wanted: &str, is: fn(&str, &str) -> bool) -> bool {
    let folded = wanted.to_lowercase();
    let named = |text: &Option<String>| text.as_ref().is_some_and(|text| is(&text.to_lowercase(), &folded));
    actor.id.as_ref().is_some_and(|id| is(id, wanted))
        || named(&actor.name)
        || named(&actor.email)
        // What nobody did is found by the word that stands in its place on screen.
        || (actor.display_name() == actor.kind.as_str() && is(actor.kind.as_str(), &folded))
}

fn is(value: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => value.starts_with(prefix),
        None => value == wanted,
    }
}

/// In which order entries are listed. Ties are ordered by site and index, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// By which column.
    pub column: SortColumn,
    /// From the largest to the smallest.
    pub descending: bool,
}

impl Order {
    /// Newest first, the order of every list that nobody sorted.
    pub const NEWEST_FIRST: Self = Self { column: SortColumn::Timestamp, descending: true };
    /// Oldest first, the order of histories.
    pub const OLDEST_FIRST: Self = Self { column: SortColumn::Timestamp, descending: false };

    /// Reads `column` or `-column`.
    ///
    /// # Errors
    /// A sentence naming the columns when there is no such column.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let column = SortColumn::ALL
            .into_iter()
            .find(|(column_name, _)| *column_name == name)
            .map(|(_, column)| column)
            .ok_or_else(|| {
                let names: Vec<_> = SortColumn::ALL.iter().map(|(name, _)| *name).collect();
                format!("cannot sort by `{name}`: use one of {}, with `-` for descending", names.join(", "))
            })?;
        Ok(Self { column, descending })
    }

    /// The order opposite to this one.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { column: self.column, descending: !self.descending }
    }

    /// Compares two places in this order.
    #[must_use]
    pub fn compare(self, one: &SortKey, other: &SortKey) -> Ordering {
        if self.descending { other.cmp(one) } else { one.cmp(other) }
    }
}

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortColumn {
    /// When it happened.
    Timestamp,
    /// When the log took it.
    Recorded,
    /// The actor's name as shown.
    User,
    /// The action's code.
    Action,
    /// The action's kind.
    Kind,
    /// The entity's type.
    EntityType,
    /// The entity's title as shown.
    Entity,
    /// The entity's id.
    EntityId,
    /// The client's address.
    Ip,
    /// Success or failure.
    Outcome,
    /// Connector.
    Connector,
    /// Site.
    Site,
    /// The summary.
    Details,
    /// How long it took.
    Duration,
}

impl SortColumn {
    /// The columns by the names that callers use; the first name of a column is the one we write.
    pub const ALL: [(&'static str, Self); 19] = [
        ("timestamp", Self::Timestamp),
        ("occurred_at", Self::Timestamp),
        ("created", Self::Timestamp),
        ("recorded_at", Self::Recorded),
        ("user", Self::User),
        ("actor", Self::User),
        ("action", Self::Action),
        ("kind", Self::Kind),
        ("entity_type", Self::EntityType),
        ("entity", Self::Entity),
        ("entity_id", Self::EntityId),
        ("ip", Self::Ip),
        ("outcome", Self::Outcome),
        ("connector", Self::Connector),
        ("site", Self::Site),
        ("details", Self::Details),
        ("summary", Self::Details),
        ("duration_ms", Self::Duration),
        ("duration", Self::Duration),
    ];

    /// The name we write.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, column)| *column == self).map_or("timestamp", |(name, _)| name)
    }

    fn value(self, entry: &Entry) -> SortValue {
        let text = |value: &str| SortValue::text(value);
        match self {
            Self::Timestamp => SortValue::Number(entry.occurred_at.as_nanosecond()),
            Self::Recorded => SortValue::Number(entry.recorded_at.as_nanosecond()),
            Self::Duration => SortValue::Number(entry.duration_ms.map_or(-1, i128::from)),
            Self::User => text(entry.actor.as_ref().map_or("", Actor::display_name)),
            Self::Action => text(&entry.action),
            Self::Kind => text(entry.kind.as_str()),
            Self::EntityType => text(entry.entity.as_ref().map_or("", |entity| &entity.kind)),
            Self::Entity => text(entry.entity.as_ref().map_or("", |entity| entity.display_title())),
            Self::EntityId => text(entry.entity.as_ref().map_or("", |entity| &entity.id)),
            // By number, IPv4 before IPv6; unknown first. As digits: a 128-bit address fits no signed number.
            Self::Ip => SortValue::Text(match entry.origin.as_ref().and_then(|origin| origin.ip) {
                Some(IpAddr::V4(ip)) => format!("4{:08x}", ip.to_bits()),
                Some(IpAddr::V6(ip)) => format!("6{:032x}", ip.to_bits()),
                None => String::new(),
            }),
            Self::Outcome => text(entry.outcome.as_str()),
            Self::Connector => text(entry.connector.as_deref().unwrap_or_default()),
            Self::Site => text(entry.site.as_str()),
            Self::Details => text(entry.summary.as_deref().unwrap_or_default()),
        }
    }
}

/// An entry's place in a sorted list: the column's value, then site and index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SortKey {
    value: SortValue,
    site: String,
    index: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum SortValue {
    /// As text: JSON readers disagree about 128-bit numbers.
    Number(#[serde(with = "as_text")] i128),
    Text(String),
}

impl SortValue {
    /// Texts are compared in any case and by their beginning: enough to order, short enough for a cursor.
    fn text(value: &str) -> Self {
        const CHARS_COMPARED: usize = 80;
        Self::Text(value.chars().take(CHARS_COMPARED).flat_map(char::to_lowercase).collect())
    }
}

impl SortKey {
    /// The entry's place by a column.
    #[must_use]
    pub fn of(entry: &Entry, column: SortColumn) -> Self {
        Self { value: column.value(entry), site: entry.site.to_string(), index: entry.index }
    }

    /// The time in this key, for keys by [`SortColumn::Timestamp`] and [`SortColumn::Recorded`].
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        match &self.value {
            SortValue::Number(nanoseconds) => Timestamp::from_nanosecond(*nanoseconds).ok(),
            SortValue::Text(_) => None,
        }
    }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(json: &str, index: u64) -> Entry {
        let time = "2026-11-21T04:15:15Z".parse().unwrap();
        let sealed = crate::parse(json.as_bytes()).unwrap().seal(uuid::Uuid::max(), time, "t", &[0; 32]);
        sealed.preview(&"acme.www".parse().unwrap(), index).unwrap()
    }

    fn ana() -> Entry {
        entry(
            r#"{"action":"wagtail.publish","entity":{"type":"page","id":"7","title":"Home"},
            "actor":{"type":"user","id":"42","name":"Ana Lima","email":"ana@example.com"},
            "origin":{"ip":"203.0.113.9"},"correlation_id":"67C2B9C4-ff00-4f0e-955f-83e915f859f2"}"#,
            3,
        )
    }

    #[track_caller]
    fn finds(field: Field, value: &str, expected: bool) {
        assert_eq!(Filter::Is { field, value: value.into() }.matches(&ana()), expected, "{field:?} {value}");
    }

    #[test]
    fn fields() {
        for (value, expected) in [
            ("42", true),
            ("ana lima", true),
            ("ANA@example.com", true),
            ("Ana", false),
            ("ana*", true),
            ("user", false),
        ] {
            finds(Field::Actor, value, expected);
        }
        finds(Field::Action, "wagtail.publish", true);
        finds(Field::Action, "wagtail.*", true);
        finds(Field::Action, "wagtail", false);
        finds(Field::Kind, "update", true);
        finds(Field::EntityType, "page", true);
        finds(Field::EntityId, "7", true);
        finds(Field::EntityId, "70", false);
        finds(Field::Ip, "203.0.113.*", true);
        finds(Field::CorrelationId, "67C2B9C4-FF00-4f0e-955f-83e915f859f2", true);
        let system = entry(r#"{"action":"a","entity":{"type":"t","id":"1"}}"#, 0);
        assert!(Filter::Is { field: Field::Actor, value: "System".into() }.matches(&system));
    }

    #[test]
    fn times_are_inclusive_and_known_to_the_planner() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let exact = Filter::Occurred { from: at("2026-11-21T04:15:15Z"), to: at("2026-11-21T04:15:15Z") };
        assert!(exact.matches(&ana()));
        let later = Filter::Occurred { from: at("2026-11-21T04:15:15.000000001Z"), to: None };
        assert!(!later.matches(&ana()));
        let both = Filter::And(vec![exact, later]);
        assert_eq!(both.times(), (at("2026-11-21T04:15:15.000000001Z"), at("2026-11-21T04:15:15Z")));
        assert!(Filter::all().matches(&ana()));
        assert!(!Filter::Or(vec![]).matches(&ana()));
    }

    #[test]
    fn orders() {
        assert_eq!(Order::parse("-timestamp"), Ok(Order::NEWEST_FIRST));
        assert!(Order::parse("colour").unwrap_err().contains("use one of timestamp"));
        for (name, _) in SortColumn::ALL {
            assert!(Order::parse(name).is_ok());
        }
        let (low, high) = (ana(), Entry { index: 4, ..ana() });
        for (_, column) in SortColumn::ALL {
            assert!(SortKey::of(&low, column) < SortKey::of(&high, column), "ties go by index");
        }
    }

    #[test]
    fn keys_survive_a_cursor() {
        for (_, column) in SortColumn::ALL {
            let key = SortKey::of(&ana(), column);
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<SortKey>(&text).unwrap(), key);
        }
    }
}
