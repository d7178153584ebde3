//! What a page must say, and must never let through.

use askama::Template;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::kind::Kind;
use super::*;

const HOSTILE: &str = "\"><script>alert('x')</script><b onclick=y>&amp;";

#[test]
fn relative_time_is_short_and_exact_enough() {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    let check = |then: &str, expected: &str| {
        assert_eq!(text::relative_time(now, then.parse().expect("a time")), expected, "{then}");
    };
    check("2026-11-21T12:00:00Z", "just now");
    check("2026-11-21T11:59:56Z", "just now");
    check("2026-11-21T11:59:18Z", "42 s ago");
    check("2026-11-21T11:57:00Z", "3 min ago");
    check("2026-11-21T11:00:01Z", "59 min ago");
    check("2026-11-21T11:00:00Z", "1 h ago");
    check("2026-11-20T12:00:01Z", "23 h ago");
    check("2026-11-20T12:00:00Z", "1 day ago");
    check("2026-11-18T12:00:00Z", "3 days ago");
    check("2026-11-14T12:00:00Z", "14 Nov");
    check("2025-11-12T12:00:00Z", "12 Nov 2025");
    check("2026-11-21T14:00:00Z", "in 2 h");
    check("2026-12-24T14:00:00Z", "24 Dec");
}

#[test]
fn times_name_their_zone() {
    let then: Timestamp = "2026-11-03T04:05:06.0071+02:00".parse().expect("a time");
    assert_eq!(text::exact_time(then), "2026-11-03 02:05:06.007 UTC");
    assert_eq!(text::machine_time(then), "2026-11-03T02:05:06.007Z");
    assert_eq!(text::input_time(then), "2026-11-03T02:05:06");
    assert_eq!(text::day_heading(then), "Tuesday, 3 November 2026");
}

#[test]
fn numbers_have_thousands_separators() {
    let check = |number, expected: &str| assert_eq!(text::thousands(number), expected);
    check(0, "0");
    check(999, "999");
    check(1_000, "1,000");
    check(88_310, "88,310");
    check(u64::MAX, "18,446,744,073,709,551,615");
    assert_eq!(text::count(1, "entry", "entries"), "1 entry");
    assert_eq!(text::count(0, "entry", "entries"), "0 entries");
}

#[test]
fn addresses_encode_every_part() {
    assert_eq!(
        url::entity("acme.www", "a/b", "x?y#z ü"),
        "/sites/acme.www/entities/a%2Fb/x%3Fy%23z%20%C3%BC"
    );
    let pairs = [("user", "Ana & Bo"), ("kind", ""), ("from", "2026-11-21T04:15")];
    assert_eq!(url::with_query("/activity", &pairs), "/activity?user=Ana%20%26%20Bo&from=2026-11-21T04%3A15");
}

#[test]
fn addresses_from_outside_lead_nowhere_else() {
    assert_eq!(url::external("https://www.example.com/a").as_deref(), Some("https://www.example.com/a"));
    for bad in ["javascript:alert(1)", "javascript://x%0Aalert(1)", "data:text/html,x", "/a", ""] {
        assert_eq!(url::external(bad), None, "{bad}");
    }
    assert_eq!(url::local("/sites/blog?user=42"), "/sites/blog?user=42");
    for bad in ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", ""] {
        assert_eq!(url::local(bad), "/", "{bad}");
    }
}

#[test]
fn kinds_go_there_and_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_code(kind.code()), kind);
    }
    assert_eq!(Kind::from_code("no such kind"), Kind::Other);
}

fn change(pointer: &str, before: &Json, after: &Json) -> FieldRow {
    FieldRow::new(Op::Changed, pointer, Some(before), Some(after))
}

/// The pieces of a value, changed ones in brackets and left out ones in parentheses.
fn drawn(value: &Value) -> String {
    let piece = |span: &Span| match span.mark {
        Mark::Same => span.text.clone(),
        Mark::Changed => format!("[{}]", span.text),
        Mark::Gap => format!("({})", span.text),
    };
    value.spans.iter().map(piece).collect()
}

#[test]
fn words_are_marked_in_texts_that_are_alike() {
    let row = change("/t", &json!("Open six days a week"), &json!("Open on seven days a week"));
    assert_eq!(drawn(&row.before), "Open [six] days a week");
    assert_eq!(drawn(&row.after), "Open [on seven] days a week");

    let row = change("/t", &json!("home"), &json!("Neue Startseite"));
    assert_eq!((drawn(&row.before), drawn(&row.after)), ("[home]".into(), "[Neue Startseite]".into()));
}

