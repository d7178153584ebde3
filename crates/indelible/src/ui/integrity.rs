//! `/sites/{site}/integrity`: what the site's log can prove.

use axum::extract::{Path, State};
use axum::response::Response;
use model::{Permission, UMBRELLA};

use super::view::{
    Head, IntegrityPage, Link, Time, Tone, UmbrellaHead, Verification, WitnessLine, text, url,
};
use super::visit::Visit;
use crate::api::{App, Problem};
use crate::jobs::Scrubbed;
use crate::store::Site;
use crate::witnessing::Standing;
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
        let umbrella = umbrella(&app, &site, size)?;
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
            verification: app.scrubber.of(site.log).map(|scrubbed| verification(now, scrubbed)),
            verifier_key: key.to_string(),
            verify_command: format!("indelible verify --site {}", site.id),
            audit_command: format!(
                "indelible verify --url {} --site {} --key '{key}' --keep {}.checkpoint",
                visit.public_url, site.id, site.id
            ),
            downloads: downloads(&site, umbrella.is_some(), visit.caller.may(Permission::Configure).is_ok()),
            umbrella,
        })
    };
    visit.page(make).await
}

/// What the server's own verification found.
fn verification(now: jiff::Timestamp, scrubbed: Scrubbed) -> Verification {
    let Scrubbed { at, entries, findings, count } = scrubbed;
    let entries = text::count(entries, "entry", "entries");
    let (tone, sentence) = match count {
        0 => (Tone::Good, format!("{entries} derived again, and all of it was as signed.")),
        count => {
            let found = text::count(count, "finding", "findings");
            (Tone::Danger, format!("ALARM: {found}. The log is not as it was when it was signed."))
        }
    };
    let findings = findings.iter().map(ToString::to_string).collect();
    Verification { tone, sentence, at: Time::new(now, at), findings }
}

/// The umbrella log's head, and whether it covers the site's entries.
fn umbrella(app: &App, site: &Site, size: u64) -> Result<Option<UmbrellaHead>, Problem> {
    let Some((head, checkpoint)) = app.indelible.umbrella().head()? else { return Ok(None) };
    let covers = match size.checked_sub(1) {
        Some(last) => app.indelible.store().umbrella_covering(site.log, last, head.size)?.is_some(),
        None => true,
    };
    let coverage = if covers {
        "It covers every entry of this site."
    } else {
        "The newest entries of this site come in with its next round."
    };
    let key = app.indelible.keys().umbrella_key().map_err(|error| Problem::internal(&error))?;
    let verifier_key = key.verifier_key().to_string();
    let checkpoint = app.indelible.witnesses().with_cosignatures(&checkpoint);
    let witnesses = app.indelible.witnesses().standings();
    let witnesses = witnesses.into_iter().map(|standing| witness(standing, head.size)).collect();
    Ok(Some(UmbrellaHead { checkpoint, verifier_key, coverage: coverage.to_owned(), witnesses }))
}

fn witness(standing: Standing, umbrella: u64) -> WitnessLine {
    let seconds = standing.newest.and_then(|(_, seconds)| i64::try_from(seconds).ok());
    let cosigned = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let behind = umbrella.saturating_sub(standing.newest.map_or(0, |(size, _)| size));
    let (tone, state) = match (standing.problem, behind) {
        (Some(problem), _) if problem.starts_with("ALARM") => (Tone::Danger, problem),
        (Some(problem), _) => (Tone::Warning, problem),
        (None, _) if standing.url.is_none() => {
            (Tone::Quiet, "The policy has no address of it, so it is not asked.".to_owned())
        }
        (None, 0) => (Tone::Good, "It cosigned the newest checkpoint.".to_owned()),
        (None, behind) => (Tone::Quiet, format!("{} behind.", text::count(behind, "head", "heads"))),
    };
    let cosigned = cosigned.map(|at| Time::new(clock::now(), at));
    WitnessLine { name: standing.name, tone, cosigned, state }
}

fn downloads(site: &Site, has_umbrella: bool, may_configure: bool) -> Vec<Link> {
    let link = |label: &str, href: String| Link { label: label.to_owned(), href };
    let mut links = vec![
        link("Checkpoint", format!("/logs/{}/checkpoint", site.id)),
        link("Keys and parameters of the log", format!("/logs/{}/log.v1.json", site.id)),
    ];
    if has_umbrella {
        links.push(link("Checkpoint of the umbrella log", format!("/logs/{UMBRELLA}/checkpoint")));
    }
    if may_configure {
        links.push(link("Retention and hold", format!("{}#retention", url::settings(site.id.as_str()))));
    }
    links.push(link("Evidence bundle of all entries", format!("/api/v1/sites/{}/evidence", site.id)));
    links
}
