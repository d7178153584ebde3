//! The one that writes: group after group.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::open::remove_running;
use super::segments::{Position, Writer, wide};
use super::{Durability, Gaps, Group, Shared, State, Stop, UNWRITABLE, frame};

/// How long to let a disk alone that takes nothing.
const PAUSE: Duration = Duration::from_millis(500);

/// A group that is to be written.
struct Written {
    frames: Vec<u8>,
    entries: u64,
    group: Arc<Group>,
}

pub(super) fn run(shared: &Shared, mut writer: Writer) {
    let mut kept: Option<Written> = None;
    loop {
        let (group, stop) = match next(shared, kept.take()) {
            (None, stop) if stop > Stop::No => break,
            other => other,
        };
        tend(shared, &mut writer);
        let Some(group) = group else { continue };
        match writer.append(&group.frames) {
            Ok(end) => written(shared, group, end),
            Err(error) => kept = failed(shared, group, &error, stop),
        }
    }
    tend(shared, &mut writer);
    // What could not be written is told by gaps, which are kept apart; the crash mark is for what nobody knows of.
    if let Err(error) = remove_running(&shared.directory) {
        tracing::warn!(%error, "the outbox's mark of a running program could not be removed");
    }
    shared.lock().stop = Stop::Written;
    shared.to_ship.notify_all();
    shared.written.notify_all();
}

/// Waits for something to do; the group to write, if there is one.
fn next(shared: &Shared, kept: Option<Written>) -> (Option<Written>, Stop) {
    let mut state = shared.lock();
    if let Some(kept) = kept {
        if state.stop == Stop::No {
            state = shared.to_write.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
        }
        return (Some(kept), state.stop);
    }
    while state.gathered.is_empty() && state.stop == Stop::No && !has_chores(shared, &state) {
        state = match state.gaps_rest_until {
            Some(_) => shared.to_write.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner).0,
            None => shared.to_write.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
    let gathers = shared.settings.durability == Durability::WithinGroup;
    if gathers && !state.gathered.is_empty() && state.stop == Stop::No {
        drop(state);
        std::thread::sleep(shared.settings.group_interval);
        state = shared.lock();
    }
    if state.gathered.is_empty() {
        return (None, state.stop);
    }
    let spare = std::mem::take(&mut state.spare);
    let frames = std::mem::replace(&mut state.gathered, spare);
    let entries = std::mem::take(&mut state.gathered_entries);
    let group = std::mem::take(&mut state.group);
    (Some(Written { frames, entries, group }), state.stop)
}

/// Room that is kept for the next group but one. New memory costs the callers more than all else that they do here.
const SPARE_BYTES_MAX: usize = 4 * 1024 * 1024;

fn has_chores(shared: &Shared, state: &State) -> bool {
    state.gaps.unsaved || can_tell_gaps(shared, state)
}

/// Whether there is room for the entries that tell of gaps.
fn can_tell_gaps(shared: &Shared, state: &State) -> bool {
    let rests = state.gaps_rest_until.is_some_and(|until| Instant::now() < until) && state.stop == Stop::No;
    let has_room = state.bytes <= shared.settings.bytes_max / 10 * 9;
    !state.gaps.is_empty() && !rests && has_room && state.unwritable.is_none()
}

/// What there is to do beside writing groups.
fn tend(shared: &Shared, writer: &mut Writer) {
    let mut state = shared.lock();
    if can_tell_gaps(shared, &state) {
        let gaps = std::mem::take(&mut state.gaps);
        drop(state);
        let untold = tell(shared, writer, gaps).err();
        state = shared.lock();
        state.gaps_rest_until = None;
        if let Some(gaps) = untold {
            let since = std::mem::replace(&mut state.gaps, gaps);
            state.gaps.join(since);
            state.gaps_rest_until = Instant::now().checked_add(PAUSE);
        }
    }
    if state.gaps.unsaved {
        state.gaps.unsaved = false;
        let gaps = state.gaps.clone();
        drop(state);
        told(gaps.save(&shared.directory), "file of gaps");
    }
}

/// Appends the entries that tell of gaps. Hands the gaps back when that fails.
fn tell(shared: &Shared, writer: &mut Writer, gaps: Gaps) -> Result<(), Gaps> {
    // First the file: after a crash the same gaps make the same entries, which are taken once.
    if gaps.save(&shared.directory).is_err() {
        return Err(gaps);
    }
    let entries = gaps.entries(shared.id);
    let mut frames = Vec::new();
    let count = wide(entries.iter().filter(|entry| frame::write(entry, &mut frames)).count());
    let Ok(end) = writer.append(&frames) else { return Err(gaps) };
    let mut state = shared.lock();
    state.end = end;
    state.accepted += count;
    state.bytes += wide(frames.len());
    // New ones may have come meanwhile; without any, the file goes.
    state.gaps.unsaved = true;
    drop(state);
    shared.to_ship.notify_one();
    Ok(())
}

fn written(shared: &Shared, mut group: Written, end: Position) {
    let mut state = shared.lock();
    if group.frames.capacity() <= SPARE_BYTES_MAX {
        group.frames.clear();
        state.spare = group.frames;
    }
    state.end = end;
    if state.unwritable.take().is_some() {
        tracing::info!(outbox = %shared.directory.display(), "the outbox can be written again");
    }
    // Nobody else sets it.
    drop(group.group.outcome.set(Ok(())));
    drop(state);
    shared.written.notify_all();
    shared.to_ship.notify_one();
}

/// Callers that wait are told, and their entries are not logged. Where nobody waits, the group is kept and tried again.
fn failed(shared: &Shared, group: Written, error: &std::io::Error, stop: Stop) -> Option<Written> {
    let mut state = shared.lock();
    if state.unwritable.is_none() {
        tracing::error!(outbox = %shared.directory.display(), %error, "the outbox cannot be written");
    }
    let waits = shared.settings.durability == Durability::BeforeReturn;
    // Callers that wait are let in again at once: each of them finds out for itself.
    state.unwritable = if waits { None } else { Some(error.to_string()) };
    if !waits && stop == Stop::No {
        drop(state);
        shared.written.notify_all();
        return Some(group);
    }
    if !waits {
        // The end: nobody is there any more to be told.
        for site in sites(&group.frames) {
            state.gaps.lost_one(&site, UNWRITABLE);
        }
    }
    state.bytes = state.bytes.saturating_sub(wide(group.frames.len()));
    state.done += group.entries;
    drop(group.group.outcome.set(Err(error.to_string())));
    drop(state);
    shared.written.notify_all();
    shared.dealt_with.notify_all();
    None
}

/// The site of each entry.
fn sites(mut frames: &[u8]) -> Vec<String> {
    let mut sites = Vec::new();
    while let frame::Parsed::Whole(entry, length) = frame::parse(frames) {
        sites.push(entry.site);
        frames = frames.get(length..).unwrap_or_default();
    }
    sites
}

fn told(done: std::io::Result<()>, what: &str) {
    if let Err(error) = done {
        tracing::error!(%error, "the outbox's {what} could not be written");
    }
}