#[test]
fn null_nothing_and_empty_differ() {
    let states = |row: FieldRow| (row.before.state, row.after.state);
    assert_eq!(states(change("/t", &json!(null), &json!(""))), (ValueState::Null, ValueState::Empty));
    let added = FieldRow::new(Op::Added, "/t", None, Some(&json!(0)));
    assert_eq!(drawn(&added.after), "[0]");
    assert_eq!(states(added), (ValueState::Missing, ValueState::Json));
}

#[test]
fn type_changes_are_said() {
    let row = FieldRow::new(Op::Type, "/t", Some(&json!("1")), Some(&json!(1)));
    assert_eq!(row.notes, ["text → number"]);
}

#[test]
fn lists_differ_by_lines_and_keep_their_indentation_unmarked() {
    let row = change("/t", &json!(["a", "b", "c"]), &json!(["a", "c"]));
    assert_eq!(drawn(&row.before), "[\n  \"a\",\n  [\"b\",\n]  \"c\"\n]");
    assert_eq!(drawn(&row.after), "[\n  \"a\",\n  \"c\"\n]");
}

#[test]
fn what_is_far_from_a_change_is_left_out() {
    let long = "kitchen ".repeat(1_000);
    let row = change("/t", &json!(format!("{long}old {long}")), &json!(format!("{long}new {long}")));
    let before = drawn(&row.before);
    assert!(before.contains("kitchen [old] kitchen"), "{before}");
    assert!(before.starts_with("(7,8") && before.ends_with("characters unchanged)"), "{before}");
    assert!(before.len() < 400 && row.before.fold.is_none());
}

/// Before a pure insertion nothing is marked, and what is far from it is left out all the same.
#[test]
fn what_is_far_from_an_insertion_is_left_out_on_both_sides() {
    let long = "kitchen ".repeat(100);
    for (before, after) in [
        (long.clone(), format!("{long}new words")),
        (long.clone(), format!("new words {long}")),
        (format!("{long}{long}"), format!("{long}new words {long}")),
    ] {
        let row = change("/t", &json!(before), &json!(after));
        let (old, new) = (drawn(&row.before), drawn(&row.after));
        assert!(new.contains('[') && new.contains("new words") && !old.contains('['), "{old}\n{new}");
        let left_out = |text: &str| text.matches("characters unchanged").count();
        assert!(left_out(&old) > 0 && left_out(&old) == left_out(&new), "{old}\n{new}");
        assert!(row.before.spans.iter().all(|span| !span.text.is_empty()));
        let back = change("/t", &json!(after), &json!(before));
        assert_eq!(drawn(&back.after), old, "a removal is drawn the same way");
    }
}

#[test]
fn no_more_is_drawn_than_a_page_can_carry() {
    let row = || FieldRow::new(Op::Added, "/t", None, Some(&json!("x".repeat(50_000))));
    let rows = (0..6).map(|_| row()).collect();
    let diff = Diff { changed: FieldGroup::of(rows), ..Diff::default() }.bounded();
    let rows: Vec<&FieldRow> = diff.changed.iter().flat_map(|group| &group.rows).collect();
    let drawn: Vec<String> = rows.iter().map(|row| drawn(&row.after)).collect();
    let chars: Vec<usize> = drawn.iter().map(|text| text.matches('x').count()).collect();
    assert_eq!(chars, [30_000, 30_000, 30_000, 30_000, 0, 0]);
    assert!(drawn[0].ends_with("(20,000 characters not drawn; the raw JSON has them)"));
    assert_eq!(rows[0].after.fold.as_ref().expect("folded").1, "Show the start of 50,000 characters");
}

#[test]
fn long_values_are_folded() {
    let lines = "line\n".repeat(214);
    let row = FieldRow::new(Op::Added, "/t", None, Some(&json!(lines)));
    assert_eq!(row.after.fold.expect("folded").1, "Show all 214 lines");
}

#[test]
fn paths_are_readable_and_grouped_by_parent() {
    let pointers = ["/title", "/cards/0/weight", "/cards/1", "/meta/a.b", "/x~1y", "/"];
    let rows = pointers.iter().map(|pointer| FieldRow::alone(pointer, &json!(1))).collect();
    let groups: Vec<_> = FieldGroup::of(rows)
        .into_iter()
        .map(|group| (group.parent, group.rows.into_iter().map(|row| row.path).collect::<Vec<_>>()))
        .collect();
    let expected = [
        (None, vec!["title"]),
        (Some("cards"), vec!["[0].weight", "[1]"]),
        (None, vec!["meta[\"a.b\"]", "x/y", "[\"\"]"]),
    ];
    let expected = expected.map(|(parent, paths)| (parent.map(str::to_owned), paths));
    assert_eq!(groups.len(), expected.len());
    for (group, expected) in groups.iter().zip(&expected) {
        assert_eq!(group.0, expected.0);
        assert_eq!(group.1, expected.1);
    }
}

