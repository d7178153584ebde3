//! `/sites/{site}/entries/{id}`: one entry.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use model::diff::NoiseRules;
use model::{Cursor, Direction, Entry, Field, Filter, Order, Permission, SectionName, SortKey, diff};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::shape;
use super::view::{
    Diff, EntryLink, EntryPage, Fact, FieldGroup, FieldRow, Link, Notice, Op, Proof, Related, Revert, Shape,
    Time, Tone, text, url,
};
use super::visit::Visit;
use crate::access::Part;
use crate::api::{App, Problem, detail_in_part, find_in_part, of_entity, query_pairs};
use crate::clock;
use crate::removal::{self, Because, Verdict};
use crate::search::{self, Question, SearchError};
use crate::settings::SiteSettings;
use crate::store::Site;

/// How long to look for entries around this one; the page does not wait longer for them.
const PATIENCE: Duration = Duration::from_millis(500);

/// Fields that are drawn of an entry: of those that changed, and of those that did not.
const FIELDS_DRAWN: usize = 400;

/// Longer JSON is not part of the page, but a link on it.
const RAW_CHARS_MAX: usize = 60_000;

/// Entries of the same user action that the page names.
const SAME_SHOWN: usize = 8;

/// One user action does not take longer than this.
const ACTION_HOURS_MAX: i64 = 24;

