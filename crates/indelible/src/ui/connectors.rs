//! `/sites/{site}/connectors`: what sends the site its entries, when last, what of it was refused, and what is missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use model::filter::Span;
use model::{Entry, Field, Filter, Permission, SortColumn};

use super::pulse::{self, Pulse};
use super::shape;
use super::view::{ConnectorRow, ConnectorsPage, EntryLink, RefusedRow, SenderRow, Time, Tone, text, url};
use super::visit::Visit;
use crate::api::{App, Problem, managed_tokens};
use crate::clock;
use crate::hosts::{Connector, Host};
use crate::refusals::Refused;
use crate::search::{FacetValue, FacetsQuestion, Question, SearchError};
use crate::store::Site;

/// Senders and connectors that the page tells of: those that sent most.
const SHOWN: usize = 20;
/// Gaps that the page names.
const GAPS_SHOWN: usize = 10;
/// How long one count may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the page draws what happened lately; after that, rows do without.
const PATIENCE_ALL: Duration = Duration::from_secs(1);
/// What "the last day" is.
const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn connectors(State(app): State<App>, visit: Visit, Path(site): Path<String>) -> Response {
    let make = move |visit: &Visit| {
        let site = visit.caller.on_site(Permission::Read, &site, app.indelible.sites())?.site;
        let id = site.id.as_str();
        let configures = visit.caller.on_site(Permission::Configure, id, app.indelible.sites()).is_ok();
        let page = Made { app: &app, site: &site, now: clock::now(), started: Instant::now() };
        let ([senders, names], is_counted) = page.counts(None)?;
        let ([senders_of_day, names_of_day], _) =
            page.counts(Some(page.now.checked_sub(DAY).unwrap_or(page.now)))?;
        let refused = if configures { app.refusals.of_site(site.log) } else { Vec::new() };
        let gap = Filter::equals(Field::Action, "indelible.gap");
        let gaps = page.newest(&gap, GAPS_SHOWN)?;
        Ok(ConnectorsPage {
            frame: visit.frame(&app, &format!("Connectors of {}", site.name), Some(&site), "Connectors"),
            is_counted,
            senders: page.senders(
                &senders,
                &senders_of_day,
                &page.silent_tokens(visit, &senders),
                &refused,
            )?,
            connectors: page.connectors(&names, &names_of_day, configures)?,
            gaps: gaps.iter().map(|gap| page.gap(gap)).collect(),
            gaps_href: url::with_query(&url::site(id), &[("action", "indelible.gap")]),
            refused: refused.into_iter().take(SHOWN).map(|refused| page.refused(refused)).collect(),
            since: Time::new(page.now, app.refusals.since()),
            configures,
            list_href: url::site(id),
            settings_href: format!("{}#endpoints", url::settings(id)),
        })
    };
    visit.page(make).await
}

/// What the page is made from.
struct Made<'a> {
    app: &'a App,
    site: &'a Site,
    now: Timestamp,
    started: Instant,
}

