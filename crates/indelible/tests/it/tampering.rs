//! A server in front of the real one that changes what it serves of a log: what a dishonest operator would do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tlog::{Bundle, Checkpoint, RightEdge, SigningKey, Tile, leaf_hash, push_entry};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Server;

/// A running server that passes requests on, but for what it was told to change.
pub(crate) struct Tampering {
    address: SocketAddr,
    state: Shared,
    serving: JoinHandle<()>,
}

type Shared = Arc<Mutex<Changes>>;

/// By the part of a path behind `/logs/`.
#[derive(Default)]
struct Changes {
    behind: String,
    changes: HashMap<String, Change>,
}

#[derive(Clone)]
enum Change {
    /// Flips a bit of the answer.
    Flip(usize),
    Drop,
    Replace(Vec<u8>),
}

impl Tampering {
    pub(crate) async fn start(server: &Server) -> Self {
        let state: Shared = Arc::default();
        state.lock().unwrap().behind = server.url("");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass_on).with_state((server.client.clone(), state.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells the truth again.
    pub(crate) fn honest(&self) {
        self.state.lock().unwrap().changes.clear();
    }

    /// Flips one bit of what is under a path, and nothing else.
    pub(crate) fn flip(&self, path: &str, bit: usize) {
        self.honest();
        self.change(path, Change::Flip(bit));
    }

    /// Has nothing under a path.
    pub(crate) fn drop_path(&self, path: &str) {
        self.change(path, Change::Drop);
    }

    /// Serves other bytes under a path.
    pub(crate) fn replace(&self, path: &str, bytes: &[u8]) {
        self.change(path, Change::Replace(bytes.to_vec()));
    }

    /// Serves a log of these leaves in place of the real one: rewritten from its first entry on, and signed anew
    /// with the log's own key.
    pub(crate) fn forge_site(&self, site: &str, leaves: &[Vec<u8>], key: &SigningKey) {
        self.honest();
        let prefix = |path: String| format!("{site}/{path}");
        let mut edge = RightEdge::new();
        let mut tiles: HashMap<(u8, u64), Vec<u8>> = HashMap::new();
        for leaf in leaves {
            edge.push_with(leaf_hash(leaf), |level, index, hash| {
                if level % 8 == 0 {
                    tiles.entry((level / 8, index / 256)).or_default().extend(hash.as_bytes());
                }
            });
        }
        for ((level, index), hashes) in tiles {
            let tile = Tile::new(level, index, u16::try_from(hashes.len() / 32).unwrap()).unwrap();
            self.replace(&prefix(tile.path()), &hashes);
        }
        for (index, part) in (0..).zip(leaves.chunks(256)) {
            let mut bundle = Vec::new();
            for leaf in part {
                push_entry(&mut bundle, leaf).unwrap();
            }
            let path = Bundle::new(index, u16::try_from(part.len()).unwrap()).unwrap().path();
            self.replace(&prefix(path), &bundle);
        }
        let note = Checkpoint::new(key.name(), edge.size(), edge.root()).unwrap().sign(key).unwrap();
        self.replace(&prefix("checkpoint".to_owned()), note.as_bytes());
    }

    fn change(&self, path: &str, change: Change) {
        self.state.lock().unwrap().changes.insert(path.to_owned(), change);
    }
}

impl Drop for Tampering {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(State((client, state)): State<(reqwest::Client, Shared)>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (url, change) = {
        let state = state.lock().unwrap();
        let change = path.strip_prefix("/logs/").and_then(|path| state.changes.get(path)).cloned();
        (format!("{}{path}", state.behind), change)
    };
    let mut passed = client.get(url);
    for (name, value) in request.headers().iter().filter(|(name, _)| *name == "authorization") {
        passed = passed.header(name, value);
    }
    if let Some(Change::Replace(bytes)) = change {
        return bytes.into_response();
    }
    let answer = passed.send().await.unwrap();
    let status = answer.status();
    let mut bytes = answer.bytes().await.unwrap().to_vec();
    match change {
        None | Some(Change::Replace(_)) => {}
        Some(Change::Drop) => return StatusCode::NOT_FOUND.into_response(),
        Some(Change::Flip(bit)) => {
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    (status, bytes).into_response()
}
