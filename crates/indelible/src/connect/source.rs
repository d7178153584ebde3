//! Cutting an input into records without holding more than one of them.
//!
//! An input is one of three shapes, told apart by its first line:
//!
//! ```text
//! {"action":"a",…}            one record a line            place: line 2
//! [{…},{…}]                   a list                       place: [1]
//! {"about":…,"entries":[…]}   an object with the list      place: entries[1]
//! ```
//!
//! Lists are cut by counting brackets outside strings. A record that is broken *inside* its brackets is
//! thus still one record and its neighbours are safe; only a list whose brackets do not match ends the
//! reading, with an error.

use std::io::{self, BufRead, Chain, Cursor};

use super::fields::Problem;

/// Bytes of one record, at most: the door's 1 MiB for an entry, as much again because an exported line also
/// names its changed fields, and room for white space and line ends.
pub(super) const RECORD_BYTES_MAX: usize = 2 * 1024 * 1024 + 64 * 1024;

/// One record's bytes, or why there are none.
pub(super) struct Record {
    pub(super) place: String,
    pub(super) bytes: Result<Vec<u8>, Problem>,
}

/// The records of an input.
pub(super) enum Source<R> {
    /// Nothing was read yet.
    Unread { list_keys: &'static [&'static str], input: R },
    /// One record a line.
    Lines { number: u64, input: Rest<R> },
    /// Within a list, at the record with this number; the prefix is the name of the key that holds the list.
    List { prefix: &'static str, number: u64, input: Bytes<Rest<R>> },
    /// At the end, or where reading on makes no sense.
    Done,
}

/// The first line, which was looked at, and all that follows.
type Rest<R> = Chain<Cursor<Vec<u8>>, R>;

impl<R: BufRead> Source<R> {
    pub(super) const fn new(list_keys: &'static [&'static str], input: R) -> Self {
        Self::Unread { list_keys, input }
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<Record> {
        loop {
            match std::mem::replace(self, Self::Done) {
                Self::Done => return None,
                Self::Unread { list_keys, input } => match open(list_keys, input) {
                    Ok(opened) => *self = opened,
                    Err(record) => return Some(record),
                },
                Self::Lines { number, mut input } => {
                    let number = number + 1;
                    let line = read_line(&mut input);
                    let failed = matches!(line, Line::Failed(_));
                    if !failed {
                        *self = Self::Lines { number, input };
                    }
                    let place = format!("line {number}");
                    match line {
                        Line::End => *self = Self::Done,
                        Line::Whole(bytes) if is_blank(&bytes) => {}
                        Line::Whole(bytes) => return Some(Record { place, bytes: Ok(bytes) }),
                        Line::TooLong => return Some(Record { place, bytes: Err(too_long("line")) }),
                        Line::Failed(error) => return Some(Record { place, bytes: Err(unreadable(&error)) }),
                    }
                }
                Self::List { prefix, number, mut input } => {
                    let place = format!("{prefix}[{number}]");
                    match element(&mut input) {
                        Element::End => {}
                        Element::Broken(problem) => return Some(Record { place, bytes: Err(problem) }),
                        Element::Record(bytes) => {
                            *self = Self::List { prefix, number: number + 1, input };
                            return Some(Record { place, bytes });
                        }
                    }
                }
            }
        }
    }
}

/// Looks at the first line and decides on the shape.
fn open<R: BufRead>(list_keys: &'static [&'static str], mut input: R) -> Result<Source<R>, Record> {
    let failed = |place: &str, problem| Record { place: place.to_owned(), bytes: Err(problem) };
    let mut head = Vec::new();
    let mut lines_skipped = 0;
    let length_max = u64::try_from(RECORD_BYTES_MAX).unwrap_or(u64::MAX);
    while is_blank(&head) {
        head.clear();
        let read = io::Read::take(&mut input, length_max).read_until(b'\n', &mut head);
        match read {
            Err(error) => return Err(failed("line 1", unreadable(&error))),
            Ok(0) => return Ok(Source::Done),
            Ok(_) => lines_skipped += 1,
        }
        if let Some(text) = head.strip_prefix(b"\xef\xbb\xbf") {
            head = text.to_vec();
        }
    }
    let first = head.trim_ascii().to_vec();
    let is_list = !list_keys.is_empty() && first.starts_with(b"[");
    let may_hold_list = !list_keys.is_empty() && first.starts_with(b"{");
    let looks_cut =
        first.ends_with(b"{") || first.ends_with(b"[") || first.ends_with(b",") || first.ends_with(b":");
    let holds_list = may_hold_list
        && match enter_list(list_keys, &mut Bytes::new(first.as_slice())) {
            Ok(Some(_)) => true,
            Ok(None) => false,
            // The object goes on in the next line, unless this is one broken record among others.
            Err(_) => looks_cut,
        };
    let rest = io::Read::chain(Cursor::new(head), input);
    if is_list {
        let mut input = Bytes::new(rest);
        input.skip_blank().map_err(|error| failed("[0]", unreadable(&error)))?;
        input.next().map_err(|error| failed("[0]", unreadable(&error)))?;
        return Ok(Source::List { prefix: "", number: 0, input });
    }
    if holds_list {
        let mut input = Bytes::new(rest);
        let prefix = enter_list(list_keys, &mut input)
            .map_err(|problem| failed("document", problem))?
            .ok_or_else(|| {
                let message = format!("the object has no list `{}`", list_keys.join("` or `"));
                failed("document", Problem::of(list_keys.first().copied().unwrap_or_default(), message))
            })?;
        return Ok(Source::List { prefix, number: 0, input });
    }
    Ok(Source::Lines { number: lines_skipped - 1, input: rest })
}

