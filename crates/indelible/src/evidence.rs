//! The evidence bundle: entries with all it takes to verify them without us, as one tar file that is written as it
//! is sent.
//!
//! ```text
//! README.txt                  how to verify it, with our program or without
//! bundle.json                 which log, which filter, when; keys and checkpoints as they were then
//! entries/000000000042.json   an entry: its leaf, its sections with a salt each, its receipt
//! end.json                    how many entries there are: without it the bundle was cut
//! ```

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use model::{Disclosure, Entry, SectionName, StoredEntry};
use serde::{Deserialize, Serialize};
use tlog::Hash;

use crate::removal::{self, Because, Verdict};
use crate::store::{Site, StoreError};
use crate::{Indelible, receipts};

/// The form of a bundle, in its `bundle.json`.
pub const FORMAT: &str = "indelible-evidence/1";

/// For whoever is handed the file and knows nothing.
const README: &str = include_str!("evidence/README.txt");

/// `bundle.json`: what the bundle says of itself. Nobody signs it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Description {
    /// [`FORMAT`].
    pub format: String,
    /// The site.
    pub site: String,
    /// Its log.
    pub origin: String,
    /// Which of its entries were asked for.
    pub filter: String,
    /// When.
    pub made_at: Timestamp,
    /// The keys of the log, the one in use first.
    pub vkeys: Vec<String>,
    /// The key of the umbrella log.
    pub umbrella_vkey: String,
    /// The newest checkpoint of the log.
    pub checkpoint: String,
    /// The newest checkpoint of the umbrella log that the quorum of witnesses cosigned, else the newest.
    pub umbrella_checkpoint: Option<String>,
}

/// `entries/INDEX.json`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exhibit {
    /// Position in the log.
    pub index: u64,
    /// The entry's id.
    pub id: String,
    /// The leaf, in base64.
    pub leaf: String,
    /// The sections that are there.
    pub sections: Vec<DisclosedSection>,
    /// The sections that were erased, and the entries of the log that tell of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedSection>,
    /// The receipt, in tlog-proof form.
    pub receipt: String,
}

/// A section that was erased.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedSection {
    /// Its name.
    pub name: SectionName,
    /// Index of the entry that tells of it; none where no entry does, which is an alarm.
    pub by: Option<u64>,
}

/// A section with its salt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedSection {
    /// `actor`, `origin`, `entity`, `change`, `context` or `source`.
    pub name: String,
    /// Its number in the leaf.
    pub number: u8,
    /// Its salt, in hexadecimal.
    pub salt: String,
    /// Its exact text.
    pub content: String,
}

/// `end.json`
#[derive(Debug, Serialize, Deserialize)]
pub struct End {
    /// Entries in the bundle.
    pub entries: u64,
}

/// Writes a bundle in pieces.
#[derive(Debug)]
pub struct Bundle {
    indelible: Indelible,
    site: Site,
    made_at: Timestamp,
    tar: Tar,
    entries: u64,
}

impl Bundle {
    /// Begins a bundle of what this filter finds.
    ///
    /// # Errors
    /// When checkpoints or keys cannot be read.
    pub fn begin(
        indelible: &Indelible,
        site: &Site,
        filter: &str,
        made_at: Timestamp,
    ) -> Result<Self, StoreError> {
        let keys = indelible.keys();
        let failed = |error: crate::keys::KeyError| StoreError::Corrupt(error.to_string());
        let description = Description {
            format: FORMAT.to_owned(),
            site: site.id.to_string(),
            origin: keys.origin(&site.id),
            filter: filter.to_owned(),
            made_at,
            vkeys: keys.verifier_keys(&site.id).map_err(failed)?.iter().map(ToString::to_string).collect(),
            umbrella_vkey: keys.umbrella_key().map_err(failed)?.verifier_key().to_string(),
            checkpoint: crate::public_log::head(indelible, site)?.checkpoint.clone(),
            umbrella_checkpoint: match indelible.witnesses().cosigned() {
                Some((_, note)) => Some(note),
                None => indelible.umbrella().head()?.map(|(_, checkpoint)| checkpoint),
            },
        };
        let mut bundle =
            Self { indelible: indelible.clone(), site: site.clone(), made_at, tar: Tar::new(), entries: 0 };
        bundle.file("README.txt", README.as_bytes())?;
        bundle.json("bundle.json", &description)?;
        Ok(bundle)
    }

    /// Adds entries of the site.
    ///
    /// # Errors
    /// When one cannot be read or proven: nothing goes into a bundle that would not verify.
    pub fn add(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let positions: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
        let stored = self.indelible.store().entries_at(self.site.log, &positions)?;
        for (bytes, index) in stored.iter().zip(positions) {
            let entry = StoredEntry::decode(bytes)
                .map_err(|error| StoreError::Corrupt(format!("the entry at index {index}: {error}")))?;
            let exhibit = Exhibit {
                index,
                id: entry.header().id.to_string(),
                leaf: BASE64_STANDARD.encode(entry.leaf().to_bytes()),
                sections: entry.disclose().map(|section| disclosed(&section)).collect(),
                erased: self.erased(index)?,
                receipt: receipts::receipt(&self.indelible, &self.site, index)?,
            };
            self.json(&exhibit_name(index), &exhibit)?;
            self.entries += 1;
        }
        Ok(())
    }

    fn erased(&self, index: u64) -> Result<Vec<ErasedSection>, StoreError> {
        Ok(match removal::verdict(&self.indelible, &self.site, index)? {
            Verdict::Present | Verdict::Expired(..) => Vec::new(),
            Verdict::Erased(sections) => {
                let told =
                    |(name, because): (SectionName, Because)| ErasedSection { name, by: Some(because.index) };
                sections.into_iter().map(told).collect()
            }
            Verdict::Missing(names) => {
                names.into_iter().map(|name| ErasedSection { name, by: None }).collect()
            }
        })
    }

    /// The number of entries so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.tar.0.get_mut())
    }

    /// Ends the bundle; its last piece.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self) -> Result<Vec<u8>, StoreError> {
        self.json("end.json", &End { entries: self.entries })?;
        self.tar.0.into_inner().map_err(|error| unwritten(&error))
    }

    fn json(&mut self, name: &str, content: &impl Serialize) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(content).map_err(|error| unwritten(&error))?;
        self.file(name, &json)
    }

    fn file(&mut self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(content.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        header.set_mtime(u64::try_from(self.made_at.as_second()).unwrap_or_default());
        self.tar.0.append_data(&mut header, name, content).map_err(|error| unwritten(&error))
    }
}

/// The name of an entry's file.
#[must_use]
pub fn exhibit_name(index: u64) -> String {
    format!("entries/{index:012}.json")
}

fn disclosed(section: &Disclosure<'_>) -> DisclosedSection {
    DisclosedSection {
        name: section.name.to_string(),
        number: section.name.number(),
        salt: Hash::from_bytes(section.salt).to_string(),
        content: String::from_utf8_lossy(section.bytes).into_owned(),
    }
}

/// The archive, in memory until it is taken.
struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl std::fmt::Debug for Tar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tar").finish_non_exhaustive()
    }
}

fn unwritten(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Engine { what: "writing the evidence bundle".to_owned(), reason: error.to_string() }
}
