//! Messages of PostgreSQL's `pgoutput` plugin, protocol version 1: what a change of a row looks like in the stream.
//!
//! Source: PostgreSQL documentation, "Logical Replication Message Formats". Only the messages inside of a transaction are
//! read here; where one begins and ends, the transport says.

use std::str;

/// A message inside of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// What the columns of a table are from here on.
    Relation(Relation),
    /// A new row.
    Insert { relation: u32, new: Vec<Datum<'a>> },
    /// A row that changed.
    Update { relation: u32, old: Option<Old<'a>>, new: Vec<Datum<'a>> },
    /// A row that is gone.
    Delete { relation: u32, old: Old<'a> },
    /// Tables that were emptied.
    Truncate { relations: Vec<u32> },
    /// Names of types, where the transaction comes from: nothing that an entry tells.
    Other,
}

/// A table as the stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    /// Its object id.
    pub(super) id: u32,
    pub(super) schema: String,
    pub(super) name: String,
    /// Whether old rows are told in full (`REPLICA IDENTITY FULL`).
    pub(super) is_full: bool,
    pub(super) columns: Vec<Column>,
}

/// A column as the stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The object id of its type.
    pub(super) type_id: u32,
    /// Whether it is part of the replica identity.
    pub(super) is_identity: bool,
}

