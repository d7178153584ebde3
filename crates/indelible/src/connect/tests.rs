use serde_json::Value;

use super::*;

const WAGTAIL: &str = include_str!("../demo/captures/wagtail-entries.json");
const STREAM: &str = include_str!("../demo/captures/stream-records.json");

fn results(format: Format, input: impl AsRef<[u8]>) -> Vec<Result<Imported, ConnectError>> {
    read(format, Namespace::of_site(format, "acme.www"), input.as_ref()).collect()
}

fn entries(format: Format, input: impl AsRef<[u8]>) -> Vec<Value> {
    let parse = |imported: Imported| serde_json::from_str(&imported.json).unwrap();
    results(format, input).into_iter().map(|result| parse(result.unwrap())).collect()
}

/// Places and fields of the errors, and how many entries were read all the same.
fn errors(format: Format, input: impl AsRef<[u8]>) -> (Vec<(String, String)>, usize) {
    let (good, bad): (Vec<_>, Vec<_>) = results(format, input).into_iter().partition(Result::is_ok);
    let bad = bad.into_iter().map(Result::unwrap_err).map(|error| {
        assert!(!error.message.is_empty());
        (error.at, error.field)
    });
    (bad.collect(), good.len())
}

fn check_form(entry: &Value) {
    model::parse(entry.to_string().as_bytes()).unwrap();
    assert!(uuid::Uuid::try_parse(entry["id"].as_str().unwrap()).is_ok());
    assert!(entry["occurred_at"].is_string());
    assert!(["user", "system"].contains(&entry["actor"]["type"].as_str().unwrap()));
}

fn rewritten(text: &str, list: &str) -> (String, String) {
    let document: Value = serde_json::from_str(text).unwrap();
    let records = document[list].as_array().unwrap();
    let records: Vec<Value> = records.iter().map(|r| r.get("record").unwrap_or(r).clone()).collect();
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    (serde_json::to_string_pretty(&records).unwrap(), lines.join("\r\n"))
}

#[test]
fn every_wagtail_entry() {
    let entries = entries(Format::Wagtail, WAGTAIL);
    assert_eq!(entries.len(), 95);
    let document: Value = serde_json::from_str(WAGTAIL).unwrap();
    let mut ids = std::collections::HashSet::new();
    for (entry, row) in entries.iter().zip(document["entries"].as_array().unwrap()) {
        check_form(entry);
        assert!(ids.insert(entry["id"].clone()), "two entries with one id");
        assert_eq!(entry["action"], row["action"]);
        assert_eq!(entry["entity"]["type"], row["content_type_label"]);
        assert_eq!(entry["entity"]["title"], row["label"]);
        assert_eq!(entry["summary"], row["message_derived"]);
        assert_eq!(entry["actor"]["type"], if row["user_id"].is_null() { "system" } else { "user" });
        assert_eq!(entry.get("correlation_id").unwrap_or(&Value::Null), &row["uuid"]);
        let time = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(time(&entry["occurred_at"]), time(&row["timestamp"]));
        assert_eq!(entry["data"]["wagtail"]["revision_id"], row["revision_id"]);
        for (key, value) in row["data"].as_object().unwrap() {
            assert_eq!(&entry["data"][key], value);
        }
    }
}

#[test]
fn wagtail_details() {
    let entries = entries(Format::Wagtail, WAGTAIL);
    let rename = &entries[5];
    assert_eq!(rename["before"]["title"], "First");
    assert_eq!(rename["after"]["title"], "First renamed");
    assert!(entries[6].get("before").is_none(), "the publication repeats the titles but changed none");
    let rejected = entries.iter().find(|entry| entry["action"] == "wagtail.workflow.reject").unwrap();
    assert_eq!(rejected["reason"], "fix it");
    let sprocket = entries.iter().find(|entry| entry["entity"]["type"] == "acme.sprocket").unwrap();
    assert_eq!(rename["occurred_at"], "2026-11-21T04:17:28.271512Z", "all six digits");
    assert!(sprocket["data"]["wagtail"].get("batch").is_some());
    assert_eq!(sprocket["entity"]["id"], sprocket["data"]["wagtail"]["sprocket_id"].to_string());
    let nameless =
        entries.iter().filter(|e| e["actor"]["type"] == "user" && e["actor"].get("name").is_none());
    assert_eq!(nameless.count(), 1, "the user that no longer exists");
}

