//! From what happened in a transaction to entries that are ready for the door of their log.

use std::fmt::Write as _;

use model::{Draft, Entity, SiteId};
use serde_json::value::RawValue;
use uuid::{Uuid, uuid};

use super::context::Context;
use super::transaction::Commit;

/// Namespace of all ids that follow from where a change stands in a server's log.
const NAMESPACE: Uuid = uuid!("0e9d3a64-7c0b-5d57-8a55-3f3a5f1b2c90");

/// The connector of all captured entries: by it a revert finds its way back into the database.
pub const CONNECTOR: &str = "postgres";

/// An entry that is ready for the door of its log.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    /// The site that the row names, if it names one.
    pub(super) site: Option<SiteId>,
    /// The rule of its table, for what must be masked.
    pub(super) rule: Option<usize>,
    pub(super) id: Uuid,
    /// Large, and handed on often.
    pub(super) draft: Box<Draft>,
}

impl Ready {
    /// Notes in its data that its row named a site that there is none of.
    pub(super) fn wanted(&mut self, site: &SiteId) {
        let open = self.draft.data.as_ref().and_then(|data| data.get().strip_suffix('}'));
        if let Some(open) = open {
            self.draft.data = Some(raw(format!("{open},\"site_wanted\":\"{site}\"}}")));
        }
    }
}

/// Entries that are enough for one append, and bytes of what is in them.
const ENTRIES_AT_ONCE: usize = 4_000;
const BYTES_AT_ONCE: usize = 16 * 1024 * 1024;

/// Entries that gather for one append.
#[derive(Debug, Default)]
pub(super) struct Pile {
    ready: Vec<Ready>,
    bytes: usize,
}

impl Pile {
    pub(super) fn push(&mut self, ready: Ready) {
        self.bytes += ready.draft.json_bytes();
        self.ready.push(ready);
    }

    pub(super) const fn is_full(&self) -> bool {
        self.ready.len() >= ENTRIES_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Ready> {
        self.bytes = 0;
        std::mem::take(&mut self.ready)
    }
}

/// What happened, other than to a row.
pub(super) struct Happened {
    pub(super) action: &'static str,
    pub(super) entity: Entity,
    pub(super) summary: String,
    pub(super) after: Option<String>,
    /// Members of the entry's data, as JSON.
    pub(super) data: String,
}

/// What all entries of a transaction share.
pub(super) struct Header {
    commit: Commit,
    context: Context,
    /// Where in the server's log it was, as members of an entry's data.
    position: String,
    namespace: Uuid,
    correlation: Uuid,
}

impl Header {
    /// `system` is the identifier that the server made for itself.
    pub(super) fn new(system: &str, commit: Commit, context: Context) -> Self {
        // The server's log can branch when a standby takes over; the same place is another there, but not at the same
        // moment with the same number.
        let name = format!("{system}/{}/{}/{}", commit.lsn, commit.xid, commit.at.as_microsecond());
        let namespace = Uuid::new_v5(&NAMESPACE, name.as_bytes());
        Self {
            commit,
            position: format!("\"xid\":{},\"lsn\":\"{}\"", commit.xid, Lsn(commit.lsn)),
            namespace,
            correlation: context.correlation.unwrap_or(namespace),
            context,
        }
    }

    /// The id of a transaction's entry by what it is about.
    ///
    /// It begins with the time of the commit, as a UUID of version 7 does, and goes on by name (RFC 9562, sections 5.5 and
    /// 5.8): entries come into the log nearly in the order of their ids, and whoever keeps ids in a tree, as our stores
    /// do, writes few of its pages instead of one for each entry.
    pub(super) fn id(&self, about: &str) -> Uuid {
        let mut bytes = Uuid::new_v5(&self.namespace, about.as_bytes()).into_bytes();
        let ms = u64::try_from(self.commit.at.as_millisecond()).unwrap_or_default().to_be_bytes();
        for (byte, of_time) in bytes.iter_mut().zip(ms.into_iter().skip(2)) {
            *byte = of_time;
        }
        Uuid::new_v8(bytes)
    }

    /// An entry of this transaction; `data` are members of an object.
    pub(super) fn draft(
        &self,
        id: Uuid,
        action: &str,
        entity: Entity,
        data: &str,
        ordinal: Option<u64>,
    ) -> Draft {
        Draft {
            id: Some(id),
            occurred_at: Some(self.commit.at),
            actor: self.context.actor.clone(),
            origin: Some(self.context.origin.clone()),
            reason: self.context.reason.clone(),
            correlation_id: Some(self.correlation),
            connector: Some(CONNECTOR.to_owned()),
            data: Some(self.data(data, ordinal)),
            ..Draft::new(action, entity)
        }
    }

    fn data(&self, members: &str, ordinal: Option<u64>) -> Box<RawValue> {
        let room = members.len() + self.position.len() + self.context.standing.len() + 64;
        let mut data = String::with_capacity(room);
        data.push('{');
        if !members.is_empty() {
            data.push_str(members);
            data.push(',');
        }
        data.push_str(&self.position);
        if let Some(ordinal) = ordinal {
            // Writing into a string cannot fail.
            _ = write!(data, ",\"ordinal\":{ordinal}");
        }
        data.push_str(",\"context\":");
        data.push_str(&self.context.standing);
        data.push('}');
        raw(data)
    }

    /// An entry about something else than a row.
    pub(super) fn other(&self, about: &str, happened: Happened) -> Ready {
        let id = self.id(about);
        let Happened { action, entity, summary, after, data } = happened;
        let draft = Draft {
            summary: Some(summary),
            after: after.map(raw),
            ..self.draft(id, action, entity, &data, None)
        };
        Ready { site: None, rule: None, id, draft: Box::new(draft) }
    }
}

/// JSON that was written here. Were it none after all, the door would refuse a state of `null`, and that would be told.
pub(super) fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A place in a server's log as PostgreSQL writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lsn(pub(super) u64);

impl std::fmt::Display for Lsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl std::str::FromStr for Lsn {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (high, low) = text.split_once('/').unwrap_or(("0", text));
        Ok(Self((u64::from_str_radix(high, 16)? << 32) | u64::from_str_radix(low, 16)?))
    }
}
