use proptest::prelude::*;

use super::*;
use crate::diff::same;

fn draft(before: &str, after: &str, data: &str, query: &str) -> Draft {
    let mut draft =
        crate::parse(br#"{"action":"a","entity":{"type":"t","id":"1"},"origin":{"session_id":"hash"}}"#)
            .unwrap();
    let raw = |json: &str| (!json.is_empty()).then(|| RawValue::from_string(json.to_owned()).unwrap());
    (draft.before, draft.after, draft.data) = (raw(before), raw(after), raw(data));
    draft.origin.as_mut().unwrap().query = Some(query.to_owned());
    draft
}

fn data_of(draft: &Draft) -> &str {
    draft.data.as_ref().unwrap().get()
}

fn query_of(draft: &Draft) -> &str {
    draft.origin.as_ref().unwrap().query.as_ref().unwrap()
}

/// Masks `data` alone, twice: the second time nothing is left to do.
fn masked_with(data: &str, rules: &MaskRules) -> (String, usize) {
    let mut draft = draft("", "", data, "");
    let count = mask(&mut draft, rules);
    let once = data_of(&draft).to_owned();
    assert_eq!((mask(&mut draft, rules), data_of(&draft)), (0, once.as_str()), "idempotent");
    (once, count)
}

#[track_caller]
fn check(data: &str, expected: &str) {
    assert_eq!(masked_with(data, &MaskRules::default()).0, expected);
}

#[track_caller]
fn check_site(rules: &[&str], data: &str, expected: &str) {
    assert_eq!(masked_with(data, &MaskRules::new(rules).unwrap()).0, expected);
}

#[track_caller]
fn check_query(query: &str, expected: &str) {
    let mut draft = draft("", "", "", query);
    let rules = MaskRules::new(["iban"]).unwrap();
    mask(&mut draft, &rules);
    assert_eq!(query_of(&draft), expected);
    assert_eq!(mask(&mut draft, &rules), 0);
    assert_eq!(query_of(&draft), expected);
}

#[test]
fn keys_that_are_secret() {
    let keys = "\
        password|PASSWORD|Password|user_password|newpassword|newPassword|password2|password_2|\
        passWord|pass-word|passwd|db.passwd|pwd|userPwd|pass|user_pass|pass1|passphrase|\
        pass phrase|secret|clientSecret|client-secret|AWS_SECRET|TOTPSecret|totp_secret|token|\
        accessToken|access_token|csrftoken|X-CSRF-Token|session_token|session_tokens|tokens|\
        passwords|secrets|otp|totp|cvv|CVC|card.cvv|api_key|apiKey|APIKey|API-KEYS|x-api-key|\
        stripe_apikey|private_key|privateKey|secret_key|access key|signingKey|encryption_key|\
        auth_key|SECURE_AUTH_KEY|user_activation_key|session_id|sessionId|sessionid|SESSIONID|\
        session key|totp_seed|otpSeed|recovery_codes|recovery_code|backupCodes|Set-Cookie|\
        authorization|Authorization|Proxy-Authorization|cookie|Cookie|cookies|credentials|\
        PHPSESSID|jwt|id_jwt|userpass|useractivationkey|sessiontokens|schlüssel_token|oauth2Token";
    for key in keys.split('|') {
        check(
            &format!(r#"{{"a":1,"{key}":"x","b":[]}}"#),
            &format!(r#"{{"a":1,"{key}":"[masked]","b":[]}}"#),
        );
    }
}

#[test]
fn keys_that_are_not() {
    let keys = "\
        password_changed_at|passwordChangedAt|token_count|secret_santa|keyboard|key|primary_key|\
        passport|compass|bypass|session_count|session|id|page_id|code|zip_codes|seed|\
        cookie_consent|payment_authorization|tokenizer|otpimised|keys|words|word||passé|2|_|\
        monkey|api|phrase";
    for key in keys.split('|') {
        let json = format!(r#"{{"{key}":"x"}}"#);
        check(&json, &json);
    }
}

#[test]
fn values_of_every_type() {
    check(
        r#"{"token":null,"token1":true,"token2":false,"token3":"","token4":0,"token5":{"a":1},"token6":["x"],"token7":{}}"#,
        r#"{"token":null,"token1":true,"token2":false,"token3":"","token4":"[masked]","token5":"[masked 2]","token6":"[masked 3]","token7":"[masked 4]"}"#,
    );
    // Numbers that count.
    check(r#"{"pass":3,"tokens":4096,"api_keys":2}"#, r#"{"pass":3,"tokens":4096,"api_keys":2}"#);
    check(
        r#"{"tokens":{"a":"b"},"secrets":["s"],"passwords":"p","pwd":12}"#,
        r#"{"tokens":"[masked]","secrets":"[masked 2]","passwords":"[masked 3]","pwd":"[masked 4]"}"#,
    );
}

#[test]
fn nested_values_and_bytes_around_them() {
    check(
        r#"{"n":1.50e+7,"u":[{"caf\u00e9":"\/\ud83d\ude00","x":{"password":"p"}},[["q",{"pin":1,"otp":99}]]],"m":-0}"#,
        r#"{"n":1.50e+7,"u":[{"caf\u00e9":"\/\ud83d\ude00","x":{"password":"[masked]"}},[["q",{"pin":1,"otp":"[masked 2]"}]]],"m":-0}"#,
    );
    check(r#"[{"token":"a]}\"{["},5]"#, r#"[{"token":"[masked]"},5]"#);
    check(r#""token""#, r#""token""#);
    check("5", "5");
    // White space, which the door removes, does no harm.
    check("{ \"token\" : \"x\" , \"a\" : [ ] }", "{ \"token\" : \"[masked]\" , \"a\" : [ ] }");
}

#[test]
fn keys_with_escapes() {
    check(r#"{"pass\u0077ord":"x"}"#, r#"{"pass\u0077ord":"[masked]"}"#);
    check(r#"{"\u0070\u0061\u0073\u0073":"x"}"#, r#"{"\u0070\u0061\u0073\u0073":"[masked]"}"#);
    check(r#"{"a\npass":"x"}"#, r#"{"a\npass":"[masked]"}"#);
    check(r#"{"pass\"":"x"}"#, r#"{"pass\"":"[masked]"}"#);
    check(r#"{"pass,\"":"x"}"#, r#"{"pass,\"":"[masked]"}"#);
    check(r#"{"pass\\":"x"}"#, r#"{"pass\\":"[masked]"}"#);
    check(r#"{"\u00e9_pass":"x"}"#, r#"{"\u00e9_pass":"[masked]"}"#);
    check(r#"{"a\u0026pass":"x"}"#, r#"{"a\u0026pass":"[masked]"}"#);
    check(r#"{"pass\u00e9":"x"}"#, r#"{"pass\u00e9":"x"}"#);
}

#[test]
fn a_change_stays_visible() {
    let mut changed = draft(r#"{"password":"one","pin":1}"#, r#"{"password":"two","pin":1}"#, "", "");
    assert_eq!(mask(&mut changed, &MaskRules::default()), 2);
    assert_eq!(changed.before.unwrap().get(), r#"{"password":"[masked]","pin":1}"#);
    assert_eq!(changed.after.unwrap().get(), r#"{"password":"[masked 2]","pin":1}"#);

    let mut unchanged = draft(
        r#"{"token":"A","secret":{"x":1,"y":[2]}}"#,
        r#"{"secret":{"y":[2],"x":1},"token":"\u0041"}"#,
        r#"["t",{"jwt":"A","otp":"B"}]"#,
        "x=1&token=A&otp=B",
    );
    assert_eq!(mask(&mut unchanged, &MaskRules::default()), 8);
    assert_eq!(unchanged.before.as_ref().unwrap().get(), r#"{"token":"[masked]","secret":"[masked 2]"}"#);
    assert_eq!(unchanged.after.as_ref().unwrap().get(), r#"{"secret":"[masked 2]","token":"[masked]"}"#);
    assert_eq!(data_of(&unchanged), r#"["t",{"jwt":"[masked]","otp":"[masked 3]"}]"#);
    assert_eq!(query_of(&unchanged), "x=1&token=%5Bmasked%5D&otp=%5Bmasked%203%5D");
    assert_eq!(unchanged.origin.unwrap().session_id.as_deref(), Some("hash"));
}

#[test]
fn markers_that_are_there_stay() {
    check(r#"{"token":"[masked]","otp":"[masked 4]"}"#, r#"{"token":"[masked]","otp":"[masked 4]"}"#);
    // New numbers are higher than any, wherever it is.
    check(
        r#"{"otp":"x","token":"[masked]","n":"[masked 4]"}"#,
        r#"{"otp":"[masked 5]","token":"[masked]","n":"[masked 4]"}"#,
    );
    check(r#"{"otp":"x","t":"[\"[masked 7]\"]"}"#, r#"{"otp":"[masked 8]","t":"[\"[masked 7]\"]"}"#);
    check(r#"{"otp":"x","t":"\u005bmasked 2]"}"#, r#"{"otp":"[masked 3]","t":"\u005bmasked 2]"}"#);
    let mut queried = draft(r#"{"otp":"x"}"#, "", "", "token=%5Bmasked+3%5D");
    assert_eq!(mask(&mut queried, &MaskRules::default()), 1);
    assert_eq!(queried.before.as_ref().unwrap().get(), r#"{"otp":"[masked 4]"}"#);
    assert_eq!(query_of(&queried), "token=%5Bmasked+3%5D");
    // At the end of the numbers they are shared, but stay markers.
    check(
        r#"{"token":"[masked 999999]","otp":["x"],"cvc":2}"#,
        r#"{"token":"[masked 999999]","otp":"[masked 999999]","cvc":"[masked 999999]"}"#,
    );
}

#[test]
fn what_is_a_marker() {
    for text in ["[masked]", "[masked 2]", "[masked 10]", "[masked 999999]"] {
        assert!(is_marker(text), "{text}");
    }
    for text in [
        "",
        "masked",
        "[masked",
        "masked]",
        "[masked ]",
        "[masked 1]",
        "[masked 0]",
        "[masked 02]",
        "[masked +2]",
        "[masked 2 ]",
        "[masked2]",
        "[Masked]",
        " [masked]",
        "[masked 1000000]",
        "[masked 99999999999999999999999]",
        "[masked -2]",
        "[masked ٢]",
    ] {
        assert!(!is_marker(text), "{text}");
    }
}

#[test]
fn json_in_strings() {
    check(
        r#"{"body":"{\"password\": \"x\", \"n\": 1.0}"}"#,
        r#"{"body":"{\"password\":\"[masked]\",\"n\":1.0}"}"#,
    );
    check(r#"{"body":" [{\"a\\nb\":{\"otp\":1}}]\n"}"#, r#"{"body":"[{\"a\\nb\":{\"otp\":\"[masked]\"}}]"}"#);
    check(r#""{\"jwt\" : \"x\"}""#, r#""{\"jwt\":\"[masked]\"}""#);
    check(r#""{\"jwt\"\n\t :\"x\"}""#, r#""{\"jwt\":\"[masked]\"}""#);
    check(r#"["{\u0022jwt\u0022\u003a1}"]"#, r#"["{\"jwt\":\"[masked]\"}"]"#);
    check(r#"["{\"j\\u0077t\":1}"]"#, r#"["{\"j\\u0077t\":\"[masked]\"}"]"#);
    // Nothing to mask: bytes stay, spaces and all.
    let kept = r#"{"body":" { \"a\" : [ 1 ] } ","password":null}"#;
    check(kept, kept);
    let kept = r#"{"token":true,"b":"{ \"token\" : null }"}"#;
    check(kept, kept);
    // No JSON, no object: text.
    for kept in [r#"{"a":"{password: x}"}"#, r#"{"a":"\"password\": \"x\""}"#, r#"{"a":"{\"otp\":1"}"#] {
        check(kept, kept);
    }
}

#[test]
fn json_in_strings_in_strings() {
    let wrap = |inner: &str| Value::Array(vec![Value::from(inner)]).to_string();
    let (mut secret, mut expected) = (r#"{"otp":1}"#.to_owned(), r#"{"otp":"[masked]"}"#.to_owned());
    for _level in 0..TEXT_LEVELS_MAX {
        (secret, expected) = (wrap(&secret), wrap(&expected));
        check(&secret, &expected);
    }
    let too_deep = wrap(&secret);
    check(&too_deep, &too_deep);
}

#[test]
fn queries() {
    check_query("a=1&token=abc&b=%20x+y", "a=1&token=%5Bmasked%5D&b=%20x+y");
    check_query("token=a%20b&otp=a+b&pwd=c", "token=%5Bmasked%5D&otp=%5Bmasked%5D&pwd=%5Bmasked%202%5D");
    check_query("%70assword=x", "%70assword=%5Bmasked%5D");
    check_query("api+key=x&API-Key=x", "api+key=%5Bmasked%5D&API-Key=%5Bmasked%5D");
    check_query(
        "user[password]=x&tokens[]=1&password[0]=y",
        "user[password]=%5Bmasked%5D&tokens[]=%5Bmasked%202%5D&password[0]=%5Bmasked%203%5D",
    );
    check_query(
        "secret[a][b]=x&api[key]=y&u%5Bpass%5D=1",
        "secret[a][b]=%5Bmasked%5D&api[key]=%5Bmasked%202%5D&u%5Bpass%5D=%5Bmasked%203%5D",
    );
    check_query("token=a=b;c=d&e=f", "token=%5Bmasked%5D&e=f");
    check_query("a=1;token=b;c&d", "a=1;token=%5Bmasked%5D&d");
    check_query("a;token=b", "a;token=%5Bmasked%5D");
    check_query("?token=b", "?token=%5Bmasked%5D");
    check_query("IBAN=b&i_ban[x]=c&ibans=d", "IBAN=%5Bmasked%5D&i_ban[x]=%5Bmasked%202%5D&ibans=d");
    check_query("token=%ff%zz%4&otp=%", "token=%5Bmasked%5D&otp=%5Bmasked%202%5D");
    for kept in [
        "",
        "=",
        "&&",
        "token",
        "token=",
        "token=&a=b",
        "a=token",
        "=token",
        "%=%&;=;",
        "page=2&q=a;b",
        "é=%C3",
    ] {
        check_query(kept, kept);
    }
}

#[test]
fn names_of_a_site() {
    check_site(
        &["iban"],
        r#"{"IBAN":"x","a":[{"i_b-a n":5}],"ibans":"y"}"#,
        r#"{"IBAN":"[masked]","a":[{"i_b-a n":"[masked 2]"}],"ibans":"y"}"#,
    );
    check_site(
        &["Card Number"],
        r#"{"cardNumber":1,"card_number":1}"#,
        r#"{"cardNumber":"[masked]","card_number":"[masked]"}"#,
    );
    check_site(
        &["straße"],
        r#"{"STRAßE":"x","stra\u00dfe":"x"}"#,
        r#"{"STRAßE":"[masked]","stra\u00dfe":"[masked]"}"#,
    );
    check_site(
        &["iban"],
        r#"{"iban":null,"x":"{\"iban\":\"i\"}"}"#,
        r#"{"iban":null,"x":"{\"iban\":\"[masked]\"}"}"#,
    );
    // A count is secret when the site says so, and the built-in rules still hold.
    check_site(&["tokens"], r#"{"tokens":5,"pwd":"x"}"#, r#"{"tokens":"[masked]","pwd":"[masked 2]"}"#);
}

#[test]
fn paths_of_a_site() {
    let billing = r#"{"billing":{"card":{"number":"4","name":"A"}},"card":{"number":"5"},"number":6}"#;
    let masked = r#"{"billing":{"card":{"number":"[masked]","name":"A"}},"card":{"number":"5"},"number":6}"#;
    check_site(&["billing.card.number"], billing, masked);
    check_site(&["Billing.*.NUMBER"], billing, masked);
    check_site(&["*.card.number"], billing, masked);
    let whole = r#"{"billing":{"card":"[masked]"},"card":{"number":"5"},"number":6}"#;
    check_site(&["billing.card"], billing, whole);
    check_site(&["billing.*"], billing, whole);
    check_site(&["*"], billing, r#"{"billing":"[masked]","card":"[masked 2]","number":"[masked 3]"}"#);

    let cards = r#"{"cards":[{"number":1},{"number":2,"n":{"number":3}}],"x":"number"}"#;
    let masked = r#"{"cards":[{"number":"[masked]"},{"number":"[masked 2]","n":{"number":3}}],"x":"number"}"#;
    check_site(&["cards.*.number"], cards, masked.replace("3}", "\"[masked 3]\"}").as_str());
    check_site(&["cards.number"], cards, masked);
    check_site(
        &["cards.1.number"],
        cards,
        r#"{"cards":[{"number":1},{"number":"[masked]","n":{"number":3}}],"x":"number"}"#,
    );
    check_site(&["cards.*"], cards, r#"{"cards":["[masked]","[masked 2]"],"x":"number"}"#);
    check_site(&["cards.0"], cards, r#"{"cards":["[masked]",{"number":2,"n":{"number":3}}],"x":"number"}"#);
    check_site(&["*.*"], "[[1],2]", r#"[["[masked]"],2]"#);
    check_site(&["0.0"], "[[1],2]", r#"[["[masked]"],2]"#);
    // A path goes on in a string's JSON.
    check_site(&["a.b"], r#"{"a":"{\"b\":1}","b":2}"#, r#"{"a":"{\"b\":\"[masked]\"}","b":2}"#);
}

#[test]
fn a_path_of_many_stars_takes_no_time() {
    let rules = MaskRules::new(vec![format!("{}x", "*.".repeat(90)); 200]).unwrap();
    let deep = format!("{}{{\"x\":1,\"token\":2}}{}", "[".repeat(60), "]".repeat(60));
    assert_eq!(masked_with(&deep, &rules).1, 1);
}

#[test]
fn bad_rules_are_refused() {
    let error = |rule: &str| MaskRules::new(["fine", rule]).unwrap_err();
    assert_eq!(error(""), MaskError::Empty { position: 2 });
    assert_eq!(error("  "), MaskError::Empty { position: 2 });
    assert_eq!(error(&"x".repeat(201)), MaskError::TooLong { position: 2, bytes: 201 });
    assert_eq!(error("a\nb"), MaskError::ControlCharacter { position: 2 });
    for rule in [".", "a.", ".a", "a..b", "a. .b", "_", "--.a"] {
        assert_eq!(error(rule), MaskError::EmptyStep { position: 2, rule: rule.to_owned() });
    }
    assert_eq!(
        error("a..b").to_string(),
        "mask rule 2, `a..b`, has an empty step: write a name or `*` on both sides of each dot"
    );
    assert!(MaskRules::new(vec!["x".repeat(200); 200]).is_ok());
    assert_eq!(MaskRules::new(std::iter::repeat("x")).unwrap_err(), MaskError::TooMany);
}

#[test]
fn huge_and_deep() {
    let many: Vec<String> = (0..60_000).map(|n| format!(r#"{{"otp":{n}}}"#)).collect();
    let (out, count) = masked_with(&format!("[{}]", many.join(",")), &MaskRules::default());
    assert_eq!(count, 60_000);
    assert!(out.ends_with(r#",{"otp":"[masked 60000]"}]"#));
    // Deeper than the door allows, on top and under a secret.
    let deep = format!("{}{{\"token\":1}}{}", "[".repeat(500_000), "]".repeat(500_000));
    let (out, count) = masked_with(&deep, &MaskRules::default());
    assert_eq!((count, out), (1, format!("{}\"[masked]\"{}", "[".repeat(64), "]".repeat(64))));
    let deep = format!("{{\"token\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
    assert_eq!(masked_with(&deep, &MaskRules::default()).0, r#"{"token":"[masked]"}"#);
}

/// JSON with keys from `keys` or of any text.
fn json(keys: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c:\"\\\\{}\\[\\], é\n]{0,6}".prop_map(Value::from),
        Just(Value::from("zebra-7")),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let key = prop_oneof![keys, "[b-f:\"\\\\{, é\n/]{0,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner.clone()), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

fn any_form(value: &Value, escaped: bool) -> String {
    let text = value.to_string();
    // Two letters of keys, which are in no word of JSON, spelt another way.
    if escaped { text.replace('p', "\\u0070").replace('k', "\\u006b") } else { text }
}

/// Whether anything under a secret key is left, by a reading that shares nothing with ours but the table.
fn has_secrets(value: &Value, levels: usize) -> bool {
    match value {
        Value::String(text) => {
            let looked_into = levels > 0 && text.starts_with(['{', '[']);
            looked_into && serde_json::from_str(text).is_ok_and(|inner| has_secrets(&inner, levels - 1))
        }
        Value::Array(items) => items.iter().any(|item| has_secrets(item, levels)),
        Value::Object(fields) => fields.iter().any(|(key, value)| match (words::secret(key), value) {
            (None, value) => has_secrets(value, levels),
            (Some(_), Value::Null | Value::Bool(_)) => false,
            (Some(secret), Value::Number(_)) => secret == Secret::Whole,
            (Some(_), Value::String(text)) => !text.is_empty() && !is_marker(text),
            (Some(_), Value::Array(_) | Value::Object(_)) => true,
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

proptest! {
    #[test]
    fn without_secret_keys_nothing_changes(value in json("id|title|key|tokenise|page_id"), escaped: bool) {
        let text = any_form(&value, escaped);
        let (out, count) = masked_with(&text, &MaskRules::default());
        prop_assert_eq!((out, count), (text, 0));
    }

    #[test]
    fn nothing_secret_is_left(value in json("pass|sess_token|apiKey|s\"pwd|se cret\\\\"), escaped: bool) {
        let (out, _) = masked_with(&any_form(&value, escaped), &MaskRules::default());
        let out: Value = serde_json::from_str(&out).unwrap();
        prop_assert!(!has_secrets(&out, TEXT_LEVELS_MAX), "{}", out);
    }

    #[test]
    fn a_masked_text_never_occurs(value in json("pass|jwt|x"), key in "pass|jwt|x_token") {
        // The same secret at several depths, the rest without it.
        let rest = value.to_string().replace("zebra-7", "z");
        let secret = json_with_secret(&rest, &key);
        let (out, count) = masked_with(&secret, &MaskRules::default());
        prop_assert!(count >= 2 && !out.contains("zebra-7"), "{}", out);
    }

    #[test]
    fn canonical_is_the_sameness_of_diffs(one in json("a|b"), other in json("a|b"), escaped: bool) {
        let raw = |text: String| RawValue::from_string(text).unwrap();
        for (one, other) in [(&one, &other), (&one, &one)] {
            let (one, other) = (raw(one.to_string()), raw(any_form(other, escaped)));
            prop_assert_eq!(canonical(one.get()) == canonical(other.get()), same(&one, &other));
        }
        // Objects whatever their order.
        let (one, other) = (format!("{{\"x\":{one},\"y\":{other}}}"), format!("{{\"y\":{other},\"x\":{one}}}"));
        prop_assert_eq!(canonical(&one), canonical(&other));
    }

    #[test]
    fn no_query_makes_it_panic(query in "[a-c%&=;+\\[\\]2é]{0,12}(token)?[=;%&]?[a-c%&=;+5]{0,8}") {
        let mut draft = draft("", "", "", &query);
        let count = mask(&mut draft, &MaskRules::default());
        prop_assert!(count > 0 || query_of(&draft) == query);
        let once = query_of(&draft).to_owned();
        prop_assert_eq!(mask(&mut draft, &MaskRules::default()), 0);
        prop_assert_eq!(query_of(&draft), once);
    }
}

fn json_with_secret(rest: &str, key: &str) -> String {
    let inner = Value::from(format!(r#"{{"q":[{{"{key}" : "zebra-7"}}]}}"#));
    format!(r#"[{rest},{{"{key}":{{"deep":["zebra-7",{rest}]}}}},{inner},{rest}]"#)
}
