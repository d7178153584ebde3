//! `/sites/{site}/actors/{type}/{id}`: somebody, and all that they did in a site.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;
use model::{Actor, ActorType, Entry, Order, Permission};

use super::columns::Parameters;
use super::counts;
use super::shape;
use super::table;
use super::view::{ActorPage, Counts, Fact, Link, Place, Row, Time, text, url};
use super::visit::Visit;
use crate::api::{App, ListQuery, Problem};
use crate::clock;
use crate::search::{self, Question, SearchError};
use crate::store::Site;

/// Entries from which it is told who this is.
const ENTRIES_READ: usize = 200;
/// Entries that the page shows.
const ENTRIES_SHOWN: usize = 20;
/// Values shown of what an actor had several of.
const VALUES_SHOWN: usize = 4;
/// The columns of the entries shown.
const COLUMNS: &str = "action.entity_type.entity.details.ip";

pub(super) async fn actor(
    State(app): State<App>,
    visit: Visit,
    Path((site, actor_type, id)): Path<(String, String, String)>,
) -> Response {
    let make = move |visit: &Visit| {
        let site = visit.caller.on_site(Permission::Read, &site, app.indelible.sites())?.site;
        let unknown = || Problem::not_found("this actor has no entries");
        let kinds = [ActorType::User, ActorType::Service, ActorType::System];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == actor_type).ok_or_else(unknown)?;
        page(&app, visit, &site, kind, &id)?.ok_or_else(unknown)
    };
    visit.page(make).await
}

fn page(
    app: &App,
    visit: &Visit,
    site: &Site,
    kind: ActorType,
    id: &str,
) -> Result<Option<ActorPage>, Problem> {
    let list = url::site(site.id.as_str());
    let pairs = [("user", id.to_owned()), ("q", format!("actor.type:{}", kind.as_str()))];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
    let parameters = Parameters::new(list.clone(), pairs.into());
    let query = ListQuery::parse(Some(&parameters.query()), Order::NEWEST_FIRST)?;
    let entries = look(app, site, &query, Order::NEWEST_FIRST, ENTRIES_READ)?;
    visit.noted.found(entries.len());
    let Some(last) = entries.first() else { return Ok(None) };
    let first = look(app, site, &query, Order::OLDEST_FIRST, 1)?.pop();
    let sites = std::slice::from_ref(site);
    let counts =
        counts::of_list(app, sites, &parameters, &query, &counts::OF_ACTOR, counts::OF_ACTOR_PATIENCE)?;
    let now = clock::now();
    let name = shape::actor(last, |_| String::new()).map_or_else(|| id.to_owned(), |actor| actor.name);
    let columns = Parameters::new(list, vec![("columns".to_owned(), COLUMNS.to_owned())]);
    let columns = table::shown(&columns, "", false);
    Ok(Some(ActorPage {
        frame: visit.frame(app, &name, Some(site), ""),
        total: total(counts.as_ref(), entries.len()),
        name,
        kind: kind.as_str(),
        who: who(&entries),
        from: from(&entries),
        first: first.map(|entry| Time::new(now, entry.occurred_at)),
        last: Time::new(now, last.occurred_at),
        counts,
        columns: table::headings(&columns, &parameters, Order::NEWEST_FIRST),
        rows: rows(&entries, &columns),
        list_href: parameters.with("cursor", ""),
        is_cut: entries.len() > ENTRIES_SHOWN,
    }))
}