#[test]
fn wagtail_legacy_data() {
    let row = |data: &str| {
        format!(
            r#"{{"action":"wagtail.edit","content_type_label":"a.b","object_id":5,"data":{data},
                "timestamp":"2019-05-04 09:30:12.5+00:00","user_id":null}}"#
        )
        .replace('\n', "")
    };
    let entries = entries(Format::Wagtail, [row("\"\""), row("null"), row("[1,2]")].join("\n"));
    assert_eq!(entries[0]["data"], serde_json::json!({ "wagtail": {} }));
    assert_eq!(entries[1]["data"], entries[0]["data"]);
    assert_eq!(entries[2]["data"]["data"], serde_json::json!([1, 2]));
    assert_eq!(entries[2]["occurred_at"], "2019-05-04T09:30:12.5Z");
}

#[test]
fn every_stream_record() {
    let entries = entries(Format::Stream, STREAM);
    assert_eq!(entries.len(), 70);
    let document: Value = serde_json::from_str(STREAM).unwrap();
    let mut ids = std::collections::HashSet::new();
    for (entry, payload) in entries.iter().zip(document["driver_payloads"].as_array().unwrap()) {
        let record = &payload["record"];
        check_form(entry);
        assert!(ids.insert(entry["id"].clone()), "two entries with one id");
        let word = |field: &str| record[field].as_str().unwrap().to_owned();
        assert_eq!(entry["action"], format!("wp.{}.{}", word("connector"), word("action")));
        assert_eq!(entry["data"]["meta"], record["meta"]);
        assert_eq!(entry["data"]["blog_id"], record["blog_id"]);
        assert_eq!(entry["origin"]["ip"], record["ip"]);
        let time = format!("{}Z", word("created").replace(' ', "T"));
        assert_eq!(entry["occurred_at"], time);
        match word("user_id").as_str() {
            "0" => assert_eq!(entry["actor"]["type"], "system"),
            id => {
                assert_eq!(entry["actor"]["id"], id);
                assert_eq!(entry["actor"]["email"], record["meta"]["user_meta"]["user_email"]);
            }
        }
        if let Some(id) = record.get("object_id") {
            assert_eq!(&entry["entity"]["id"], id);
        }
    }
}

#[test]
fn stream_subjects_and_states() {
    let entries = entries(Format::Stream, STREAM);
    let find = |action: &str, text: &str| {
        let fits = |e: &&Value| e["action"] == action && e["summary"].as_str().unwrap().contains(text);
        entries.iter().find(fits).unwrap()
    };
    let tagline = find("wp.settings.updated", "Tagline");
    assert_eq!(
        tagline["entity"],
        serde_json::json!({"type":"option","id":"blogdescription","title":"Tagline"})
    );
    assert_eq!(tagline["before"]["value"], "Old tagline");
    assert_eq!(tagline["after"]["value"].as_str().unwrap().len(), 300);
    let header = find("wp.settings.updated", "Header Image");
    assert_eq!(header["entity"]["id"], "theme_mods[header_image]");
    assert_eq!(header["before"]["value"], Value::Null);
    let role = find("wp.users.updated", "from Author to Editor");
    assert_eq!((&role["before"]["role"], &role["after"]["role"]), (&"Author".into(), &"Editor".into()));
    let drafted = find("wp.posts.created", "Spring menu");
    assert!(drafted.get("before").is_none());
    assert_eq!(drafted["after"]["status"], "draft");
    assert!(
        find("wp.posts.updated", "A better book").get("before").is_none(),
        "publish to publish is no change"
    );
    assert!(find("wp.settings.updated", "nav_menu_locations").get("before").is_none());
    let widget = find("wp.widgets.moved", "Footer");
    assert_eq!((&widget["entity"]["type"], &widget["entity"]["id"]), (&"widget".into(), &"text-2".into()));
    assert_eq!(widget["after"]["sidebar_id"], "footer-1");
    assert_eq!(find("wp.installer.activated", "Shelf")["entity"]["type"], "plugin");
    assert_eq!(find("wp.posts.updated", "Sunday notice")["origin"]["channel"], "wp_cron");
    assert_eq!(find("wp.shelf.moved", "A/7")["entity"]["type"], "rows");
    assert_eq!(find("wp.comments.approved", "Visitor")["entity"]["title"], "Visitor on Hello world!");
}

#[test]
fn stream_record_of_another_driver() {
    let record = r#"{"ID":9,"connector":"widgets","context":"sidebar-1","action":"sorted","created":"2026-01-02 03:04:05",
        "user_id":0,"ip":"unknown","meta":[],"blog_id":3}"#;
    let entry = &entries(Format::Stream, format!("[{record}]"))[0];
    assert_eq!(entry["entity"], serde_json::json!({"type":"sidebar","id":"sidebar-1"}));
    assert_eq!(entry["data"]["ip"], "unknown");
    assert!(entry.get("origin").is_none());
    let other_order = record.replace("\"ID\":9,", "").replace('{', "{\"ID\":\"9\",");
    assert_eq!(entries(Format::Stream, format!("[{other_order}]"))[0]["id"], entry["id"]);
}

