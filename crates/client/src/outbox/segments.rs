//! The segments of an outbox: files that only grow, read in order, removed when all of their entries are dealt with.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::disk::{self, Disk, SegmentFile};
use super::frame::{self, FRAME_BYTES_MAX, HEADER, Parsed};
use crate::sink::Outgoing;

/// A place between two frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

const HEADER_BYTES: u64 = 19;
const _: () = assert!(HEADER.len() == 19, "HEADER_BYTES says so");

/// The file that holds the place up to which everything is dealt with.
const POSITION: &str = "position";

impl Position {
    /// The place as it was kept; the beginning where there is none or it does not read, which at worst sends entries
    /// again.
    pub(super) fn load(directory: &Path) -> io::Result<Self> {
        let Some(text) = disk::read_if_there(&directory.join(POSITION))? else { return Ok(Self::default()) };
        let text = String::from_utf8_lossy(&text);
        let mut numbers = text.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(segment)), Some(Ok(offset))) => Ok(Self { segment, offset }),
            _ => Ok(Self::default()),
        }
    }

    pub(super) fn save(self, directory: &Path) -> io::Result<()> {
        disk::replace(&directory.join(POSITION), format!("{} {}\n", self.segment, self.offset).as_bytes())
    }
}

pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:016}.segment"))
}

/// The numbers of the segments that are there, in order.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for file in fs::read_dir(directory)? {
        let name = file?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".segment")).map(str::parse);
        if let Some(Ok(number)) = number {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Writes entries, one group after another.
pub(super) struct Writer {
    directory: PathBuf,
    disk: Box<dyn Disk>,
    bytes_max: u64,
    /// Number of the next segment.
    next: u64,
    current: Option<Current>,
}

struct Current {
    number: u64,
    file: Box<dyn SegmentFile>,
    length: u64,
}

impl Writer {
    /// Begins a segment of its own with the first group: what a crash has left is never written to.
    pub(super) fn new(directory: &Path, disk: Box<dyn Disk>, bytes_max: u64, next: u64) -> Self {
        Self { directory: directory.to_owned(), disk, bytes_max, next, current: None }
    }

    /// Writes frames and makes them durable: all of them or none. Where they end.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<Position> {
        let mut current = match self.current.take() {
            Some(current) if current.length < self.bytes_max => current,
            _ => self.begin()?,
        };
        if let Err(error) = current.file.append(frames) {
            // Most likely there is no room: what did fit is taken back, and the segment goes on when there is.
            take_back(&mut current)?;
            self.current = Some(current);
            return Err(error);
        }
        if let Err(error) = current.file.sync() {
            // Nobody knows what is on the disk now, so the segment is not written to again.
            return Err(take_back(&mut current).err().unwrap_or(error));
        }
        current.length += wide(frames.len());
        let end = Position { segment: current.number, offset: current.length };
        self.current = Some(current);
        Ok(end)
    }

    fn begin(&mut self) -> io::Result<Current> {
        let number = self.next;
        let path = path(&self.directory, number);
        let mut file = self.disk.create(&path)?;
        if let Err(error) = file.append(HEADER) {
            return Err(disk::remove(&path).err().unwrap_or(error));
        }
        self.next += 1;
        Ok(Current { number, file, length: HEADER_BYTES })
    }
}

/// Has a segment end where what was acknowledged ends.
fn take_back(current: &mut Current) -> io::Result<()> {
    current.file.truncate(current.length)?;
    current.file.sync()
}

/// Entries from a place on, and where they end.
pub(super) struct Window {
    pub(super) entries: Vec<Outgoing>,
    pub(super) end: Position,
    /// Why reading stopped before the end that there should be.
    pub(super) broken: Option<Broken>,
}

/// What stands where a frame should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The beginning of one, at the end of the file: a crash.
    Torn,
    /// Something else: a defect of the disk, or somebody's hand.
    Damaged,
}

/// How much to read at once, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// Reads entries of one segment, from a place up to an offset (the end of the file, if there is none).
pub(super) fn read(
    directory: &Path,
    from: Position,
    until: Option<u64>,
    limits: Limits,
) -> io::Result<Window> {
    let mut file = File::open(path(directory, from.segment))?;
    let length = file.metadata()?.len();
    let until = until.unwrap_or(length).min(length);
    let mut window = Window { entries: Vec::new(), end: from, broken: None };
    if window.end.offset == 0 {
        if !has_header(&mut file)? {
            window.broken = Some(if length < HEADER_BYTES { Broken::Torn } else { Broken::Damaged });
            return Ok(window);
        }
        window.end.offset = HEADER_BYTES;
    }
    let wanted = until.saturating_sub(window.end.offset).min(wide(limits.bytes.max(FRAME_BYTES_MAX)));
    file.seek(SeekFrom::Start(window.end.offset))?;
    let mut bytes = Vec::new();
    file.take(wanted).read_to_end(&mut bytes)?;
    let is_cut = window.end.offset + wide(bytes.len()) < until;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && window.entries.len() < limits.entries {
        match frame::parse(rest) {
            Parsed::Whole(entry, frame_bytes) => {
                window.entries.push(entry);
                window.end.offset += wide(frame_bytes);
                rest = rest.get(frame_bytes..).unwrap_or_default();
            }
            // The rest of it is in the next window.
            Parsed::Incomplete if is_cut => break,
            Parsed::Incomplete => {
                window.broken = Some(Broken::Torn);
                break;
            }
            Parsed::Damaged => {
                window.broken = Some(Broken::Damaged);
                break;
            }
        }
    }
    Ok(window)
}

fn has_header(file: &mut File) -> io::Result<bool> {
    let mut header = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut header)?;
    Ok(header == HEADER)
}

pub(super) fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
