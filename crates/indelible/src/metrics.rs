//! What a running server counts about itself, for monitoring. `api/metrics.rs` tells it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the times that are counted, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What is counted of commits. Clones count into the same.
#[derive(Clone, Debug)]
pub struct Commits {
    /// Entries that are in a log since this process started.
    pub appended: Counter,
    /// Entries that were in their log already.
    pub known: Counter,
    /// Entries that were refused when their turn came. What does not read gets no turn.
    pub refused: Counter,
    /// How long a commit took, from the batch to its published heads.
    pub seconds: Histogram,
}

impl Default for Commits {
    fn default() -> Self {
        let [appended, known, refused] = std::array::from_fn(|_| Counter::default());
        Self { appended, known, refused, seconds: Histogram::new(SECONDS) }
    }
}

/// A kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    /// As it is declared, with names for what varies: the number of values is bounded.
    route: String,
}

/// A kind of answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: String,
    route: String,
    status: u16,
}

/// What is counted of requests. Clones count into the same.
#[derive(Clone, Debug)]
pub struct Requests {
    answers: Family<Answer, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        Self { answers: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }
}

impl Requests {
    /// Counts a request by the route that it matched, if it matched one, and how long it was until its answer began.
    pub fn count(&self, method: &str, route: Option<&str>, status: u16, time: Duration) {
        // Anybody may make up methods and addresses; each would be kept for ever.
        let is_known = matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS");
        let method = if is_known { method } else { "other" }.to_owned();
        let route = route.unwrap_or("none").to_owned();
        let answer = Answer { method: method.clone(), route: route.clone(), status };
        self.answers.get_or_create(&answer).inc();
        self.seconds.get_or_create(&Route { method, route }).observe(time.as_secs_f64());
    }
}

/// What the process has counted since it started. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Its requests.
    pub requests: Requests,
}

impl Metrics {
    /// Metrics of a process with a committer that counts here.
    #[must_use]
    pub fn new(commits: &Commits) -> Self {
        let requests = Requests::default();
        let mut registry = Registry::with_prefix("indelible");
        let Commits { appended, known, refused, seconds } = commits.clone();
        registry.register("entries_appended", "Entries that this process has added to a log", appended);
        registry.register("entries_known", "Entries that were sent again and are in their log once", known);
        registry.register("entries_refused", "Entries that did not get into their log", refused);
        registry.register(
            "commit_seconds",
            "How long commits took until their entries were durable",
            seconds,
        );
        registry.register("http_requests", "Requests by route and status", requests.answers.clone());
        let seconds = requests.seconds.clone();
        registry.register("http_request_seconds", "How long requests took until their answer began", seconds);
        Self { registry: Arc::new(registry), requests }
    }

    /// What was counted.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("requests", &self.requests).finish_non_exhaustive()
    }
}
