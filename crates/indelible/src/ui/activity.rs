//! `/sites/{site}` and `/activity`: the list of entries.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use model::action;
use model::{Entry, Filter, Order, Permission, SortColumn};

use super::columns::{COUNTS, Parameters, WAIT};
use super::counts;
use super::searches;
use super::shape;
use super::table::{self, Known};
use super::view::{
    ActivityPage, Choice, ChoiceGroup, Empty, FieldError, FilterForm, FirstUse, Link, Pager, Place, Row,
    Time, text, url,
};
use super::visit::Visit;
use crate::access::Parts;
use crate::api::{App, ListQuery, Problem, query_pairs};
use crate::clock;
use crate::export::Format;
use crate::search::{self, Page, Question};
use crate::store::Site;

/// Entries of a site in which the form's suggestions are looked for: what happened lately.
const ENTRIES_LOOKED_AT: u64 = 512;

pub(super) async fn of_site(
    State(app): State<App>,
    visit: Visit,
    Path(site): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let remembered = table::remembered(&headers);
    let make = move |visit: &Visit| {
        let part = visit.caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let (site, only) = (part.site, part.only);
        let parameters = Parameters::new(url::site(site.id.as_str()), query_pairs(query.as_deref())?);
        let title = format!("Activity of {}", site.name);
        let list = List {
            app: &app,
            visit,
            sites: std::slice::from_ref(&site),
            only: only.as_ref(),
            parameters,
            remembered,
            is_network: false,
        };
        let mut lately = lately(&app, &site)?;
        lately.retain(|entry| only.as_ref().is_none_or(|only| only.matches(entry)));
        let page = list.page(visit.frame(&app, &title, Some(&site), "Activity"), "Activity", Some(&lately));
        page.map(|made| {
            let first_use = || Empty::FirstUse(FirstUse::new(&visit.public_url, site.id.as_str()));
            if made.is_bare { ActivityPage { empty: first_use(), ..made.page } } else { made.page }
        })
    };
    visit.page(make).await
}

pub(super) async fn everywhere(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let remembered = table::remembered(&headers);
    let make = move |visit: &Visit| {
        let Parts { sites, only } = visit.caller.parts(app.indelible.sites())?;
        let parameters = Parameters::new(url::ACTIVITY.to_owned(), query_pairs(query.as_deref())?);
        let list = List {
            app: &app,
            visit,
            sites: &sites,
            only: only.as_ref(),
            parameters,
            remembered,
            is_network: true,
        };
        let frame = visit.frame(&app, "Activity of all sites", None, "Activity");
        let made = list.page(frame, "Activity of all sites", None)?;
        Ok(if made.is_bare { ActivityPage { empty: Empty::NoSites, ..made.page } } else { made.page })
    };
    visit.page(make).await
}

/// What a list is made from.
struct List<'a> {
    app: &'a App,
    visit: &'a Visit,
    sites: &'a [Site],
    /// What the visitor sees of them; `None` for everything.
    only: Option<&'a Filter>,
    parameters: Parameters,
    /// The columns that this browser showed last.
    remembered: String,
    is_network: bool,
}

/// A made list.
struct Made {
    page: ActivityPage,
    /// Whether there is nothing at all, filtered or not.
    is_bare: bool,
}