fn frame() -> Frame {
    let site = SiteLink::new("acme.www", HOSTILE);
    Frame {
        title: HOSTILE.to_owned(),
        sites: vec![site.clone(), SiteLink::new("blog", "")],
        current_site: Some(site),
        has_network: true,
        tabs: Tab::of_site("acme.www", true, "Activity"),
        account: Some(Account {
            name: HOSTILE.to_owned(),
            role: "Auditor".to_owned(),
            can_sign_out: true,
            governs: true,
        }),
        find: HOSTILE.to_owned(),
        is_demo: true,
        ..Frame::default()
    }
}

fn action() -> Action {
    Action { label: HOSTILE.to_owned(), code: HOSTILE.to_owned(), kind: Kind::Delete, failed: true }
}

fn row() -> Row {
    let hostile = HOSTILE.to_owned();
    let changed = Tags::new(&vec![hostile.clone(); 5], 3);
    let actor =
        Actor { name: hostile.clone(), note: Some(hostile.clone()), title: hostile.clone(), href: None };
    let entity = Entity {
        kind: hostile.clone(),
        title: Some(hostile.clone()),
        id: hostile.clone(),
        href: url::entity("acme.www", HOSTILE, HOSTILE),
    };
    Row {
        href: url::entry("acme.www", HOSTILE),
        day: Some(hostile.clone()),
        time: Time::new(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        label: hostile.clone(),
        failed: true,
        cells: vec![
            Cell::Site(Link { label: hostile.clone(), href: url::site(HOSTILE) }),
            Cell::User(Some(actor)),
            Cell::Action(action()),
            Cell::EntityType(Some(hostile.clone())),
            Cell::Entity(Some(entity)),
            Cell::Details { summary: Some(hostile.clone()), changed: changed.clone() },
            Cell::Changed(changed),
            Cell::Text { label: "IP address", class: "ip", value: hostile.clone(), is_code: true },
        ],
        place: Place::First(hostile),
    }
}

fn counts() -> Counts {
    let hostile = || HOSTILE.to_owned();
    Counts {
        total: hostile(),
        histogram: Some(Histogram {
            width: Bar::WIDTH,
            paths: vec![(Kind::Create, "M0 0h8v560h-8z".to_owned())],
            bars: vec![Bar { x: 0, title: hostile(), href: url::site(HOSTILE) }],
            first: hostile(),
            last: hostile(),
            scale: hostile(),
        }),
        facets: vec![Facet {
            label: hostile(),
            values: vec![FacetValue {
                label: hostile(),
                title: hostile(),
                count: hostile(),
                share: 100,
                href: url::site(HOSTILE),
                without_href: Some(url::site(HOSTILE)),
                is_chosen: true,
            }],
            other: Some(hostile()),
        }],
    }
}

fn activity() -> ActivityPage {
    let hostile = || HOSTILE.to_owned();
    let href = Some("?sort=user".to_owned());
    let column = Column { class: "user", label: "User", href, sorted: Sorted::Descending };
    ActivityPage {
        actor: None,
        frame: frame(),
        heading: "Activity".to_owned(),
        total: None,
        count_href: Some(hostile()),
        filters: FilterForm {
            user: hostile(),
            action: hostile(),
            users: vec![Choice { value: hostile(), label: hostile() }],
            hidden: vec![(hostile(), hostile())],
            errors: ["user", "q"]
                .map(|field| FieldError {
                    field: field.to_owned(),
                    message: hostile(),
                    place: Some([hostile(), hostile(), hostile()]),
                })
                .into(),
            limit: 30,
            ..FilterForm::default()
        },
        counts: Some(counts()),
        chips: vec![Chip { label: hostile(), value: hostile(), is_code: true, remove_href: "?".to_owned() }],
        saved: SavedSearches {
            links: vec![SavedLink {
                name: hostile(),
                href: url::saved_search(HOSTILE),
                delete_href: url::saved_search(HOSTILE),
                is_current: true,
            }],
            new: Some(NewSearch { site: hostile(), query: hostile() }),
            here: url::with_query("/", &[("user", HOSTILE)]),
        },
        tail: None,
        exports: Vec::new(),
        clear_href: "/sites/acme.www".to_owned(),
        columns: vec![column, Column::default()],
        columns_form: ColumnsForm {
            choices: vec![ColumnChoice {
                code: "user",
                label: "User",
                is_shown: true,
                has_before: true,
                has_after: true,
            }],
            here: url::with_query("/", &[("user", HOSTILE)]),
        },
        completions: "/api/v1/completions".to_owned(),
        rows: vec![row()],
        pager: Pager::default(),
        empty: Empty::default(),
    }
}

fn entry() -> EntryPage {
    let hostile = || HOSTILE.to_owned();
    let time = Time::new(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let link = EntryLink {
        href: "/".to_owned(),
        label: hostile(),
        kind: Kind::Read,
        time: time.clone(),
        is_current: false,
    };
    let value = json!({ HOSTILE: HOSTILE });
    EntryPage {
        frame: frame(),
        sentence: Sentence {
            actor: hostile(),
            verb: Verb::Code(hostile()),
            object: Object::Named(hostile()),
        },
        action: action(),
        occurred: time.clone(),
        recorded: time,
        summary: Some(hostile()),
        reason: Some(hostile()),
        errors: vec![hostile()],
        notices: vec![Notice { tone: Tone::Danger, text: hostile(), link: None }],
        other_diff: Some(Link { label: hostile(), href: "/".to_owned() }),
        previous: None,
        next: None,
        diff: Diff {
            shape: Shape::Both,
            changed: FieldGroup::of(vec![change(&format!("/{HOSTILE}"), &value, &json!(HOSTILE))]),
            unchanged: vec![FieldRow::alone("/t", &json!(HOSTILE.repeat(80)))],
            noise: vec![change("/updated_at", &value, &json!(HOSTILE))],
            left_out: 3,
            is_unified: false,
            note: Some(hostile()),
        },
        data: Some(hostile()),
        raw: Some(hostile()),
        raw_href: "/".to_owned(),
        actor: vec![Fact::words(HOSTILE, HOSTILE), Fact::code("Id", HOSTILE).to("/")],
        origin: Vec::new(),
        origin_erased: false,
        entity: Vec::new(),
        history_href: None,
        about: Vec::new(),
        related: Related {
            previous: Some(link.clone()),
            same: vec![link.clone(), link],
            ..Related::default()
        },
        revert: Revert { href: None, why_not: Some(hostile()) },
        proof: Proof { state: hostile(), leaf_hash: hostile(), ..Proof::default() },
    }
}

/// What a policy without inline scripts and styles forbids, and what unescaped data would look like.
fn assert_harmless(html: &str) {
    let own = format!("<script type=\"module\" src=\"{}\"></script>", Assets::default().script);
    let html = html.replacen(&own, "", 1);
    for forbidden in ["<script", "<b onclick", "style=", "javascript:", "\"\">"] {
        assert!(!html.contains(forbidden), "{forbidden} in {html}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let activity = activity().render().expect("a page");
    assert!(activity.contains("&#60;script&#62;"));
    assert_harmless(&activity.replace("value=\"\">", ""));
    assert_harmless(&entry().render().expect("a page"));
    let page = FindPage { frame: frame(), id: HOSTILE.to_owned(), hits: Vec::new() };
    assert_harmless(&page.render().expect("a page"));
    let page = ErrorPage::no_permission(frame(), HOSTILE).with_request_id(HOSTILE);
    assert_harmless(&page.render().expect("a page"));
}

#[test]
fn the_list_says_how_it_is_sorted_filtered_and_that_an_entry_failed() {
    let html = activity().render().expect("a page");
    assert_eq!(html.matches("aria-sort=\"descending\"").count(), 1);
    assert!(html.contains("Remove filter ") && html.contains("Failed") && html.contains("+2"));
    assert!(html.contains("<option selected>30</option>"));
    assert!(html.contains("aria-describedby=\"e-user\"") && html.contains("id=\"e-user\""));
    assert!(html.contains("colspan=\"2\""));
}

#[test]
fn an_empty_list_says_why() {
    let unfiltered = || ActivityPage { rows: Vec::new(), chips: Vec::new(), ..activity() };
    let no_match = ActivityPage { rows: Vec::new(), ..activity() }.render().expect("a page");
    assert!(no_match.contains("One filter is active") && !no_match.contains("<table"));

    let first = FirstUse::new("https://audit.example", "acme.www");
    let first_use = ActivityPage { empty: Empty::FirstUse(first), ..unfiltered() }.render().expect("a page");
    assert!(first_use.contains("curl https://audit.example/api/v1/sites/acme.www/entries"));
    assert!(first_use.contains("--role writer --site acme.www"));
    assert!(!first_use.contains("id=\"filters\""));
}

#[test]
fn an_entry_without_states_says_so() {
    let page = EntryPage { diff: Diff::default(), ..entry() };
    assert!(page.render().expect("a page").contains("No before or after state recorded."));
}

#[test]
fn without_an_account_the_bar_offers_nothing() {
    let page = SignInPage {
        frame: Frame::default(),
        message: None,
        is_failure: false,
        next: "/sites/blog".to_owned(),
        single_sign_on_href: None,
    };
    let html = page.render().expect("a page");
    assert!(!html.contains("Sign out") && !html.contains("/find"));
    assert!(html.contains("name=\"next\" value=\"/sites/blog\""));
}
