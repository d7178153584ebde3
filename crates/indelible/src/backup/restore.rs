//! The ceremony that brings a copy back: it is verified, compared with all that is known outside of it, and either goes
//! on where it was, when nothing can be missing, or in a new epoch.
//!
//! | what is known outside | what is done |
//! |---|---|
//! | the surviving head store and every witness know the copy's heads and no others | the same epoch goes on |
//! | somebody knows a larger head | a new epoch: entries are lost, and every log tells of it |
//! | somebody does not answer, or the head store is lost, too | a new epoch: entries may be lost |
//! | somebody knows a head that the copy contradicts | refused |
//!
//! Everything is done in a directory beside the one that is restored; renaming it is the last step.

use std::fs;
use std::path::{Path, PathBuf};

use model::{Class, UMBRELLA};
use serde_json::json;

use super::known::{self, Known, Of, Said};
use super::{BackupError, Description, copy_keys, description, failed};
use crate::access::Caller;
use crate::files::{make_private_directory, sync_directory};
use crate::jobs::{verify_site, verify_umbrella};
use crate::keys::{self, Keys};
use crate::rotation::{Ended, PastKey, adding, adding_umbrella};
use crate::store::{EmbeddedStore, Site};
use crate::witnessing::Submitter;
use crate::{Indelible, OpenOptions, clock};

const HEADS: &str = "head";

/// In a directory that a restore is making: what is in there is nowhere the only copy.
const MARK: &str = "restoring";

/// What is restored, and to where.
#[derive(Clone, Debug)]
pub struct Restoration {
    /// The copy.
    pub backup: PathBuf,
    /// The data directory to be.
    pub directory: PathBuf,
    /// How the installation is opened: where its head store is, who its witnesses are.
    pub options: OpenOptions,
    /// Files with checkpoints that somebody kept.
    pub checkpoints: Vec<PathBuf>,
    /// Whether data that are there are moved aside.
    pub replace: bool,
    /// Why it is done, for the entries that tell of it.
    pub reason: Option<String>,
}

/// What a restoration comes to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The copy.
    pub backup: Description,
    /// Heads that are known and that the copy does not reach.
    pub lost: Vec<Lost>,
    /// Who could know more and was not heard.
    pub unheard: Vec<String>,
    /// The largest known head of each log.
    known: Vec<Known>,
}

/// A log that ended later than its copy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Which log.
    pub log: String,
    /// How many entries of it are in the copy.
    pub kept: u64,
    /// How many there were at least.
    pub known: u64,
    /// Who knows it.
    pub whose: String,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The epoch that the logs are in now.
    pub epoch: u32,
    /// Whether it is a new one.
    pub is_new_epoch: bool,
    /// Where the data were moved that were in the way.
    pub moved: Vec<PathBuf>,
}

impl Plan {
    /// Whether the logs go on under other origins.
    #[must_use]
    pub const fn is_new_epoch(&self) -> bool {
        !self.lost.is_empty() || !self.unheard.is_empty()
    }

    fn newest(&self, of: &Of) -> Option<&Known> {
        self.known.iter().filter(|known| known.of == *of).max_by_key(|known| known.head.size)
    }
}

impl Restoration {
    /// Copies the backup beside its destination, verifies it, and compares it with what is known outside. Nothing else
    /// is touched. `progress` hears of the entries verified. Blocks, and must not be called within a runtime.
    ///
    /// # Errors
    /// When the copy is damaged, or contradicts what is known.
    pub fn plan(&self, progress: &dyn Fn(u64)) -> Result<Plan, BackupError> {
        let backup = description(&self.backup)?;
        if !Keys::exist(&self.backup) {
            return Err(BackupError::NoKeys(self.backup.clone()));
        }
        if EmbeddedStore::exists(&self.directory) && !self.replace {
            return Err(BackupError::InTheWay(self.directory.clone()));
        }
        self.copy()?;
        let copy = self.open(self.options.witness_policy.clone())?;
        verify(&copy, progress)?;
        let mut unheard = Vec::new();
        let surviving = known::surviving(&copy, &self.head_directory())?;
        if surviving.is_none() {
            unheard.push(format!("the head store in {}: it is lost", self.head_directory().display()));
        }
        let mut known = surviving.unwrap_or_default();
        for path in &self.checkpoints {
            known.push(known::kept(&copy, path)?);
        }
        ask_witnesses(&copy, &mut known, &mut unheard);
        let mut lost = Vec::new();
        for known in &known {
            match known::compare(&copy, known)? {
                Said::Same => {}
                Said::Shorter => lost.push(shorter(&copy, known)?),
                Said::Other => {
                    let (whose, log, size) = (known.whose.clone(), known.of.to_string(), known.head.size);
                    return Err(BackupError::Contradiction { whose, log, size });
                }
            }
        }
        Ok(Plan { backup, lost, unheard, known })
    }