impl List<'_> {
    fn page(
        &self,
        frame: super::view::Frame,
        heading: &str,
        lately: Option<&[Entry]>,
    ) -> Result<Made, Problem> {
        self.visit.may_read()?;
        // Before the list is read: what arrives in between is told of twice rather than never.
        let tail = self.tail(self.size()?);
        let (mut query, errors) = match ListQuery::parse(Some(&self.parameters.query()), Order::NEWEST_FIRST)
        {
            Ok(query) => (query, Vec::new()),
            Err(problem) => {
                (ListQuery::all(Order::NEWEST_FIRST), field_errors(&problem, self.parameters.get("q")))
            }
        };
        if let Some(only) = self.only {
            query.filter = only.clone().and(query.filter);
        }
        let found = if errors.is_empty() { self.find(&query)? } else { Page::default() };
        self.visit.noted.found(found.entries.len());
        let chips = self.parameters.chips();
        let size = self.size()?;
        let counts = if errors.is_empty() && size > 0 {
            let asked = self.parameters.waits_for_counts();
            let patience = if asked { counts::ASKED_PATIENCE } else { counts::OF_LIST_PATIENCE };
            counts::of_list(self.app, self.sites, &self.parameters, &query, &counts::OF_LIST, patience)?
        } else {
            None
        };
        let may_wait = counts.is_none() && errors.is_empty() && !found.entries.is_empty();
        let count_href =
            (may_wait && !self.parameters.waits_for_counts()).then(|| self.parameters.with(COUNTS, WAIT));
        let total = match &counts {
            Some(counts) => Some(counts.total.clone()),
            None => (chips.is_empty() && errors.is_empty() && self.only.is_none())
                .then(|| text::count(size, "entry", "entries")),
        };
        let site = self.sites.first().filter(|_| !self.is_network).map(|site| &site.id);
        let is_filtered = !chips.is_empty() && errors.is_empty();
        let saved = searches::of_list(self.app, self.visit, site, &self.parameters, is_filtered)?;
        let mut filters = self.parameters.form(query.limit);
        offer(&mut filters, lately.unwrap_or(&found.entries));
        let errors_found = !errors.is_empty();
        let empty = if errors.is_empty() { Empty::NoMatch } else { Empty::Refused };
        filters.errors = errors;
        let seal =
            |cursor: &model::Cursor| self.parameters.with("cursor", &cursor.seal(&self.app.cursor_key));
        let pager = Pager {
            first: (!self.parameters.is_first_page()).then(|| self.parameters.with("cursor", "")),
            previous: found.prev.as_ref().map(seal),
            next: found.next.as_ref().map(seal),
            is_newest_first: query.order == Order::NEWEST_FIRST,
        };
        let columns = table::shown(&self.parameters, &self.remembered, self.is_network);
        let page = ActivityPage {
            frame,
            heading: heading.to_owned(),
            total,
            count_href,
            filters,
            counts,
            chips,
            saved,
            tail: tail.filter(|_| !errors_found && query.order == Order::NEWEST_FIRST),
            exports: if errors_found { Vec::new() } else { self.exports() },
            clear_href: self.parameters.cleared(),
            columns: table::headings(&columns, &self.parameters, query.order),
            columns_form: table::form(&columns, &self.parameters, self.is_network),
            completions: self.completions(),
            actor: self.actor(&found.entries),
            rows: self.rows(&found.entries, &columns, query.order),
            pager,
            empty,
        };
        Ok(Made { page, is_bare: size == 0 })
    }

    /// The page about the one whose entries the list shows.
    fn actor(&self, entries: &[Entry]) -> Option<Link> {
        let wanted = Some(self.parameters.get("user")).filter(|user| !user.is_empty())?;
        let entry = entries.first()?;
        let name = shape::actor(entry, |_| String::new())?.name;
        let actor = entry.actor.as_ref()?;
        // Where the filter finds several, there is no one to lead to.
        let is_same = |other: &Entry| other.actor.as_ref().is_some_and(|other| other.id == actor.id);
        let is_one = !self.is_network && entries.iter().all(is_same) && !wanted.contains('*');
        is_one
            .then(|| shape::actor_href(entry))
            .flatten()
            .map(|href| Link { label: format!("About {name}"), href })
    }

    fn find(&self, query: &ListQuery) -> Result<Page, Problem> {
        let (cursor, key) = (query.cursor.as_deref(), &self.app.cursor_key);
        let cursor = search::open_cursor(cursor, key, self.sites, &query.filter, query.order)?;
        let question = Question {
            sites: self.sites,
            filter: &query.filter,
            order: query.order,
            cursor,
            limit: query.limit,
            patience: search::PATIENCE,
        };
        Ok(self.app.indelible.search().page(&question)?)
    }

    /// What the list shows, as files.
    fn exports(&self) -> Vec<Link> {
        let route = match self.sites {
            [site] if !self.is_network => format!("/api/v1/sites/{}/export", site.id),
            _ => "/api/v1/export".to_owned(),
        };
        let query = self.parameters.filters();
        let link = |format: Format| Link {
            label: format.as_str().to_uppercase(),
            href: format!("{route}?format={format}{}{query}", if query.is_empty() { "" } else { "&" }),
        };
        [Format::Csv, Format::Ndjson].map(link).into()
    }

    /// The tail of a site's list from its present size on; lists of all sites have none yet.
    fn tail(&self, size: u64) -> Option<String> {
        let [site] = self.sites else { return None };
        if self.is_network || !self.parameters.is_first_page() {
            return None;
        }
        let after = size.checked_sub(1).map(|last| format!("after={last}"));
        let filters = Some(self.parameters.filters()).filter(|filters| !filters.is_empty());
        let query: Vec<String> = after.into_iter().chain(filters).collect();
        Some(format!("/api/v1/sites/{}/entries/tail?{}", site.id, query.join("&")))
    }

    fn size(&self) -> Result<u64, Problem> {
        let published = self.app.indelible.published();
        let sizes = self.sites.iter().map(|site| published.size(site.log));
        Ok(sizes.sum::<Result<u64, _>>()?)
    }

    /// Where the search box asks how a filter may go on.
    fn completions(&self) -> String {
        match self.sites {
            [site] if !self.is_network => format!("/api/v1/sites/{}/completions", site.id),
            _ => "/api/v1/completions".to_owned(),
        }
    }

    fn rows(&self, entries: &[Entry], columns: &[&Known], order: Order) -> Vec<Row> {
        let now = clock::now();
        let by_time = order.column == SortColumn::Timestamp;
        let days: Vec<String> = entries.iter().map(|entry| text::day_heading(entry.occurred_at)).collect();
        let is_new_day = |place: usize| {
            by_time && place.checked_sub(1).is_none_or(|before| days.get(before) != days.get(place))
        };
        let places = table::places(entries, is_new_day);
        let row = |(at, (entry, place)): (usize, (&Entry, Place))| {
            let id = entry.site.as_str();
            let name = self.sites.iter().find(|site| site.id == entry.site).map_or(id, |site| &site.name);
            let site = Link { label: name.to_owned(), href: url::site(id) };
            let action = shape::action(entry);
            Row {
                href: shape::href(entry),
                day: days.get(at).filter(|_| is_new_day(at)).cloned(),
                time: Time::new(now, entry.occurred_at),
                label: action.label,
                failed: action.failed,
                cells: table::cells(columns, entry, now, &site, |key| self.parameters.with("user", key)),
                place,
            }
        };
        entries.iter().zip(places).enumerate().map(row).collect()
    }
}

