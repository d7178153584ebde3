//! `/`: the sites the caller may see.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use model::Filter;

use super::pulse;
use super::shape;
use super::view::{SiteRow, SitesPage, Time, Tone, text, url};
use super::visit::Visit;
use crate::api::{App, Problem};
use crate::clock;
use crate::search::{self, Question};
use crate::store::Site;

pub(super) async fn sites(State(app): State<App>, visit: Visit) -> Response {
    // Who has one site only has no use for a list of it.
    if let Ok(scope) = visit.caller.scope(app.indelible.sites()) {
        if let [only] = scope.all().as_slice()
            && !only.id.is_system()
        {
            return Redirect::to(&url::site(only.id.as_str())).into_response();
        }
        // This page is about whole sites.
        if scope.sites.is_empty() && !scope.partly.is_empty() {
            return Redirect::to(url::ACTIVITY).into_response();
        }
    }
    let make = move |visit: &Visit| {
        let mut sites = visit.caller.scope(app.indelible.sites())?.sites;
        // The installation's own site is the last one people look for.
        sites.sort_by_key(|site| site.id.is_system());
        let rows = sites.iter().map(|site| row(&app, site)).collect::<Result<Vec<_>, _>>()?;
        let sizes = sites.iter().map(|site| app.indelible.published().size(site.log));
        let entries: u64 = sizes.sum::<Result<u64, _>>()?;
        let count = u64::try_from(sites.len()).unwrap_or(u64::MAX);
        let total =
            format!("{}, {}", text::count(count, "site", "sites"), text::count(entries, "entry", "entries"));
        Ok(SitesPage { frame: visit.frame(&app, "Sites", None, "Sites"), total, rows })
    };
    visit.page(make).await
}

fn row(app: &App, site: &Site) -> Result<SiteRow, Problem> {
    let (store, published) = (app.indelible.store().as_ref(), app.indelible.published());
    let search = app.indelible.search();
    let filter = Filter::all();
    let question = Question::newest(std::slice::from_ref(site), &filter, 1);
    let last = search.page(&question)?.entries.pop();
    let size = published.size(site.log)?;
    let signed = match size.checked_sub(1) {
        Some(index) => {
            search::read_entries(store, published, site, index..size)?.pop().map(|entry| entry.recorded_at)
        }
        None => None,
    };
    let now = clock::now();
    let id = site.id.as_str();
    let pulse = pulse::of(app, site, &Filter::all(), &[], now)?;
    Ok(SiteRow {
        spark: pulse.spark,
        lately: pulse.words,
        silence: pulse.silence,
        name: site.name.clone(),
        id: id.to_owned(),
        org: if site.id.is_system() { String::new() } else { site.id.org().to_owned() },
        href: url::site(id),
        entries: text::thousands(size),
        last_time: last.as_ref().map(|entry| Time::new(now, entry.occurred_at)),
        last_href: last.as_ref().map(shape::href),
        last_actor: last.as_ref().and_then(|entry| shape::actor(entry, |_| String::new())).map(|a| a.name),
        head: text::thousands(size),
        head_time: signed.map(|time| Time::new(now, time)),
        integrity_href: url::integrity(id),
        state: if size == 0 { "Empty".to_owned() } else { "Signed".to_owned() },
        tone: if size == 0 { Tone::Quiet } else { Tone::Good },
    })
}