/// What is told of a row as it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Old<'a> {
    /// All of it.
    Row(Vec<Datum<'a>>),
    /// Its replica identity; other columns are null here whatever they were.
    Identity(Vec<Datum<'a>>),
}

/// A value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datum<'a> {
    /// SQL's null.
    Null,
    /// A large value that did not change and is not sent again.
    Unchanged,
    /// The value as the type's output function writes it.
    Text(&'a str),
}

/// What the stream says cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL sent a message that does not read: {0}")]
pub(super) struct Malformed(String);

/// Columns of a table, at most: PostgreSQL's own limit (`MaxTupleAttributeNumber`), which also bounds what is reserved.
const COLUMNS_MAX: usize = 1664;

impl<'a> Message<'a> {
    /// Reads a message.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { rest: bytes };
        let message = match reader.byte()? {
            b'R' => Self::Relation(reader.relation()?),
            b'I' => {
                let relation = reader.u32()?;
                reader.expect(b'N')?;
                Self::Insert { relation, new: reader.row()? }
            }
            b'U' => {
                let relation = reader.u32()?;
                let old = match reader.byte()? {
                    b'N' => None,
                    kind => {
                        let old = reader.old(kind)?;
                        reader.expect(b'N')?;
                        Some(old)
                    }
                };
                Self::Update { relation, old, new: reader.row()? }
            }
            b'D' => {
                let relation = reader.u32()?;
                let kind = reader.byte()?;
                Self::Delete { relation, old: reader.old(kind)? }
            }
            b'T' => {
                let count = reader.u32()?;
                let _options = reader.byte()?;
                let relations = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
                Self::Truncate { relations }
            }
            b'Y' | b'O' => return Ok(Self::Other),
            kind => return Err(Malformed(format!("of kind {:?}", char::from(kind)))),
        };
        if reader.rest.is_empty() {
            Ok(message)
        } else {
            Err(Malformed("it goes on after its end".to_owned()))
        }
    }

    /// The table that a message describes or changes, without reading all of it.
    pub(super) fn relation_described(bytes: &[u8]) -> Option<u32> {
        let mut reader = Reader { rest: bytes };
        (reader.byte().ok()? == b'R').then(|| reader.u32().ok()).flatten()
    }

    /// How many changes it tells of.
    pub(super) fn changes(&self) -> u64 {
        match self {
            Self::Insert { .. } | Self::Update { .. } | Self::Delete { .. } => 1,
            Self::Truncate { relations } => u64::try_from(relations.len()).unwrap_or(u64::MAX),
            Self::Relation(_) | Self::Other => 0,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| Malformed("it ends too early".to_owned()))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or_else(|| Malformed("it ends too early".to_owned()))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).map_err(|_| Malformed("a length that no machine has".to_owned()))
    }

    fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::from(self.u16()?);
        if count > COLUMNS_MAX {
            return Err(Malformed(format!("{count} columns; a table has {COLUMNS_MAX} at most")));
        }
        Ok(count)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Malformed> {
        let found = self.byte()?;
        if found == wanted { Ok(()) } else { Err(Malformed(format!("{:?} inside of it", char::from(found)))) }
    }

    fn text(bytes: &'a [u8]) -> Result<&'a str, Malformed> {
        str::from_utf8(bytes).map_err(|_| Malformed("text that is not UTF-8".to_owned()))
    }

    /// A text that ends with a zero.
    fn name(&mut self) -> Result<String, Malformed> {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let bytes = self.take(end.ok_or_else(|| Malformed("a name without an end".to_owned()))?)?;
        self.byte()?;
        Ok(Self::text(bytes)?.to_owned())
    }

    fn relation(&mut self) -> Result<Relation, Malformed> {
        let id = self.u32()?;
        let schema = self.name()?;
        let name = self.name()?;
        let is_full = self.byte()? == b'f';
        let columns = (0..self.count()?)
            .map(|_| {
                let is_identity = self.byte()? & 1 == 1;
                let name = self.name()?;
                let type_id = self.u32()?;
                let _modifier = self.u32()?;
                Ok(Column { name, type_id, is_identity })
            })
            .collect::<Result<_, Malformed>>()?;
        // What lies in the catalogue is told with an empty name.
        let schema = if schema.is_empty() { "pg_catalog".to_owned() } else { schema };
        Ok(Relation { id, schema, name, is_full, columns })
    }

    fn old(&mut self, kind: u8) -> Result<Old<'a>, Malformed> {
        match kind {
            b'O' => Ok(Old::Row(self.row()?)),
            b'K' => Ok(Old::Identity(self.row()?)),
            other => Err(Malformed(format!("an old row of kind {:?}", char::from(other)))),
        }
    }

    fn row(&mut self) -> Result<Vec<Datum<'a>>, Malformed> {
        let count = self.count()?;
        let mut row = Vec::with_capacity(count);
        for _ in 0..count {
            row.push(match self.byte()? {
                b'n' => Datum::Null,
                b'u' => Datum::Unchanged,
                b't' => {
                    let length = self.length()?;
                    Datum::Text(Self::text(self.take(length)?)?)
                }
                other => return Err(Malformed(format!("a value of kind {:?}", char::from(other)))),
            });
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relation_bytes() -> Vec<u8> {
        let mut bytes = b"R\0\0\0\x07public\0order\0f\0\x02".to_vec();
        bytes.extend(b"\x01id\0\0\0\0\x17\xff\xff\xff\xff");
        bytes.extend(b"\x00note\0\0\0\0\x19\xff\xff\xff\xff");
        bytes
    }

    #[test]
    fn reads_a_table() {
        let column =
            |name: &str, type_id, is_identity| Column { name: name.to_owned(), type_id, is_identity };
        let expected = Relation {
            id: 7,
            schema: "public".to_owned(),
            name: "order".to_owned(),
            is_full: true,
            columns: vec![column("id", 23, true), column("note", 25, false)],
        };
        assert_eq!(Message::read(&relation_bytes()), Ok(Message::Relation(expected)));
        assert_eq!(Message::relation_described(&relation_bytes()), Some(7));
    }

    #[test]
    fn reads_changes() {
        let row = b"\0\x03t\0\0\0\x011nu";
        let datums = || vec![Datum::Text("1"), Datum::Null, Datum::Unchanged];
        let message = |parts: &[&[u8]]| parts.concat();
        let insert = message(&[b"I\0\0\0\x07N", row]);
        assert_eq!(Message::read(&insert), Ok(Message::Insert { relation: 7, new: datums() }));
        let update = message(&[b"U\0\0\0\x07O", row, b"N", row]);
        let old = Some(Old::Row(datums()));
        assert_eq!(Message::read(&update), Ok(Message::Update { relation: 7, old, new: datums() }));
        let update = message(&[b"U\0\0\0\x07N", row]);
        assert_eq!(Message::read(&update), Ok(Message::Update { relation: 7, old: None, new: datums() }));
        let delete = message(&[b"D\0\0\0\x07K", row]);
        let old = Old::Identity(datums());
        assert_eq!(Message::read(&delete), Ok(Message::Delete { relation: 7, old }));
        let truncate = b"T\0\0\0\x02\0\0\0\0\x07\0\0\0\x08";
        assert_eq!(Message::read(truncate), Ok(Message::Truncate { relations: vec![7, 8] }));
    }

    #[test]
    fn refuses_what_does_not_end_where_it_should() {
        let whole = relation_bytes();
        for length in 0..whole.len() {
            assert!(Message::read(whole.get(..length).unwrap()).is_err(), "{length}");
        }
        let longer = [whole, vec![0]].concat();
        assert!(Message::read(&longer).is_err());
        assert!(
            Message::read(b"I\0\0\0\x07N\0\x01b\0\0\0\x011").is_err(),
            "binary values were not asked for"
        );
        assert!(
            Message::read(b"I\0\0\0\x07N\0\x01t\xff\xff\xff\xff1").is_err(),
            "a length beyond the message"
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in "[RIUDTYO]") {
            drop(Message::read(&bytes));
            let named = [kind.as_bytes(), &bytes].concat();
            drop(Message::read(&named));
        }
    }
}
