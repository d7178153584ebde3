//! The dialects, as the clients of the other systems see them.

mod aem_access;
mod aem_contract;
mod aem_hostile;
mod aem_pages;
mod aem_posts;
mod aem_records;
mod cms_entity;
mod cms_list;
mod cms_revert;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::Server;

/// The log of `acme.www`, in the older form.
const LOG: &str = "/log/acme/www/main";

/// What an answer of the AEM dialect says.
struct Answer {
    status: u16,
    error: Option<String>,
    kind: Option<String>,
    body: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            // Latin-1, as in JavaScript.
            Some(value.as_bytes().iter().map(|byte| char::from(*byte)).collect())
        };
        let (error, kind) = (header("x-error"), header("content-type"));
        Self { status: response.status().as_u16(), error, kind, body: response.text().await.unwrap() }
    }

    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{:?} {}", self.error, self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn get(server: &Server, path: &str) -> Answer {
    Answer::of(server.request(Method::GET, path).send().await.unwrap()).await
}

/// The entries of `acme.www` with these parameters.
async fn entries(server: &Server, query: &str) -> Vec<Value> {
    get(server, &format!("{LOG}?{query}")).await.json()["entries"].as_array().unwrap().clone()
}

async fn post(server: &Server, body: &str) -> Answer {
    let request = server.request(Method::POST, LOG).header("content-type", "application/json");
    Answer::of(request.body(body.to_owned()).send().await.unwrap()).await
}

/// Posts records, which must be taken.
async fn posted(server: &Server, records: &[&str]) {
    for records in records.chunks(10) {
        let answer = post(server, &format!(r#"{{"entries":[{}]}}"#, records.join(","))).await;
        assert_eq!((answer.status, answer.body.as_str()), (201, ""), "{:?}", answer.error);
    }
}

/// An operation's entry over our own API.
fn operation(time: &str, path: &str) -> Value {
    json!({
        "occurred_at": time, "action": "aem.preview", "actor": {"type": "user", "email": "ana@example.com"},
        "entity": {"type": "page", "id": path}, "origin": {"route": "preview", "method": "POST", "path": path},
    })
}

/// Appends entries over our own API, all of which must be taken.
async fn appended(server: &Server, entries: &[Value]) {
    for entries in entries.chunks(1000) {
        let (status, result) = server.append(json!(entries).to_string()).await;
        assert_eq!((status.as_u16(), &result["rejected"]), (200, &json!(0)), "{result}");
    }
}

fn paths(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["path"].as_str().unwrap()).collect()
}
