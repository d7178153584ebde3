//! In which order entries are listed, and an entry's place in it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entry::{Actor, Entry};
use crate::text::fold;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// The credential that sent it.
    Source,
    /// Portal, control panel, API and the like.
    Channel,
    /// HTTP method of the operation.
    Method,
    /// Name of the operation.
    Route,
    /// What the operation was for.
    Path,
    /// Branch or version.
    Ref,
}

impl SortColumn {
    /// The columns by the names that callers use; the first name of a column is the one we write.
    pub const ALL: [(&'static str, Self); 27] = [
        ("timestamp", Self::Timestamp),
        ("occurred_at", Self::Timestamp),
        ("created", Self::Timestamp),
        ("recorded_at", Self::Recorded),
        ("index", Self::Recorded),
        ("user", Self::User),
        ("actor", Self::User),
        ("action", Self::Action),
        ("kind", Self::Kind),
        ("entity_type", Self::EntityType),
        ("entity", Self::Entity),
        ("title", Self::Entity),
        ("entity_id", Self::EntityId),
        ("ip", Self::Ip),
        ("outcome", Self::Outcome),
        ("connector", Self::Connector),
        ("site", Self::Site),
        ("details", Self::Details),
        ("summary", Self::Details),
        ("duration_ms", Self::Duration),
        ("duration", Self::Duration),
        ("source", Self::Source),
        ("channel", Self::Channel),
        ("method", Self::Method),
        ("route", Self::Route),
        ("path", Self::Path),
        ("ref", Self::Ref),
    ];

    /// The name we write.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, column)| *column == self).map_or("timestamp", |(name, _)| name)
    }

    /// What an entry is ordered by in this column.
    #[must_use]
    pub fn value(self, entry: &Entry) -> SortValue {
        match self {
            Self::Timestamp => SortValue::Number(entry.occurred_at.as_nanosecond()),
            Self::Recorded => SortValue::Number(entry.recorded_at.as_nanosecond()),
            Self::Duration => SortValue::Number(entry.duration_ms.map_or(-1, i128::from)),
            // By number, IPv4 before IPv6; unknown first. As digits: a 128-bit address fits no signed number.
            Self::Ip => SortValue::Text(ip_of(entry).map_or_else(String::new, ip_digits)),
            Self::User
            | Self::Action
            | Self::Kind
            | Self::EntityType
            | Self::Entity
            | Self::EntityId
            | Self::Outcome
            | Self::Connector
            | Self::Site
            | Self::Details
            | Self::Source
            | Self::Channel
            | Self::Method
            | Self::Route
            | Self::Path
            | Self::Ref => SortValue::Text(sort_text(self.text(entry))),
        }
    }

