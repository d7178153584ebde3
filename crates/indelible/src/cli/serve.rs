use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;

use super::{Failure, Place, open_options, output};
use crate::access::{Gate, LINK_LIFETIME, new_link};
use crate::api::{App, Rates, TrustedOrigins};
use crate::capture::{Capture, Rules, Status};
use crate::config::{CaptureSettings, Limits, OidcSettings, SettingsError};
use crate::jobs::Scrubber;
use crate::oidc::{Oidc, Registration};
use crate::store::DatabaseUrl;
use crate::umbrella::Cadence;
use crate::witnessing::Submitter;
use crate::{Indelible, removal, server};

/// Run the server
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Place,
    /// Address and port [default: 127.0.0.1:8080, or `APP__SERVER__LISTEN`]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Print a fresh one-time sign-in link for a super admin, for whoever lost the first one
    #[arg(long)]
    sign_in_link: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        start_log();
        let settings = self.place.settings()?;
        let directory = &settings.store.data_dir;
        let options = open_options(&settings);
        let is_new = !Indelible::exists(directory, &options)?;
        let indelible = Indelible::open(directory, &options)?;
        indelible.merge_blocks().map_err(|error| Failure::Other(error.to_string()))?;
        let proxies = settings.server.proxies()?;
        let embedders = settings.server.embedders()?;
        let oidc = provider(&settings.auth.oidc)?;
        let listen = self.listen.unwrap_or(settings.server.listen);
        block_on(async move {
            let listener = bind(listen).await?;
            let address = listener.local_addr()?;
            let url = settings.server.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
            let place = settings.store.data_dir.display();
            let place = match &options.database {
                Some(database) => format!("{database}, keys and index in {place}"),
                None => format!("data in {place}"),
            };
            output::data(&format!("Indelible is at {url} ({place})"))?;
            if is_new || self.sign_in_link {
                let link = new_link(indelible.store().as_ref(), "first super admin")
                    .map_err(|error| Failure::Other(error.to_string()))?;
                output::data(&format!(
                    "Sign in as super admin (works once, for {} h):\n  {}/sign-in?link={}",
                    LINK_LIFETIME.as_secs() / 3600,
                    url.trim_end_matches('/'),
                    link.reveal()
                ))?;
            }
            let _worker = removal::Worker::start(indelible.clone());
            let scrubber = Scrubber::new(settings.log.scrub_percent.unwrap_or(Scrubber::SHARE));
            let _scrubbing =
                (settings.log.scrub_percent != Some(0)).then(|| scrubber.keep_up(indelible.clone()));
            let _rounds = indelible.umbrella().keep_up(cadence(&settings.log));
            let submitter = Submitter::new(indelible.witnesses().clone(), indelible.umbrella().clone());
            let _asking = submitter.map_err(|error| Failure::Other(error.to_string()))?.keep_up();
            let capture = capture(&settings.capture, &indelible)?;
            let gate = Gate::new(indelible.store().clone());
            let origins = TrustedOrigins::new(settings.server.trusted_origins.clone());
            let app = App::new(indelible.clone(), gate, settings.server.public_url.as_deref())
                .behind(proxies)
                .trusting(origins)
                .embedded_by(embedders)
                .scrubbed_by(scrubber)
                .signing_in_with(oidc)
                .limited_to(rates(settings.limits))
                .capturing(capture)
                .recording_reading();
            run_until_stopped(listener, app, &indelible).await
        })
    }
}

/// The identity provider, if one is set.
fn provider(settings: &OidcSettings) -> Result<Option<Oidc>, SettingsError> {
    let Some([issuer, client_id, role_claim]) = settings.complete()? else { return Ok(None) };
    let (client_secret, scopes) = (settings.client_secret.clone(), settings.scopes.clone());
    let registration = Registration { issuer, client_id, client_secret, role_claim, scopes };
    Oidc::new(registration).map(Some).map_err(|error| SettingsError(format!("APP__AUTH__OIDC__*: {error}")))
}

/// Captures the changes of a database in the background, if the settings say so.
fn capture(settings: &CaptureSettings, indelible: &Indelible) -> Result<Option<Arc<Status>>, Failure> {
    let Some(rules) = &settings.rules else { return Ok(None) };
    let url = settings.url.as_ref().ok_or_else(|| {
        SettingsError("APP__CAPTURE__URL is missing: it names the database to capture from".to_owned())
    })?;
    let url = DatabaseUrl::new(url.reveal());
    let secret = settings.context_secret.clone();
    let capture = Capture::new(indelible.clone(), Rules::load(rules)?, url, secret);
    if let Some(url) = &settings.revert_url {
        capture.revert_with(DatabaseUrl::new(url.reveal()))?;
    }
    let status = Arc::clone(capture.status());
    tokio::spawn(async move {
        // The server goes on without it: what changes meanwhile, the source keeps.
        loop {
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            if let Err(error) = capture.run(stopped).await {
                tracing::error!(%error, "ALARM: changes are not captured; it is tried again in a minute");
            }
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
    });
    Ok(Some(status))
}

/// How often somebody may ask.
const fn rates(limits: Limits) -> Rates {
    Rates {
        per_address: limits.requests_per_second_per_address,
        per_credential: limits.requests_per_second_per_token,
        refused_per_address: limits.refusals_per_second_per_address,
    }
}

/// How often the umbrella log takes in heads.
fn cadence(log: &crate::config::Log) -> Cadence {
    let usual = Cadence::default();
    let seconds = |set: Option<u64>| set.map(|seconds| Duration::from_secs(seconds.max(1)));
    Cadence {
        round: seconds(log.umbrella_seconds).unwrap_or(usual.round),
        heartbeat: seconds(log.heartbeat_seconds).unwrap_or(usual.heartbeat),
    }
}

/// How long running requests may take to end once the server is asked to; live tails would never.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Serves until a signal comes or the log stops.
pub(super) async fn run_until_stopped(
    listener: TcpListener,
    app: App,
    indelible: &Indelible,
) -> Result<ExitCode, Failure> {
    let journal = indelible.journal().clone();
    let (end, mut asked_to_end) = tokio::sync::watch::channel(false);
    let asked = async move { drop(asked_to_end.wait_for(|asked| *asked).await) };
    let watching = async {
        tokio::select! {
            () = signalled() => {}
            // Its state is unknown: end, so that the next start goes through recovery.
            () = journal.until_stopped() => {}
        }
        end.send_replace(true);
        tokio::time::sleep(END_PATIENCE).await;
    };
    tokio::select! {
        served = server::serve(listener, app, asked) => served?,
        () = watching => {}
    }
    let (trail, last) = (indelible.clone(), Duration::from_secs(2));
    let flushed = tokio::task::spawn_blocking(move || trail.trail().flush());
    drop(tokio::time::timeout(last, flushed).await);
    match journal.stopped() {
        None => Ok(ExitCode::SUCCESS),
        Some(reason) => Err(Failure::Other(format!("the log has stopped: {reason}"))),
    }
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Other(format!("cannot listen on {address}: {error}. Choose another with --listen"))
    })
}

pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// Events of the server itself go to stderr; `RUST_LOG` says which.
pub(super) fn start_log() {
    use std::io::IsTerminal as _;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,indelible=info"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .try_init();
    if let Err(error) = started {
        output::message(&format!("the server's own log could not be started: {error}"));
    }
}

pub(super) async fn signalled() {
    let interrupt = async {
        // Without a handler the process ends at the signal, which is safe too.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        else {
            return interrupt.await;
        };
        tokio::select! {
            () = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
