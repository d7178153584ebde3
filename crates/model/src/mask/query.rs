//! Secrets in a URL's query, such as `a=1&token=abc`.

use std::borrow::Cow;

use serde_json::Value;

use super::{MaskRules, Masker, marker};

/// Whether any parameter is secret by its name. True for all queries that have a secret to mask.
pub(super) fn may_have_secrets(query: &str, rules: &MaskRules) -> bool {
    query.split(['&', ';']).any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, _)| rules.is_secret_parameter(&decode_parameter(name)))
    })
}

impl Masker<'_> {
    /// A query with its secrets masked; `None` if it has none.
    pub(super) fn query(&mut self, query: &str) -> Option<String> {
        let masked_before = self.masked;
        let mut out = String::with_capacity(query.len());
        for (index, parameter) in query.split('&').enumerate() {
            if index > 0 {
                out.push('&');
            }
            self.parameters(parameter, &mut out);
        }
        (self.masked > masked_before).then_some(out)
    }

    /// One parameter, or several with `;` between them. A secret's value goes on to the end: what follows a `;`
    /// may be part of it.
    fn parameters(&mut self, mut text: &str, out: &mut String) {
        while let Some((name, value)) = text.split_once('=') {
            out.push_str(name);
            out.push('=');
            let stays = value.is_empty() || self.see_marker(&decode_parameter(value));
            if !stays && self.rules.is_secret_parameter(&decode_parameter(last_parameter(name))) {
                let number = self.number(&Value::from(decode_parameter(value)).to_string());
                let marker = marker(number).replace('[', "%5B").replace(']', "%5D").replace(' ', "%20");
                out.push_str(&marker);
                return;
            }
            let end = value.find(';').map_or(value.len(), |semicolon| semicolon + 1);
            let (value, rest) = value.split_at_checked(end).unwrap_or((value, ""));
            out.push_str(value);
            text = rest;
        }
        out.push_str(text);
    }
}

/// The name right before `=`: others without value may be before it.
fn last_parameter(name: &str) -> &str {
    name.rsplit(';').next().unwrap_or(name)
}

/// A name or value of a query without `%XX` and `+`. What is no UTF-8 then stays as it is.
fn decode_parameter(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.split_at_checked(2))
            .flatten()
            .and_then(|(hex, after)| Some((hex_byte(hex)?, after)));
        let (byte, after) = match escaped {
            Some(escaped) => escaped,
            None if *first == b'+' => (b' ', after),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex_byte(hex: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(hex).ok().filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}
