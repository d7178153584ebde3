//! Opening an outbox: what the last user has left, a crash included.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::aside::AsideFile;
use super::disk::{self, Disk};
use super::frame;
use super::gap::Gaps;
use super::segments::{self, Broken, Limits, Position, Writer, wide};
use super::{Group, OutboxError, OutboxSettings, Shared, State, Stop};
use crate::clock;

/// The file that is there while a program uses the outbox whose entries are durable with the group only.
const RUNNING: &str = "running";

/// What it says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Running {
    since: Option<Timestamp>,
    sites: Vec<String>,
}

pub(super) struct Opened {
    pub(super) shared: Shared,
    pub(super) writer: Writer,
    pub(super) position: Position,
}

pub(super) fn open(
    directory: PathBuf,
    settings: OutboxSettings,
    disk: Box<dyn Disk>,
) -> Result<Opened, OutboxError> {
    let unusable =
        |error: io::Error| OutboxError::Unusable { path: directory.clone(), why: error.to_string() };
    disk::create_directory(&directory).map_err(unusable)?;
    let lock = lock(&directory)?;
    let id = id(&directory).map_err(unusable)?;
    let aside = AsideFile::open(&directory).map_err(unusable)?;
    let mut gaps = Gaps::load(&directory).map_err(unusable)?;
    let crashed = take_running(&directory).map_err(unusable)?;
    let position = Position::load(&directory).map_err(unusable)?;
    let waiting = survey(&directory, position, &mut gaps).map_err(unusable)?;
    if let Some(running) = crashed {
        let from = running.since.unwrap_or_else(clock::now);
        let reason =
            "the program ended without closing its outbox, and what gathered for the next write went with it";
        running.sites.iter().for_each(|site| gaps.maybe_lost(site, from, reason));
    }
    // Before anything is taken in, so that a gap is not forgotten.
    gaps.save(&directory).map_err(unusable)?;
    remove_running(&directory).map_err(unusable)?;
    gaps.unsaved = false;

    let writer = Writer::new(&directory, disk, settings.segment_bytes, waiting.next);
    let state = State {
        gathered: Vec::new(),
        spare: Vec::new(),
        gathered_entries: 0,
        group: Arc::new(Group::default()),
        end: waiting.end,
        bytes: waiting.bytes + aside.bytes,
        accepted: waiting.entries,
        done: 0,
        gaps,
        gaps_rest_until: None,
        sites: Vec::new(),
        unwritable: None,
        stop: Stop::No,
    };
    let shared = Shared {
        directory,
        settings,
        id,
        lock: Mutex::new(Some(lock)),
        aside: Mutex::new(aside),
        state: Mutex::new(state),
        to_write: Condvar::new(),
        written: Condvar::new(),
        to_ship: Condvar::new(),
        dealt_with: Condvar::new(),
    };
    Ok(Opened { shared, writer, position: waiting.from })
}

fn lock(directory: &Path) -> Result<File, OutboxError> {
    let unusable =
        |error: io::Error| OutboxError::Unusable { path: directory.to_owned(), why: error.to_string() };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    disk::private(&mut options);
    let file = options.open(directory.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OutboxError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

fn id(directory: &Path) -> io::Result<Uuid> {
    let path = directory.join("id");
    let known = disk::read_if_there(&path)?.and_then(|text| Uuid::try_parse_ascii(text.trim_ascii()).ok());
    if let Some(id) = known {
        return Ok(id);
    }
    let id = Uuid::now_v7();
    disk::replace(&path, format!("{id}\n").as_bytes())?;
    Ok(id)
}

fn take_running(directory: &Path) -> io::Result<Option<Running>> {
    let Some(text) = disk::read_if_there(&directory.join(RUNNING))? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&text).unwrap_or_default()))
}

/// Says that the program runs, and for which sites entries may be gathering.
pub(super) fn save_running(directory: &Path, sites: &[String]) -> io::Result<()> {
    let running = Running { since: Some(clock::now()), sites: sites.to_vec() };
    disk::replace(&directory.join(RUNNING), &serde_json::to_vec(&running)?)
}

pub(super) fn remove_running(directory: &Path) -> io::Result<()> {
    disk::remove(&directory.join(RUNNING))
}

/// What waits.
struct Waiting {
    entries: u64,
    bytes: u64,
    /// Where it begins: at a segment that is there.
    from: Position,
    end: Position,
    /// Number of the next segment.
    next: u64,
}

/// Reads all that waits. What a crash has left of a last frame is cut off; what is no frame is moved out of the way.
fn survey(directory: &Path, position: Position, gaps: &mut Gaps) -> io::Result<Waiting> {
    let numbers = segments::numbers(directory)?;
    let next = numbers.last().copied().unwrap_or(0).max(position.segment) + 1;
    let mut waiting = Waiting { entries: 0, bytes: 0, from: position, end: position, next };
    for number in numbers {
        if number < position.segment {
            disk::remove(&segments::path(directory, number))?;
            continue;
        }
        let mut from =
            if number == position.segment { position } else { Position { segment: number, offset: 0 } };
        let mut sites: Vec<String> = Vec::new();
        loop {
            let limits = Limits { entries: usize::MAX, bytes: 0 };
            let window = segments::read(directory, from, None, limits)?;
            waiting.entries += wide(window.entries.len());
            waiting.bytes += window.entries.iter().map(|entry| wide(frame::length(entry))).sum::<u64>();
            for entry in &window.entries {
                if !sites.contains(&entry.site) {
                    sites.push(entry.site.clone());
                }
            }
            let is_end = window.entries.is_empty();
            from = window.end;
            if let Some(broken) = window.broken {
                cut(directory, from, broken, &sites, gaps)?;
                break;
            }
            if is_end {
                break;
            }
        }
        waiting.end = from;
    }
    Ok(waiting)
}

/// Has a segment end where its last whole frame does.
fn cut(directory: &Path, at: Position, broken: Broken, sites: &[String], gaps: &mut Gaps) -> io::Result<()> {
    let path = segments::path(directory, at.segment);
    if broken == Broken::Damaged {
        let content = std::fs::read(&path)?;
        let rest =
            usize::try_from(at.offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let name = format!("damaged-{:016}-{}", at.segment, at.offset);
        disk::replace(&directory.join(&name), rest)?;
        let reason = format!("{} bytes of the outbox were damaged and are kept in `{name}`", rest.len());
        tracing::error!(outbox = %directory.display(), reason, "audit entries may be lost");
        for site in sites {
            gaps.maybe_lost(site, clock::now(), &reason);
        }
    }
    let file = OpenOptions::new().write(true).open(&path)?;
    file.set_len(at.offset)?;
    file.sync_data()
}
