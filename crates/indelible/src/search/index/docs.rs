//! Sets of a shard's documents.

/// Which documents of a shard.
#[derive(Clone, Debug)]
pub(in crate::search) enum Docs {
    /// None of them.
    None,
    /// All of them.
    All,
    /// Those whose bit is set.
    Some(Bits),
}

/// One bit for each document.
#[derive(Clone, Debug)]
pub(in crate::search) struct Bits {
    words: Vec<u64>,
}

const WIDTH: u32 = u64::BITS;

impl Bits {
    pub(super) fn new(docs: u32) -> Self {
        Self { words: vec![0; to_usize(docs.div_ceil(WIDTH))] }
    }

    pub(super) fn set(&mut self, doc: u32) {
        if let Some(word) = self.words.get_mut(to_usize(doc / WIDTH)) {
            *word |= 1 << (doc % WIDTH);
        }
    }

    pub(super) fn has(&self, doc: u32) -> bool {
        self.words.get(to_usize(doc / WIDTH)).is_some_and(|word| word >> (doc % WIDTH) & 1 == 1)
    }

    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = with(*word, *other);
        }
    }

    /// The documents from `start` on and below `end`, in order.
    pub(super) fn iter(&self, start: u32, end: u32) -> impl Iterator<Item = u32> {
        let (first, last) = (start / WIDTH, end.div_ceil(WIDTH));
        let words = self.words.get(to_usize(first)..to_usize(last).min(self.words.len())).unwrap_or_default();
        (first..)
            .zip(words)
            .flat_map(move |(place, word)| {
                let mut rest = *word;
                std::iter::from_fn(move || {
                    let bit = rest.trailing_zeros();
                    (rest != 0).then(|| {
                        rest &= rest - 1;
                        place * WIDTH + bit
                    })
                })
            })
            .filter(move |doc| (start..end).contains(doc))
    }
}

impl Docs {
    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::All => false,
            Self::Some(bits) => bits.words.iter().all(|word| *word == 0),
        }
    }

    pub(super) fn count(&self, docs: u32) -> u64 {
        match self {
            Self::None => 0,
            Self::All => u64::from(docs),
            Self::Some(bits) => bits.count(),
        }
    }

    pub(super) fn has(&self, doc: u32) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(bits) => bits.has(doc),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, other) | (other, Self::All) => other,
            (Self::Some(mut bits), Self::Some(other)) => {
                bits.combine(&other, |one, other| one & other);
                Self::Some(bits)
            }
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, other) | (other, Self::None) => other,
            (Self::Some(mut bits), Self::Some(other)) => {
                bits.combine(&other, |one, other| one | other);
                Self::Some(bits)
            }
        }
    }

    pub(super) fn not(self, docs: u32) -> Self {
        match self {
            Self::None => Self::All,
            Self::All => Self::None,
            Self::Some(mut bits) => {
                for word in &mut bits.words {
                    *word = !*word;
                }
                // Bits beyond the last document stay clear.
                if let (Some(last), used @ 1..) = (bits.words.last_mut(), docs % WIDTH) {
                    *last &= (1 << used) - 1;
                }
                Self::Some(bits)
            }
        }
    }

    /// The documents from `start` on and below `end`, in order.
    pub(super) fn iter(&self, start: u32, end: u32) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::None => Box::new(std::iter::empty()),
            Self::All => Box::new(start..end),
            Self::Some(bits) => Box::new(bits.iter(start, end)),
        }
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(docs: &[u32]) -> Docs {
        let mut bits = Bits::new(130);
        for doc in docs {
            bits.set(*doc);
        }
        Docs::Some(bits)
    }

    fn list(docs: &Docs) -> Vec<u32> {
        docs.iter(0, 130).collect()
    }

    #[test]
    fn sets() {
        let (one, other) = (some(&[0, 63, 64, 129]), some(&[63, 100, 129]));
        assert_eq!(list(&one.clone().and(other.clone())), [63, 129]);
        assert_eq!(list(&one.clone().or(other.clone())), [0, 63, 64, 100, 129]);
        let not = one.clone().not(130);
        assert_eq!((not.count(130), not.has(0), not.has(1)), (126, false, true));
        assert_eq!(list(&not.not(130)), list(&one));
        assert_eq!(one.iter(63, 129).collect::<Vec<_>>(), [63, 64]);
        assert!(some(&[]).is_none() && Docs::None.is_none() && !Docs::All.is_none());
        assert_eq!(list(&Docs::All.and(other.clone())), list(&other));
        assert!(Docs::None.and(one.clone()).is_none());
        assert_eq!(Docs::All.or(one).count(130), 130);
        assert_eq!(Docs::None.not(130).count(130), 130);
    }
}