    /// The text that an entry has in a column of texts; empty where it has none.
    fn text(self, entry: &Entry) -> &str {
        let entity = entry.entity.as_ref();
        let origin = entry.origin.as_ref();
        match self {
            Self::User => entry.actor.as_ref().map_or("", Actor::display_name),
            Self::Action => &entry.action,
            Self::Kind => entry.kind.as_str(),
            Self::EntityType => entity.map_or("", |entity| &entity.kind),
            Self::Entity => entity.map_or("", |entity| entity.display_title()),
            Self::EntityId => entity.map_or("", |entity| &entity.id),
            Self::Outcome => entry.outcome.as_str(),
            Self::Connector => optional(entry.connector.as_ref()),
            Self::Site => entry.site.as_str(),
            Self::Details => optional(entry.summary.as_ref()),
            Self::Source => &entry.source,
            Self::Channel => optional(origin.and_then(|origin| origin.channel.as_ref())),
            Self::Method => optional(origin.and_then(|origin| origin.method.as_ref())),
            Self::Route => optional(origin.and_then(|origin| origin.route.as_ref())),
            Self::Path => optional(origin.and_then(|origin| origin.path.as_ref())),
            Self::Ref => optional(origin.and_then(|origin| origin.r#ref.as_ref())),
            Self::Timestamp | Self::Recorded | Self::Duration | Self::Ip => "",
        }
    }

    /// The value that people see for what [`value`](Self::value) gave for a column of texts: as it was
    /// written, cut after [`SORT_CHARS_MAX`] characters.
    #[must_use]
    pub fn shown(self, sort_text: &str) -> Cow<'_, str> {
        if self == Self::Ip {
            return Cow::Owned(ip_of_digits(sort_text).map_or_else(String::new, |ip| ip.to_string()));
        }
        Cow::Borrowed(sort_text.split_once(SPELLING).map_or(sort_text, |(_, written)| written))
    }
}

fn optional(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

fn ip_of(entry: &Entry) -> Option<IpAddr> {
    entry.origin.as_ref().and_then(|origin| origin.ip)
}

/// An address as digits that are ordered as the addresses are.
#[must_use]
pub fn ip_digits(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("4{:08x}", ip.to_bits()),
        IpAddr::V6(ip) => format!("6{:032x}", ip.to_bits()),
    }
}

fn ip_of_digits(digits: &str) -> Option<IpAddr> {
    let (version, bits) = digits.split_at_checked(1)?;
    match version {
        "4" => u32::from_str_radix(bits, 16).ok().map(|bits| IpAddr::from(bits.to_be_bytes())),
        _ => u128::from_str_radix(bits, 16).ok().map(|bits| IpAddr::from(bits.to_be_bytes())),
    }
}

/// Characters by which texts are ordered: enough to order, short enough for a cursor.
pub const SORT_CHARS_MAX: usize = 80;

/// Stands between a folded text and its spelling: smaller than every character that a text can have.
const SPELLING: char = '\0';

/// What a text is ordered by: its beginning in any case, and then, so that the order is one, as it is written.
fn sort_text(text: &str) -> String {
    let cut = text.char_indices().nth(SORT_CHARS_MAX).map_or(text, |(end, _)| text.split_at(end).0);
    let written =
        if cut.contains(SPELLING) { Cow::Owned(cut.replace(SPELLING, "\u{fffd}")) } else { cut.into() };
    match fold(&written) {
        folded if folded == written => written.into_owned(),
        folded => format!("{folded}{SPELLING}{written}"),
    }
}

/// An entry's place in a sorted list: the column's value, then site and index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SortKey {
    value: SortValue,
    site: String,
    index: u64,
}

/// What an entry is ordered by in a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortValue {
    /// Nanoseconds since 1970, or milliseconds of a duration, −1 where it is unknown.
    /// As text: JSON readers disagree about 128-bit numbers.
    Number(#[serde(with = "as_text")] i128),
    /// A text in any case, and then as it is written; the digits of an address.
    Text(String),
}

impl SortKey {
    /// The entry's place by a column.
    #[must_use]
    pub fn of(entry: &Entry, column: SortColumn) -> Self {
        Self { value: column.value(entry), site: entry.site.to_string(), index: entry.index }
    }

    /// The place of an entry with this value.
    #[must_use]
    pub const fn new(value: SortValue, site: String, index: u64) -> Self {
        Self { value, site, index }
    }

    /// What the entry is ordered by.
    #[must_use]
    pub const fn value(&self) -> &SortValue {
        &self.value
    }

    /// The site and the index in its log by which ties are ordered.
    #[must_use]
    pub fn tie(&self) -> (&str, u64) {
        (&self.site, self.index)
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
        let json = r#"{"action":"wagtail.publish","entity":{"type":"page","id":"7","title":"Home"},
            "actor":{"type":"user","id":"42","name":"Ana Lima"},"origin":{"ip":"203.0.113.9"}}"#;
        entry(json, 3)
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

    #[test]
    fn texts_are_ordered_in_any_case_and_shown_as_written() {
        let ascending = ["", "ana", "Ana", "ana lima", "Ana Lima", "anb", "É", "ë"];
        for pair in ascending.windows(2) {
            assert!(sort_text(pair[0]) < sort_text(pair[1]), "{pair:?}");
        }
        for text in ascending {
            assert_eq!(SortColumn::User.shown(&sort_text(text)), text);
        }
        assert_eq!(SortColumn::User.shown(&sort_text("a\0B")), "a\u{fffd}B");
        let long = "É".repeat(90);
        assert_eq!(SortColumn::User.shown(&sort_text(&long)), "É".repeat(80));
        for ip in ["203.0.113.9", "2001:db8::1", "0.0.0.0"] {
            assert_eq!(SortColumn::Ip.shown(&ip_digits(ip.parse().unwrap())), ip);
        }
        assert_eq!(SortColumn::Ip.shown(""), "");
    }
}
