//! What is known outside a copy of the logs in it: by the head store that survived, by witnesses, by whoever kept a
//! checkpoint. A head that is larger than the copy's says that entries are lost; one that it does not have, that the
//! copy is of another history.

use std::fs;
use std::path::{Path, PathBuf};

use model::SiteId;
use tlog::{Checkpoint, Hash};

use super::BackupError;
use crate::Indelible;
use crate::journal::stored_nodes;
use crate::store::{EmbeddedStore, Head, Store, StoreError};
use crate::umbrella::nodes;

/// A head of a log, and who knows it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who knows it, for people.
    pub whose: String,
    /// Of which log.
    pub of: Of,
    /// The head.
    pub head: Head,
    /// The checkpoint that signs it.
    pub checkpoint: String,
}

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// That of a site.
    Site(SiteId),
    /// The log over all sites' logs.
    Umbrella,
    /// That of a site which the copy does not have, by its number.
    Unknown(u32),
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Site(site) => write!(f, "`{site}`"),
            Self::Umbrella => f.write_str("the umbrella log"),
            Self::Unknown(number) => write!(f, "log {number}, which the backup does not have"),
        }
    }
}

/// What a copy says to a known head.
pub(super) enum Said {
    /// It has it.
    Same,
    /// It ends before.
    Shorter,
    /// It has another in its place.
    Other,
}

/// The heads in the head store that survived; `None` where there is none.
pub(super) fn surviving(copy: &Indelible, head_directory: &Path) -> Result<Option<Vec<Known>>, BackupError> {
    let Some(heads) = EmbeddedStore::surviving_heads(head_directory)? else { return Ok(None) };
    let sites = copy.sites().all()?;
    let whose = || format!("the head store in {}", head_directory.display());
    let site = |signed: &crate::store::SignedHead| {
        let found = sites.iter().find(|site| site.log == signed.log);
        let of = found.map_or(Of::Unknown(signed.log), |site| Of::Site(site.id.clone()));
        Known { whose: whose(), of, head: signed.head, checkpoint: signed.checkpoint.clone() }
    };
    let mut known: Vec<Known> = heads.logs.iter().map(site).collect();
    let umbrella = |(head, checkpoint)| Known { whose: whose(), of: Of::Umbrella, head, checkpoint };
    known.extend(heads.umbrella.map(umbrella));
    Ok(Some(known))
}

/// A checkpoint that somebody kept in a file.
pub(super) fn kept(copy: &Indelible, path: &PathBuf) -> Result<Known, BackupError> {
    let note = fs::read_to_string(path)
        .map_err(|error| BackupError::File { path: path.clone(), reason: error.to_string() })?;
    read(copy, &format!("the checkpoint in {}", path.display()), &note)
        .map_err(|reason| BackupError::Checkpoint { path: path.clone(), reason })
}

/// A signed checkpoint of one of the copy's logs.
pub(super) fn read(copy: &Indelible, whose: &str, note: &str) -> Result<Known, tlog::CheckpointError> {
    let keys = copy.keys();
    let unsigned = Checkpoint::parse(tlog::Note::parse(note)?.text())?;
    let (of, known) = if unsigned.origin() == keys.umbrella_origin() {
        (Of::Umbrella, keys.umbrella_verifier_keys())
    } else {
        let sites = copy.sites().all().unwrap_or_default();
        let site = sites.into_iter().find(|site| keys.origin(&site.id) == unsigned.origin());
        match site {
            Some(site) => (Of::Site(site.id.clone()), keys.verifier_keys(&site.id)),
            None => (Of::Umbrella, Ok(Vec::new())),
        }
    };
    let known = known.unwrap_or_default();
    let origin = known.first().map_or_else(|| keys.umbrella_origin(), |key| key.name().to_owned());
    let checkpoint = Checkpoint::verify(note, &origin, &known)?;
    let head = Head { size: checkpoint.size(), root: *checkpoint.root() };
    Ok(Known { whose: whose.to_owned(), of, head, checkpoint: note.to_owned() })
}

/// Compares a known head with what the copy has.
pub(super) fn compare(copy: &Indelible, known: &Known) -> Result<Said, StoreError> {
    let store = copy.store().as_ref();
    let (size, root) = match &known.of {
        Of::Unknown(_) => return Ok(Said::Shorter),
        Of::Umbrella => {
            let size = copy.umbrella().head()?.map_or(0, |(head, _)| head.size);
            (size, if known.head.size <= size { Some(umbrella_root(store, known.head.size)?) } else { None })
        }
        Of::Site(id) => {
            let Some(site) = copy.sites().find(id)? else { return Ok(Said::Shorter) };
            let size = copy.published().size(site.log)?;
            let root = || root(&stored_nodes(store, site.log, known.head.size, &[]), known.head.size);
            (size, if known.head.size <= size { Some(root()?) } else { None })
        }
    };
    Ok(match root {
        None => Said::Shorter,
        Some(root) if root == known.head.root => Said::Same,
        Some(_) if known.head.size > size => Said::Shorter,
        Some(_) => Said::Other,
    })
}

fn umbrella_root(store: &dyn Store, size: u64) -> Result<Hash, StoreError> {
    root(&nodes(store, size), size)
}

fn root<N: tlog::NodeReader<Error = E>, E: std::fmt::Display>(
    nodes: &N,
    size: u64,
) -> Result<Hash, StoreError> {
    tlog::root(nodes, size).map_err(|error| StoreError::Corrupt(error.to_string()))
}
