//! The page that people look at most, as a browser asks for it.

use std::time::Instant;

use indelible::access::{Caller, Gate};
use indelible::api::App;
use indelible::server;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::common::{Installation, Outcome};
use crate::{TIMES, middle_and_worst, word};

/// What is looked at.
pub(crate) const PAGES: [&str; 3] = ["newest entries", "one person's", "two words"];

/// For each of [`PAGES`], the middle and nearly the worst of the times from a request to the last byte of the page, in
/// milliseconds.
pub(crate) fn activity(runtime: &Runtime, installation: &Installation) -> Outcome<[(f64, f64); 3]> {
    let indelible = installation.indelible.clone();
    let site = installation.site.id.to_string();
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let page = format!("http://{}/sites/{site}", listener.local_addr()?);
        let gate = Gate::with_visitor(indelible.store().clone(), Caller::local("bench"));
        let serving =
            tokio::spawn(server::serve(listener, App::new(indelible, gate, None), std::future::pending()));
        let client = reqwest::Client::new();
        let mut times: [Vec<f64>; 3] = Default::default();
        for number in 0..TIMES {
            let queries = [
                String::new(),
                format!("actor.id:{}", number % 300),
                format!("{} {}", word(number), word(number / 6 + 1)),
            ];
            for (query, times) in queries.iter().zip(&mut times) {
                let address = reqwest::Url::parse_with_params(&page, [("q", query)])?;
                let start = Instant::now();
                let answer = client.get(address).send().await?;
                let status = answer.status();
                let text = answer.text().await?;
                times.push(start.elapsed().as_secs_f64() * 1000.0);
                if !status.is_success() || !text.contains("<table") {
                    return Err(format!("{query}: {status}").into());
                }
            }
        }
        serving.abort();
        Ok(times.map(middle_and_worst))
    })
}