/// The entries in an order; none where looking for them takes too long.
fn look(
    app: &App,
    site: &Site,
    query: &ListQuery,
    order: Order,
    limit: usize,
) -> Result<Vec<Entry>, Problem> {
    let question = Question {
        sites: std::slice::from_ref(site),
        filter: &query.filter,
        order,
        cursor: None,
        limit,
        patience: search::PATIENCE,
    };
    match app.indelible.search().page(&question) {
        Ok(page) => Ok(page.entries),
        Err(SearchError::TooLong) if order == Order::OLDEST_FIRST => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn total(counts: Option<&Counts>, read: usize) -> String {
    let of_page = text::count(u64::try_from(read).unwrap_or(u64::MAX), "entry", "entries");
    match counts {
        // A list says that they match; here they are theirs.
        Some(counts) => counts.total.trim_end_matches(" match").trim_end_matches(" matches").to_owned(),
        None if read < ENTRIES_READ => of_page,
        None => format!("{of_page} or more"),
    }
}

/// Who this is, as the entries say: the last first, where they say several things.
fn who(entries: &[Entry]) -> Vec<Fact> {
    let actors: Vec<&Actor> = entries.iter().filter_map(|entry| entry.actor.as_ref()).collect();
    let all = |value: fn(&Actor) -> Option<String>| several(actors.iter().filter_map(|actor| value(actor)));
    let roles = several(actors.iter().flat_map(|actor| actor.roles.clone()));
    let behalf = all(|actor| {
        let person = actor.on_behalf_of.as_ref()?;
        [&person.name, &person.email, &person.id].into_iter().flatten().next().cloned()
    });
    let facts = [
        all(|actor| actor.name.clone()).map(|names| Fact::words("Name", names)),
        all(|actor| actor.id.clone()).map(|ids| Fact::code("Id", ids)),
        all(|actor| actor.email.clone()).map(|emails| Fact::words("Email", emails)),
        roles.map(|roles| Fact::words("Roles", roles)),
        behalf.map(|people| Fact::words("On behalf of", people)),
    ];
    facts.into_iter().flatten().collect()
}

/// From where they came, as far as counts do not say it.
fn from(entries: &[Entry]) -> Vec<Fact> {
    let origins = || entries.iter().filter_map(|entry| entry.origin.as_ref());
    let facts = [
        several(origins().filter_map(|origin| origin.channel.clone()))
            .map(|all| Fact::words("Channels", all)),
        several(origins().filter_map(|origin| origin.user_agent.clone()))
            .map(|all| Fact::words("Agents", all)),
        several(entries.iter().filter_map(|entry| entry.connector.clone()))
            .map(|all| Fact::words("Connectors", all)),
    ];
    facts.into_iter().flatten().collect()
}

/// The different values, in the order in which they came; `None` where there are none.
fn several(values: impl Iterator<Item = String>) -> Option<String> {
    let mut known = BTreeSet::new();
    let different: Vec<String> =
        values.filter(|value| !value.is_empty()).filter(|value| known.insert(value.clone())).collect();
    let rest = different.len().saturating_sub(VALUES_SHOWN);
    let shown = different.iter().take(VALUES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match rest {
        _ if different.is_empty() => None,
        0 => Some(shown),
        rest => Some(format!("{shown} and {rest} more")),
    }
}

fn rows(entries: &[Entry], columns: &[&table::Known]) -> Vec<Row> {
    let now = clock::now();
    let shown = entries.iter().take(ENTRIES_SHOWN);
    let row = |entry: &Entry| {
        let id = entry.site.as_str();
        let site = Link { label: id.to_owned(), href: url::site(id) };
        let action = shape::action(entry);
        Row {
            href: shape::href(entry),
            day: None,
            time: Time::new(now, entry.occurred_at),
            label: action.label,
            failed: action.failed,
            cells: table::cells(columns, entry, now, &site, |key| {
                url::with_query(&url::site(id), &[("user", key)])
            }),
            place: Place::Alone,
        }
    };
    shown.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_are_named_once_and_counted_beyond_a_few() {
        let told = |values: &[&str]| several(values.iter().map(|value| (*value).to_owned()));
        assert_eq!(told(&[]), None);
        assert_eq!(told(&["", ""]), None);
        assert_eq!(told(&["Ana", "Ana M.", "Ana"]).as_deref(), Some("Ana, Ana M."));
        assert_eq!(told(&["a", "b", "c", "d", "e", "f"]).as_deref(), Some("a, b, c, d and 2 more"));
    }
}
