//! `GET …/log`: the entries of a window of time, oldest first, page by page.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use model::{Cursor, Direction, Entry, Filter, Order, SortColumn, SortKey, SortValue};

use super::answer::{self, Refusal};
use super::place::Place;
use super::window::{Parameters, Window};
use super::{date, record, who};
use crate::access::{Caller, Part};
use crate::api::{App, Problem, blocking};
use crate::clock;
use crate::dialects::told_within;
use crate::search::{self, Question};

/// Characters of the JSON text of a page's entries, at most, as JavaScript counts them. One entry is always told.
const PAGE_CHARS_MAX: usize = 3_000_000;

/// Entries read at once before their size is known: a page of large ones ends long before its limit.
const READ_AT_FIRST: usize = 256;

const ORDER: Order = Order::OLDEST_FIRST;

/// The address that was asked, for the link to the next page.
pub(super) struct Asked {
    base: String,
    path: String,
}

impl Asked {
    pub(super) fn new(app: &App, headers: &HeaderMap, path: &str) -> Self {
        Self { base: app.public_url(headers), path: path.to_owned() }
    }

    fn link(&self, window: Window, limit: Option<&String>, token: &str) -> String {
        let (from, to) = (date::written(window.from), date::written(window.to));
        let mut pairs = vec![("from", from.as_str()), ("to", to.as_str())];
        pairs.extend(limit.map(|limit| ("limit", limit.as_str())));
        pairs.push(("nextToken", token));
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("{}{}?{query}", self.base, self.path)
    }
}

pub(super) async fn read(
    app: App,
    caller: Caller,
    place: Place,
    query: Option<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let answer = move || {
        let part = who::may_read(&app.indelible, &caller, &place)?;
        let parameters = Parameters::parse(query.as_deref());
        let window = parameters.window(clock::now())?;
        let limit = parameters.limit();
        let page = match (&parameters.next_token, part) {
            (None, None) => Page::empty(window),
            (Some(_), None) => return Err(bad_token()),
            (None, Some(part)) => Pinned::now(&app, part, window)?.page(&app, limit)?,
            (Some(token), Some(part)) => Pinned::read(&app, part, token)?.page(&app, limit)?,
        };
        Ok(answer::json(StatusCode::OK, page.into_json(&asked, parameters.limit.as_ref())))
    };
    blocking(move || Ok::<_, Problem>(answer())).await?
}

fn bad_token() -> Refusal {
    Refusal::bad(
        "'nextToken' is not a token of this log: take the one of an answer as it is, or leave it out",
    )
}

/// A window of a log as it was when its first page was read, from a place in it onwards.
struct Pinned {
    part: Part,
    window: Window,
    filter: Filter,
    after: Cursor,
}

impl Pinned {
    fn now(app: &App, part: Part, window: Window) -> Result<Self, Refusal> {
        let filter = part.within(told_within(Some(window.from), Some(window.to)));
        let size = app.indelible.published().size(part.site.log).map_err(Problem::from)?;
        // Before everything that is within the window.
        let before = SortValue::Number(window.from.as_nanosecond() - 1);
        let before = SortKey::new(before, part.site.id.to_string(), u64::MAX);
        let after = Cursor::new(&filter, ORDER, Direction::Next, before, vec![(part.site.log, size)]);
        Ok(Self { part, window, filter, after })
    }

    /// A token names its window. Whether it is ours, and of this site, its cursor says, which is bound to both.
    fn read(app: &App, part: Part, token: &str) -> Result<Self, Refusal> {
        let mut pieces = token.splitn(3, '.');
        let mut time = || {
            let milliseconds = pieces.next()?.parse().ok()?;
            Timestamp::from_millisecond(milliseconds).ok()
        };
        let (from, to) = time().zip(time()).ok_or_else(bad_token)?;
        let cursor = pieces.next().ok_or_else(bad_token)?;
        let window = Window { from, to };
        let filter = part.within(told_within(Some(from), Some(to)));
        let sites = std::slice::from_ref(&part.site);
        let opened = search::open_cursor(Some(cursor), &app.cursor_key, sites, &filter, ORDER);
        let after = opened.ok().flatten().ok_or_else(bad_token)?;
        Ok(Self { part, window, filter, after })
    }

    /// Reads until the page is full.
    fn page(self, app: &App, limit: usize) -> Result<Page, Refusal> {
        let mut page = Page::empty(self.window);
        // No time at all, which only `since=0s` asks for.
        if self.window.from == self.window.to {
            return Ok(page);
        }
        let sites = std::slice::from_ref(&self.part.site);
        let mut after = Some(self.after.clone());
        let mut last = None;
        while let Some(cursor) = after.take() {
            let question = Question {
                sites,
                filter: &self.filter,
                order: ORDER,
                cursor: Some(cursor),
                limit: page.room(limit),
                patience: search::PATIENCE,
            };
            let found = app.indelible.search().page(&question).map_err(Problem::from)?;
            let mut is_cut = false;
            for entry in &found.entries {
                is_cut = !page.put(entry);
                if is_cut {
                    break;
                }
                last = Some(SortKey::of(entry, SortColumn::Timestamp));
            }
            let has_more = is_cut || found.next.is_some();
            if has_more && (is_cut || page.count >= limit) {
                page.next_token = last.take().map(|key| self.token(app, key));
                break;
            }
            after = found.next;
        }
        Ok(page)
    }

    fn token(&self, app: &App, last: SortKey) -> String {
        let cursor = Cursor::new(&self.filter, ORDER, Direction::Next, last, self.after.sizes.clone());
        let Window { from, to } = self.window;
        format!("{}.{}.{}", from.as_millisecond(), to.as_millisecond(), cursor.seal(&app.cursor_key))
    }
}

/// What is answered.
struct Page {
    window: Window,
    /// The entries' JSON, with commas between them.
    entries: String,
    /// Characters of the JSON text of all of them, brackets included, as JavaScript counts.
    chars: usize,
    count: usize,
    next_token: Option<String>,
}

impl Page {
    const fn empty(window: Window) -> Self {
        Self { window, entries: String::new(), chars: 2, count: 0, next_token: None }
    }

    /// How many entries to read next: as many as still fit if they are as large as those before.
    fn room(&self, limit: usize) -> usize {
        let fit = PAGE_CHARS_MAX.saturating_sub(self.chars).saturating_mul(self.count) / self.chars;
        fit.max(READ_AT_FIRST).min(limit - self.count)
    }

    /// Takes an entry, if there is room for it.
    fn put(&mut self, entry: &Entry) -> bool {
        let text = record::flat(entry);
        let is_first = self.count == 0;
        let chars = self.chars + text.encode_utf16().count() + usize::from(!is_first);
        if chars > PAGE_CHARS_MAX && !is_first {
            return false;
        }
        if !is_first {
            self.entries.push(',');
        }
        self.entries.push_str(&text);
        self.chars = chars;
        self.count += 1;
        true
    }

    fn into_json(self, asked: &Asked, limit: Option<&String>) -> String {
        let (from, to) = (date::written(self.window.from), date::written(self.window.to));
        let mut json = format!(r#"{{"from":"{from}","to":"{to}","entries":["#);
        json.push_str(&self.entries);
        json.push(']');
        if let Some(token) = &self.next_token {
            let link = record::quoted(&asked.link(self.window, limit, token));
            json.push_str(r#","nextToken":"#);
            json.push_str(&record::quoted(token));
            json.push_str(r#","links":{"next":"#);
            json.push_str(&link);
            json.push('}');
        }
        json.push('}');
        json
    }
}
