use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

fn raw(json: &str) -> Box<RawValue> {
    serde_json::from_str(json).unwrap()
}

fn told(before: &str, after: &str, extent: Extent) -> Vec<String> {
    let text = |value: Option<Box<RawValue>>| value.map_or("·".to_owned(), |value| value.get().to_owned());
    changes(&raw(before), &raw(after), extent)
        .into_iter()
        .map(|change| {
            let place = match change.from {
                Some(from) => format!("{from}→{}", change.path),
                None => change.path,
            };
            let coarse = if change.coarse { " coarse" } else { "" };
            format!("{} {place} {} {}{coarse}", change.op.as_str(), text(change.before), text(change.after))
        })
        .collect()
}

#[track_caller]
fn check(before: &str, after: &str, expected: &[&str]) {
    assert_eq!(told(before, after, Extent::Full), expected);
}

#[test]
fn fields_added_removed_changed() {
    check(
        r#"{"a":1,"b":2,"c":3}"#,
        r#"{"c":3,"b":5,"d":4}"#,
        &["remove /a 1 ·", "change /b 2 5", "add /d · 4"],
    );
    check(r#"{"a":{"b":{"c":1,"d":2}}}"#, r#"{"a":{"b":{"d":3,"c":1}}}"#, &["change /a/b/d 2 3"]);
}

#[test]
fn missing_null_and_empty_are_told_apart() {
    check(r#"{"a":null}"#, "{}", &["remove /a null ·"]);
    check("{}", r#"{"a":null}"#, &["add /a · null"]);
    check(r#"{"a":null}"#, r#"{"a":""}"#, &[r#"change /a null """#]);
    check(r#"{"a":"x"}"#, r#"{"a":null}"#, &[r#"change /a "x" null"#]);
}

#[test]
fn types_are_told_from_values() {
    check(r#"{"a":1}"#, r#"{"a":"1"}"#, &[r#"type /a 1 "1""#]);
    check(r#"{"a":{}}"#, r#"{"a":[]}"#, &["type /a {} []"]);
    check(r#"{"a":false}"#, r#"{"a":0}"#, &["type /a false 0"]);
}

#[test]
fn digits_count_order_and_spelling_do_not() {
    check(
        r#"{"n":9007199254740992}"#,
        r#"{"n":9007199254740993}"#,
        &["change /n 9007199254740992 9007199254740993"],
    );
    check(r#"{"a":1,"b":[{"x":1,"y":2}]}"#, r#"{"b":[{"y":2,"x":1}],"a":1}"#, &[]);
    check(r#"{"s":"A"}"#, r#"{"s":"\u0041"}"#, &[]);
    check(r#"{"\u0061":1}"#, r#"{"a":2}"#, &["change /a 1 2"]);
}

#[test]
fn paths_are_json_pointers() {
    check(r#"{"a/b":1,"m~n":1}"#, r#"{"a/b":2,"m~n":2}"#, &["change /a~1b 1 2", "change /m~0n 1 2"]);
    check(r#"{"":1}"#, r#"{"":2}"#, &["change / 1 2"]);
}

#[test]
fn items_are_found_by_the_key_that_names_them() {
    let before = r#"{"cards":[{"card":7,"weight":1},{"card":8,"weight":2},{"card":9,"weight":3}]}"#;
    // The first is removed: the others are the same although their places changed.
    check(
        before,
        r#"{"cards":[{"card":8,"weight":2},{"card":9,"weight":4}]}"#,
        &[r#"remove /cards/0 {"card":7,"weight":1} ·"#, "change /cards/1/weight 3 4"],
    );
    check(
        before,
        r#"{"cards":[{"card":9,"weight":3},{"card":7,"weight":1},{"card":8,"weight":2}]}"#,
        &[r#"move /cards/2→/cards/0 {"card":9,"weight":3} {"card":9,"weight":3}"#],
    );
    // It moved and changed at once.
    check(
        before,
        r#"{"cards":[{"card":9,"weight":0},{"card":7,"weight":1},{"card":8,"weight":2}]}"#,
        &[
            r#"move /cards/2→/cards/0 {"card":9,"weight":3} {"card":9,"weight":0}"#,
            "change /cards/0/weight 3 0",
        ],
    );
}

#[test]
fn other_items_are_found_by_likeness() {
    check("[1,2,3,4]", "[2,3,4]", &["remove /0 1 ·"]);
    check("[1,2,3]", "[1,2,9,3]", &["add /2 · 9"]);
    check("[1,2,3]", "[1,5,3]", &["change /1 2 5"]);
    check(r#"["a","b","c","d"]"#, r#"["d","a","b","c"]"#, &[r#"move /3→/0 "d" "d""#]);
    check(
        r#"[{"t":"x","n":1},{"t":"x","n":2}]"#,
        r#"[{"t":"x","n":2},{"t":"x","n":3}]"#,
        // `n` names them: the first went, a third came.
        &[r#"remove /0 {"t":"x","n":1} ·"#, r#"add /1 · {"t":"x","n":3}"#],
    );
    check("[[1,2],[3,4]]", "[[1,2],[3,5]]", &["change /1/1 4 5"]);
    check("[[1]]", "[[2]]", &["change /0/0 1 2"]);
    check(r#"[{"a":{"x":1,"y":2}},7]"#, r#"[{"a":{"x":1,"y":3}}]"#, &["change /0/a/y 2 3", "remove /1 7 ·"]);
    check(r#"[{"a":1}]"#, r#"[{"b":1}]"#, &[r#"remove /0 {"a":1} ·"#, r#"add /0 · {"b":1}"#]);
    check("[]", "[1]", &["add /0 · 1"]);
}

/// The hard case: a full record before, a submitted body after, an array as a text in it.
#[test]
fn json_in_a_text_is_compared_as_json() {
    let before = r#"{"id":1735,"account_id":1001,"name":"Route","strategy":"lcr",
        "cards":[{"card":11,"weight":5},{"card":12,"weight":7}]}"#;
    let both = r#"{"name":"Route","strategy":"lcr","cards":"[{\"card\":11,\"weight\":5},{\"weight\": 7, \"card\":12}]"}"#;
    let one = r#"{"name":"Route","strategy":"lcr","cards":"[{\"card\": 11, \"weight\": 5}]"}"#;
    let before = &raw(before).get().replace("\n        ", "");
    let extent = Extent::inferred(Kind::Update, Some("1735"), &raw(before), &raw(both));
    assert_eq!(extent, Extent::PartialInferred);
    assert_eq!(told(before, both, extent), [""; 0]);
    let removed = [r#"remove /cards/1 {"card":12,"weight":7} ·"#];
    assert_eq!(told(before, one, extent), removed);
    assert_eq!(changed(Some(&raw(before)), Some(&raw(both)), extent), [""; 0]);
    assert_eq!(changed(Some(&raw(before)), Some(&raw(one)), extent), ["cards"]);
    // The other way round, and text on both sides.
    assert_eq!(
        told(r#"{"cards":"[{\"card\":11},{\"card\":12}]"}"#, r#"{"cards":[{"card":11}]}"#, Extent::Full),
        [r#"remove /cards/1 {"card":12} ·"#],
    );
    check(r#"{"c":"{\"a\":1}"}"#, r#"{"c":"{ \"a\": 2 }"}"#, &["change /c/a 1 2"]);
    check(r#"{"c":"[[1,2]]"}"#, r#"{"c":"[ [1, 2] ]"}"#, &[]);
    // A text of a mere number is a text; so is what is no JSON, or names a key twice.
    check(r#"{"c":"1"}"#, r#"{"c":"1 "}"#, &[r#"change /c "1" "1 ""#]);
    check(r#"{"c":"[1"}"#, r#"{"c":"[1 "}"#, &[r#"change /c "[1" "[1 ""#]);
    check(
        r#"{"c":"{\"a\":1,\"a\":2}"}"#,
        r#"{"c":"{\"a\":2}"}"#,
        &[r#"change /c "{\"a\":1,\"a\":2}" "{\"a\":2}""#],
    );
}

#[test]
fn a_partial_state_says_nothing_of_what_it_lacks() {
    use crate::Kind::{Create, Update};
    let (before, after) = (r#"{"id":5,"a":1,"b":2}"#, r#"{"b":3}"#);
    assert_eq!(told(before, after, Extent::Partial), ["change /b 2 3"]);
    assert_eq!(told(before, after, Extent::Full), ["remove /id 5 ·", "remove /a 1 ·", "change /b 2 3"]);
    assert_eq!(changed(Some(&raw(before)), Some(&raw(after)), Extent::Partial), ["b"]);
    let inferred = |kind, id: &str, before: &str, after: &str| {
        Extent::inferred(kind, Some(id), &raw(before), &raw(after))
    };
    assert_eq!(inferred(Update, "5", before, after), Extent::PartialInferred);
    // Its identity is still there: what is missing was removed. A new key: no form was submitted.
    assert_eq!(inferred(Update, "5", before, r#"{"id":5,"b":3}"#), Extent::Full);
    assert_eq!(inferred(Update, "5", before, r#"{"b":3,"c":1}"#), Extent::Full);
    assert_eq!(inferred(Update, "5", r#"{"a":1,"b":2}"#, r#"{"b":3}"#), Extent::Full);
    assert_eq!(inferred(Create, "5", before, after), Extent::Full);
    assert_eq!(inferred(Update, "5", before, "{}"), Extent::Full);
    assert_eq!(inferred(Update, "7", r#"{"page_id":"7","b":2}"#, r#"{"b":3}"#), Extent::PartialInferred);
}

#[test]
fn changed_names_the_top_level() {
    let names = changed(
        Some(&raw(r#"{"a":{"x":1},"b":1,"gone":0}"#)),
        Some(&raw(r#"{"b":1,"a":{"x":2},"new":0}"#)),
        Extent::Full,
    );
    assert_eq!(names, ["a", "gone", "new"]);
    assert!(changed(None, Some(&raw("{}")), Extent::Full).is_empty());
}

#[test]
fn hostile_input_is_told_by_larger_parts() {
    // Two long arrays of the same few items in another order.
    let list = |factor: u64| {
        let items: Vec<String> = (0..120_000_u64).map(|n| (n * n % factor % 97).to_string()).collect();
        format!(r#"{{"list":[{}],"x":{factor}}}"#, items.join(","))
    };
    let (before, after) = (raw(&list(7919)), raw(&list(104_729)));
    let found = changes(&before, &after, Extent::Full);
    let told: Vec<_> = found.iter().map(|change| (change.path.as_str(), change.coarse)).collect();
    assert_eq!(told, [("/list", true), ("/x", false)]);
    assert!(same(&apply(&before, &found).unwrap(), &after));

    // More changes than anybody reads: those at the top are told one by one for longer.
    let object = |shift: usize| {
        let fields: Vec<String> = (0..30_000).map(|n| format!(r#""k{n}":{}"#, n + shift)).collect();
        format!(r#"{{"title":"{shift}","deep":{{"er":{{{}}}}}}}"#, fields.join(","))
    };
    let found = changes(&raw(&object(0)), &raw(&object(1)), Extent::Full);
    let told: Vec<_> = found.iter().map(|change| (change.path.as_str(), change.coarse)).collect();
    assert_eq!(told, [("/title", false), ("/deep/er", true)]);

    // Deeper than any entry: the whole.
    let deep = |inside: &str| raw(&format!("{}{inside}{}", "[".repeat(500), "]".repeat(500)));
    assert!(changes(&deep("1"), &deep("2"), Extent::Full)[0].coarse);
    assert!(changes(&deep("1"), &deep("1"), Extent::Full).is_empty());

    // A text in a text in a text …
    let mut nested = "[1]".to_owned();
    for _ in 0..9 {
        nested = serde_json::to_string(&[&nested]).unwrap();
    }
    let other = nested.replace('1', "2");
    assert_eq!(changes(&raw(&nested), &raw(&other), Extent::Full).len(), 1);

    // Long keys above many values.
    let wide = |n: usize| {
        let key = "k".repeat(3_000);
        let fields: Vec<String> = (0..50).map(|at| format!(r#""{at}":{n}"#)).collect();
        format!(r#"{{"{key}":{{{}}}}}"#, fields.join(","))
    };
    assert_eq!(changes(&raw(&wide(1)), &raw(&wide(2)), Extent::Full).len(), 1);
}

#[test]
fn texts_are_compared_by_words_tags_and_lines() {
    let shown = |pieces: &[Piece<'_>]| {
        let piece = |piece: &Piece<'_>| {
            if piece.is_changed { format!("[{}]", piece.text) } else { piece.text.into() }
        };
        pieces.iter().map(piece).collect::<String>()
    };
    let both = |before, after, unit| {
        let pieces = words(before, after, unit).unwrap();
        (shown(&pieces.before), shown(&pieces.after))
    };
    let (before, after) = both("The quick brown fox", "The slow brown fox", Unit::Word);
    assert_eq!((before.as_str(), after.as_str()), ("The [quick] brown fox", "The [slow] brown fox"));
    let (before, after) = both(r#"<p class="a">Hi</p>"#, r#"<p class="b">Hi &amp; ho</p>"#, Unit::Word);
    assert_eq!(before, r#"[<p class="a">]Hi</p>"#);
    assert_eq!(after, r#"[<p class="b">]Hi[ &amp; ho]</p>"#);
    let (before, after) = both("1 < 2\nb\n", "1 < 3\nb\n", Unit::Word);
    assert_eq!((before.as_str(), after.as_str()), ("1 < [2]\nb\n", "1 < [3]\nb\n"));
    let (before, after) = both("a\nb\nc", "a\nx\nc", Unit::Line);
    assert_eq!((before.as_str(), after.as_str()), ("a\n[b\n]c", "a\n[x\n]c"));
    assert_eq!(both("", "x", Unit::Word), (String::new(), "[x]".to_owned()));
}

#[test]
fn places_are_changed_and_the_rest_keeps_its_bytes() {
    let mut state = Patched::new(&raw(r#"{"n":1.50,"a":[1,2],"t":"[{\"x\":1}]","o":{"k":"\u0041"}}"#));
    state.set("/a/1", &raw("9")).unwrap();
    state.set("/t/0/x", &raw("2")).unwrap();
    state.set("/o/new~1key", &raw("null")).unwrap();
    assert_eq!(state.get("/o/k").as_deref(), Some(r#""\u0041""#));
    assert_eq!(
        state.to_raw().get(),
        r#"{"n":1.50,"a":[1,9],"t":"[{\"x\":2}]","o":{"k":"\u0041","new/key":null}}"#
    );
    state.remove("/o/k").unwrap();
    state.remove("/a/0").unwrap();
    assert_eq!(state.get("/a").as_deref(), Some("[9]"));
    for nowhere in ["/o/k", "/a/1", "/a/x", "/a/01", "/n/x", "/missing/x", ""] {
        assert_eq!(state.remove(nowhere), Err(NoPlace(nowhere.to_owned())), "{nowhere}");
    }
    assert_eq!(state.get("/nothing"), None);
    assert_eq!(state.set("/n/x", &raw("1")), Err(NoPlace("/n/x".to_owned())));
}

/// Small states with everything that is hard: few keys and values, so that parts are equal often.
fn state() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        prop_oneof![Just("a"), Just("b"), Just("[1]"), Just("{\"id\":1}"), Just("")].prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 5, |inner| {
        let object = proptest::collection::hash_map(
            prop_oneof![Just("a"), Just("id"), Just("b/c"), Just("~"), Just("0")],
            inner.clone(),
            0..4,
        )
        .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>());
        let named = proptest::collection::vec((0..6_i64, inner.clone()), 0..5)
            .prop_map(|items| items.into_iter().map(|(id, v)| json!({"id": id, "v": v})).collect::<Value>());
        let text = proptest::collection::vec(inner.clone(), 0..4)
            .prop_map(|items| Value::from(Value::from(items).to_string()));
        prop_oneof![object, named, text, proptest::collection::vec(inner, 0..6).prop_map(Value::from)]
    });
    proptest::collection::hash_map("[a-d]", value, 0..5).prop_map(|map| map.into_iter().collect())
}

/// Whether two texts mean the same, JSON in texts taken as JSON.
fn mean_the_same(one: &RawValue, other: &RawValue) -> bool {
    let (one, other) = (Document::parse(one.get()).unwrap(), Document::parse(other.get()).unwrap());
    alike(one.root(), other.root())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn applying_the_changes_to_before_gives_after(before in state(), after in state()) {
        let (before, after) = (raw(&before.to_string()), raw(&after.to_string()));
        let found = changes(&before, &after, Extent::Full);
        let applied = apply(&before, &found).unwrap();
        prop_assert!(mean_the_same(&applied, &after), "{applied} is not {after} after {found:#?}");
        prop_assert_eq!(found.is_empty(), mean_the_same(&before, &after));

        // The names of changed fields are the first steps of the changes' paths.
        let mut tops: Vec<String> = found
            .iter()
            .map(|change| dotted(&change.path).split('.').next().unwrap_or_default().to_owned())
            .collect();
        tops.dedup();
        prop_assert_eq!(changed(Some(&before), Some(&after), Extent::Full), tops);
    }

    #[test]
    fn what_a_partial_state_lacks_stays(before in state(), after in state()) {
        let (before, after) = (raw(&before.to_string()), raw(&after.to_string()));
        let found = changes(&before, &after, Extent::Partial);
        let applied = apply(&before, &found).unwrap();
        let mut expected = Patched::new(&before);
        for (name, value) in fields(&after).unwrap() {
            expected.set(&pointer(&name), value).unwrap();
        }
        prop_assert!(mean_the_same(&applied, &expected.to_raw()));
    }

    #[test]
    fn pieces_are_the_texts(before in "[ab <>&;\n]{0,30}", after in "[ab <>&;\n]{0,30}") {
        for unit in [Unit::Word, Unit::Line] {
            let pieces = words(&before, &after, unit).unwrap();
            let all = |side: &[Piece<'_>]| side.iter().map(|piece| piece.text).collect::<String>();
            prop_assert_eq!(all(&pieces.before), before.clone());
            prop_assert_eq!(all(&pieces.after), after.clone());
            let same = |side: &[Piece<'_>]| {
                side.iter().filter(|piece| !piece.is_changed).map(|piece| piece.text).collect::<String>()
            };
            prop_assert_eq!(same(&pieces.before), same(&pieces.after));
        }
    }
}
