//! Whether an ID token proves who somebody is (OpenID Connect Core 1.0 §3.1.3.7).

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value as Json;

use super::{Refusal, same};
use crate::clock;

/// The ways of signing that prove something: with a key that only the provider has. `none` is no way, and what is
/// signed with a shared secret could be of whoever knows it.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Seconds by which the provider's clock may differ from ours.
const LEEWAY_SECONDS: i64 = 60;

/// Bytes of a token, at most.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// The id of the key that a token says to be signed with.
pub(super) fn key_id(token: &str) -> Option<String> {
    decode_header(token).ok()?.kid
}

/// Whether a key is among these.
pub(super) fn has_key(keys: &[Jwk], id: Option<&str>) -> bool {
    candidates(keys, id).next().is_some()
}

/// The claims of a token that is signed by the provider, for us, now, and as the answer to our question.
pub(super) fn verified(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Json, Refusal> {
    let claims = signed(token, keys)?;
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Refusal::Issuer);
    }
    if !is_for(&claims, expected.client_id) {
        return Err(Refusal::Audience);
    }
    let now = clock::now().as_second();
    let seconds = |name: &str| claims.get(name).and_then(Json::as_f64).map(whole);
    let ends = seconds("exp").ok_or(Refusal::Malformed)?;
    if ends <= now.saturating_sub(LEEWAY_SECONDS) {
        return Err(Refusal::Expired);
    }
    let starts = seconds("iat").ok_or(Refusal::Malformed)?.max(seconds("nbf").unwrap_or(i64::MIN));
    if starts > now.saturating_add(LEEWAY_SECONDS) {
        return Err(Refusal::Early);
    }
    if !text("nonce").is_some_and(|nonce| same(nonce, expected.nonce)) {
        return Err(Refusal::Nonce);
    }
    Ok(claims)
}

/// The claims of a token that one of the keys has signed. What they say is looked at by [`verified`]: the numbers of
/// our JSON reader are of any size, which the library's own look at times does not know.
fn signed(token: &str, keys: &[Jwk]) -> Result<Json, Refusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refusal::Malformed);
    }
    // `none` is no algorithm that the library knows.
    let header = decode_header(token).map_err(|_| Refusal::Algorithm)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Refusal::Algorithm);
    }
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let mut refusal = Refusal::Key;
    for key in candidates(keys, header.kid.as_deref()) {
        let named = key.common.key_algorithm.map(|algorithm| algorithm.to_string());
        if named.is_some_and(|named| named != format!("{:?}", header.alg)) {
            refusal = Refusal::Algorithm;
            continue;
        }
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        match decode::<Json>(token, &key, &validation) {
            Ok(token) => return Ok(token.claims),
            Err(_) => refusal = Refusal::Signature,
        }
    }
    Err(refusal)
}

/// The keys with which a token may be signed: the one that it names, or each where it names none.
fn candidates<'a>(keys: &'a [Jwk], id: Option<&'a str>) -> impl Iterator<Item = &'a Jwk> {
    let signs =
        |key: &&Jwk| key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    keys.iter().filter(signs).filter(move |key| id.is_none() || key.common.key_id.as_deref() == id)
}

/// Whether a token is for this client: it is among the audience, and who asked for it where that is said or unclear.
fn is_for(claims: &Json, client_id: &str) -> bool {
    let (named, others) = match claims.get("aud") {
        Some(Json::String(one)) => (one == client_id, false),
        Some(Json::Array(many)) => (many.iter().any(|one| one.as_str() == Some(client_id)), many.len() > 1),
        _ => return false,
    };
    let asked = claims.get("azp").map(|azp| azp.as_str() == Some(client_id));
    named && asked.unwrap_or(!others)
}

/// Whole seconds; a time that is none is long ago or far away.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn for_whom_a_token_is() {
        for (claims, is_ours) in [
            (json!({"aud": "us"}), true),
            (json!({"aud": ["us"]}), true),
            (json!({"aud": ["us"], "azp": "us"}), true),
            (json!({"aud": ["us", "them"], "azp": "us"}), true),
            (json!({"aud": ["us", "them"]}), false),
            (json!({"aud": ["us", "them"], "azp": "them"}), false),
            (json!({"aud": "us", "azp": "them"}), false),
            (json!({"aud": "them"}), false),
            (json!({"aud": []}), false),
            (json!({"aud": {"us": true}}), false),
            (json!({}), false),
        ] {
            assert_eq!(is_for(&claims, "us"), is_ours, "{claims}");
        }
    }
}
