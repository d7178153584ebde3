//! The one that sends: batch after batch, each until it is dealt with.

use std::sync::PoisonError;
use std::time::Duration;

use super::arrived::Memory;
use super::disk;
use super::frame;
use super::inspect::{FAILING, Failing};
use super::segments::{self, Limits, Position, wide};
use super::{Shared, Stop};
use crate::clock;
use crate::deliver::{Fate, deliver};
use crate::error::{Error, Refusal};
use crate::send::{Settings, chance};
use crate::sink::Outgoing;
use crate::transport::Transport;

/// Bytes of a batch, unless one entry alone has more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How long to let a disk alone that cannot be read or written.
const PAUSE: Duration = Duration::from_secs(1);

/// What keeps the shipper from going on.
enum Trouble {
    Server(Error),
    Disk(std::io::Error),
}

pub(super) fn run(shared: &Shared, transport: &dyn Transport, mut position: Position) {
    // A note that the last process has left goes with the first success, too.
    let mut tries = u32::from(super::inspect::failing(&shared.directory).is_some());
    let mut memory = Memory::load(&shared.directory).unwrap_or_else(|error| {
        tracing::error!(%error, "what the outbox remembers of its logs could not be read");
        Memory::default()
    });
    while let Some(end) = wait(shared, position) {
        let moved = match segments_window(shared, position, end) {
            Ok((entries, next)) => {
                let (count, bytes) =
                    (entries.len(), entries.iter().map(|entry| wide(frame::length(entry))).sum());
                let shipped = ship(shared, transport, entries, &mut memory, &mut tries);
                if !shipped {
                    return;
                }
                memory.save(&shared.directory).and_then(|()| settle(shared, position, next)).map(|()| {
                    count_off(shared, wide(count), bytes);
                    next
                })
            }
            Err(error) => Err(error),
        };
        match moved {
            Ok(next) => position = next,
            Err(error) => {
                tries = tries.saturating_add(1);
                note(shared, &Trouble::Disk(error), tries);
                if pause(shared, PAUSE) {
                    return;
                }
            }
        }
    }
}

