//! What every page shares: who looks at it, the frame around it, and what is shown when it fails.

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use model::{Permission, Role};

use super::assets;
use super::view::{Account, ErrorPage, Frame, SiteLink, Tab, url};
use crate::access::{Caller, Denied};
use crate::api::{App, Noted, Problem, origin_of, session_of};
use crate::mounted::Prefix;
use crate::store::Site;

/// Nothing is loaded from elsewhere, nothing runs but this server's own files, nothing frames a page.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
                              img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Sites that the switcher carries; who sees more finds the others in the list of sites.
const SWITCHER_SITES_MAX: usize = 200;

/// Somebody looking at a page.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) caller: Caller,
    pub(super) public_url: String,
    request_id: Option<String>,
    is_demo: bool,
    has_session: bool,
    /// Where it is put down what was read.
    pub(super) noted: Noted,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    /// Who is not signed in is led to the sign-in page and back.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let session = session_of(app, &parts.headers);
        let prefix = parts.extensions.get::<Prefix>().map(|prefix| prefix.0.clone()).unwrap_or_default();
        match app.gate.caller(None, session) {
            Ok(caller) => {
                let caller = Caller { from: Some(origin_of(parts)), ..caller };
                Noted::caller(parts, &caller);
                Ok(Self {
                    caller,
                    noted: parts.extensions.get::<Noted>().cloned().unwrap_or_default(),
                    public_url: app.public_url_under(&parts.headers, &prefix),
                    request_id: request_id(&parts.headers),
                    is_demo: app.gate.visitor().is_some(),
                    has_session: session.is_some(),
                })
            }
            Err(Denied::Unauthenticated) => {
                // What was posted is lost with the session, and its address is no page to come back to.
                let page = parts.uri.path_and_query().filter(|_| parts.method != Method::POST);
                let here = page.map_or("/", |path| path.as_str());
                let ended = if session.is_some() { "ended" } else { "" };
                let pairs = [("next", if here == "/" { "" } else { here }), ("was", ended)];
                Err(Redirect::to(&url::with_query(url::SIGN_IN, &pairs)).into_response())
            }
            Err(denied) => Err(failure(Frame::default(), &denied.into(), None)),
        }
    }
}

impl Visit {
    /// The frame of a page about a site, or about the network. Blocks.
    pub(super) fn frame(&self, app: &App, title: &str, site: Option<&Site>, tab: &str) -> Frame {
        let scope = self.caller.scope(app.indelible.sites());
        let mut sites = scope.map(|scope| scope.all()).unwrap_or_default();
        sites.sort_by_key(|site| site.id.is_system());
        let has_network = sites.len() > 1;
        let tabs = match site {
            Some(site) => {
                let id = site.id.as_str();
                let configures =
                    self.caller.on_site(Permission::Configure, id, app.indelible.sites()).is_ok();
                Tab::of_site(id, configures, tab)
            }
            None => Tab::of_network(tab),
        };
        Frame {
            sites: sites.iter().take(SWITCHER_SITES_MAX).map(site_link).collect(),
            current_site: site.map(site_link),
            has_network,
            tabs,
            ..self.bare_frame(title)
        }
    }

    fn bare_frame(&self, title: &str) -> Frame {
        Frame {
            title: title.to_owned(),
            assets: assets::addresses(),
            account: Some(Account {
                name: self.caller.name.clone(),
                role: role_words(self.caller.role),
                can_sign_out: self.has_session,
                governs: self.caller.role.may(Permission::Govern),
            }),
            is_demo: self.is_demo,
            ..Frame::default()
        }
    }

    /// Makes a page away from the threads that serve requests, and shows why when it cannot be made.
    pub(super) async fn page<T: Template + Send + 'static>(
        self,
        make: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Response {
        self.page_with(StatusCode::OK, make).await
    }

    /// The same with another status, for a form that comes back with what is wrong with it.
    pub(super) async fn page_with<T: Template + Send + 'static>(
        self,
        status: StatusCode,
        make: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Response {
        let visit = self.clone();
        let made = crate::api::blocking(move || {
            let page = make(&visit)?;
            page.render().map_err(|error| Problem::internal(&error))
        })
        .await;
        match made {
            Ok(text) => html(status, text),
            Err(problem) => self.failed(&problem),
        }
    }

    /// A page that says why there is none.
    pub(super) fn failed(&self, problem: &Problem) -> Response {
        failure(self.bare_frame(""), problem, self.request_id.as_deref())
    }

    /// Whether the caller may read at all; a writer's token opens no page.
    pub(super) fn may_read(&self) -> Result<(), Problem> {
        self.caller.may(Permission::Read).map_err(Problem::from)
    }
}

/// The page for an address that leads nowhere.
pub(super) async fn nothing_here(State(_): State<App>, visit: Visit) -> Response {
    visit.failed(&Problem::not_found("there is nothing at this address"))
}

/// Renders a page that needs nobody to be signed in.
pub(super) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => html(status, text),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// A frame for somebody who is not signed in.
pub(super) fn stranger_frame(app: &App, title: &str) -> Frame {
    Frame {
        title: title.to_owned(),
        assets: assets::addresses(),
        is_demo: app.gate.visitor().is_some(),
        ..Frame::default()
    }
}

pub(super) fn failure(frame: Frame, problem: &Problem, request_id: Option<&str>) -> Response {
    let status = problem.status();
    let page = match status {
        StatusCode::NOT_FOUND => ErrorPage::not_found(frame),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ErrorPage::no_permission(frame, problem.detail()),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => ErrorPage::unavailable(frame),
        status if status.is_client_error() => ErrorPage::bad_request(frame, problem.detail()),
        _ => ErrorPage::internal(frame),
    };
    let page = match request_id {
        Some(id) => page.with_request_id(id),
        None => page,
    };
    render(status, &page)
}

fn html(status: StatusCode, text: String) -> Response {
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, private"));
    response
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn site_link(site: &Site) -> SiteLink {
    SiteLink::new(site.id.as_str(), &site.name)
}

pub(super) fn role_words(role: Role) -> String {
    let words = match role {
        Role::SuperAdmin => "Super admin",
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Auditor => "Auditor",
        Role::Writer => "Writer",
        Role::Aem(role) => return format!("AEM {}", role.as_str().replace('_', " ")),
    };
    words.to_owned()
}