impl Made<'_> {
    /// How much each sender sent and each connector carried, received since a time or ever; and whether it could be
    /// counted.
    fn counts(&self, since: Option<Timestamp>) -> Result<([Vec<FacetValue>; 2], bool), Problem> {
        // What the product itself tells of is nobody's sending.
        let own = Filter::Not(Box::new(Filter::equals(Field::Connector, "indelible")));
        let times = since.map_or_else(Filter::all, |since| Filter::Recorded(Span::closed(Some(since), None)));
        let filter = times.and(own);
        let counted = FacetsQuestion {
            columns: &[SortColumn::Source, SortColumn::Connector],
            bucket: None,
            values_max: SHOWN,
        };
        match self.app.indelible.search().facets(&self.question(&filter, 0), &counted) {
            Ok(found) => {
                let mut columns = found.columns.into_iter().map(|(_, values, _)| named(values));
                Ok(([columns.next().unwrap_or_default(), columns.next().unwrap_or_default()], true))
            }
            Err(SearchError::TooLong | SearchError::TooManyBuckets) => Ok(([Vec::new(), Vec::new()], false)),
            Err(error) => Err(error.into()),
        }
    }

    fn question<'b>(&'b self, filter: &'b Filter, limit: usize) -> Question<'b> {
        Question { patience: PATIENCE, ..Question::newest(std::slice::from_ref(self.site), filter, limit) }
    }

    /// The newest entries that match; none where looking for them takes too long.
    fn newest(&self, filter: &Filter, limit: usize) -> Result<Vec<Entry>, Problem> {
        match self.app.indelible.search().page(&self.question(filter, limit)) {
            Ok(page) => Ok(page.entries),
            Err(SearchError::TooLong) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn pulse(&self, filter: &Filter, columns: &[SortColumn]) -> Result<Pulse, Problem> {
        if self.started.elapsed() > PATIENCE_ALL {
            return Ok(Pulse::default());
        }
        pulse::of(self.app, self.site, filter, columns, self.now)
    }

    fn senders(
        &self,
        all: &[FacetValue],
        of_day: &[FacetValue],
        silent: &[String],
        refused: &[Refused],
    ) -> Result<Vec<SenderRow>, Problem> {
        let row = |source: &str, total: u64| {
            let filter = Filter::equals(Field::Source, source);
            let last = self.newest(&filter, 1)?.pop();
            let pulse = self.pulse(&filter, &[SortColumn::Connector])?;
            let names = pulse.columns.into_iter().flatten().map(|value| value.value);
            let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
            names.extend(last.as_ref().and_then(|entry| entry.connector.clone()));
            names.sort();
            names.dedup();
            let of_it = refused.iter().find(|refused| refused.source == source);
            Ok::<_, Problem>(SenderRow {
                source: source.to_owned(),
                href: url::with_query(
                    &url::site(self.site.id.as_str()),
                    &[("q", &format!("source:{}", quoted(source)))],
                ),
                connectors: names.join(", "),
                last: last.as_ref().map(|entry| Time::new(self.now, entry.recorded_at)),
                last_href: last.as_ref().map(shape::href),
                total: text::thousands(total),
                day: text::thousands(count_of(of_day, source)),
                spark: pulse.spark,
                lately: pulse.words,
                silence: pulse.silence,
                refused: of_it.map(|refused| text::thousands(refused.count)),
            })
        };
        let sent = all.iter().map(|value| row(&value.value, value.count));
        sent.chain(silent.iter().map(|name| row(name, 0))).collect()
    }

    /// Tokens that may send to this site and never did; only for those who manage tokens.
    fn silent_tokens(&self, visit: &Visit, sent: &[FacetValue]) -> Vec<String> {
        let tokens = managed_tokens(self.app, &visit.caller).unwrap_or_default();
        let is_own = |site: Option<&model::SiteId>| site == Some(&self.site.id);
        let mut names: Vec<String> = tokens
            .into_iter()
            .filter(|token| is_own(token.site.as_ref()))
            // Who reads as well is a person, or a program that does more than send.
            .filter(|token| token.role.may(Permission::Append) && !token.role.may(Permission::Read))
            .filter(|token| token.revoked_at.is_none())
            .filter(|token| token.limits.expires_at.is_none_or(|end| self.now < end))
            .map(|token| token.name)
            .filter(|name| sent.iter().all(|value| value.value != *name))
            .collect();
        names.sort();
        names.dedup();
        names.truncate(SHOWN);
        names
    }

    fn connectors(
        &self,
        all: &[FacetValue],
        of_day: &[FacetValue],
        configures: bool,
    ) -> Result<Vec<ConnectorRow>, Problem> {
        let store = self.app.indelible.store().as_ref();
        let mut names: BTreeMap<String, u64> =
            all.iter().map(|value| (value.value.clone(), value.count)).collect();
        for connector in Connector::all(store, self.site.log)? {
            names.entry(connector.name).or_default();
        }
        let row = |(name, total): (String, u64)| {
            let handlers = self.app.indelible.revert_handlers();
            let host = handlers.host(store, self.site, Some(&name))?;
            let (tone, revert, address) = match host {
                Some(Host::Endpoint { url, .. }) if configures => (Tone::Good, "Endpoint set", Ok(url)),
                Some(Host::Endpoint { .. }) => (Tone::Good, "Endpoint set", Err("not shown")),
                Some(Host::Handler(_)) => (Tone::Good, "In this process", Err("none needed")),
                None => (Tone::Quiet, "Not set", Err("none")),
            };
            Ok::<_, Problem>(ConnectorRow {
                href: url::with_query(
                    &url::site(self.site.id.as_str()),
                    &[("q", &format!("connector:{}", quoted(&name)))],
                ),
                day: text::thousands(count_of(of_day, &name)),
                total: text::thousands(total),
                tone,
                revert,
                address,
                name,
            })
        };
        names.into_iter().map(row).collect()
    }

    fn gap(&self, entry: &Entry) -> EntryLink {
        let said = entry.summary.clone().unwrap_or_else(|| "Entries are missing".to_owned());
        let label = format!("{}: {said}", entry.source);
        EntryLink { label, ..shape::link_of_entity(entry, self.now) }
    }

    fn refused(&self, refused: Refused) -> RefusedRow {
        RefusedRow {
            source: refused.source,
            count: text::thousands(refused.count),
            last: Time::new(self.now, refused.last),
            field: refused.why.field,
            message: refused.why.message,
            code: refused.why.code,
        }
    }
}

/// The values that are some.
fn named(values: Vec<FacetValue>) -> Vec<FacetValue> {
    values.into_iter().filter(|value| !value.value.is_empty()).collect()
}

fn count_of(values: &[FacetValue], value: &str) -> u64 {
    values.iter().find(|known| known.value == value).map_or(0, |known| known.count)
}

/// A value as the filter language writes it.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
