//! Asking the provider: what it is like, for which keys it stands, and what a code is worth.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::Jwk;
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use tokio::sync::Mutex;
use url::Url;

use super::{OidcError, Refusal, Registration, id_token, is_safe};

/// How long a provider has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer, at most.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Keys that are kept, at most.
const KEYS_MAX: usize = 100;

/// How long what a provider says of itself is believed.
const KNOWN_FOR: Duration = Duration::from_hours(1);

/// How long after it was asked a provider is not asked again, neither for keys that it did not list nor after a
/// failure: whoever makes up keys must not have us ask without end.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What a provider says of itself (OpenID Connect Discovery 1.0 §3).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    #[serde(deserialize_with = "address")]
    pub(super) authorization_endpoint: Url,
    #[serde(deserialize_with = "address")]
    token_endpoint: Url,
    #[serde(deserialize_with = "address")]
    jwks_uri: Url,
    #[serde(default, deserialize_with = "address_or_none")]
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn address_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| Url::parse(&text)).transpose().map_err(serde::de::Error::custom)
}

/// What is known of a provider.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) metadata: Arc<Metadata>,
    keys: Arc<[Jwk]>,
}

/// A provider, and what is remembered of it.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    known: Option<Known>,
    asked: Option<Instant>,
    failure: Option<String>,
}

/// What a code was exchanged for.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: Option<String>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Json>,
}

/// It follows no redirects: a secret goes where it was addressed to.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let agent = concat!("indelible/", env!("CARGO_PKG_VERSION"));
    let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).user_agent(agent);
    client.no_proxy().build().map_err(|error| error.to_string())
});

impl Provider {
    pub(super) fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), memory: Mutex::default() }
    }

    /// What is known of the provider, asked for anew where that was long ago.
    pub(super) async fn known(&self) -> Result<Known, OidcError> {
        self.known_or_asked(KNOWN_FOR).await
    }

    /// The provider's keys; asked for anew where the one that signed a token is not among those that are known.
    pub(super) async fn keys_for(&self, token: &str) -> Result<Arc<[Jwk]>, OidcError> {
        let id = id_token::key_id(token);
        let known = self.known().await?;
        if id_token::has_key(&known.keys, id.as_deref()) {
            return Ok(known.keys);
        }
        Ok(self.known_or_asked(ASKED_AGAIN_AFTER).await?.keys)
    }

    /// Whoever comes while it is asked waits for that answer.
    async fn known_or_asked(&self, at_most: Duration) -> Result<Known, OidcError> {
        let mut memory = self.memory.lock().await;
        let age = memory.asked.map(|asked| asked.elapsed());
        if let (Some(known), Some(age)) = (&memory.known, age)
            && age < at_most
        {
            return Ok(known.clone());
        }
        if let (Some(failure), Some(age)) = (&memory.failure, age)
            && age < ASKED_AGAIN_AFTER
        {
            return Err(OidcError::Provider(failure.clone()));
        }
        let asked = self.ask().await;
        memory.asked = Some(Instant::now());
        match asked {
            Ok(known) => {
                *memory = Memory { known: Some(known.clone()), failure: None, ..*memory };
                Ok(known)
            }
            Err(error) => {
                let failure =
                    if let OidcError::Provider(failure) = error { failure } else { error.to_string() };
                *memory = Memory { known: None, failure: Some(failure.clone()), ..*memory };
                Err(OidcError::Provider(failure))
            }
        }
    }

    async fn ask(&self) -> Result<Known, OidcError> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = json(client()?.get(&address), &address).await?;
        // Discovery §4.3: else whoever is at that address would speak for others.
        if metadata.issuer != self.issuer {
            let reason =
                format!("at {} says to be {}: the setting must be the same", self.issuer, metadata.issuer);
            return Err(OidcError::Provider(reason));
        }
        let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if let Some(unsafe_one) =
            endpoints.into_iter().chain(&metadata.userinfo_endpoint).find(|url| !is_safe(url))
        {
            return Err(OidcError::Provider(format!("has an address without TLS: {unsafe_one}")));
        }
        let keys: Keys = json(client()?.get(metadata.jwks_uri.clone()), metadata.jwks_uri.as_str()).await?;
        // Keys of kinds that are not known here are none of ours.
        let keys = keys.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value(key).ok());
        Ok(Known { keys: keys.collect(), metadata: Arc::new(metadata) })
    }

    /// What a code is worth (OpenID Connect Core §3.1.3).
    pub(super) async fn exchange(
        &self,
        registration: &Registration,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Tokens, OidcError> {
        let metadata = self.known().await?.metadata;
        let address = metadata.token_endpoint.as_str();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = client()?.post(address);
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let takes = |method: &str| methods.is_none_or(|methods| methods.iter().any(|known| known == method));
        match &registration.client_secret {
            // RFC 6749 §2.3.1: both are form-encoded first.
            Some(secret) if takes("client_secret_basic") => {
                request = request.basic_auth(encoded(&registration.client_id), Some(encoded(secret)));
            }
            Some(secret) => {
                form.extend([("client_id", registration.client_id.as_str()), ("client_secret", secret)]);
            }
            None => form.push(("client_id", registration.client_id.as_str())),
        }
        let body = serde_urlencoded::to_string(&form).unwrap_or_default();
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        let response = request.send().await.map_err(|error| unreachable(address, &error))?;
        if response.status().is_client_error() {
            return Err(declined(address, response).await);
        }
        read(response, address).await
    }

    /// What the provider says of whoever the access token is of; nothing where it has no such place.
    pub(super) async fn user_information(&self, access_token: &str) -> Result<Json, OidcError> {
        let Some(url) = self.known().await?.metadata.userinfo_endpoint.clone() else { return Ok(Json::Null) };
        json(client()?.get(url.clone()).bearer_auth(access_token), url.as_str()).await
    }
}

