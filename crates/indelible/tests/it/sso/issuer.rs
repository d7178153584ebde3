//! An identity provider of the tests' own, that can be told to lie.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(super) const CLIENT_ID: &str = "indelible";
pub(super) const CLIENT_SECRET: &str = "hush: 100%";

/// A running provider.
pub(super) struct Issuer {
    pub(super) url: String,
    state: Shared,
    serving: JoinHandle<()>,
}

type Shared = Arc<Mutex<Provider>>;

/// How an ID token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    WithOwnKey,
    /// With a key that is not listed, under its own name.
    WithUnlistedKey,
    /// With a key that is not listed, under the name of one that is.
    UnderAnothersName,
    /// With none at all.
    None,
    /// With what is public, as if it were a secret.
    WithPublicKeyAsSecret,
    /// And then changed.
    Changed,
}

struct Provider {
    url: String,
    signing: Signing,
    own: Key,
    unlisted: Key,
    lie: fn(&mut Value),
    metadata: fn(&mut Value),
    user_information: Value,
    codes: HashMap<String, HashMap<String, String>>,
    /// How often each thing was asked for.
    asked: HashMap<&'static str, u32>,
}

struct Key {
    name: String,
    private: EncodingKey,
    public: Jwk,
}

impl Key {
    fn new(name: &str) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        public.common.key_id = Some(name.to_owned());
        Self { name: name.to_owned(), private: key, public }
    }
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let state = Arc::new(Mutex::new(Provider {
            url: url.clone(),
            signing: Signing::WithOwnKey,
            own: Key::new("one"),
            unlisted: Key::new("two"),
            lie: |_| (),
            metadata: |_| (),
            user_information: json!({"sub": "ana"}),
            codes: HashMap::new(),
            asked: HashMap::new(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/user", get(user))
            .with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, serving }
    }

    /// Has it lie from here on: in the claims, and in how it signs.
    pub(super) fn lies(&self, signing: Signing, lie: fn(&mut Value)) {
        let mut state = self.state.lock().unwrap();
        (state.signing, state.lie) = (signing, lie);
    }

    /// Has it say something else of itself.
    pub(super) fn is(&self, metadata: fn(&mut Value)) {
        self.state.lock().unwrap().metadata = metadata;
    }

    pub(super) fn says_of_user(&self, information: Value) {
        self.state.lock().unwrap().user_information = information;
    }

    /// Signs with another key from here on, and lists that one only.
    pub(super) fn rotates(&self, name: &str) {
        self.state.lock().unwrap().own = Key::new(name);
    }

    pub(super) fn asked_for(&self, what: &str) -> u32 {
        self.state.lock().unwrap().asked.get(what).copied().unwrap_or_default()
    }

    /// What a user who agrees is sent back with.
    pub(super) fn agrees(&self, question: &HashMap<String, String>) -> Vec<(String, String)> {
        let mut state = self.state.lock().unwrap();
        let code = format!("code {}", state.codes.len());
        state.codes.insert(code.clone(), question.clone());
        vec![("code".to_owned(), code), ("state".to_owned(), question["state"].clone())]
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    fn ask(&mut self, what: &'static str) {
        *self.asked.entry(what).or_default() += 1;
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = indelible::clock::now().as_second();
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "sub": "ana", "iat": now, "exp": now + 300, "nonce": nonce,
            "preferred_username": "ana", "roles": ["auditor:acme.www", "everybody"],
        });
        (self.lie)(&mut claims);
        let key = if self.signing == Signing::WithUnlistedKey || self.signing == Signing::UnderAnothersName {
            &self.unlisted
        } else {
            &self.own
        };
        let name = if self.signing == Signing::UnderAnothersName { &self.own.name } else { &key.name };
        let header = Header { kid: Some(name.clone()), ..Header::new(Algorithm::ES256) };
        let signed = encode(&header, &claims, &key.private).unwrap();
        let by_hand = |header: Value, claims: &Value| {
            [header.to_string(), claims.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
        };
        match self.signing {
            Signing::WithOwnKey | Signing::WithUnlistedKey | Signing::UnderAnothersName => signed,
            Signing::None => format!("{}.", by_hand(json!({"alg": "none", "kid": name}), &claims)),
            Signing::WithPublicKeyAsSecret => {
                let secret = EncodingKey::from_secret(serde_json::to_string(&key.public).unwrap().as_bytes());
                let header = Header { kid: Some(name.clone()), ..Header::new(Algorithm::HS256) };
                encode(&header, &claims, &secret).unwrap()
            }
            Signing::Changed => {
                let signature = signed.rsplit('.').next().unwrap();
                claims["roles"] = json!(["super_admin"]);
                format!("{}.{signature}", by_hand(json!({"alg": "ES256", "kid": name}), &claims))
            }
        }
    }
}

async fn discovery(State(state): State<Shared>) -> Json<Value> {
    let mut state = state.lock().unwrap();
    state.ask("discovery");
    let url = &state.url;
    let mut metadata = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize?tenant=1"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/keys"),
        "userinfo_endpoint": format!("{url}/user"),
    });
    (state.metadata)(&mut metadata);
    Json(metadata)
}

async fn keys(State(state): State<Shared>) -> Json<Value> {
    let mut state = state.lock().unwrap();
    state.ask("keys");
    let odd = json!({"kty": "lattice", "kid": "odd"});
    Json(json!({"keys": [odd, serde_json::to_value(&state.own.public).unwrap()]}))
}

/// Strict: everything must be as the question was.
async fn token(State(state): State<Shared>, headers: HeaderMap, body: String) -> (StatusCode, Json<Value>) {
    let mut state = state.lock().unwrap();
    state.ask("token");
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    // RFC 6749 §2.3.1: encoded as in a form before it is encoded for the header.
    let encoded: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{encoded}")));
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(basic.as_str()) {
        return refuse("invalid_client");
    }
    let form: HashMap<String, String> = serde_urlencoded::from_str(&body).unwrap();
    let Some(question) = state.codes.remove(&form["code"]) else { return refuse("invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    if challenge != question["code_challenge"] || form["redirect_uri"] != question["redirect_uri"] {
        return refuse("invalid_grant");
    }
    let answer = json!({
        "access_token": "access", "token_type": "Bearer", "expires_in": 60,
        "id_token": state.id_token(&question["nonce"]),
    });
    (StatusCode::OK, Json(answer))
}

async fn user(State(state): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let mut state = state.lock().unwrap();
    state.ask("user");
    if headers.get("authorization").is_none_or(|value| value != "Bearer access") {
        return (StatusCode::UNAUTHORIZED, Json(Value::Null));
    }
    (StatusCode::OK, Json(state.user_information.clone()))
}