/// The last entries of a site's log.
fn lately(app: &App, site: &Site) -> Result<Vec<Entry>, Problem> {
    let size = app.indelible.published().size(site.log)?;
    let first = size.saturating_sub(ENTRIES_LOOKED_AT);
    Ok(search::read_entries(app.indelible.store().as_ref(), app.indelible.published(), site, first..size)?)
}

/// Offers the users, actions and entity types that occur in some entries.
fn offer(form: &mut FilterForm, entries: &[Entry]) {
    let mut users = BTreeMap::new();
    let mut actions: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut types = std::collections::BTreeSet::new();
    for entry in entries {
        if let Some(actor) = &entry.actor {
            let value = actor.id.as_deref().unwrap_or_else(|| actor.display_name());
            users.insert(value.to_owned(), actor.display_name().to_owned());
        }
        if let Some(entity) = &entry.entity {
            types.insert(entity.kind.clone());
        }
        let family = entry.action.split_once('.').map_or("Other", |(family, _)| family);
        let label = action::label_of(&entry.action).into_owned();
        actions.entry(family.to_owned()).or_default().insert(entry.action.clone(), label);
    }
    form.users = users.into_iter().map(|(value, label)| Choice { value, label }).collect();
    form.entity_types = types.into_iter().collect();
    let group = |(label, choices): (String, BTreeMap<String, String>)| ChoiceGroup {
        label,
        choices: choices.into_iter().map(|(value, label)| Choice { value, label }).collect(),
    };
    form.actions = actions.into_iter().map(group).collect();
}

/// What of a filter's text stands before a mistake, what is wrong, and what stands after.
fn cut_at(filter: &str, position: usize, length: usize) -> [String; 3] {
    let part = |skip, take| filter.chars().skip(skip).take(take).collect();
    [part(0, position), part(position, length), part(position + length, usize::MAX)]
}

fn field_errors(problem: &Problem, filter: &str) -> Vec<FieldError> {
    let error = |error: &crate::api::FieldError| FieldError {
        field: error.field.clone(),
        message: error.message.clone(),
        place: error.place.as_ref().map(|place| cut_at(filter, place.position, place.length)),
    };
    problem.errors().iter().map(error).collect()
}
