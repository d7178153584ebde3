//! `/embed`: a part of a log within a page of somebody else, for whoever has a viewer token. It neither reads nor
//! sets cookies, so that it shows the same wherever it is framed.

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use model::{Entry, Order, Permission};

use super::view::{EmbedCell, EmbedPage, Time, url};
use super::visit::{failure, render};
use super::{assets, shape};
use crate::access::Viewer;
use crate::api::{App, Noted, Problem, blocking, origin_of, query_pairs};
use crate::clock;
use crate::search::{self, Question};

/// Entries on a page.
const ENTRIES_SHOWN: usize = 50;

pub(super) async fn embed(State(app): State<App>, parts: Parts) -> Response {
    let framed_by = app.framed_by();
    let mut response = match page(app, &parts).await {
        Ok(page) => render(StatusCode::OK, &page),
        Err(problem) => failure(super::view::Frame::default(), &problem, None),
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors {framed_by}"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // The address has the token, and is nobody else's business.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn page(app: App, parts: &Parts) -> Result<EmbedPage, Problem> {
    let pairs = query_pairs(parts.uri.query())?;
    let get = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let secret = get("token").or_else(|| bearer(&parts.headers)).unwrap_or_default();
    let cursor = get("cursor");
    let mut viewer = app.gate.viewer(&secret)?;
    viewer.caller.from = Some(origin_of(parts));
    Noted::caller(parts, &viewer.caller);
    let (page, shown) = blocking(move || made(&app, &viewer, &secret, cursor.as_deref())).await?;
    if let Some(noted) = parts.extensions.get::<Noted>() {
        noted.found(shown);
    }
    Ok(page)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

fn made(
    app: &App,
    viewer: &Viewer,
    secret: &str,
    cursor: Option<&str>,
) -> Result<(EmbedPage, usize), Problem> {
    let site = viewer.caller.site.as_ref().map_or("", model::SiteId::as_str);
    let part = viewer.caller.on_part_of_site(Permission::Read, site, app.indelible.sites())?;
    let filter = part.within(model::Filter::all());
    let sites = std::slice::from_ref(&part.site);
    let cursor = search::open_cursor(cursor, &app.cursor_key, sites, &filter, Order::NEWEST_FIRST)?;
    let question = Question {
        sites,
        filter: &filter,
        order: Order::NEWEST_FIRST,
        cursor,
        limit: ENTRIES_SHOWN,
        patience: search::PATIENCE,
    };
    let found = app.indelible.search().page(&question)?;
    let next = found.next.map(|cursor| {
        let cursor = cursor.seal(&app.cursor_key);
        url::with_query(url::EMBED, &[("token", secret), ("cursor", &cursor)])
    });
    let fields = &viewer.fields;
    let row = |entry: &Entry| fields.iter().map(|field| cell(field, entry)).collect();
    let page = EmbedPage {
        title: part.site.name.clone(),
        assets: assets::addresses(),
        fields: fields.clone(),
        rows: found.entries.iter().map(row).collect(),
        next,
    };
    Ok((page, found.entries.len()))
}

/// What is shown of an entry in a column; the columns are those of `access::VIEWER_FIELDS`.
fn cell(field: &str, entry: &Entry) -> EmbedCell {
    let text = |text: String| EmbedCell { text, time: None };
    match field {
        "time" => EmbedCell { text: String::new(), time: Some(Time::new(clock::now(), entry.occurred_at)) },
        "actor" => text(shape::actor(entry, |_| String::new()).map(|actor| actor.name).unwrap_or_default()),
        "action" => text(shape::action(entry).label),
        "entity" => {
            text(shape::entity(entry).map(|entity| entity.title.unwrap_or(entity.id)).unwrap_or_default())
        }
        "summary" => text(shape::summary(entry).unwrap_or_default()),
        "changed" => text(shape::changed(entry).all),
        _ => text(String::new()),
    }
}