    /// Restores what was planned.
    ///
    /// # Errors
    /// When a step fails. Until the last one, the renaming, what was there is as it was.
    pub fn carry_out(&self, plan: &Plan, caller: &Caller) -> Result<Restored, BackupError> {
        let part = self.part();
        let mut epoch = plan.backup.epoch;
        if plan.is_new_epoch() {
            epoch = EmbeddedStore::begin_epoch(&part, &part.join(HEADS))?;
        }
        let restored = self.open(None)?;
        self.tell(&restored, plan, caller)?;
        restored.umbrella().round(true)?;
        drop(restored);
        // Nobody else has it open: what is still in the write-ahead logs goes along with the files.
        let moved = self.put_in_place(epoch)?;
        Ok(Restored { epoch, is_new_epoch: plan.is_new_epoch(), moved })
    }

    /// Leaves nothing of what [`plan`](Self::plan) copied.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn give_up(&self) -> Result<(), BackupError> {
        fs::remove_dir_all(self.part()).map_err(failed(&self.part()))
    }

    /// Where the restored data are made.
    fn part(&self) -> PathBuf {
        beside(&self.directory, "restoring")
    }

    fn head_directory(&self) -> PathBuf {
        self.options.head_directory.clone().unwrap_or_else(|| self.directory.join(HEADS))
    }

    fn copy(&self) -> Result<(), BackupError> {
        let part = self.part();
        if part.exists() {
            if !part.join(MARK).exists() {
                return Err(BackupError::NotEmpty(part));
            }
            // Of an earlier call that was cut off.
            fs::remove_dir_all(&part).map_err(failed(&part))?;
        }
        make_private_directory(&part).map_err(failed(&part))?;
        fs::write(part.join(MARK), []).map_err(failed(&part))?;
        make_private_directory(&part.join(HEADS)).map_err(failed(&part))?;
        for file in EmbeddedStore::files() {
            let (from, to) = (self.backup.join(file), part.join(file));
            fs::copy(&from, &to).map_err(failed(&from))?;
            fs::File::open(&to).and_then(|file| file.sync_all()).map_err(failed(&to))?;
        }
        copy_keys(&keys::folder(&self.backup), &keys::folder(&part))
    }

    fn open(&self, witness_policy: Option<PathBuf>) -> Result<Indelible, BackupError> {
        let options = OpenOptions {
            head_directory: Some(self.part().join(HEADS)),
            witness_policy,
            without_indexing: true,
            ..self.options.clone()
        };
        Ok(Indelible::open_existing(&self.part(), &options)?)
    }

    /// Tells of the restore: in every log when a new epoch begins, else in the system's.
    fn tell(&self, restored: &Indelible, plan: &Plan, caller: &Caller) -> Result<(), BackupError> {
        let store = restored.store().as_ref();
        let is_new = plan.is_new_epoch();
        for site in restored.sites().all()? {
            if !is_new && !site.id.is_system() {
                continue;
            }
            let known = plan.newest(&Of::Site(site.id.clone()));
            let size = restored.published().size(site.log)?;
            let change = if is_new {
                let keys = past_keys(&self.backup, plan, |keys| keys.verifier_keys(&site.id), size, known)?;
                Some(adding(store, site.log, keys)?)
            } else {
                None
            };
            let entry = self.entry(&site, plan, restored.store().epoch(), size, known);
            restored.tell(site, Some(Class::KEY), change, &entry, caller)?;
        }
        if is_new {
            let known = plan.newest(&Of::Umbrella);
            let keys = past_keys(&self.backup, plan, Keys::umbrella_verifier_keys, 0, known)?;
            let entry = json!({
                "action": "indelible.restore",
                "entity": {"type": "log", "id": UMBRELLA},
                "data": {"epoch": restored.store().epoch(), "last_checkpoint": known.map(|known| &known.checkpoint)},
            });
            restored.tell_system(Some(Class::KEY), Some(adding_umbrella(store, keys)?), &entry, caller)?;
        }
        Ok(())
    }

    fn entry(
        &self,
        site: &Site,
        plan: &Plan,
        epoch: u32,
        size: u64,
        known: Option<&Known>,
    ) -> serde_json::Value {
        let missing = known.map(|known| known.head.size.saturating_sub(size));
        let mut entry = json!({
            "action": "indelible.restore",
            "entity": {"type": "log", "id": site.id, "title": site.name},
            "data": {
                "epoch": epoch,
                "new_epoch": plan.is_new_epoch(),
                "backup_taken_at": plan.backup.taken_at,
                "kept": size,
                // At least; unknown where nobody knows the log's last head.
                "lost": missing,
                "last_checkpoint": known.map(|known| &known.checkpoint),
                "last_cosigned": plan.newest(&Of::Umbrella).map(|known| &known.checkpoint),
                "not_heard": plan.unheard,
            },
        });
        if let (Some(entry), Some(reason)) = (entry.as_object_mut(), &self.reason) {
            entry.insert("reason".to_owned(), json!(reason));
        }
        entry
    }

    /// Moves what is in the way aside, and the restored data to where they belong.
    fn put_in_place(&self, epoch: u32) -> Result<Vec<PathBuf>, BackupError> {
        let mut moved = Vec::new();
        let aside = format!("before-restore-{}", clock::now().as_second());
        if let Some(heads) = &self.options.head_directory {
            let old = heads.join(format!("before-epoch-{epoch}-{}", clock::now().as_second()));
            make_private_directory(&old).map_err(failed(&old))?;
            let made = self.part().join(HEADS);
            for name in EmbeddedStore::head_files() {
                rename_if_there(&heads.join(name), &old.join(name))?;
            }
            // The last one is what the others go with: until it is there, no start succeeds.
            for name in EmbeddedStore::head_files().iter().filter(|name| !name.ends_with("-shm")) {
                copy_if_there(&made.join(name), &heads.join(name))?;
            }
            sync_directory(heads).map_err(failed(heads))?;
            fs::remove_dir_all(&made).map_err(failed(&made))?;
            moved.push(old);
        }
        if self.directory.exists() {
            let old = beside(&self.directory, &aside);
            fs::rename(&self.directory, &old).map_err(failed(&self.directory))?;
            moved.push(old);
        }
        fs::rename(self.part(), &self.directory).map_err(failed(&self.directory))?;
        fs::remove_file(self.directory.join(MARK)).map_err(failed(&self.directory))?;
        let above = self.directory.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        sync_directory(above).map_err(failed(above))?;
        Ok(moved)
    }
}