/// Reads an object up to and including the bracket that opens one of the lists. `None` if the object ends
/// before.
fn enter_list<R: BufRead>(
    list_keys: &'static [&'static str],
    input: &mut Bytes<R>,
) -> Result<Option<&'static str>, Problem> {
    let broken = || Problem::whole("the object's brackets and commas do not match");
    let read = |error: io::Error| unreadable(&error);
    input.skip_blank().map_err(read)?;
    if input.next().map_err(read)? != Some(b'{') {
        return Err(broken());
    }
    loop {
        input.skip_blank().map_err(read)?;
        match input.peek().map_err(read)? {
            Some(b'}') => return Ok(None),
            Some(b',') => {
                input.next().map_err(read)?;
            }
            Some(b'"') => {
                let name = input.value().map_err(read)?.into_bytes().ok_or_else(broken)?;
                input.skip_blank().map_err(read)?;
                if input.next().map_err(read)? != Some(b':') {
                    return Err(broken());
                }
                input.skip_blank().map_err(read)?;
                let name = name.trim_ascii();
                let key = list_keys.iter().find(|key| {
                    name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")) == Some(key.as_bytes())
                });
                if let (Some(key), Some(b'[')) = (key, input.peek().map_err(read)?) {
                    input.next().map_err(read)?;
                    return Ok(Some(key));
                }
                if matches!(input.value().map_err(read)?, Value::Cut) {
                    return Err(broken());
                }
            }
            Some(_) | None => return Err(broken()),
        }
    }
}

enum Element {
    Record(Result<Vec<u8>, Problem>),
    End,
    Broken(Problem),
}

/// The next element of a list.
fn element<R: BufRead>(input: &mut Bytes<R>) -> Element {
    let mut next = || -> io::Result<Option<Value>> {
        input.skip_blank()?;
        if input.peek()? == Some(b',') {
            input.next()?;
            input.skip_blank()?;
        }
        if input.peek()? == Some(b']') {
            input.next()?;
            return Ok(None);
        }
        input.value().map(Some)
    };
    match next() {
        Ok(None) => Element::End,
        Ok(Some(Value::Whole(bytes))) if bytes.is_empty() => {
            Element::Broken(Problem::whole("a value is missing; the rest of the list was not read"))
        }
        Ok(Some(Value::Whole(bytes))) => Element::Record(Ok(bytes)),
        Ok(Some(Value::TooLong)) => Element::Record(Err(too_long("record"))),
        Ok(Some(Value::Cut)) => Element::Broken(Problem::whole("the input ends within the list")),
        Err(error) => Element::Broken(unreadable(&error)),
    }
}

/// One JSON value's bytes.
enum Value {
    Whole(Vec<u8>),
    /// Read to its end, but not kept.
    TooLong,
    /// The input ended first.
    Cut,
}

impl Value {
    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::TooLong | Self::Cut => None,
        }
    }
}

/// An input byte by byte, with one byte of foresight.
pub(super) struct Bytes<R> {
    input: R,
}

impl<R: BufRead> Bytes<R> {
    const fn new(input: R) -> Self {
        Self { input }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.input.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.input.consume(1);
        }
        Ok(byte)
    }

    fn skip_blank(&mut self) -> io::Result<()> {
        while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.input.consume(1);
        }
        Ok(())
    }

    /// Reads up to the comma, colon or closing bracket behind the value that begins here.
    fn value(&mut self) -> io::Result<Value> {
        let mut bytes = Vec::new();
        let mut length: usize = 0;
        let mut depth: usize = 0;
        let mut in_string = false;
        let mut escaped = false;
        loop {
            let Some(byte) = self.peek()? else { return Ok(Value::Cut) };
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b',' | b':' | b']' | b'}' if depth == 0 => break,
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.input.consume(1);
            length += 1;
            if length <= RECORD_BYTES_MAX {
                bytes.push(byte);
            }
        }
        bytes.truncate(bytes.trim_ascii_end().len());
        Ok(if length > RECORD_BYTES_MAX { Value::TooLong } else { Value::Whole(bytes) })
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
    Failed(io::Error),
}

/// One line without its end. What is beyond the limit is read over, not kept.
fn read_line<R: BufRead>(input: &mut R) -> Line {
    let mut line = Vec::new();
    let mut too_long = false;
    let mut any = false;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Line::Failed(error),
        };
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = end.and_then(|end| buffer.get(..end)).unwrap_or(buffer);
        if line.len() + part.len() > RECORD_BYTES_MAX {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    match (any, too_long) {
        (false, _) => Line::End,
        (true, true) => Line::TooLong,
        (true, false) => Line::Whole(line),
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.trim_ascii().is_empty()
}

fn too_long(what: &str) -> Problem {
    Problem::whole(format!("the {what} is longer than {RECORD_BYTES_MAX} bytes"))
}

fn unreadable(error: &io::Error) -> Problem {
    Problem::whole(format!("cannot be read: {error}"))
}
