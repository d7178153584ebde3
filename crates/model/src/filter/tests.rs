use super::*;

fn entry(json: &str) -> Entry {
    let time = "2026-11-21T04:15:15Z".parse().unwrap();
    let id = "0193aaaa-0000-7000-8000-00000000000f".parse().unwrap();
    let sealed = crate::parse(json.as_bytes()).unwrap().seal(id, time, "Website token", &[0; 32]);
    sealed.preview(&"acme.www".parse().unwrap(), 3).unwrap()
}

fn ana() -> Entry {
    entry(
        r#"{"action":"wagtail.publish","entity":{"type":"page","id":"Seven7","title":"Home of Bread","url":"https://x.test/home"},
        "actor":{"type":"user","id":"U42","name":"Ana Lima","email":"ana@example.com","roles":["editor","chef"],
            "on_behalf_of":{"type":"user","id":"7","name":"Boss"}},
        "origin":{"ip":"203.0.113.9","user_agent":"curl/8","method":"POST","path":"/home","channel":"portal",
            "request_id":"Req-1"},
        "correlation_id":"67C2B9C4-ff00-4f0e-955f-83e915f859f2","duration_ms":120,"errors":["Time out"],
        "summary":"Published Home","reason":"Ticket 91","connector":"wagtail",
        "before":{"title":"Hom","status":"draft","seo":{"title":"old","n":1},"tags":["red","Blue"],"gone":null},
        "after":{"title":"Home","status":"Published","seo":{"title":"new","n":1},"tags":["red","Blue"],
            "price":12.5,"big":9007199254740993,"live":true,"none":null,"void":{},"a.b":{"c d":5},
            "at":"2026-11-02T10:00:00+02:00","ingress":"sip-INGRESS-4711"},
        "data":{"account":{"id":1735},"list":[{"x":1},{"x":[2,"3"]}]}}"#,
    )
}

#[track_caller]
fn check(filter: &str, expected: bool) {
    let parsed = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    assert_eq!(parsed.matches(&ana()), expected, "{filter}: {parsed:?}");
}

