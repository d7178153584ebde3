//! `/sites/{site}/integrity`: what the site's log can prove.

use axum::extract::{Path, State};
use axum::response::Response;
use model::Permission;

use super::view::{Head, IntegrityPage, Time, Tone, text};
use super::visit::Visit;
use crate::api::{App, Problem};
use crate::{clock, search};

pub(super) async fn integrity(State(app): State<App>, visit: Visit, Path(site): Path<String>) -> Response {
    let make = move |visit: &Visit| {
        let site = visit.caller.on_site(Permission::Read, &site, app.indelible.sites())?.site;
        let signed = app.indelible.published().head(site.log)?;
        let size = signed.as_ref().map_or(0, |signed| signed.head.size);
        let last = match size.checked_sub(1) {
            Some(index) => search::read_entries(
                app.indelible.store().as_ref(),
                app.indelible.published(),
                &site,
                index..size,
            )?
            .pop(),
            None => None,
        };
        let now = clock::now();
        // A head is signed when its last entry is recorded; an empty one when the site is created.
        let signed_at = last.map_or(site.created_at, |entry| entry.recorded_at);
        let time = Time::new(now, signed_at);
        let sentence = if size == 0 {
            "The log is empty.".to_owned()
        } else {
            format!("{}, head signed {}.", text::count(size, "entry", "entries"), time.relative)
        };
        let head = signed.map(|signed| Head {
            size: text::thousands(size),
            root_hash: signed.head.root.to_string(),
            signed: time,
            checkpoint: signed.checkpoint.clone(),
        });
        let key = app.indelible.keys().verifier_key(&site.id).map_err(|error| Problem::internal(&error))?;
        Ok(IntegrityPage {
            frame: visit.frame(&app, &format!("Integrity of {}", site.name), Some(&site), "Integrity"),
            tone: if size == 0 { Tone::Quiet } else { Tone::Good },
            sentence,
            head,
            verifier_key: key.to_string(),
            verify_command: format!("indelible verify --site {}", site.id),
            downloads: Vec::new(),
        })
    };
    visit.page(make).await
}
