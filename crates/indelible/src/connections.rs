//! Connections: how many there are, how long each may take to say what it wants, and how they end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// Connections at the same time, at most. Whoever comes then waits for the operating system to accept them.
const CONNECTIONS_MAX: u32 = 8_192;

/// Requests of one connection at the same time, at most (HTTP/2).
const STREAMS_MAX: u32 = 128;

/// Bytes of all headers of a request, at most.
const HEADERS_BYTES_MAX: u32 = 64 * 1024;

/// How often a silent HTTP/2 client is asked whether it is still there.
const ASKED_EVERY: Duration = Duration::from_mins(1);

/// How long to wait where no more connections can be accepted, as with too many open files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// How long a client has for its next request, up to the end of its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub(crate) Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_mins(1))
    }
}

/// Looks at a request before anything else does, and answers it if it is to go no further.
pub(crate) trait Door:
    Fn(SocketAddr, &HeaderMap) -> Option<Response> + Clone + Send + Sync + 'static
{
}

impl<F: Fn(SocketAddr, &HeaderMap) -> Option<Response> + Clone + Send + Sync + 'static> Door for F {}

/// Serves until `stop` is ready, then lets running requests end.
pub(crate) async fn serve(
    listener: TcpListener,
    application: Router,
    door: impl Door,
    patience: Patience,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(usize::try_from(CONNECTIONS_MAX).unwrap_or(usize::MAX)));
    let (stopping, asked_to_stop) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            // It is given back when the connection ends.
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, accept(&listener).await))
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted?,
            () = &mut stop => break,
        };
        let (application, door, asked_to_stop) = (application.clone(), door.clone(), asked_to_stop.clone());
        tokio::spawn(async move {
            connection(stream, peer, application, door, patience, asked_to_stop).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    // All places are free once every connection has ended.
    places.acquire_many(CONNECTIONS_MAX).await.map_err(io::Error::other).map(drop)
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // An answer in two parts must not wait for the client to acknowledge the first: that takes 40 ms.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection may be slow");
                }
                return (stream, peer);
            }
            // That one went away; the next may stay.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; trying again");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    application: Router,
    door: impl Door,
    patience: Patience,
    mut asked_to_stop: watch::Receiver<bool>,
) {
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&has_asked);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let (turned_away, application) = (door(peer, request.headers()), application.clone());
        async move {
            if let Some(answer) = turned_away {
                return Ok(answer);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            application.oneshot(request).await
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.0);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ASKED_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Until it is known whether a client speaks HTTP/1 or HTTP/2, neither looks at the time.
    let mut first_patience = pin!(tokio::time::sleep(patience.0));
    let (mut is_new, mut is_stopping) = (true, false);
    loop {
        tokio::select! {
            // What has arrived in time is read, however late this task gets its turn.
            biased;
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(error, "a connection ended early");
                }
                return;
            }
            () = &mut first_patience, if is_new => {
                if !has_asked.load(Ordering::Relaxed) {
                    return;
                }
                is_new = false;
            }
            _ = asked_to_stop.wait_for(|stop| *stop), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
