//! What a witness has seen of us, as it tells anybody (C2SP tlog-witness, "Monitor Retrieval Mechanism").

use reqwest::{StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tlog::Hash;

use super::submit::{Submitter, Unwitnessed, body, under};
use crate::causes::chain;

impl Submitter {
    /// The newest checkpoint with this origin that a witness, by its place in the policy, has cosigned. It is not
    /// verified.
    ///
    /// # Errors
    /// When it does not answer with one.
    pub async fn seen(&self, place: usize, origin: &str) -> Result<String, Unwitnessed> {
        let standing = self.witnesses.standings().get(place).cloned().unwrap_or_default();
        let name = Hash::from_bytes(Sha256::digest(origin).into()).to_string();
        let url: Option<Url> = standing.url.and_then(|url| under(&url, &[&name, "checkpoint"]));
        let Some(url) = url else {
            return Err(Unwitnessed::NotAsked("the policy has no address of it".to_owned()));
        };
        let response = self.client.get(url).send().await;
        let response = response.map_err(|error| Unwitnessed::Answer(chain(&error)))?;
        match response.status() {
            StatusCode::OK => body(response).await,
            status => Err(Unwitnessed::Answer(format!(
                "{status}: it has cosigned nothing of ours, or does not tell what it has"
            ))),
        }
    }
}