/// The provider refuses a code that it does not know (RFC 6749 §5.2); any other refusal is a mistake of ours.
async fn declined(address: &str, response: Response) -> OidcError {
    #[derive(Deserialize)]
    struct Declined {
        error: String,
    }
    let status = response.status();
    let declined: Result<Declined, _> = parse(response, address).await;
    match declined {
        Ok(Declined { error }) if error == "invalid_grant" => Refusal::Code.into(),
        Ok(Declined { error }) => {
            let error: String = error.chars().filter(|c| !c.is_control()).take(100).collect();
            OidcError::Provider(format!("refuses this server: {error} ({status} from {address})"))
        }
        Err(_) => OidcError::Provider(format!("refuses this server: {status} from {address}")),
    }
}

fn client() -> Result<&'static Client, OidcError> {
    CLIENT.as_ref().map_err(|reason| OidcError::Provider(format!("cannot be asked: {reason}")))
}

async fn json<T: DeserializeOwned>(request: RequestBuilder, address: &str) -> Result<T, OidcError> {
    let request = request.header("Accept", "application/json");
    read(request.send().await.map_err(|error| unreachable(address, &error))?, address).await
}

async fn read<T: DeserializeOwned>(response: Response, address: &str) -> Result<T, OidcError> {
    if response.status() != StatusCode::OK {
        return Err(OidcError::Provider(format!("answers {} at {address}", response.status())));
    }
    parse(response, address).await
}

async fn parse<T: DeserializeOwned>(mut response: Response, address: &str) -> Result<T, OidcError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(address, &error))? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(OidcError::Provider(format!("answers with more than 1 MiB at {address}")));
        }
        bytes.extend_from_slice(&chunk);
    }
    // What it says may hold secrets: only that it does not read is told.
    serde_json::from_slice(&bytes)
        .map_err(|_| OidcError::Provider(format!("answers with something unexpected at {address}")))
}

fn unreachable(address: &str, error: &reqwest::Error) -> OidcError {
    // The innermost cause says most: "connection refused".
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    OidcError::Provider(format!("cannot be reached at {address}: {cause}"))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
