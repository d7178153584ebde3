//! Reading a leaf that somebody else wrote: what an auditor does with the entries of a bundle.

use uuid::Uuid;

use super::{Class, Commitment, Leaf, LeafHeader, MAGIC};
use crate::section::SectionName;

/// Why bytes are no leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeafError {
    /// It does not begin as leaves do, or is of another version.
    #[error("the leaf does not begin with INDELOG and version 1")]
    Magic,
    /// It ends before it should.
    #[error("the leaf ends too early")]
    Truncated,
    /// Bytes follow it.
    #[error("{0} bytes follow the leaf")]
    TrailingBytes(usize),
    /// A section that this version does not know.
    #[error("section number {0} is unknown to this version")]
    UnknownSection(u8),
    /// Sections stand in the order of their numbers, each once.
    #[error("the sections are not in the order of their numbers")]
    SectionsOutOfOrder,
}

impl Leaf {
    /// Reads the bytes of a leaf: the one spelling that [`to_bytes`](Self::to_bytes) gives, and no other.
    ///
    /// # Errors
    /// [`LeafError`] for any other bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        let mut input = Input(bytes);
        if input.array::<8>().map_err(|_| LeafError::Magic)? != MAGIC {
            return Err(LeafError::Magic);
        }
        let recorded_ms = u64::from_be_bytes(input.array()?);
        let id = Uuid::from_bytes(input.array()?);
        let class = Class::from_number(u16::from_be_bytes(input.array()?));
        let [count] = input.array()?;
        let mut commitments: Vec<(SectionName, Commitment)> = Vec::new();
        for _ in 0..count {
            let [number] = input.array()?;
            let name = SectionName::from_number(number).ok_or(LeafError::UnknownSection(number))?;
            if commitments.last().is_some_and(|(last, _)| last.number() >= number) {
                return Err(LeafError::SectionsOutOfOrder);
            }
            commitments.push((name, input.array()?));
        }
        match input.0.len() {
            0 => Ok(Self { header: LeafHeader { recorded_ms, id, class }, commitments }),
            rest => Err(LeafError::TrailingBytes(rest)),
        }
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], LeafError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(LeafError::Truncated)?;
        self.0 = rest;
        Ok(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Kind;

    fn leaf() -> Leaf {
        let header = LeafHeader {
            recorded_ms: 1_790_000_000_000,
            id: Uuid::from_u128(42),
            class: Class::of(Kind::Update),
        };
        Leaf { header, commitments: vec![(SectionName::Actor, [1; 32]), (SectionName::Source, [2; 32])] }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        assert_eq!(Leaf::parse(&leaf().to_bytes()), Ok(leaf()));
    }

    #[test]
    fn any_other_bytes_are_refused_or_another_leaf() {
        let bytes = leaf().to_bytes();
        for end in 0..bytes.len() {
            let expected = if end < 8 { LeafError::Magic } else { LeafError::Truncated };
            assert_eq!(Leaf::parse(&bytes[..end]), Err(expected), "{end} bytes");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert_eq!(Leaf::parse(&longer), Err(LeafError::TrailingBytes(1)));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Leaf::parse(&flipped) {
                assert_ne!(other, leaf(), "bit {bit}");
                assert_eq!(other.to_bytes(), flipped, "one spelling for each leaf");
            }
        }
    }

    #[test]
    fn sections_are_known_and_in_order() {
        let mut swapped = leaf();
        swapped.commitments.swap(0, 1);
        assert_eq!(Leaf::parse(&swapped.to_bytes()), Err(LeafError::SectionsOutOfOrder));
        let mut twice = leaf();
        twice.commitments[1].0 = SectionName::Actor;
        assert_eq!(Leaf::parse(&twice.to_bytes()), Err(LeafError::SectionsOutOfOrder));
        let mut unknown = leaf().to_bytes();
        unknown[35] = 99;
        assert_eq!(Leaf::parse(&unknown), Err(LeafError::UnknownSection(99)));
    }
}
