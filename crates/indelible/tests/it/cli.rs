//! The commands: what goes to stdout, what to stderr, exit codes, and words that help.

use serde_json::Value;

use crate::program::Place;

const WAGTAIL: &str = include_str!("../../src/demo/captures/wagtail-entries.json");
const STREAM: &str = include_str!("../../src/demo/captures/stream-records.json");

fn entries(ndjson: &str) -> Vec<Value> {
    ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_command_line_is_consistent() {
    indelible::cli::command().debug_assert();
}

#[test]
fn help_is_as_it_was() {
    let place = Place::empty();
    let mut text = String::new();
    let mut waiting = vec![(String::new(), indelible::cli::command())];
    while let Some((name, command)) = waiting.pop() {
        let help = place.does(&format!("{name} --help"));
        text.extend(["$ indelible", &name, " --help\n", &help, "\n"]);
        let subcommands = command.get_subcommands().filter(|command| command.get_name() != "help");
        let mut subcommands: Vec<_> =
            subcommands.map(|command| (format!("{name} {}", command.get_name()), command.clone())).collect();
        subcommands.reverse();
        waiting.extend(subcommands);
    }
    insta::assert_snapshot!("help", text);
}

#[test]
fn wrong_usage_is_told_and_ends_with_2() {
    let place = Place::new();
    for (line, expected) in [
        ("", "Usage: indelible <COMMAND>"),
        ("frobnicate", "unrecognized subcommand 'frobnicate'"),
        ("site create", "<ID>"),
        ("site create A_B", "`A_B` is not a site id: use `name` or `org.name`"),
        ("site list --colour", "unexpected argument '--colour'"),
        ("token create --name t --role root", "use super_admin, owner, admin, auditor or writer"),
        ("import --site acme.www --format xml x", "use ndjson, wagtail, stream or aem"),
        ("query --site acme.www home colour=red", "at character 6: there is no field `colour`"),
        ("query --site acme.www home colour=red", "\n\n  home colour=red\n       ^^^^^^"),
        ("query --site acme.www acton:login", "Did you mean `action`?"),
        ("query --site acme.www kind=upsert", "there is no kind `upsert`; expected one of create, update"),
        ("query --site acme.www limit=3", "there is no field `limit`"),
        ("query --site acme.www from=yesterday", "`from`: `yesterday` is not an RFC 3339 time"),
        ("export --site acme.www (a", "a parenthesis is not closed"),
        ("export --site acme.www --format xml", "use ndjson, csv, ocsf or cef"),
        ("query --site acme.www --format xml", "table, ndjson, csv"),
        ("query --site a_b", "`a_b` is not a site id"),
        ("serve --listen nonsense", "invalid socket address"),
        ("demo --listen 0.0.0.0:0", "listens only on a loopback address, not on 0.0.0.0"),
        ("demo --listen [::]:0", "For a server that others reach: indelible serve"),
        ("demo --listen 127.0.0.1:0 --data .", "is not empty: the demo fills a directory of its own"),
        ("completions tcsh", "bash, elvish, fish, powershell, zsh"),
    ] {
        let message = place.fails(line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn failures_say_what_to_do_and_end_with_1() {
    let place = Place::new();
    for (line, expected) in [
        ("site create acme.www", "there is a site `acme.www` already"),
        (
            "query --site acme.nothing",
            "there is no site `acme.nothing`. `indelible site list` shows those there are",
        ),
        ("verify --site acme.nothing", "there is no site `acme.nothing`"),
        ("token create --name t --role writer --site acme.nothing", "there is no site `acme.nothing`"),
        (
            "token revoke nobody",
            "there is no valid token `nobody`. `indelible token list` shows those there are",
        ),
        ("import --site acme.www --format ndjson missing.json", "cannot read missing.json"),
        (
            "site list --data elsewhere",
            "Run `indelible serve --data elsewhere` to make one, or name the right one with --data",
        ),
        ("site list --config missing.toml", "\"missing.toml\" not found"),
    ] {
        let message = place.fails(line, 1);
        assert!(message.starts_with("error: ") && message.contains(expected), "{line}: {message}");
        assert!(!message.contains('\x1b'), "no colours where nobody sees them");
    }
    assert!(!place.path().join("elsewhere").exists(), "only `serve` makes an installation");
}

#[test]
fn unknown_settings_are_an_error_that_leads_to_them() {
    let place = Place::new().with("APP__SERVER__COLOUR", "1");
    let message = place.fails("site list", 1);
    assert!(message.contains("unknown field `colour`, expected one of `listen`, `public_url`"), "{message}");
    assert!(message.contains("APP__SERVER__COLOUR") && message.contains("APP__STORE__DATA_DIR"), "{message}");

    let place = Place::new();
    for (toml, expected) in [
        ("[server]\ncolour = 1", "unknown field `colour`"),
        ("[servre]\nlisten = 1", "unknown field `servre`, expected one of `server`, `store`, `log`"),
        ("[server]\nlisten = \"nonsense\"", "server.listen"),
        ("not toml", "TOML parse error"),
    ] {
        place.write("settings.toml", toml);
        let message = place.fails("site list --config settings.toml", 1);
        assert!(message.contains(expected) && message.contains("settings.toml"), "{message}");
    }
}

#[test]
fn flags_go_before_variables_and_variables_before_the_file() {
    let place = Place::new();
    place.write("settings.toml", "[store]\ndata_dir = \"in-the-file\"");
    let doctor = |line: &str| place.does(line);
    assert!(doctor("doctor --config settings.toml").contains("data          data\n"));
    assert!(doctor("doctor --config settings.toml --data by-flag").contains("data          by-flag\n"));
}

#[test]
fn sites_and_tokens() {
    let place = Place::new();
    let made = place.run("site create blog --name Blog");
    assert_eq!((made.code, made.out.as_str()), (Some(0), ""), "a message is no data");
    assert_eq!(made.err, "created the site `blog`\n");
    let list = place.does("site list");
    let names: Vec<&str> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["SITE", "_system", "acme.www", "blog"]);

    let made = place.run("token create --name ci --role writer --site blog");
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""));
    let token = made.out.strip_suffix('\n').unwrap();
    assert!(token.starts_with("idl_") && !token.contains(char::is_whitespace), "the token alone: {token}");
    let list = place.does("token list");
    assert!(!list.contains(&token[4..]));
    let line = list.lines().find(|line| line.contains(" ci ")).unwrap();
    assert!(line.contains("writer") && line.contains("blog") && line.ends_with("valid"), "{line}");

    place.does("token create --name ci --role auditor");
    let message = place.fails("token revoke ci", 1);
    assert!(message.contains("2 valid tokens are called `ci`: name the one by its id"), "{message}");
    let revoked = place.run(&format!("token revoke {}", line.split_whitespace().next().unwrap()));
    assert_eq!(revoked.code, Some(0));
    assert!(revoked.err.starts_with("revoked the token `ci` ("), "{}", revoked.err);
    assert_eq!(place.run("token revoke ci").code, Some(0), "now only one valid token has the name");
    let told = entries(&place.does("query --site _system --format ndjson sort=recorded_at"));
    let actions: Vec<&str> = told.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let (site, token, revoke) = ("indelible.site.create", "indelible.token.create", "indelible.token.revoke");
    assert_eq!(actions, [site, site, token, token, revoke, revoke]);
    assert_eq!(told[0]["actor"]["name"], "ana (terminal)");
}

#[test]
fn captures_are_read_once_however_often() {
    let place = Place::new();
    for (site, format, capture, list) in
        [("wagtail", "wagtail", WAGTAIL, "entries"), ("wordpress", "stream", STREAM, "driver_payloads")]
    {
        place.does(&format!("site create {site}"));
        place.write("capture.json", capture);
        let records = serde_json::from_str::<Value>(capture).unwrap()[list].as_array().unwrap().len();
        let first = place.run(&format!("import --site {site} --format {format} capture.json"));
        assert_eq!((first.code, first.out.as_str()), (Some(0), ""), "{first:?}");
        assert_eq!(first.err, format!("{records} appended to `{site}`, 0 there already, 0 refused\n"));
        let again = place.run_with(&format!("import --site {site} --format {format} -"), capture);
        assert_eq!(again.code, Some(0));
        assert_eq!(again.err, format!("0 appended to `{site}`, {records} there already, 0 refused\n"));
        let kept = entries(&place.does(&format!("query --site {site} --format ndjson --limit 1000")));
        assert_eq!(kept.len(), records);
        assert!(kept.iter().all(|entry| entry["source"] == "import"));
    }
    let verified = place.run("verify");
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert_eq!(verified.out.lines().count(), 4, "a line for every site: {}", verified.out);
    assert!(verified.out.contains("wagtail: ") && verified.err.starts_with("all "), "{verified:?}");
    assert_eq!(place.does("verify --site wordpress").lines().count(), 1);
}

#[test]
fn bad_lines_cost_themselves_only() {
    let place = Place::new();
    let good = |id: u32| format!(r#"{{"action":"a","entity":{{"type":"page","id":"{id}"}}}}"#);
    let lines = [
        good(1),
        "{broken".to_owned(),
        good(2),
        String::new(),
        r#"{"action":"a"}"#.to_owned(),
        r#"{"action":"a","entity":{"type":"page","id":"3"},"kind":"upsert"}"#.to_owned(),
        r#"{"id":"7","action":"a","entity":{"type":"page","id":"3"}}"#.to_owned(),
        good(3),
    ];
    place.write("lines.ndjson", lines.join("\n"));
    let ran = place.run("import --site acme.www --format ndjson lines.ndjson");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "a refusal is a failure");
    let said: Vec<&str> = ran.err.lines().collect();
    for (place, reason) in [
        ("refused line 2: ", "not JSON"),
        ("refused line 5: ", "`entity`: is required"),
        ("refused line 6: ", "`kind`: `upsert` is not a kind"),
        ("refused line 7: ", "`id`: `7` is not a UUID"),
    ] {
        assert!(
            said.iter().any(|line| line.starts_with(place) && line.contains(reason)),
            "{place}{reason}: {said:?}"
        );
    }
    assert_eq!(said.last(), Some(&"3 appended to `acme.www`, 0 there already, 4 refused"));
    let ids = place.does("query --site acme.www --format ndjson sort=entity_id");
    let ids: Vec<Value> = entries(&ids).iter().map(|entry| entry["entity"]["id"].clone()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[test]
fn queries_in_three_formats() {
    let place = Place::new();
    let line = |time: &str, name: &str, title: &str| {
        format!(
            r#"{{"occurred_at":"{time}","action":"page.update","actor":{{"type":"user","name":"{name}"}},"entity":{{"type":"page","id":"1","title":"{title}"}},"summary":"Changed"}}"#
        )
    };
    let lines = [
        line("2026-11-01T00:00:00Z", "Ana", "Home, sweet \\\"home\\\""),
        line("2026-11-02T00:00:00Z", "Bob", "=HYPERLINK(1)"),
        line("2026-11-03T00:00:00Z", "Ana", "\\u001b[31mred\\nline"),
    ];
    assert_eq!(place.run_with("import --site acme.www --format ndjson -", &lines.join("\n")).code, Some(0));
    let found =
        entries(&place.does("query --site acme.www --format ndjson user=ana to=2026-11-02T00:00:00Z"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["entity"]["title"], "Home, sweet \"home\"");
    assert_eq!(found[0]["index"], 0);

    let csv = place.does("query --site acme.www --format csv --limit 2 sort=timestamp");
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows[0], "time,user,action,kind,type,entity,details,id");
    assert!(rows[1].starts_with(
        "2026-11-01T00:00:00.000Z,Ana,page.update,update,page,\"Home, sweet \"\"home\"\"\",Changed,"
    ));
    assert!(rows[2].contains(",'=HYPERLINK(1),"), "a formula must stay a text: {}", rows[2]);
    assert_eq!(rows.len(), 3);

    let table = place.does("query --site acme.www");
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 4, "one line an entry, whatever is in it: {table}");
    assert!(rows[0].starts_with("TIME") && rows[1].starts_with("2026-11-03"), "{table}");
    assert!(!table.contains('\x1b'), "data must not talk to the terminal");
    assert_eq!(place.does("query --site acme.www --limit 0 --format ndjson"), "");
    assert_eq!(place.does("query --site acme.www user=nobody --format ndjson"), "");
    assert_eq!(place.does("query --site acme.www user=nobody").lines().count(), 1, "the headings");
}

#[test]
fn commands_at_the_same_time_take_turns() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let line = r#"{"action":"a","entity":{"type":"page","id":"1"}}"#;
                // Half of them ask for one and the same site: one gets it, and all find it there.
                let site = if number % 2 == 0 { format!("site{number}") } else { "shared".to_owned() };
                let created = place.run(&format!("site create {site}"));
                assert!(created.code == Some(0) || created.err.contains("already"), "{created:?}");
                place.does(&format!("token create --name t{number} --role writer --site {site}"));
                let read = place.run_with(&format!("import --site {site} --format ndjson -"), line);
                assert_eq!(read.code, Some(0), "{read:?}");
            });
        }
    });
    assert_eq!(place.does("site list").lines().count(), 1 + 2 + 5);
    assert_eq!(
        entries(&place.does("query --site shared --format ndjson")).len(),
        1,
        "one line, read four times"
    );
    let told = entries(&place.does("query --site _system --format ndjson --limit 1000"));
    assert_eq!(told.len(), 1 + 5 + 8, "every change once");
    assert_eq!(place.run("verify").code, Some(0));
}

#[test]
fn what_helps_around() {
    let place = Place::new();
    let document: Value = serde_json::from_str(&place.does("openapi --data anywhere")).unwrap();
    assert_eq!(document, serde_json::to_value(indelible::api::document()).unwrap());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.does(&format!("completions {shell} --data anywhere"));
        assert!(script.contains("indelible") && script.contains("sign-in-link"), "{shell}");
    }
    let doctor = place.does("doctor");
    for line in [
        "log origin    audit.test",
        "sites         2",
        "entries       1",
        "tokens        0 valid",
        "state         opens",
    ] {
        assert!(doctor.contains(line), "{line}: {doctor}");
    }
    let nothing = Place::empty().does("doctor");
    assert!(nothing.contains("none yet: `indelible serve` makes one"), "{nothing}");
    assert_eq!(place.does("--version"), format!("indelible {}\n", env!("CARGO_PKG_VERSION")));
}