/// What each witness has seen last, as it says.
fn ask_witnesses(copy: &Indelible, known: &mut Vec<Known>, unheard: &mut Vec<String>) {
    let standings = copy.witnesses().standings();
    if standings.is_empty() {
        return;
    }
    let submitter = Submitter::new(copy.witnesses().clone(), copy.umbrella().clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Ok(submitter), Ok(runtime)) = (submitter, runtime) else {
        unheard.push("the witnesses: there is no way to ask them".to_owned());
        return;
    };
    for (place, standing) in standings.iter().enumerate() {
        let whose = format!("the witness {}", standing.name);
        match runtime.block_on(submitter.seen(place, &copy.keys().umbrella_origin())) {
            Ok(note) => match known::read(copy, &whose, &note) {
                Ok(head) => known.push(head),
                Err(error) => unheard.push(format!("{whose}: what it has is none of ours: {error}")),
            },
            Err(error) => unheard.push(format!("{whose}: {error}")),
        }
    }
}

fn verify(copy: &Indelible, progress: &dyn Fn(u64)) -> Result<(), BackupError> {
    for site in copy.sites().all()? {
        let report = verify_site(copy, &site, progress)?;
        if let Some(finding) = report.findings.first() {
            return Err(BackupError::Damaged(format!("the log of `{}`: {finding}", site.id)));
        }
    }
    let umbrella = verify_umbrella(copy)?;
    match umbrella.iter().flat_map(|report| &report.findings).next() {
        Some(finding) => Err(BackupError::Damaged(format!("the umbrella log: {finding}"))),
        None => Ok(()),
    }
}

fn shorter(copy: &Indelible, known: &Known) -> Result<Lost, BackupError> {
    let kept = match &known.of {
        Of::Umbrella => copy.umbrella().head()?.map_or(0, |(head, _)| head.size),
        Of::Site(id) => match copy.sites().find(id)? {
            Some(site) => copy.published().size(site.log)?,
            None => 0,
        },
        Of::Unknown(_) => 0,
    };
    Ok(Lost { log: known.of.to_string(), kept, known: known.head.size, whose: known.whose.clone() })
}

/// The keys of the epoch that ends.
fn past_keys(
    backup: &Path,
    plan: &Plan,
    of_log: impl FnOnce(&Keys) -> Result<Vec<tlog::VerifierKey>, keys::KeyError>,
    size: u64,
    known: Option<&Known>,
) -> Result<Vec<PastKey>, BackupError> {
    let keys = Keys::load(backup, &plan.backup.origin, plan.backup.epoch)?;
    let past = |key: tlog::VerifierKey| PastKey {
        vkey: key.to_string(),
        ended: Ended::Restored,
        at: clock::now(),
        size,
        checkpoint: known.map(|known| known.checkpoint.clone()),
    };
    Ok(of_log(&keys)?.into_iter().map(past).collect())
}

/// `DIR.word`
fn beside(directory: &Path, word: &str) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(word);
    directory.with_file_name(name)
}

fn rename_if_there(from: &Path, to: &Path) -> Result<(), BackupError> {
    if from.exists() { fs::rename(from, to).map_err(failed(from)) } else { Ok(()) }
}

fn copy_if_there(from: &Path, to: &Path) -> Result<(), BackupError> {
    if !from.exists() {
        return Ok(());
    }
    fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all()).map_err(failed(to))
}