#[track_caller]
fn all(filters: &[&str], expected: bool) {
    for filter in filters {
        check(filter, expected);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of every field")]
fn fields() {
    all(
        &[
            "",
            "actor:U42",
            "user:\"ana lima\"",
            "actor:ANA@example.com",
            "actor:ana*",
            "actor:*lima",
            "actor.id:U*",
            "actor.role:Editor",
            "role:chef",
            "on_behalf_of:boss",
            "action:wagtail.publish",
            "action:wagtail.*",
            "kind:update",
            "kind:Update",
            "outcome:success",
            "entity:Seven7",
            "entity:\"home of bread\"",
            "entity.type:page",
            "table:pa*",
            "key:Seven7",
            "entity.title:*bread",
            "entity.url:https://x.test/home",
            "site:acme.www",
            "site:acme.*",
            "id:0193AAAA-0000-7000-8000-00000000000f",
            "id:0193aaaa*",
            "ip:203.0.113.9",
            "ip:203.0.*",
            "ip:203.0.113.0/24",
            "origin.ip:0.0.0.0/0",
            "user_agent:CURL*",
            "method:post",
            "path:/home",
            "channel:Portal",
            "request_id:Req-1",
            "correlation_id:67c2b9c4-FF00-4f0e-955f-83e915f859f2",
            "connector:wagtail",
            "source:\"website token\"",
            "summary:published*",
            "reason:*91",
            "error:\"time out\"",
            "error:*",
            "duration:120",
            "duration>=120",
            "duration>119.5",
            "duration<121",
            "duration:100..120",
            "duration:..120",
            "index:3",
            "index>2",
        ],
        true,
    );
    all(
        &[
            "actor:u42",
            "actor:Ana",
            "actor:user",
            "entity:seven7",
            "action:wagtail",
            "action:Wagtail.*",
            "kind:create",
            "outcome:failure",
            "entity.type:Page",
            "ip:203.0.113.8",
            "ip:10.0.0.0/8",
            "ip:::/0",
            "request_id:req-1",
            "duration>120",
            "duration<120",
            "duration!=120",
            "index:4",
            "session_id:*",
            "query:*",
        ],
        false,
    );
    let system = entry(r#"{"action":"a","entity":{"type":"t","id":"1"}}"#);
    assert!(Filter::parse("actor:System").unwrap().matches(&system));
    assert!(!Filter::parse("duration<5 OR duration>=5").unwrap().matches(&system), "unknown is neither");
}

#[test]
fn inside_states_and_data() {
    all(
        &[
            "after.status:published",
            "before.status:draft",
            "after.status:publ*",
            "after.tags:blue",
            "after.tags:(red AND blue)",
            "after.seo.title:new",
            "after.seo:*",
            "after.price:12.50",
            "after.price>12",
            "after.price:12..13",
            "after.price>=12.5",
            "after.big:9007199254740993",
            "after.live:true",
            "after.none:null",
            "after.void:*",
            "after.\"a.b\".\"c d\":5",
            "after.at>=2026-11-02",
            "after.at<2026-11-02T08:00:01Z",
            "after.at:2026-11-01..2026-11-03",
            "data.account.id:1735",
            "data.account.id>1000",
            "data.list.x:3",
            "data.list.x:2",
            "data.list.x>2",
            "data:1735",
            "before:draft",
            "after:*ingress*",
            "changed:title",
            "changed:Title",
            "changed:seo",
            "changed:seo.title",
            "changed:seo.*",
            "changed:*",
            "changed:gone",
        ],
        true,
    );
    all(
        &[
            "after.status:draft",
            "after.Status:published",
            "after.title.x:*",
            "after.seo:new",
            "after.price>12.5",
            "after.price:12",
            "after.big:9007199254740992",
            "after.big>9007199254740993",
            "after.none:*x*",
            "after.at>2026-11-02",
            "after.missing:*",
            "data.account:1735",
            "data.list.x>3",
            "data.list.x:\"03\"",
            "changed:seo.n",
            "changed:tags",
            "changed:status.x",
            "before:published",
        ],
        false,
    );
}

#[test]
fn words() {
    all(
        &[
            "home",
            "HOME",
            "\"home of bread\"",
            "bread ana",
            "ana@example.com",
            "4711",
            "sip-ingress-4711",
            "ingr*",
            "*gress",
            "*gres*",
            "47*",
            "1735",
            "203.0.113",
            "0193aaaa-0000-7000-8000-00000000000f",
            "67c2b9c4-ff00-4f0e-955f-83e915f859f2",
            "67c2b9c4*",
            "67c2b9c4-ff00*",
            "boss",
            "wagtail.publish",
            "ticket",
            "02T10:00",
        ],
        true,
    );
    all(
        &[
            "hom*x",
            "\"bread of home\"",
            "471",
            "status",
            "true",
            "67c2b9c4",
            "0193aaaa*",
            "\"home*\" nothere",
        ],
        false,
    );
}

#[test]
fn operators() {
    all(
        &[
            "home bread",
            "home AND bread",
            "home OR nothere",
            "nothere OR home",
            "-nothere",
            "NOT nothere",
            "home -nothere",
            "home NOT nothere",
            "(home OR nothere) bread",
            "NOT (nothere OR alsonot)",
            "-(nothere home)",
            "NOT NOT home",
            "action:(a OR wagtail.publish)",
            "action:(NOT a)",
            "-action:(a OR b)",
            "action!=(a OR b)",
            "action!=a",
            "kind:(create OR update) after.tags:(blue AND red)",
            "created >= 2026-11-01",
            "created=2026-11-21",
            "  home  ",
            "((home))",
            "or OR home",
            "\"AND\" OR home",
        ],
        true,
    );
    all(
        &[
            "home nothere",
            "-home",
            "home AND NOT bread",
            "action:(a OR b)",
            "action!=wagtail.publish",
            "NOT (home OR x)",
        ],
        false,
    );
}

#[test]
fn times() {
    all(
        &[
            "created:2026",
            "created:2026-11",
            "created:2026-11-21",
            "created:2026-11-21T04:15",
            "created:2026-11-21T04:15:15",
            "created:2026-11-21T04:15:15Z",
            "created:2026-11-21T05:15:15+01:00",
            "created>=2026-11-21T04:15:15Z",
            "created<=2026-11-21",
            "created<2026-11-22",
            "created>2026-11-20",
            "created:2026-11-01..2026-11-21",
            "created:..2026-11-21",
            "created:2026-11-21..",
            "created:*",
        ],
        true,
    );
    all(
        &[
            "created:2025",
            "created:2026-12",
            "created<2026-11-21",
            "created>2026-11-21",
            "created>2026-11-21T04:15:15Z",
            "created<2026-11-21T04:15:15Z",
            "created:2026-11-22..",
            "recorded_at:2026-11-21",
        ],
        false,
    );
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let span = Filter::parse("created>=2026-11-01 created<2026-11-03 home").unwrap().times();
    assert_eq!(span, Span::closed(at("2026-11-01T00:00:00Z"), at("2026-11-02T23:59:59.999999999Z")));
    let either = Filter::parse("created:2026-11-01 OR created:2026-11-05").unwrap().times();
    assert_eq!(either, Span::closed(at("2026-11-01T00:00:00Z"), at("2026-11-05T23:59:59.999999999Z")));
    assert_eq!(Filter::parse("created:2026 OR home").unwrap().times(), Span::all());
    assert_eq!(Filter::parse("-created:2026").unwrap().times(), Span::all());
    assert!(!Filter::Or(vec![]).matches(&ana()) && Filter::all().matches(&ana()));
}

#[test]
fn mistakes_have_a_place_and_a_way_out() {
    for (filter, position, length, says) in [
        ("acton:login", 0, 5, "there is no field `acton`. Did you mean `action`?"),
        ("home colour:red", 5, 6, "there is no field `colour`. Fields inside"),
        ("https://x.test", 0, 5, "put it in quotes"),
        ("after..x:1", 0, 8, "empty part"),
        ("(home", 5, 0, "not closed; expected `)`. Close the parenthesis at character 1"),
        ("home)", 4, 1, "this `)` has no `(`"),
        ("action:(a OR", 12, 0, "something is missing here; expected a value"),
        ("()", 1, 0, "something is missing here"),
        ("action:", 7, 0, "the value is missing"),
        ("action:  a", 7, 0, "the value is missing"),
        ("\"home", 0, 5, "a quotation mark is not closed"),
        ("summary:\"home", 8, 5, "a quotation mark is not closed"),
        ("a OR b c", 2, 2, "AND and OR are mixed"),
        ("a b OR c", 4, 2, "AND and OR are mixed"),
        ("action:(a OR b c)", 10, 2, "AND and OR are mixed"),
        ("OR a", 0, 2, "`OR` stands where a condition should"),
        ("a OR", 4, 0, "something is missing here"),
        ("a AND", 5, 0, "something is missing here"),
        ("NOT", 0, 3, ""),
        ("created>=yesterday", 9, 9, "`yesterday` is not a time; expected one of a day"),
        ("created:2026-02-30", 8, 10, "`2026-02-30` is not a time: there is no such day"),
        ("created:2026-13", 8, 7, "there is no such month"),
        ("created:2026-11-02..2026-11-01", 8, 22, "the range ends before it begins"),
        ("created:..", 8, 2, "the range has no bound"),
        ("duration>soon", 9, 4, "`soon` is not a number"),
        ("ip:203.0.113.0/33", 3, 14, "`33` is not a number of bits from 0 to 32"),
        ("ip:203.0.113/24", 3, 12, "`203.0.113` is not an IPv4 or IPv6 address"),
        ("ip:localhost", 3, 9, "`localhost` is not an IPv4 or IPv6 address"),
        ("id:7", 3, 1, "`7` is not a UUID"),
        ("kind:updat", 5, 5, "there is no kind `updat`"),
        ("outcome:ok", 8, 2, "there is no outcome `ok`; expected one of success, failure"),
        ("action>a", 0, 6, "`action` is text and has no order"),
        ("after.price>cheap", 12, 5, "`cheap` is neither a number nor a time"),
        ("a*", 0, 2, "at least 2 letters"),
        ("*", 0, 1, "at least 2 letters"),
        ("x *e* y", 2, 3, "at least 2 letters"),
        ("---", 1, 2, ""),
        ("...", 0, 3, "there is no letter or digit to look for"),
        ("\"--\"", 0, 4, "there is no letter or digit to look for"),
        ("größe:1 é", 0, 5, "there is no field `größe`"),
    ] {
        let error = Filter::parse(filter).expect_err(filter);
        if !says.is_empty() {
            assert!(error.to_string().contains(says), "{filter}: {error}");
        }
        let place = (error.position, error.length);
        assert!(says.is_empty() || place == (position, length), "{filter}: {place:?} {error}");
    }
}

#[test]
fn huge_filters_are_refused_and_none_panics() {
    let refused = |text: String| Filter::parse(&text).expect_err("refused").message;
    assert!(refused("a ".repeat(3000)).contains("longer than 4096 characters"));
    assert!(refused("a ".repeat(300)).contains("more than 200 conditions"));
    assert!(refused(format!("{}a{}", "(".repeat(40), ")".repeat(40))).contains("nested deeper"));
    assert!(refused(format!("{}a", "-".repeat(40))).contains("nested deeper"));
    assert!(
        refused("action:(".repeat(40)).contains("nested deeper")
            || !refused("action:(".repeat(40)).is_empty()
    );
    let pieces = [
        "a", "(", ")", "\"", "OR", "AND", "NOT", "-", "*", ":", "action", "after.", "..", ">=", " ", "é",
        "\\", "1", "{",
    ];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
        }
        match Filter::parse(&text) {
            Ok(filter) => {
                let _matches: bool = filter.matches(&ana());
            }
            Err(error) => {
                let length = text.chars().count();
                assert!(error.position + error.length <= length, "{text}: {error:?}");
            }
        }
    }
}

#[test]
fn a_filter_is_known_by_its_meaning() {
    let print = |text: &str| Filter::parse(text).unwrap().fingerprint();
    assert_eq!(print("action:a  kind:update"), print("action=a AND kind:UPDATE "));
    assert_ne!(print("action:a"), print("action:b"));
    assert_ne!(print("action:a*"), print("action:\"a*\""));
}