/// Waits until something waits to be sent; where that ends. Nothing, when the outbox is closed.
fn wait(shared: &Shared, position: Position) -> Option<Position> {
    let mut state = shared.lock();
    while state.end <= position && state.stop < Stop::Written {
        state = shared.to_ship.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    (state.stop < Stop::Written).then_some(state.end)
}

/// The next entries, and the place behind them: in the next segment, where this one is read to its end.
fn segments_window(
    shared: &Shared,
    from: Position,
    end: Position,
) -> std::io::Result<(Vec<Outgoing>, Position)> {
    let directory = &shared.directory;
    let limits = Limits { entries: shared.settings.batch_entries.max(1), bytes: BATCH_BYTES };
    let is_last = from.segment == end.segment;
    let is_there = segments::path(directory, from.segment).exists();
    if is_there {
        let until = is_last.then_some(end.offset);
        let window = segments::read(directory, from, until, limits)?;
        if !window.entries.is_empty() {
            return Ok((window.entries, window.end));
        }
        if let Some(broken) = window.broken {
            // When the outbox was opened, all was whole.
            tracing::error!(?broken, place = ?window.end, outbox = %directory.display(), "a segment was damaged meanwhile");
        }
    }
    let numbers = segments::numbers(directory)?;
    let next = numbers.into_iter().find(|number| *number > from.segment).unwrap_or(end.segment);
    Ok((Vec::new(), if is_last { end } else { Position { segment: next, offset: 0 } }))
}

/// Sends entries until each is dealt with. False when the outbox is closed before.
fn ship(
    shared: &Shared,
    transport: &dyn Transport,
    entries: Vec<Outgoing>,
    memory: &mut Memory,
    tries: &mut u32,
) -> bool {
    let mut batches = by_site(entries);
    while let Some(batch) = batches.first() {
        let site = batch.first().map(|entry| entry.site.clone()).unwrap_or_default();
        let trouble = match deliver(transport, &site, batch) {
            Ok(fates) => match settled(shared, batch, fates, memory) {
                Ok(()) => {
                    arrived(shared, tries);
                    batches.remove(0);
                    continue;
                }
                Err(error) => Trouble::Disk(error),
            },
            Err(error) => Trouble::Server(error),
        };
        *tries = tries.saturating_add(1);
        note(shared, &trouble, *tries);
        let settings = Settings {
            backoff_first: shared.settings.backoff_first,
            backoff_max: shared.settings.backoff_max,
            ..Settings::default()
        };
        if pause(shared, settings.backoff(*tries, chance())) {
            return false;
        }
        // Another site's entries may have more luck.
        batches.rotate_left(1);
    }
    true
}

/// The entries of each site, in their order.
fn by_site(entries: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    for entry in entries {
        let known =
            batches.iter_mut().find(|batch| batch.first().is_some_and(|first| first.site == entry.site));
        match known {
            Some(batch) => batch.push(entry),
            None => batches.push(vec![entry]),
        }
    }
    batches
}

/// Remembers what arrived, and keeps what was refused, durably, before it counts as dealt with.
fn settled(
    shared: &Shared,
    batch: &[Outgoing],
    fates: Vec<Fate>,
    memory: &mut Memory,
) -> std::io::Result<()> {
    let mut refused: Vec<(Outgoing, Refusal)> = Vec::new();
    for (entry, fate) in batch.iter().zip(fates) {
        match fate {
            Fate::Arrived(receipt) => memory.heard(&entry.site, &receipt),
            Fate::Refused(refusal) => refused.push((entry.clone(), refusal)),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let grown = shared.aside.lock().unwrap_or_else(PoisonError::into_inner).keep(&refused)?;
    shared.lock().bytes += grown;
    for (entry, refusal) in &refused {
        tracing::error!(
            id = %entry.id, site = entry.site, %refusal,
            "an audit entry was refused by its log and is set aside in the outbox"
        );
    }
    Ok(())
}

fn arrived(shared: &Shared, tries: &mut u32) {
    if std::mem::take(tries) > 0
        && let Err(error) = disk::remove(&shared.directory.join(FAILING))
    {
        tracing::warn!(%error, "the outbox's note of a failure could not be removed");
    }
}

/// These many are dealt with, and will not be sent again.
fn count_off(shared: &Shared, entries: u64, bytes: u64) {
    let mut state = shared.lock();
    state.bytes = state.bytes.saturating_sub(bytes);
    state.done += entries;
    let has_gaps = !state.gaps.is_empty();
    drop(state);
    shared.dealt_with.notify_all();
    if has_gaps {
        shared.to_write.notify_one();
    }
}

/// Everything before this place is dealt with.
fn settle(shared: &Shared, from: Position, to: Position) -> std::io::Result<()> {
    to.save(&shared.directory)?;
    if to.segment > from.segment {
        for number in segments::numbers(&shared.directory)? {
            if number < to.segment {
                disk::remove(&segments::path(&shared.directory, number))?;
            }
        }
    }
    Ok(())
}

/// Says why nothing arrives, where whoever inspects the outbox finds it.
fn note(shared: &Shared, trouble: &Trouble, tries: u32) {
    let error = match trouble {
        Trouble::Server(error) => error.to_string(),
        Trouble::Disk(error) => format!("the outbox's directory: {error}"),
    };
    if tries.is_power_of_two() {
        tracing::warn!(outbox = %shared.directory.display(), error, "audit entries wait in the outbox");
    }
    let since = super::inspect::failing(&shared.directory).map_or_else(clock::now, |failing| failing.since);
    let failing = Failing { since, tries, error };
    let saved = serde_json::to_vec(&failing)
        .map_err(std::io::Error::from)
        .and_then(|json| disk::replace(&shared.directory.join(FAILING), &json));
    if let Err(error) = saved {
        tracing::warn!(%error, "the outbox's note of a failure could not be written");
    }
}

/// Waits; true when the outbox is closed meanwhile.
fn pause(shared: &Shared, wait: Duration) -> bool {
    let until = std::time::Instant::now().checked_add(wait);
    let mut state = shared.lock();
    loop {
        let left = until.map_or(wait, |until| until.saturating_duration_since(std::time::Instant::now()));
        if state.stop == Stop::Written || left.is_zero() {
            return state.stop == Stop::Written;
        }
        state = shared.to_ship.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}
