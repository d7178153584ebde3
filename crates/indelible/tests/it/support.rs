//! A server of the test's own: a real one, on a free port, over a directory that goes with it.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use indelible::access::{Caller, Gate, new_token};
use indelible::api::App;
use indelible::{Indelible, OpenOptions, server};
use model::Role;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::postgres::{Cluster, over_the_store_asked_for};

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    pub(crate) indelible: Indelible,
    pub(crate) address: SocketAddr,
    /// A super admin's token.
    pub(crate) root: String,
    /// One for all requests: making a client costs more than most requests.
    pub(crate) client: Client,
    directory: TempDir,
    _cluster: Option<Arc<Cluster>>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// A server of a new installation with the site `acme.www`.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Self::start_in(directory).await;
        server.create_site("acme.www");
        server
    }

    /// A server of the installation in a directory.
    pub(crate) async fn start_in(directory: TempDir) -> Self {
        Self::start_as(directory, |app| app).await
    }

    /// The same, opened with these options.
    pub(crate) async fn start_with(directory: TempDir, options: &OpenOptions) -> Self {
        Self::serve(directory, options, |app| app).await
    }

    /// The same, with an application that is changed first.
    pub(crate) async fn start_as(directory: TempDir, change: impl FnOnce(App) -> App) -> Self {
        Self::serve(directory, &OpenOptions::default(), change).await
    }

    async fn serve(directory: TempDir, options: &OpenOptions, change: impl FnOnce(App) -> App) -> Self {
        let (options, cluster) = over_the_store_asked_for(directory.path(), options);
        let indelible = Indelible::open(directory.path(), &options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = change(App::new(indelible.clone(), Gate::new(indelible.store().clone()), None));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            server::serve(listener, app, stop).await.unwrap();
        });
        let root = token(&indelible, "root", Role::SuperAdmin, None);
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { indelible, address, root, client, directory, _cluster: cluster, stop: Some(stop), serving }
    }

    /// Stops the server and keeps its directory.
    pub(crate) async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        self.serving.await.unwrap();
        self.directory
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn create_site(&self, id: &str) {
        let indelible = self.indelible.clone();
        let id: model::SiteId = id.parse().unwrap();
        std::thread::spawn(move || indelible.create_site(id.clone(), id.as_str(), &Caller::local("test")))
            .join()
            .unwrap()
            .unwrap();
    }

    /// A token with this role, for one site or all.
    pub(crate) fn token(&self, role: Role, site: Option<&str>) -> String {
        token(&self.indelible, role.as_str(), role, site)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request with a super admin's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(&self.root, method, path)
    }

    /// A request with a token.
    pub(crate) fn request_as(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).header(AUTHORIZATION, format!("Bearer {token}"))
    }

    /// GET that must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Appends to `acme.www`; the body as it is.
    pub(crate) async fn append(&self, body: impl Into<String>) -> (StatusCode, Value) {
        self.post("/api/v1/sites/acme.www/entries", body).await
    }

    /// Appends one entry to `acme.www`, which must be taken, and returns its receipt.
    pub(crate) async fn appended(&self, body: impl Into<String>) -> Value {
        let (status, receipt) = self.append(body).await;
        assert_eq!(status, StatusCode::CREATED, "{receipt}");
        receipt
    }

    /// Number of entries in a site's log.
    pub(crate) async fn size(&self, site: &str) -> u64 {
        let page = self.read(&format!("/api/v1/sites/{site}/entries?count=exact&limit=1")).await;
        page["page"]["total"].as_u64().unwrap()
    }

    /// GET, as JSON.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        json(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// POST of a JSON text, as it is.
    pub(crate) async fn post(&self, path: &str, body: impl Into<String>) -> (StatusCode, Value) {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        json(request.body(body.into()).send().await.unwrap()).await
    }
}

/// Makes a token.
pub(crate) fn token(indelible: &Indelible, name: &str, role: Role, site: Option<&str>) -> String {
    let made = new_token(name, role, site.map(|site| site.parse().unwrap())).unwrap();
    let (indelible, kept) = (indelible.clone(), made.token);
    // The journal's blocking calls must not run on a thread of the async runtime.
    std::thread::spawn(move || indelible.create_token(&kept, &Caller::local("test")))
        .join()
        .unwrap()
        .unwrap();
    made.secret.reveal().to_owned()
}

/// Status and body; a body that is no JSON is a text.
pub(crate) async fn json(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

/// An entry's JSON with these further fields, `,"a":1`.
pub(crate) fn entry(fields: &str) -> String {
    format!(r#"{{"action":"page.update","entity":{{"type":"page","id":"1","title":"Home"}}{fields}}}"#)
}

/// Sends a request that must be refused, and checks that the refusal has the form of the contract: the status,
/// a problem document, its code, and (unless `field` is "-") the first field that is wrong.
#[track_caller]
pub(crate) fn refused(request: RequestBuilder, status: u16, code: &str, field: &str) -> Refused {
    Refused {
        request,
        status,
        code: code.to_owned(),
        field: field.to_owned(),
        caller: std::panic::Location::caller(),
    }
}

/// What [`refused`] expects.
pub(crate) struct Refused {
    request: RequestBuilder,
    status: u16,
    code: String,
    field: String,
    caller: &'static std::panic::Location<'static>,
}

impl IntoFuture for Refused {
    /// The problem document.
    type Output = Value;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Value> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { request, status, code, field, caller } = self;
            let response = request.send().await.unwrap_or_else(|error| panic!("{caller}: {error}"));
            let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
            let (found, problem) = json(response).await;
            let at = format!("{caller}: {problem}");
            assert_eq!(found, status, "{at}");
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{at}");
            assert_eq!(problem["status"], status, "{at}");
            assert_eq!(problem["code"], code, "{at}");
            assert_eq!(problem["type"], format!("urn:indelible:problem:{code}"), "{at}");
            for text in ["title", "detail"] {
                assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{at}");
            }
            if field != "-" {
                assert_eq!(problem["errors"][0]["field"], field, "{at}");
            }
            problem
        })
    }
}