pub(super) async fn entry(
    State(app): State<App>,
    visit: Visit,
    Path((site, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let make = move |visit: &Visit| {
        let part = visit.caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let entry = find_in_part(&app.indelible, &part, &id)?;
        let pairs = query_pairs(query.as_deref())?;
        let is_unified = pairs.iter().any(|(name, value)| name == "diff" && value == "unified");
        page(&app, visit, &part, &entry, is_unified)
    };
    visit.page(make).await
}

fn page(
    app: &App,
    visit: &Visit,
    part: &Part,
    entry: &Entry,
    is_unified: bool,
) -> Result<EntryPage, Problem> {
    // Of what is outside of a part, nothing is told.
    let (site, is_whole) = (&part.site, part.only.is_none());
    let now = clock::now();
    let list = url::site(site.id.as_str());
    let detail = detail_in_part(&app.indelible, part.clone(), entry.clone())?;
    let raw = serde_json::to_value(&detail).map_err(|error| Problem::internal(&error))?;
    Ok(EntryPage {
        frame: visit.frame(app, &shape::line(entry), Some(site), "Activity"),
        sentence: shape::sentence(entry),
        action: shape::action(entry),
        occurred: Time::new(now, entry.occurred_at),
        recorded: Time::new(now, entry.recorded_at),
        summary: shape::summary(entry),
        reason: entry.reason.clone(),
        errors: entry.errors.clone(),
        notices: if is_whole { notices(app, site, entry)? } else { Vec::new() },
        other_diff: other_diff(entry, is_unified),
        diff: Diff { is_unified, ..difference(entry, &noise(app, site)?) },
        previous: step(app, part, entry.index.checked_sub(1))?,
        next: step(app, part, entry.index.checked_add(1))?,
        data: entry.data.as_deref().map(pretty_raw).filter(|data| data.len() <= RAW_CHARS_MAX),
        raw: Some(pretty(&raw)).filter(|raw| raw.len() <= RAW_CHARS_MAX),
        raw_href: format!("/api/v1/sites/{}/entries/{}", site.id, entry.id),
        actor: actor_facts(entry),
        origin: origin_facts(entry, &list),
        origin_erased: entry.erased.contains(&SectionName::Origin),
        entity: entity_facts(entry),
        history_href: shape::entity(entry).map(|entity| entity.href),
        about: about_facts(entry),
        related: related(app, part, entry, now)?,
        revert: if is_whole {
            revertible(visit, entry, detail.why_not_revertible())
        } else {
            preview_only(visit, entry)
        },
        proof: proof(app, part, entry, now)?,
    })
}

/// What was taken back by what.
fn notices(app: &App, site: &Site, entry: &Entry) -> Result<Vec<Notice>, Problem> {
    let search = app.indelible.search();
    let told = |text: &str, label: &str, id: uuid::Uuid| Notice {
        tone: Tone::Quiet,
        text: text.to_owned(),
        link: Some(Link { label: label.to_owned(), href: url::entry(site.id.as_str(), &id.to_string()) }),
    };
    let reverts =
        entry.reverts.map(|id| told("This entry takes back an earlier one.", "What it takes back", id));
    let reverted =
        search.reverted_by(std::slice::from_ref(site), std::slice::from_ref(entry))?.pop().flatten();
    let reverted = reverted.map(|id| told("This change was reverted.", "The revert", id));
    let mut notices: Vec<Notice> = reverts.into_iter().chain(reverted).collect();
    notices.extend(gone(app, site, entry)?);
    Ok(notices)
}

/// What was erased and by which entries; or that content is gone and no entry says why.
fn gone(app: &App, site: &Site, entry: &Entry) -> Result<Vec<Notice>, Problem> {
    let names = |sections: &[SectionName]| {
        sections.iter().map(|section| section.as_str()).collect::<Vec<_>>().join(", ")
    };
    Ok(match removal::verdict(&app.indelible, site, entry.index)? {
        Verdict::Present | Verdict::Expired(..) => Vec::new(),
        Verdict::Missing(sections) => {
            let text = format!(
                "Content is missing: {}. No entry of the log tells of its removal, so somebody took it away behind the \
                 log's back.",
                names(&sections)
            );
            vec![Notice { tone: Tone::Danger, text, link: None }]
        }
        Verdict::Erased(sections) => {
            let mut by: Vec<(Because, Vec<SectionName>)> = Vec::new();
            for (section, because) in sections {
                match by.iter_mut().find(|(known, _)| *known == because) {
                    Some((_, named)) => named.push(section),
                    None => by.push((because, vec![section])),
                }
            }
            let told = |(because, sections): (Because, Vec<SectionName>)| Notice {
                tone: Tone::Quiet,
                text: format!("Erased on request: {}.", names(&sections)),
                link: Some(Link {
                    label: "The entry that tells of it".to_owned(),
                    href: url::entry(site.id.as_str(), &because.id.to_string()),
                }),
            };
            by.into_iter().map(told).collect()
        }
    })
}

fn revertible(visit: &Visit, entry: &Entry, why_not: Option<&str>) -> Revert {
    match why_not {
        Some(why) => Revert { href: None, why_not: Some(why.to_owned()) },
        None => preview_only(visit, entry),
    }
}

/// Whether it can be reverted rests on entries that may be outside of the part: the preview tells.
fn preview_only(visit: &Visit, entry: &Entry) -> Revert {
    match visit.caller.may(Permission::Revert) {
        Ok(()) => Revert { href: Some(format!("{}/revert", shape::href(entry))), why_not: None },
        Err(denied) => Revert { href: None, why_not: Some(denied.to_string()) },
    }
}

/// A state that has no counterpart: nothing in it is marked.
pub(super) fn one_sided(shape: Shape, state: &RawValue) -> Diff {
    let fields = diff::fields(state).unwrap_or_default();
    let drawn = fields.iter().take(FIELDS_DRAWN);
    let rows = drawn.map(|(name, value)| FieldRow::alone(&diff::pointer(name), &json(value)));
    let changed = FieldGroup::of(rows.collect());
    Diff { shape, changed, left_out: fields.len().saturating_sub(FIELDS_DRAWN), ..Diff::default() }.bounded()
}

/// The changes that say little in this site.
pub(super) fn noise(app: &App, site: &Site) -> Result<NoiseRules, Problem> {
    Ok(SiteSettings::load(app.indelible.store().as_ref(), site.log)?.noise()?)
}

fn difference(entry: &Entry, noise: &NoiseRules) -> Diff {
    match (&entry.before, &entry.after) {
        (Some(before), Some(after)) => between(before, after, entry.extent(), noise),
        (None, Some(after)) => one_sided(Shape::AfterOnly, after),
        (Some(before), None) => one_sided(Shape::BeforeOnly, before),
        (None, None) if entry.erased.contains(&SectionName::Change) => {
            Diff { shape: Shape::Gone, ..Diff::default() }
        }
        (None, None) => Diff::default(),
    }
}

/// What leads from one state to another. A state after that is partial says nothing of the fields that it lacks.
/// Changes that say little stand apart.
pub(super) fn between(before: &RawValue, after: &RawValue, extent: diff::Extent, noise: &NoiseRules) -> Diff {
    let changes = diff::changes(before, after, extent);
    let names = diff::changed(Some(before), Some(after), extent);
    let (noise, rows): (Vec<_>, Vec<_>) = changes.iter().partition(|change| noise.covers(&change.path));
    // Where nothing else changed, this is what there is to see.
    let (noise, rows) = if rows.is_empty() { (rows, noise) } else { (noise, rows) };
    let left_out = rows.len().saturating_sub(FIELDS_DRAWN) + noise.len().saturating_sub(FIELDS_DRAWN);
    let drawn = |changes: Vec<&diff::Change>| -> Vec<FieldRow> {
        changes.into_iter().take(FIELDS_DRAWN).map(|change| changed_row(change, before, after)).collect()
    };
    // A partial state says nothing of what it lacks, so that the state before is the last known of it.
    let all = diff::fields(if extent.is_partial() { before } else { after }).unwrap_or_default();
    let unchanged = all.iter().filter(|(name, _)| names.iter().all(|changed| *changed != **name));
    let unchanged =
        unchanged.take(FIELDS_DRAWN).map(|(name, value)| FieldRow::alone(&diff::pointer(name), &json(value)));
    Diff {
        shape: Shape::Both,
        changed: FieldGroup::of(drawn(rows)),
        noise: drawn(noise),
        unchanged: unchanged.collect(),
        note: extent_note(extent).map(ToOwned::to_owned),
        left_out,
        is_unified: false,
    }
    .bounded()
}

/// The same page with the other way to draw what changed.
fn other_diff(entry: &Entry, is_unified: bool) -> Option<Link> {
    entry.before.as_ref().and(entry.after.as_ref())?;
    let (label, value) = if is_unified { ("Side by side", "") } else { ("One below the other", "unified") };
    let href = url::with_query(&shape::href(entry), &[("diff", value)]);
    Some(Link { label: label.to_owned(), href })
}

/// The page of the entry at this position of the log, where there is one.
fn step(app: &App, part: &Part, index: Option<u64>) -> Result<Option<String>, Problem> {
    if part.only.is_some() {
        // What is beside it may not be in the part.
        return Ok(None);
    }
    let site = &part.site;
    let (store, published) = (app.indelible.store().as_ref(), app.indelible.published());
    let size = published.size(site.log)?;
    let Some(index) = index.filter(|index| *index < size) else { return Ok(None) };
    let found = search::read_entries(store, published, site, index..index + 1)?.pop();
    Ok(found.as_ref().map(shape::href))
}

fn changed_row(change: &diff::Change, before: &RawValue, after: &RawValue) -> FieldRow {
    let (old, new) = (change.before.as_deref().map(json), change.after.as_deref().map(json));
    let mut row = FieldRow::new(Op::from_code(change.op.as_str()), &change.path, old.as_ref(), new.as_ref());
    if let Some(from) = &change.from {
        let place = from.rsplit('/').next().and_then(|place| place.parse::<u64>().ok()).unwrap_or_default();
        row.notes.push(format!("was item {place}"));
    }
    if leads_into_text(&change.path, before) || leads_into_text(&change.path, after) {
        row.notes.push("sent as text".to_owned());
    }
    if change.coarse {
        row.notes.push("too much changed in it to tell one by one".to_owned());
    }
    row
}

/// Whether a place lies in a field that is a text which holds JSON.
fn leads_into_text(path: &str, state: &RawValue) -> bool {
    let Some((top, _)) = path.get(1..).and_then(|path| path.split_once('/')) else { return false };
    let fields = diff::fields(state).unwrap_or_default();
    fields
        .iter()
        .any(|(name, value)| diff::pointer(name).get(1..) == Some(top) && value.get().starts_with('"'))
}

/// What the reader must know of a state after that is not all of the entity.
const fn extent_note(extent: diff::Extent) -> Option<&'static str> {
    match extent {
        diff::Extent::Full => None,
        diff::Extent::Partial => Some(
            "Only the submitted fields were recorded after the change. Fields that it lacks are unchanged.",
        ),
        diff::Extent::PartialInferred => Some(
            "The state after seems to hold only the submitted fields: it lacks the one that says which entity \
             it is. Fields that it lacks are shown as unchanged.",
        ),
    }
}

fn json(raw: &RawValue) -> Json {
    serde_json::from_str(raw.get()).unwrap_or(Json::Null)
}

fn pretty_raw(raw: &RawValue) -> String {
    serde_json::from_str(raw.get()).map_or_else(|_| raw.get().to_owned(), |json: Json| pretty(&json))
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

fn actor_facts(entry: &Entry) -> Vec<Fact> {
    let Some(actor) = &entry.actor else { return Vec::new() };
    let words = |label: &str, value: &Option<String>| value.as_ref().map(|value| Fact::words(label, value));
    let behalf = actor.on_behalf_of.as_ref().map(|person| {
        let name = [&person.name, &person.email, &person.id].into_iter().flatten().next();
        Fact::words("On behalf of", name.map_or(person.kind.as_str(), String::as_str))
    });
    let name = shape::actor(entry, |_| String::new()).map(|actor| Fact::words("Name", actor.name));
    let name = name.map(|name| match shape::actor_href(entry) {
        Some(href) => name.to(href),
        None => name,
    });
    let id = actor.id.as_ref().map(|id| Fact::code("Id", id));
    let kind = Fact::words("Type", actor.kind.as_str());
    let roles = (!actor.roles.is_empty()).then(|| Fact::words("Roles", actor.roles.join(", ")));
    let facts = [name, Some(kind), id, words("Email", &actor.email), roles, behalf];
    facts.into_iter().flatten().collect()
}

fn origin_facts(entry: &Entry, list: &str) -> Vec<Fact> {
    let Some(origin) = &entry.origin else { return Vec::new() };
    let words = |label: &str, value: &Option<String>| value.as_ref().map(|value| Fact::words(label, value));
    let code = |label: &str, value: &Option<String>| value.as_ref().map(|value| Fact::code(label, value));
    let ip = origin.ip.map(|ip| {
        let ip = ip.to_string();
        let all = url::with_query(list, &[("ip", &ip)]);
        Fact::code("IP address", ip).to(all)
    });
    let facts = [
        ip,
        words("Agent", &origin.user_agent),
        words("Channel", &origin.channel),
        code("Request", &origin.request_id),
        code("Session", &origin.session_id),
        code("Method", &origin.method),
        code("Route", &origin.route),
        code("Path", &origin.path),
        code("Query", &origin.query),
        code("Ref", &origin.r#ref),
    ];
    facts.into_iter().flatten().filter(|fact| !fact.value.is_empty()).collect()
}

fn entity_facts(entry: &Entry) -> Vec<Fact> {
    let Some(entity) = &entry.entity else { return Vec::new() };
    let title = entity.title.as_ref().map(|title| Fact::words("Title", title));
    let address = entity.url.as_ref().map(|address| {
        let fact = Fact::words("Address", address);
        match url::external(address) {
            Some(address) => fact.to(address),
            None => fact,
        }
    });
    let facts = [Some(Fact::code("Type", &entity.kind)), Some(Fact::code("Id", &entity.id)), title, address];
    facts.into_iter().flatten().collect()
}

fn about_facts(entry: &Entry) -> Vec<Fact> {
    let duration = entry.duration_ms.map(|ms| Fact::words("Duration", format!("{} ms", text::thousands(ms))));
    let connector = entry.connector.as_ref().map(|connector| Fact::words("Connector", connector));
    let facts = [
        Some(Fact::code("Action", &entry.action)),
        Some(Fact::code("Entry id", entry.id.to_string())),
        connector,
        Some(Fact::words("Sent by", &entry.source)),
        duration,
    ];
    facts.into_iter().flatten().collect()
}

fn related(app: &App, part: &Part, entry: &Entry, now: Timestamp) -> Result<Related, Problem> {
    let site = &part.site;
    let neighbour = |order: Order| -> Result<Option<EntryLink>, Problem> {
        let Some(entity) = &entry.entity else { return Ok(None) };
        let filter = of_entity(&app.indelible, part, &entity.kind, &entity.id)?;
        let size = app.indelible.published().size(site.log)?;
        let key = SortKey::of(entry, order.column);
        let cursor = Cursor::new(&filter, order, Direction::Next, key, vec![(site.log, size)]);
        let found = look(app, site, &filter, order, Some(cursor), 1)?;
        Ok(found.first().map(|entry| shape::link_of_entity(entry, now)))
    };
    let mut related = Related {
        previous: neighbour(Order::NEWEST_FIRST)?,
        next: neighbour(Order::OLDEST_FIRST)?,
        ..Related::default()
    };
    if let Some(correlation) = entry.correlation_id {
        let near = |hours: i64| entry.occurred_at.checked_add(SignedDuration::from_hours(hours)).ok();
        let filter = part.within(Filter::And(vec![
            Filter::occurred(near(-ACTION_HOURS_MAX), near(ACTION_HOURS_MAX)),
            Filter::equals(Field::CorrelationId, &correlation.to_string()),
        ]));
        let found = look(app, site, &filter, Order::OLDEST_FIRST, None, SAME_SHOWN + 1)?;
        if found.len() > 1 {
            let link = |other: &Entry| EntryLink {
                is_current: other.id == entry.id,
                ..shape::link_of_action(other, now)
            };
            related.same = found.iter().take(SAME_SHOWN).map(link).collect();
            let list = url::site(site.id.as_str());
            related.same_all = Some(Link {
                label: "All entries of this user action".to_owned(),
                href: url::with_query(&list, &[("correlation_id", correlation.to_string())]),
            });
        }
    }
    Ok(related)
}

/// Looks for entries, but not for long: what is not found in time is not shown.
fn look(
    app: &App,
    site: &Site,
    filter: &Filter,
    order: Order,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Entry>, Problem> {
    let question =
        Question { sites: std::slice::from_ref(site), filter, order, cursor, limit, patience: PATIENCE };
    match app.indelible.search().page(&question) {
        Ok(page) => Ok(page.entries),
        Err(SearchError::TooLong) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn proof(app: &App, part: &Part, entry: &Entry, now: Timestamp) -> Result<Proof, Problem> {
    let site = &part.site;
    let (store, published) = (app.indelible.store().as_ref(), app.indelible.published());
    let sites = std::slice::from_ref(site);
    let hash = search::leaf_hashes(store, sites, std::slice::from_ref(entry))?.pop();
    let head = published.head(site.log)?.map(|signed| signed.head);
    let size = head.map_or(0, |head| head.size);
    let last = match size.checked_sub(1) {
        Some(index) => search::read_entries(store, published, site, index..size)?.pop(),
        None => None,
    };
    let (position, of) = (text::thousands(entry.index + 1), text::thousands(size));
    let receipt = format!("/api/v1/sites/{}/entries/{}/proof", site.id, entry.id);
    Ok(Proof {
        tone: Tone::Good,
        meaning: format!(
            "This is entry {position} of the log. With the receipt anybody can check, without this server, that it was in \
             the log when the head was signed, and that nothing in it has changed since."
        ),
        state: if part.only.is_none() {
            format!("Signed, position {position} of {of}")
        } else {
            "Signed".to_owned()
        },
        leaf_hash: hash.map(|hash| hash.to_string()).unwrap_or_default(),
        root_hash: head.map(|head| head.root.to_string()),
        signed: last.map(|last| Time::new(now, last.recorded_at)),
        downloads: vec![Link { label: "Receipt (tlog-proof)".to_owned(), href: receipt }],
    })
}
