//! A transaction as it comes in, kept until its commit: who did it may be said after its rows.
//!
//! Small ones stay in memory, large ones go to an unnamed file.

use std::io::{self, BufReader, Read as _, Seek as _, Write as _};

use jiff::Timestamp;
use tempfile::SpooledTempFile;

/// Bytes of a transaction that stay in memory.
const IN_MEMORY_MAX: usize = 16 * 1024 * 1024;

/// Claims of who acts that are kept of one transaction, sealed ones and others; of more the first ones go, for the last
/// counts.
const CLAIMS_MAX: usize = 10;

/// Bytes of a claim, at most: our function takes 64 KiB, which escapes can make longer.
const CLAIM_BYTES_MAX: usize = 1024 * 1024;

/// What tells a transaction from others, and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// Its number, as the server counts them.
    pub(super) xid: u32,
    /// Where in the server's log its commit is.
    pub(super) lsn: u64,
    /// When it was committed, by the server's clock.
    pub(super) at: Timestamp,
}

/// A transaction between its first message and its commit.
pub(super) struct Transaction {
    pub(super) commit: Commit,
    /// What was said of who acts, in order.
    claims: Vec<(Vec<u8>, bool)>,
    spool: SpooledTempFile,
    messages: u64,
}

/// What a transaction consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A message of the plugin's.
    Plugin,
    /// What our trigger tells of a changed table.
    Definition,
}

impl Transaction {
    pub(super) fn new(commit: Commit) -> Self {
        Self { commit, claims: Vec::new(), spool: SpooledTempFile::new(IN_MEMORY_MAX), messages: 0 }
    }

    /// Keeps what was said of who acts. `is_sealed` are those of our own function; of others, which anybody may send, only
    /// a few are kept, and none in the place of ours.
    pub(super) fn claim(&mut self, claim: &[u8], is_sealed: bool) {
        if claim.len() > CLAIM_BYTES_MAX {
            return;
        }
        let same = self.claims.iter().filter(|(_, sealed)| *sealed == is_sealed).count();
        if same == CLAIMS_MAX
            && let Some(first) = self.claims.iter().position(|(_, sealed)| *sealed == is_sealed)
        {
            self.claims.remove(first);
        }
        self.claims.push((claim.to_vec(), is_sealed));
    }

    pub(super) fn push(&mut self, part: Part, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.spool.write_all(&[u8::from(part == Part::Definition)])?;
        self.spool.write_all(&length.to_le_bytes())?;
        self.spool.write_all(bytes)?;
        self.messages += 1;
        Ok(())
    }

    /// Its parts from the first on, and what was claimed.
    pub(super) fn read(mut self) -> io::Result<(Parts, Vec<Vec<u8>>)> {
        self.spool.rewind()?;
        let parts = Parts { reader: BufReader::with_capacity(64 * 1024, self.spool), left: self.messages };
        Ok((parts, self.claims.into_iter().map(|(claim, _)| claim).collect()))
    }
}

/// The parts of a transaction, one after another.
pub(super) struct Parts {
    reader: BufReader<SpooledTempFile>,
    left: u64,
}

impl Parts {
    /// Puts the next part into `bytes`; `None` at the end.
    pub(super) fn next(&mut self, bytes: &mut Vec<u8>) -> io::Result<Option<Part>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let (mut kind, mut length) = ([0], [0; 4]);
        self.reader.read_exact(&mut kind)?;
        self.reader.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| io::ErrorKind::FileTooLarge)?;
        bytes.clear();
        bytes.resize(length, 0);
        self.reader.read_exact(bytes)?;
        Ok(Some(if kind == [0] { Part::Plugin } else { Part::Definition }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_out_as_it_went_in_also_from_a_file() {
        let commit = Commit { xid: 1, lsn: 2, at: Timestamp::UNIX_EPOCH };
        let mut transaction = Transaction::new(commit);
        let large = vec![7; IN_MEMORY_MAX / 2];
        for number in 0..4_u8 {
            transaction.push(Part::Plugin, &[number]).unwrap();
            transaction.push(Part::Definition, &large).unwrap();
        }
        for number in 0..30_u8 {
            transaction.claim(&[number], true);
        }
        for _ in 0..30 {
            transaction.claim(b"forged", false);
        }
        transaction.claim(&vec![0; CLAIM_BYTES_MAX + 1], false);
        let (mut parts, claims) = transaction.read().unwrap();
        assert_eq!(
            (claims.len(), claims.get(CLAIMS_MAX - 1)),
            (2 * CLAIMS_MAX, Some(&vec![29])),
            "ours stay"
        );
        let mut bytes = Vec::new();
        for number in 0..4_u8 {
            assert_eq!(parts.next(&mut bytes).unwrap(), Some(Part::Plugin));
            assert_eq!(bytes, [number]);
            assert_eq!(parts.next(&mut bytes).unwrap(), Some(Part::Definition));
            assert_eq!(bytes, large);
        }
        assert_eq!(parts.next(&mut bytes).unwrap(), None);
    }
}
