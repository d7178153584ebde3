//! `GET /metrics`

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use model::Permission;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::problem::Problem;
use super::{App, blocking};
use crate::access::Caller;
use crate::capture::Status;
use crate::store::Site;

/// Version of the text format (`OpenMetrics` 1.0, "Overall structure").
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A log, by the site that it is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSite {
    site: String,
}

/// A witness, by its name in the policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWitness {
    witness: String,
}

/// A capture, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCapture {
    capture: String,
}

/// How the server and its logs are, in the format of Prometheus. Callers for some sites only see the logs of those.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "OpenMetrics 1.0", content_type = "application/openmetrics-text", body = String),
        (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn metrics(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, Problem> {
    let text = blocking(move || {
        let scope = caller.scope(app.indelible.sites())?;
        // What the process does, it does for all sites.
        let sees_process = caller.anywhere(Permission::Read).is_ok();
        let registry = present(&app, &scope.sites, sees_process)?;
        let mut text = String::new();
        let mut written = text::encode_registry(&mut text, &registry);
        if sees_process {
            written = written.and_then(|()| text::encode_registry(&mut text, app.metrics.registry()));
        }
        written.and_then(|()| text::encode_eof(&mut text)).map_err(|error| Problem::internal(&error))?;
        Ok::<_, Problem>(text)
    });
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text.await?))
}

/// What is so at this moment.
fn present(app: &App, sites: &[Site], sees_process: bool) -> Result<Registry, Problem> {
    let indelible = &app.indelible;
    let mut registry = Registry::with_prefix("indelible");
    let sizes = Family::<OfSite, Gauge>::default();
    for site in sites {
        let size = indelible.published().size(site.log)?;
        sizes.get_or_create(&OfSite { site: site.id.to_string() }).set(gauge(size));
    }
    registry.register("log_entries", "Entries in the log of each site", sizes);
    scrubbed(&mut registry, app, sites);
    if let Some(status) = app.capture.as_ref().filter(|_| sees_process) {
        captured(&mut registry, status);
    }
    if !sees_process {
        return Ok(registry);
    }
    let mut tell = |name: &str, help: &str, value: u64| {
        let told = Gauge::<i64>::default();
        told.set(gauge(value));
        registry.register(name, help, told);
    };
    let journal = indelible.journal();
    tell("stopped", "1 when the log has stopped and takes nothing more", journal.stopped().is_some().into());
    tell("commits_waiting", "Submissions that wait for a commit", journal.waiting());
    let progress = indelible.search().progress()?;
    let behind = progress.published.saturating_sub(progress.indexed);
    tell("index_lag_entries", "Entries that are found in the log because the index is behind", behind);
    let umbrella = indelible.umbrella().head()?.map_or(0, |(head, _)| head.size);
    tell("umbrella_heads", "Heads of sites' logs in the umbrella log", umbrella);
    witnesses(&mut registry, indelible, umbrella);
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "Which program this is", version);
    Ok(registry)
}

/// What the verifications in the background found.
fn scrubbed(registry: &mut Registry, app: &App, sites: &[Site]) {
    let (findings, times) = (Family::<OfSite, Gauge>::default(), Family::<OfSite, Gauge>::default());
    for site in sites {
        let Some(scrubbed) = app.scrubber.of(site.log) else { continue };
        let label = OfSite { site: site.id.to_string() };
        findings.get_or_create(&label).set(gauge(scrubbed.count));
        times.get_or_create(&label).set(scrubbed.at.as_second());
    }
    registry.register(
        "verification_findings",
        "What the last verification of each log found wrong",
        findings,
    );
    registry.register("verification_seconds", "When each log was verified last, since 1970", times);
}

/// How the capture of a database's changes is.
fn captured(registry: &mut Registry, status: &Status) {
    let figures = status.figures();
    let mut tell = |name: &str, help: &str, value: i64| {
        let told = Family::<OfCapture, Gauge>::default();
        told.get_or_create(&OfCapture { capture: status.name.clone() }).set(value);
        registry.register(name, help, told);
    };
    tell("capture_running", "1 while changes are being read", figures.is_running.into());
    tell("capture_entries", "Entries that the capture has appended since the start", gauge(figures.appended));
    tell("capture_known", "Changes that the log had already, after a restart", gauge(figures.known));
    tell("capture_refused", "Changes that the log did not take as they were", gauge(figures.refused));
    tell("capture_transactions", "Transactions that were read", gauge(figures.transactions));
    tell("capture_gaps", "Gaps that were told", gauge(figures.gaps));
    tell("capture_lag_bytes", "Bytes of the source's log that are not captured yet", figures.behind_bytes);
    tell("capture_kept_bytes", "Bytes of its log that the source keeps for the capture", figures.kept_bytes);
    if let Some(safe) = figures.safe_bytes {
        tell("capture_safe_bytes", "Bytes until the source gives the capture up", safe);
    }
}

/// How far each witness is behind, and when it cosigned last.
fn witnesses(registry: &mut Registry, indelible: &crate::Indelible, head: u64) {
    let (lags, times) = (Family::<OfWitness, Gauge>::default(), Family::<OfWitness, Gauge>::default());
    let standings = indelible.witnesses().standings();
    if standings.is_empty() {
        return;
    }
    for standing in standings {
        let (size, seconds) = standing.newest.unwrap_or_default();
        let label = OfWitness { witness: standing.name };
        lags.get_or_create(&label).set(gauge(head.saturating_sub(size)));
        times.get_or_create(&label).set(gauge(seconds));
    }
    registry.register(
        "witness_lag_heads",
        "Leaves of the umbrella log that each witness has not cosigned",
        lags,
    );
    registry.register(
        "witness_cosigned_seconds",
        "When each witness cosigned last, since 1970; 0 for never",
        times,
    );
}

/// A count as the library's gauges have it.
fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