#[test]
fn aem_actions() {
    let cases = [
        ("preview", "POST", "aem.preview"),
        ("preview", "DELETE", "aem.unpreview"),
        ("/live", "post", "aem.publish"),
        ("live", "DELETE", "aem.unpublish"),
        ("index", "POST", "aem.index"),
        ("index", "DELETE", "aem.unindex"),
        ("cache", "POST", "aem.cache.purge"),
        ("code", "POST", "aem.code.sync"),
        ("config", "POST", "aem.config.update"),
        ("config", "DELETE", "aem.config.delete"),
        ("sitemap", "POST", "aem.sitemap"),
        ("job", "POST", "aem.job"),
        ("form", "POST", "aem.form"),
        ("snapshot", "POST", "aem.snapshot"),
        ("preview-job", "POST", "aem.preview-job.post"),
    ];
    for (route, method, action) in cases {
        let record =
            format!(r#"{{"timestamp":1777881600123,"route":"{route}","method":"{method}","path":"/a"}}"#);
        let entry = &entries(Format::Aem, record)[0];
        check_form(entry);
        assert_eq!(entry["action"], action, "{route} {method}");
        assert_eq!(entry["occurred_at"], "2026-05-04T08:00:00.123Z");
        assert_eq!(entry["origin"]["route"], route.trim_matches('/'));
    }
}

#[test]
fn aem_details() {
    let lines = r#"{"timestamp":1777881600123,"duration":467,"status":502,"method":"POST","route":"preview","path":"/news/spring","search":"?a=1","user":"ana@example.com","ip":"203.0.113.7","org":"acme","site":"www","ref":"main","errors":[null,"late",{"message":"gone","target":"/x"}],"error":"upstream"}
{"timestamp":1777881661000,"duration":1005,"status":202,"method":"POST","route":"live","paths":["/","/news/spring"],"snapshotId":"default","org":"acme","site":"www"}
{"timestamp":1777881700000,"source":"indexer","changes":["default: updated /news/spring in 120ms"],"errors":[],"org":"acme","site":"www"}
{"timestamp":1777881710000,"message":"hello","user":["odd"]}"#;
    let entries = entries(Format::Aem, lines);
    let failed = &entries[0];
    assert_eq!(failed["outcome"], "failure");
    assert_eq!(failed["errors"], serde_json::json!(["upstream", "late", "/x: gone"]));
    assert_eq!(failed["duration_ms"], 467);
    assert_eq!(failed["origin"]["query"], "a=1");
    assert_eq!(
        failed["actor"],
        serde_json::json!({"type":"user","id":"ana@example.com","email":"ana@example.com"})
    );
    assert_eq!(failed["entity"], serde_json::json!({"type":"page","id":"/news/spring"}));
    assert_eq!(failed["data"]["search"], "?a=1");
    assert_eq!(entries[1]["entity"], serde_json::json!({"type":"snapshot","id":"default"}));
    assert!(entries[1].get("outcome").is_none());
    assert_eq!(
        (&entries[2]["action"], &entries[2]["entity"]["id"]),
        (&"aem.indexer".into(), &"acme/www".into())
    );
    assert_eq!(
        (&entries[3]["action"], &entries[3]["actor"]["id"]),
        (&"aem.custom".into(), &"[\"odd\"]".into())
    );
}

#[test]
fn all_shapes_give_the_same_entries() {
    for (format, text, list) in
        [(Format::Wagtail, WAGTAIL, "entries"), (Format::Stream, STREAM, "driver_payloads")]
    {
        let (array, lines) = rewritten(text, list);
        let as_document = entries(format, text);
        assert_eq!(as_document, entries(format, &array));
        assert_eq!(as_document, entries(format, &lines));
        let compact: Value = serde_json::from_str(text).unwrap();
        assert_eq!(as_document, entries(format, format!("\u{feff}\n{compact}\n")));
        assert_eq!(
            as_document,
            entries(format, format!("{{\"entries\":[\n{}\n]}}", lines.replace("\r\n", ",\n")))
        );
    }
    let places: Vec<_> = results(Format::Wagtail, WAGTAIL).into_iter().map(|r| r.unwrap().place).collect();
    assert_eq!((places[0].as_str(), places[94].as_str()), ("entries[0]", "entries[94]"));
    assert_eq!(results(Format::Aem, "[{\"timestamp\":1}]")[0].as_ref().unwrap().place, "[0]");
}

#[test]
fn ndjson_passes_through() {
    let with_id = r#"{"id":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","action":"a.b","entity":{"type":"t","id":"1"},"data":1.50}"#;
    let without = r#"{"action":"a.b","entity":{"type":"t","id":"1"},"data":12345678901234567890.0}"#;
    let read = results(Format::Ndjson, format!("{with_id}\n\n{without}\r\n{without}"));
    let read: Vec<_> = read.into_iter().map(Result::unwrap).collect();
    assert_eq!(read[0].json, with_id);
    assert!(read[1].json.ends_with(&without[1..]), "no number is rewritten");
    assert_ne!(read[1].json, read[2].json, "two equal lines are two entries");
    assert_eq!(read.iter().map(|i| i.place.as_str()).collect::<Vec<_>>(), ["line 1", "line 3", "line 4"]);
}

/// What a log adds is taken off again, to the byte; only from a line that has all of it.
#[test]
fn an_exported_line_is_read_as_its_sender_wrote_it() {
    let id = "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c";
    let exported = format!(
        r#"{{"id":"{id}","site":"acme.www","index":3,"occurred_at":"2026-11-21T04:15:15.123456Z","recorded_at":"2026-11-21T04:15:16Z","actor":{{"type":"system"}},"action":"a.b","kind":"other","outcome":"success","entity":{{"type":"t","id":"1"}},"changed":["n"],"source":"web","data":{{"source":1.50,"s":"\u0041"}},"leaf_hash":"00","before":{{"n":9007199254740993}},"after":{{"n":1}}}}"#
    );
    let sent = format!(
        r#"{{"id":"{id}","occurred_at":"2026-11-21T04:15:15.123456Z","actor":{{"type":"system"}},"action":"a.b","kind":"other","outcome":"success","entity":{{"type":"t","id":"1"}},"data":{{"source":1.50,"s":"\u0041"}},"before":{{"n":9007199254740993}},"after":{{"n":1}}}}"#
    );
    let read = |line: &str| results(Format::Ndjson, line).remove(0);
    assert_eq!(read(&exported).unwrap().json, sent);

    for untouched in [
        exported.replace(r#""index":3,"#, ""),
        exported.replace(r#""source":"web""#, r#""source":"web","source":"x""#),
    ] {
        assert_eq!(read(&untouched).unwrap().json, untouched, "the door tells what is wrong with it");
    }
    for (given, erased, field) in [
        (r#""actor":{"type":"system"}"#, r#""actor":null"#, "actor"),
        (r#""entity":{"type":"t","id":"1"}"#, r#""entity":null"#, "entity"),
    ] {
        let error = read(&exported.replace(given, erased)).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }
}

#[test]
fn ids_are_the_same_at_every_reading_and_differ_by_site() {
    let line = r#"{"action":"a","entity":{"type":"t","id":"1"}}"#;
    let ids = |format, site: &str, input: &str| -> Vec<Value> {
        let read = read(format, Namespace::of_site(format, site), input.as_bytes());
        read.map(|r| serde_json::from_str::<Value>(&r.unwrap().json).unwrap()["id"].clone()).collect()
    };
    for (format, input) in [(Format::Ndjson, line), (Format::Wagtail, WAGTAIL), (Format::Stream, STREAM)] {
        assert_eq!(ids(format, "acme.www", input), ids(format, "acme.www", input));
        assert_ne!(ids(format, "acme.www", input), ids(format, "acme.docs", input));
    }
    let longer = format!("{line}\n{line}");
    assert_eq!(
        ids(Format::Ndjson, "a", line)[0],
        ids(Format::Ndjson, "a", &longer)[0],
        "an appended file keeps its ids"
    );
    let installation = uuid::Uuid::from_u128(7);
    let expected = uuid::Uuid::new_v5(&installation, b"wagtailcore.PageLogEntry:1");
    let first = read(Format::Wagtail, Namespace::of_installation(installation), WAGTAIL.as_bytes()).next();
    assert!(first.unwrap().unwrap().json.contains(&expected.to_string()));
}

#[test]
fn bad_lines_are_reported_and_the_others_read() {
    let good = r#"{"action":"a","entity":{"type":"t","id":"1"}}"#;
    let long = format!("{{\"action\":\"{}\"}}", "x".repeat(source::RECORD_BYTES_MAX));
    let mut input = Vec::new();
    let lines: [&[u8]; 12] = [
        b"{\"action\":\"a\",\"entity\":{\"type\":\"t\"",
        good.as_bytes(),
        b"[]",
        br#"{"entity":{}}"#,
        br#"{"action":7,"entity":{}}"#,
        br#"{"action":"a","entity":"page"}"#,
        b"{\"action\":\"\xff\"}",
        long.as_bytes(),
        br#"{"id":null,"action":"a","entity":{}}"#,
        br#"{"action":"a","action":"b","entity":{}}"#,
        br#"{"action":"a"}"#,
        good.as_bytes(),
    ];
    for line in lines {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    let (bad, good) = errors(Format::Ndjson, input);
    let expected = [
        (1, ""),
        (3, ""),
        (4, "action"),
        (5, "action"),
        (6, "entity"),
        (7, ""),
        (8, ""),
        (9, "id"),
        (10, ""),
        (11, "entity"),
    ];
    let expected = expected.map(|(line, field)| (format!("line {line}"), field.to_owned()));
    assert_eq!((bad, good), (expected.to_vec(), 2));
}

#[test]
fn bad_foreign_records_are_reported_and_the_others_read() {
    let good = r#"{"action":"wagtail.edit","content_type_label":"a.b","page_id":1,"timestamp":"2026-01-01T00:00:00Z"}"#;
    let input = format!(
        r#"[{good}, 5, {{"action":"x"}}, {}, {}, {}, {}, {{"action":"a","a":1,"a":2}}, {{"action":tru}}, {good}]"#,
        good.replace("\"wagtail.edit\"", "null"),
        good.replace("2026-01-01T00:00:00Z", "yesterday"),
        good.replace("\"page_id\"", "\"uuid\":\"x\",\"page_id\""),
        good.replace("\"page_id\":1", "\"page_id\":[1]"),
    );
    let (bad, good) = errors(Format::Wagtail, input);
    let expected = [
        (1, ""),
        (2, "object_id"),
        (3, "action"),
        (4, "timestamp"),
        (5, "uuid"),
        (6, "page_id"),
        (7, ""),
        (8, ""),
    ];
    assert_eq!((bad, good), (expected.map(|(n, field)| (format!("[{n}]"), field.to_owned())).to_vec(), 2));

    let good = r#"{"connector":"posts","context":"post","action":"created","created":"2026-01-02 03:04:05"}"#;
    let bad_time = good.replace("2026-01-02 03:04:05", "0000-00-00 00:00:00");
    let bad_meta = good.replace('{', "{\"meta\":\"x\",");
    let bad_user = good.replace('{', "{\"user_id\":1,\"meta\":{\"user_meta\":7},");
    let input = [good, "{\"connector\":\"posts\"}", &bad_time, &bad_meta, &bad_user, good].join("\n");
    let (bad, good) = errors(Format::Stream, input);
    let expected = [(2, "action"), (3, "created"), (4, "meta"), (5, "meta.user_meta")];
    assert_eq!((bad, good), (expected.map(|(n, field)| (format!("line {n}"), field.to_owned())).to_vec(), 2));

    let input =
        r#"{"entries":[{"timestamp":"soon"},{"timestamp":1,"route":7},{"timestamp":1},{"timestamp":1}]}"#;
    let (bad, good) = errors(Format::Aem, input);
    let expected = [(0, "timestamp"), (1, "route")];
    assert_eq!(
        (bad, good),
        (expected.map(|(n, field)| (format!("entries[{n}]"), field.to_owned())).to_vec(), 2)
    );
}

#[test]
fn broken_documents_say_so() {
    assert_eq!(
        errors(Format::Aem, "[{\"timestamp\":1},{\"timestamp\":"),
        (vec![("[1]".into(), String::new())], 1)
    );
    assert_eq!(errors(Format::Aem, "{\n\"other\": [1]\n}"), (vec![("document".into(), "entries".into())], 0));
    assert_eq!(errors(Format::Wagtail, ""), (vec![], 0));
    assert_eq!(errors(Format::Wagtail, " \n \n"), (vec![], 0));
    assert_eq!(errors(Format::Aem, "[]"), (vec![], 0));
    let long = format!(
        "[{{\"timestamp\":1,\"x\":\"{}\"}},{{\"timestamp\":2}}]",
        "x".repeat(source::RECORD_BYTES_MAX)
    );
    assert_eq!(errors(Format::Aem, long), (vec![("[0]".into(), String::new())], 1));
}

#[test]
fn format_words() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
    }
    let refused = "xml".parse::<Format>().unwrap_err().to_string();
    assert_eq!(refused, "`xml` is not a format: use ndjson, wagtail, stream or aem");
}
