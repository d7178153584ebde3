//! From the text of a column's value to JSON, by the column's type.
//!
//! Numbers keep every digit, JSON stays JSON, arrays become arrays; whatever has no form of its own in JSON is a text as
//! PostgreSQL writes it. `jsonb_populate_record` reads all of it back, which is how a revert puts it back.

use model::json::{self, write_string};

use super::pgoutput::Datum;

/// Types by the object ids that PostgreSQL gives them for ever (`pg_type.dat`).
mod types {
    pub(super) const BOOL: u32 = 16;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const OID: u32 = 26;
    pub(super) const JSON: u32 = 114;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const JSONB: u32 = 3802;
}

/// How deep a value of a column may be within an entry: some levels of the limit are the entry's own.
const DEPTH_MAX: usize = model::limits::JSON_DEPTH_MAX - 4;

/// Appends a value as JSON.
pub(super) fn write(out: &mut String, type_id: u32, datum: Datum<'_>) {
    match datum {
        Datum::Null | Datum::Unchanged => out.push_str("null"),
        Datum::Text(text) => match element_of(type_id) {
            Some(element) => {
                let start = out.len();
                if array(out, element, text).is_none() {
                    out.truncate(start);
                    write_string(out, text);
                }
            }
            None => scalar(out, type_id, text),
        },
    }
}

fn scalar(out: &mut String, type_id: u32, text: &str) {
    match type_id {
        types::BOOL if text == "t" => out.push_str("true"),
        types::BOOL if text == "f" => out.push_str("false"),
        types::INT2
        | types::INT4
        | types::INT8
        | types::OID
        | types::FLOAT4
        | types::FLOAT8
        | types::NUMERIC
            if is_number(text) =>
        {
            out.push_str(text);
        }
        // The type `json` keeps what JSON itself does not allow us to keep: the same name twice.
        types::JSON | types::JSONB => match json::minify(text) {
            Ok(minified) if depth(&minified) <= DEPTH_MAX => out.push_str(&minified),
            _ => write_string(out, text),
        },
        _ => write_string(out, text),
    }
}

/// Whether a text is a number by JSON's grammar (RFC 8259, section 6). `NaN` and `Infinity` are not.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = text.split_at(digits(text));
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return false;
    }
    let rest = match rest.strip_prefix('.') {
        Some(fraction) if digits(fraction) == 0 => return false,
        Some(fraction) => fraction.split_at(digits(fraction)).1,
        None => rest,
    };
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        None => rest.is_empty(),
    }
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The type of an array's elements, for the arrays whose form we know.
const fn element_of(type_id: u32) -> Option<u32> {
    Some(match type_id {
        1000 => types::BOOL,
        1005 => types::INT2,
        1007 => types::INT4,
        1016 => types::INT8,
        1021 => types::FLOAT4,
        1022 => types::FLOAT8,
        1028 => types::OID,
        1231 => types::NUMERIC,
        199 => types::JSON,
        3807 => types::JSONB,
        // Texts, names, characters, dates, times, intervals, UUIDs and addresses.
        1002 | 1003 | 1009 | 1014 | 1015 | 1041 | 651 | 1115 | 1182 | 1183 | 1185 | 1187 | 1270 | 2951 => 25,
        _ => return None,
    })
}

/// Appends an array literal (PostgreSQL documentation, "Array Input and Output Syntax"); `None` where it is not of the
/// common form, such as with bounds of its own.
fn array(out: &mut String, element: u32, text: &str) -> Option<()> {
    let mut parser = Literal { rest: text };
    parser.array(out, element, 0)?;
    parser.rest.is_empty().then_some(())
}

struct Literal<'a> {
    rest: &'a str,
}

