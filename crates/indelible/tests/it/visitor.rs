//! A browser's requests, without a browser.

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{RequestBuilder, Response};

use crate::support::Server;

/// A browser's requests after signing in with a token.
pub(crate) struct Visitor<'a> {
    server: &'a Server,
    pub(crate) cookie: String,
}

impl<'a> Visitor<'a> {
    pub(crate) async fn sign_in(server: &'a Server, token: &str) -> Self {
        let form = format!("token={token}");
        let response = server.client.post(server.url("/sign-in")).body(form).send().await.unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        Self { server, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.server.client.get(self.server.url(path)).header(COOKIE, &self.cookie);
        request.send().await.unwrap()
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    pub(crate) fn form(&self, path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
        let body = serde_urlencoded::to_string(pairs).unwrap();
        self.server.client.post(self.server.url(path)).header(COOKIE, &self.cookie).body(body)
    }
}
