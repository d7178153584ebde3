//! Entries that their log does not take: kept with the reason until somebody looks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::disk;
use super::segments::wide;
use crate::clock;
use crate::error::Refusal;
use crate::sink::Outgoing;

/// One JSON object a line.
const ASIDE: &str = "set-aside.ndjson";

/// An entry that its log does not take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SetAside {
    /// When its log refused it.
    pub at: Timestamp,
    /// The site whose log it is for.
    pub site: String,
    /// Its id.
    pub id: Uuid,
    /// The kind of mistake, for example `unknown_field`.
    pub code: String,
    /// The field, if it is about one.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The entry.
    pub entry: Box<RawValue>,
}

impl SetAside {
    fn new(entry: &Outgoing, refusal: &Refusal) -> Option<Self> {
        let text = String::from_utf8(entry.entry.clone()).ok()?;
        Some(Self {
            at: clock::now(),
            site: entry.site.clone(),
            id: entry.id,
            code: refusal.code.clone(),
            field: refusal.field.clone(),
            message: refusal.message.clone(),
            entry: RawValue::from_string(text).ok()?,
        })
    }

    /// Whether its log would have refused any entry.
    pub(super) fn is_about_its_site(&self) -> bool {
        matches!(self.code.as_str(), "forbidden" | "unknown_site" | "status_403" | "status_404")
    }

    pub(super) fn outgoing(&self) -> Outgoing {
        Outgoing { id: self.id, site: self.site.clone(), entry: self.entry.get().as_bytes().to_vec() }
    }
}

/// The file of an outbox that holds them.
#[derive(Debug)]
pub(super) struct AsideFile {
    path: PathBuf,
    file: Option<File>,
    pub(super) bytes: u64,
}

impl AsideFile {
    /// Takes back what a crash left of a last line.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(ASIDE);
        let mut bytes = 0;
        if let Some(content) = disk::read_if_there(&path)? {
            let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            bytes = wide(whole);
            if whole < content.len() {
                OpenOptions::new().write(true).open(&path)?.set_len(bytes)?;
            }
        }
        Ok(Self { path, file: None, bytes })
    }

    /// Keeps entries, durably. Bytes that it grew by.
    pub(super) fn keep(&mut self, refused: &[(Outgoing, Refusal)]) -> io::Result<u64> {
        let mut lines = Vec::new();
        for (entry, refusal) in refused {
            let Some(kept) = SetAside::new(entry, refusal) else {
                tracing::error!(id = %entry.id, "an audit entry in the outbox is no JSON and is left out");
                continue;
            };
            serde_json::to_writer(&mut lines, &kept)?;
            lines.push(b'\n');
        }
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            options.append(true).create(true);
            disk::private(&mut options);
            self.file = Some(options.open(&self.path)?);
        }
        let Some(file) = &mut self.file else { return Ok(0) };
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Lest half a line stands before the next one.
            let taken_back = file.set_len(self.bytes);
            self.file = None;
            return Err(taken_back.err().unwrap_or(error));
        }
        let grown = wide(lines.len());
        self.bytes += grown;
        Ok(grown)
    }

    /// Keeps these alone. Bytes that it shrank by.
    pub(super) fn keep_only(&mut self, rest: &[SetAside]) -> io::Result<u64> {
        self.file = None;
        let mut lines = Vec::new();
        for kept in rest {
            serde_json::to_writer(&mut lines, kept)?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            disk::remove(&self.path)?;
        } else {
            disk::replace(&self.path, &lines)?;
        }
        let before = std::mem::replace(&mut self.bytes, wide(lines.len()));
        Ok(before.saturating_sub(self.bytes))
    }
}

/// All that are kept, oldest first.
pub(super) fn read(directory: &Path) -> io::Result<Vec<SetAside>> {
    let text = match fs::read_to_string(directory.join(ASIDE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // A last line may be half written at this moment.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}