impl Literal<'_> {
    fn eat(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    fn array(&mut self, out: &mut String, element: u32, depth: usize) -> Option<()> {
        // PostgreSQL allows six dimensions (`MAXDIM`).
        if depth > 6 {
            return None;
        }
        self.eat('{')?;
        out.push('[');
        if self.eat('}').is_none() {
            loop {
                if self.rest.starts_with('{') {
                    self.array(out, element, depth + 1)?;
                } else {
                    self.element(out, element)?;
                }
                if self.eat(',').is_none() {
                    break;
                }
                out.push(',');
            }
            self.eat('}')?;
        }
        out.push(']');
        Some(())
    }

    fn element(&mut self, out: &mut String, element: u32) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            let mut value = String::new();
            let mut characters = rest.chars();
            loop {
                match characters.next()? {
                    '"' => break,
                    '\\' => value.push(characters.next()?),
                    other => value.push(other),
                }
            }
            self.rest = characters.as_str();
            scalar(out, element, &value);
            return Some(());
        }
        let end = self.rest.find([',', '}'])?;
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        if value == "NULL" {
            out.push_str("null");
        } else {
            scalar(out, element, value);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(type_id: u32, text: &str) -> String {
        let mut out = String::new();
        write(&mut out, type_id, Datum::Text(text));
        out
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (type_id, text) in [
            (types::INT8, "-9223372036854775808"),
            (types::NUMERIC, "12345678901234567890.10"),
            (types::FLOAT8, "1e+20"),
            (types::FLOAT4, "0.1"),
        ] {
            assert_eq!(json(type_id, text), text);
        }
        for text in ["NaN", "Infinity", "-Infinity"] {
            assert_eq!(json(types::FLOAT8, text), format!("\"{text}\""));
        }
    }

    #[test]
    fn json_stays_json_unless_it_is_ambiguous_or_too_deep() {
        assert_eq!(json(types::JSONB, r#"{"a": [1, 2]}"#), r#"{"a":[1,2]}"#);
        assert_eq!(json(types::JSON, r#"{"a":1,"a":2}"#), r#""{\"a\":1,\"a\":2}""#);
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(json(types::JSONB, &deep), format!("\"{deep}\""));
    }

    #[test]
    fn arrays_become_arrays() {
        assert_eq!(json(1007, "{1,NULL,3}"), "[1,null,3]");
        assert_eq!(json(1007, "{{1,2},{3,4}}"), "[[1,2],[3,4]]");
        assert_eq!(json(1009, r#"{a,"b,\"c\\",NULL,"NULL"}"#), r#"["a","b,\"c\\",null,"NULL"]"#);
        assert_eq!(json(1009, "{}"), "[]");
        assert_eq!(json(1000, "{t,f}"), "[true,false]");
        assert_eq!(json(3807, r#"{"{\"a\": 1}"}"#), r#"[{"a":1}]"#);
        assert_eq!(json(1007, "[0:1]={1,2}"), r#""[0:1]={1,2}""#, "bounds of its own stay as they are");
    }

    #[test]
    fn everything_else_is_a_text() {
        assert_eq!(json(25, "say \"hi\"\n\u{1}"), r#""say \"hi\"\n\u0001""#);
        assert_eq!(json(17, "\\xdead"), r#""\\xdead""#);
        assert_eq!(json(types::BOOL, "t"), "true");
        assert_eq!(json(1184, "2026-11-21 04:15:15+00"), r#""2026-11-21 04:15:15+00""#);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_always_json(
            text in any::<String>(),
            type_id in proptest::sample::select(vec![16, 20, 25, 114, 700, 1007, 1009, 1700, 3802, 3807, 90_000]),
        ) {
            let out = json(type_id, &text);
            prop_assert!(json::minify(&out).is_ok(), "{out}");
        }

        #[test]
        fn numbers_are_what_serde_reads(text in "-?[0-9]{0,3}(\\.[0-9]{0,2})?(e[+-]?[0-9]{0,2})?") {
            prop_assert_eq!(is_number(&text), serde_json::from_str::<serde_json::Number>(&text).is_ok());
        }
    }
}
