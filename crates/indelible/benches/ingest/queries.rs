//! Asking for entries.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::http::Connection;
use crate::server::Server;

/// Times that each question is asked, each time for something else.
const TIMES: usize = 300;
/// The same for questions about everything there is.
const TIMES_LONG: usize = 20;

/// A question, its address by the number of the time.
struct Question {
    what: &'static str,
    times: usize,
    address: fn(usize) -> String,
}

const WORDS: [&str; 8] =
    ["harbour", "winter", "festival", "library", "museum", "bridge", "concert", "kitchen"];
const ACTIONS: [&str; 3] = ["wagtail.edit", "wagtail.publish", "media.upload"];

fn word(place: usize) -> &'static str {
    WORDS.get(place % WORDS.len()).copied().unwrap_or_default()
}

fn action(place: usize) -> &'static str {
    ACTIONS.get(place % ACTIONS.len()).copied().unwrap_or_default()
}

const QUESTIONS: [Question; 11] = [
    Question { what: "newest page of 50 over HTTP", times: TIMES, address: |_| "/entries".to_owned() },
    Question {
        what: "  three filters: actor, action, type",
        times: TIMES,
        address: |n| format!("/entries?user={}&action={}&entity_type=page", n % 300, action(n)),
    },
    Question {
        what: "  three filters: IP network, changed, outcome",
        times: TIMES,
        address: |n| format!("/entries?q=ip:203.0.113.{}/30+changed:body+outcome:success", n % 250),
    },
    Question {
        what: "  three filters, one inside the state",
        times: TIMES,
        address: |n| format!("/entries?q=after.status:published+after.revision:{}+kind:update", n % 90),
    },
    Question {
        what: "  two words of text",
        times: TIMES,
        address: |n| format!("/entries?q={}+{}", word(n), word(n / 8 + 1)),
    },
    Question {
        what: "  two words and a filter that finds one in a million",
        times: TIMES,
        address: |n| format!("/entries?q={}+{}+entity.id:{n}+actor.id:{}", word(n), word(n + 3), n % 300),
    },
    Question {
        what: "  history of an entity",
        times: TIMES,
        address: |n| format!("/entities/page/{}/history", n * 37 % 40_000),
    },
    Question {
        what: "  sorted by user, filtered by action",
        times: TIMES_LONG,
        address: |n| format!("/entries?sort=user&action={}", action(n)),
    },
    Question {
        what: "  part of a word: *arbou*",
        times: TIMES_LONG,
        address: |n| format!("/entries?q=*{}*", word(n).get(1..5).unwrap_or_default()),
    },
    Question {
        what: "exact count of a filter",
        times: TIMES_LONG,
        address: |n| format!("/entries?limit=1&count=exact&action={}&q={}", action(n), word(n)),
    },
    Question {
        what: "three facets and a histogram by day",
        times: TIMES_LONG,
        address: |_| "/facets?fields=actor,action,entity_type&histogram=day".to_owned(),
    },
];

/// Asks everything, and returns how long each answer took.
pub(crate) async fn all(server: &Server, secret: &str) -> Outcome<Vec<(&'static str, Vec<Duration>)>> {
    let mut connection = Connection::open(server.address, secret.to_owned()).await?;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let mut latencies = Vec::with_capacity(question.times);
        for time in 0..question.times {
            let address = (question.address)(time);
            let asked = Instant::now();
            connection.get(&address).await?;
            latencies.push(asked.elapsed());
        }
        answers.push((question.what, latencies));
    }
    Ok(answers)
}

/// Exports a part of the entries, and returns how many and how long it took.
pub(crate) async fn export(server: &Server, secret: &str) -> Outcome<(usize, Duration)> {
    let mut connection = Connection::open(server.address, secret.to_owned()).await?;
    let started = Instant::now();
    let lines = connection.stream("/export?format=ndjson&q=action:page.update").await?;
    Ok((lines, started.elapsed()))
}
