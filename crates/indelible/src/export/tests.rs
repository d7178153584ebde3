use std::collections::BTreeMap;

use model::{Entry, Kind, Outcome};
use serde_json::{Value, json};

use super::samples::{AFTER, BEFORE, DATA, entity, erased, full, hash, minimal};
use super::{Format, Writer, csv, joined};

const HASH: &str = "6bea1ff018250a3972bd56eb648b89bf5977abefa715ba37e811821605bc878c";

fn written(format: Format, entry: &Entry) -> String {
    let mut out = b"kept".to_vec();
    Writer::new(format).entry(entry, &hash(), &mut out);
    let text = String::from_utf8(out).unwrap();
    text.strip_prefix("kept").expect("what was there stays").to_owned()
}

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
        assert_eq!(Writer::new(format).header().is_empty(), format != Format::Csv);
    }
    let refused = "CSV".parse::<Format>().unwrap_err().to_string();
    assert_eq!(refused, "`CSV` is not a format: use ndjson, csv, ocsf or cef");
    let extensions = Format::ALL.map(Format::file_extension);
    assert_eq!(extensions, ["ndjson", "csv", "ocsf.ndjson", "cef"]);
}

#[test]
fn every_record_of_a_line_format_is_one_line() {
    for format in [Format::Ndjson, Format::Ocsf, Format::Cef] {
        for entry in [full(), minimal(), erased()] {
            let text = written(format, &entry);
            assert_eq!(text.matches(['\n', '\r', '\0']).count(), 1, "{text}");
            assert!(text.ends_with('\n'));
        }
    }
}

#[test]
fn several_values_are_told_apart() {
    let check = |values: &[&str], expected: &str| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(joined(&values), expected);
    };
    check(&[], "");
    check(&["a"], "a");
    check(&["a", "b, c", "[d"], "a; b, c; [d");
    check(&["a;b"], r#"["a;b"]"#);
    check(&["a", ""], r#"["a",""]"#);
    check(&[""], r#"[""]"#);
    check(&["[x]", "y"], r#"["[x]","y"]"#);
}

// NDJSON

#[test]
fn ndjson_is_the_list_form_and_the_states() {
    let expected = [
        r#"{"id":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","site":"acme.www","index":7,"#,
        r#""occurred_at":"2026-11-21T04:15:15.123456Z","recorded_at":"2026-11-21T04:15:15.125Z","#,
        r#""actor":{"type":"user","id":"=42","name":"Ana \"A\", Ådal","email":"ana@example.com","#,
        r#""roles":["editor","a;b"],"on_behalf_of":{"type":"user","id":"7","name":"+Bo"}},"#,
        r#""action":"page.a|b\\c","kind":"update","outcome":"failure","#,
        r#""entity":{"type":"page","id":"-1002","previous_id":"=1001","title":"Home\r\nsweet","url":"https://example.com/?a=b|c"},"#,
        "\"summary\":\"\u{202e}@SUM(1)\\\\|=\\nline two\",\"reason\":\" ＝1+1\",",
        r#""partial":false,"changed":["n","x;y"],"#,
        r#""origin":{"ip":"2001:db8::1","user_agent":"Moz\u00005.0 (X=1)","method":"POST","route":"live","#,
        r#""path":"/ho|me","query":"a=1&b=\"2\"","ref":"main","request_id":"r-1","session_id":"s-1","channel":"portal "},"#,
        r#""correlation_id":"0193b0c6-0000-7000-8000-000000000001","connector":"wagtail","source":"tok=1","#,
        r#""duration_ms":12,"errors":["disk full","tab\there"],"data":-12345678901234567890.10,"#,
        r#""reverts":"0193b0c6-0000-7000-8000-000000000002","leaf_hash":""#,
        HASH,
        r#"","before":{"n":9007199254740993,"t":"a|b=\\c\n\u0000","é":"\u202e"},"#,
        r#""after":{"n":9007199254740995,"t":"a|b=\\c\n\u0000","é":"\u202e","x;y":-0.10}}"#,
        "\n",
    ];
    assert_eq!(written(Format::Ndjson, &full()), expected.concat());
    let expected = [
        r#"{"id":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","site":"www","index":0,"#,
        r#""occurred_at":"2026-11-21T04:15:15Z","recorded_at":"2026-11-21T04:15:15.125Z","actor":null,"#,
        r#""action":"page.publish","kind":"update","outcome":"success","entity":null,"changed":[],"source":"website","#,
        r#""leaf_hash":""#,
        HASH,
        "\"}\n",
    ];
    assert_eq!(written(Format::Ndjson, &erased()), expected.concat());
}

// CSV

/// Reads RFC 4180 strictly: quotes stand at the ends of a cell or are doubled, lines end with CRLF.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let cell = rows.last_mut().unwrap().last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted => {
                quoted = false;
                assert!(matches!(chars.peek(), Some(',' | '\r')), "text after a quoted cell");
            }
            '"' => {
                assert!(cell.is_empty(), "a quote within a cell");
                quoted = true;
            }
            c if quoted => cell.push(c),
            ',' => rows.last_mut().unwrap().push(String::new()),
            '\r' => {
                assert_eq!(chars.next(), Some('\n'));
                rows.push(vec![String::new()]);
            }
            '\n' => panic!("a bare line feed"),
            c => cell.push(c),
        }
    }
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last line has an end");
    rows
}

/// The cells of one entry by column, as a program reads them: the protecting quote taken off.
fn csv_cells(entry: &Entry) -> BTreeMap<String, String> {
    let header = String::from_utf8(Writer::new(Format::Csv).header()).unwrap();
    let mut rows = csv_rows(&(header + &written(Format::Csv, entry)));
    let cells = rows.pop().unwrap();
    let names = rows.pop().unwrap();
    assert_eq!((rows.len(), names.len()), (0, cells.len()));
    let plain = |cell: String| {
        let rest = cell.strip_prefix('\'').filter(|rest| csv::is_formula(rest));
        rest.map(str::to_owned).unwrap_or(cell)
    };
    names.into_iter().zip(cells.into_iter().map(plain)).collect()
}

#[test]
fn csv_lines_are_exactly_these() {
    let header = "timestamp,recorded_at,site,index,id,actor_type,actor_id,actor_name,actor_email,actor_roles,\
                  on_behalf_of,action,kind,outcome,entity_type,entity_id,entity_title,entity_url,summary,reason,\
                  changed,ip,user_agent,method,route,path,query,ref,request_id,session_id,channel,\
                  correlation_id,connector,source,duration_ms,errors,before,after,data,leaf_hash,entity_previous_id,\
                  partial,reverts,erased\r\n";
    assert_eq!(String::from_utf8(Writer::new(Format::Csv).header()).unwrap(), header);
    let expected = [
        "2026-11-21T04:15:15.123456Z,2026-11-21T04:15:15.125Z,acme.www,7,0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c,",
        r#"user,'=42,"Ana ""A"", Ådal",ana@example.com,"["#,
        r#"""editor"",""a;b""]","{""type"":""user"",""id"":""7"",""name"":""+Bo""}","#,
        r"page.a|b\c,update,failure,page,'-1002,",
        "\"Home\r\nsweet\",https://example.com/?a=b|c,\"'\u{202e}@SUM(1)\\|=\nline two\",\"' ＝1+1\",",
        r#""[""n"",""x;y""]",2001:db8::1,"#,
        "Moz\u{0}5.0 (X=1),POST,live,/ho|me,\"a=1&b=\"\"2\"\"\",main,r-1,s-1,\"portal \",",
        "0193b0c6-0000-7000-8000-000000000001,wagtail,tok=1,12,disk full; tab\there,",
        r#""{""n"":9007199254740993,""t"":""a|b=\\c\n\u0000"",""é"":""\u202e""}","#,
        r#""{""n"":9007199254740995,""t"":""a|b=\\c\n\u0000"",""é"":""\u202e"",""x;y"":-0.10}","#,
        "'-12345678901234567890.10,",
        HASH,
        ",'=1001,false,0193b0c6-0000-7000-8000-000000000002,\r\n",
    ];
    assert_eq!(written(Format::Csv, &full()), expected.concat());
    let expected = [
        "2026-11-21T04:15:15Z,2026-11-21T04:15:15.125Z,www,0,0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c,",
        "system,,,,,,page.publish,update,success,page,1002,,,,,,,,,,,,,,,,,,website,,,,,,",
        HASH,
        ",,,,\r\n",
    ];
    assert_eq!(written(Format::Csv, &minimal()), expected.concat());
}

#[test]
fn csv_keeps_every_value() {
    let cells = csv_cells(&full());
    let entry = full();
    let (actor, origin, entity) = (entry.actor.unwrap(), entry.origin.unwrap(), entry.entity.unwrap());
    for (column, value) in [
        ("actor_id", actor.id),
        ("actor_name", actor.name),
        ("entity_id", Some(entity.id)),
        ("entity_title", entity.title),
        ("entity_url", entity.url),
        ("summary", entry.summary),
        ("reason", entry.reason),
        ("user_agent", origin.user_agent),
        ("path", origin.path),
        ("query", origin.query),
        ("channel", origin.channel),
        ("before", Some(BEFORE.to_owned())),
        ("after", Some(AFTER.to_owned())),
        ("data", Some(DATA.to_owned())),
        ("errors", Some(entry.errors.join("; "))),
    ] {
        assert_eq!(cells[column], value.unwrap(), "{column}");
    }
    assert_eq!(serde_json::from_str::<Vec<String>>(&cells["actor_roles"]).unwrap(), actor.roles);
    let cells = csv_cells(&erased());
    assert_eq!((cells["actor_type"].as_str(), cells["entity_type"].as_str()), ("", ""));
}

#[test]
fn csv_has_no_formulas() {
    for text in [
        "=1",
        "+1",
        "-1",
        "@A1",
        "\t=1",
        "\r1",
        "\n1",
        "\t1",
        " =1",
        "\u{feff}=1",
        "\u{a0}+1",
        "\u{200b}-1",
        "\u{0}=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        "\u{202e}=1",
        "'=1",
        "''=1",
    ] {
        let line = csv::line([text]);
        assert!(line.trim_start_matches('"').starts_with('\''), "{text:?} is {line:?}");
        let read = csv_rows(&format!("{line}\r\n")).remove(0).remove(0);
        assert_eq!(read.strip_prefix('\''), Some(text));
    }
    for text in ["", "a=1", "1-2", "'Home'", "(=1)", "a\t=1", "'", "ana@example.com"] {
        assert_eq!(csv::line([text]), text);
    }
}

#[test]
fn csv_is_quoted_where_it_must_be() {
    assert_eq!(csv::line(["a,b", "c\"d", "=1+1", "plain"]), r#""a,b","c""d",'=1+1,plain"#);
}

// OCSF

fn ocsf(entry: &Entry) -> Value {
    serde_json::from_str(&written(Format::Ocsf, entry)).unwrap()
}

#[test]
fn ocsf_events_are_exactly_these() {
    let version = env!("CARGO_PKG_VERSION");
    let product = format!(
        r#""metadata":{{"version":"1.9.0","product":{{"name":"Indelible","vendor_name":"Indelible","version":"{version}"}},"#
    );
    let expected = [
        r#"{"category_uid":3,"class_uid":3004,"class_name":"Entity Management","activity_id":3,"#,
        r#""activity_name":"Update","type_uid":300403,"time":1795234515123,"severity_id":3,"severity":"Medium","#,
        r#""status_id":2,"status":"Failure","status_detail":"disk full; tab\there","#,
        "\"message\":\"\u{202e}@SUM(1)\\\\|=\\nline two\",\"comment\":\" ＝1+1\",\"duration\":12,",
        &product,
        r#""uid":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","sequence":7,"logged_time":1795234515125,"#,
        r#""original_time":"2026-11-21T04:15:15.123456Z","tenant_uid":"acme.www","event_code":"page.a|b\\c","#,
        r#""correlation_uid":"0193b0c6-0000-7000-8000-000000000001"},"#,
        r#""actor":{"user":{"uid":"=42","name":"Ana \"A\", Ådal","email_addr":"ana@example.com","type":"User","#,
        r#""type_id":1},"session":{"uid":"s-1"}},"#,
        r#""entity":{"uid":"-1002","name":"Home\r\nsweet","type":"page","data":"#,
        r#"{"n":9007199254740993,"t":"a|b=\\c\n\u0000","é":"\u202e"}},"#,
        r#""updated_entity":{"uid":"-1002","name":"Home\r\nsweet","type":"page","data":"#,
        r#"{"n":9007199254740995,"t":"a|b=\\c\n\u0000","é":"\u202e","x;y":-0.10}},"#,
        r#""src_endpoint":{"ip":"2001:db8::1"},"http_request":{"uid":"r-1","http_method":"POST","#,
        r#""user_agent":"Moz\u00005.0 (X=1)","url":{"path":"/ho|me","query_string":"a=1&b=\"2\""}},"#,
        r#""unmapped":{"kind":"update","source":"tok=1","connector":"wagtail","actor_roles":["editor","a;b"],"#,
        r#""on_behalf_of":{"type":"user","id":"7","name":"+Bo"},"entity_url":"https://example.com/?a=b|c","#,
        r#""entity_previous_id":"=1001","partial":false,"reverts":"0193b0c6-0000-7000-8000-000000000002","#,
        r#""changed":["n","x;y"],"route":"live","ref":"main","channel":"portal ","#,
        r#""errors":["disk full","tab\there"],"data":-12345678901234567890.10,"#,
        r#""record_integrity":{"attestation":{"chain_uid":"acme.www","fingerprint":{"algorithm_id":3,"#,
        r#""algorithm":"SHA-256","value":""#,
        HASH,
        "\"}}}}}\n",
    ];
    assert_eq!(written(Format::Ocsf, &full()), expected.concat());
    let expected = [
        r#"{"category_uid":3,"class_uid":3004,"class_name":"Entity Management","activity_id":3,"#,
        r#""activity_name":"Update","type_uid":300403,"time":1795234515000,"severity_id":1,"#,
        r#""severity":"Informational","status_id":1,"status":"Success","#,
        &product,
        r#""uid":"0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c","sequence":0,"logged_time":1795234515125,"#,
        r#""original_time":"2026-11-21T04:15:15Z","tenant_uid":"www","event_code":"page.publish"},"#,
        r#""actor":{"user":{"name":"system","type":"System","type_id":3}},"#,
        r#""entity":{"uid":"1002","type":"page"},"#,
        r#""unmapped":{"kind":"update","source":"website","record_integrity":{"attestation":{"chain_uid":"www","#,
        r#""fingerprint":{"algorithm_id":3,"algorithm":"SHA-256","value":""#,
        HASH,
        "\"}}}}}\n",
    ];
    assert_eq!(written(Format::Ocsf, &minimal()), expected.concat());
}

#[test]
fn ocsf_activities_follow_from_the_kind() {
    let activities = [
        (Kind::Create, 1, "Create"),
        (Kind::Read, 2, "Read"),
        (Kind::Update, 3, "Update"),
        (Kind::Delete, 4, "Delete"),
        (Kind::Access, 99, "token.create"),
        (Kind::Other, 99, "token.create"),
    ];
    for (kind, id, name) in activities {
        let event = ocsf(&Entry { kind, action: "token.create".to_owned(), ..minimal() });
        assert_eq!(
            (&event["class_uid"], &event["activity_id"], &event["activity_name"], &event["type_uid"]),
            (&json!(3004), &json!(id), &json!(name), &json!(300_400 + id)),
        );
        assert_eq!(event["unmapped"]["kind"], kind.as_str(), "99 does not tell access from other");
    }
}

#[test]
fn ocsf_signing_in_and_out_is_authentication() {
    let event =
        |action: &str, entry: Entry| ocsf(&Entry { kind: Kind::Access, action: action.to_owned(), ..entry });
    for (action, type_uid) in [
        ("wp.users.login", 300_201),
        ("indelible.sign_in", 300_201),
        ("shop.logged_out", 300_202),
        ("cms.logout", 300_202),
        ("user.login_failed", 300_499),
        ("wp.users.password-reset", 300_499),
        ("cms.permission_denied", 300_499),
    ] {
        assert_eq!(event(action, minimal())["type_uid"], type_uid, "{action}");
    }
    let login = event("cms.login", full());
    assert_eq!(login["user"], login["actor"]["user"]);
    assert_eq!(login["service"], json!({ "uid": "acme.www" }));
    assert!(login.get("entity").is_none() && login.get("updated_entity").is_none());
    assert_eq!(login["unmapped"]["entity"]["url"], "https://example.com/?a=b|c");
    assert_eq!(
        login["unmapped"]["before"].to_string(),
        serde_json::from_str::<Value>(BEFORE).unwrap().to_string()
    );
    let told = Entry { entity: Some(entity("user", "5", Some("Cy"))), ..minimal() };
    assert_eq!(event("cms.login", told)["user"], json!({"uid":"5","name":"Cy","type":"User","type_id":1}));
    let nobody = event("cms.login", erased());
    assert_eq!(nobody["type_uid"], 300_499, "a user is required");
    let update = Entry { action: "cms.login".to_owned(), kind: Kind::Update, ..minimal() };
    assert_eq!(ocsf(&update)["type_uid"], 300_403, "the sender's kind wins");
}

#[test]
fn ocsf_tells_what_was_erased() {
    let event = ocsf(&Entry { after: full().after, ..erased() });
    assert!(event.get("actor").is_none());
    assert_eq!(event["entity"], json!({ "name": "(erased)" }));
    assert_eq!(event["updated_entity"]["name"], "(erased)");
    assert!(written(Format::Ocsf, &full()).contains(BEFORE), "to the byte");
}

// CEF

/// Header fields and extension of a line, unescaped.
fn cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let line = line.strip_suffix('\n').unwrap();
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while fields.len() < 8 {
        match chars.next().unwrap() {
            '\\' => fields.last_mut().unwrap().push(chars.next().unwrap()),
            '|' => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields.pop();
    let mut extension = BTreeMap::new();
    let (mut key, mut value) = (String::new(), String::new());
    let mut rest = chars.as_str().chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => value.push(match rest.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                c @ ('\\' | '=') => c,
                c => panic!("no such escape: {c}"),
            }),
            '=' => {
                // The word before an unescaped `=` is a key; what stands before it belongs to the last value.
                let (before, name) = match value.rsplit_once(' ') {
                    Some((before, name)) => (before.to_owned(), name.to_owned()),
                    None => (String::new(), value.clone()),
                };
                if !key.is_empty() {
                    assert!(extension.insert(std::mem::take(&mut key), before).is_none(), "twice: {name}");
                }
                (key, value) = (name, String::new());
            }
            c => value.push(c),
        }
    }
    extension.insert(key, value);
    (fields, extension)
}

#[test]
fn cef_lines_are_exactly_these() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        &format!(r"CEF:0|Indelible|Indelible|{version}|page.a\|b\\c|"),
        "\u{202e}@SUM(1)\\\\\\|= line two|6|",
        "rt=1795234515123 externalId=0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c cn1Label=sequence cn1=7 ",
        "deviceExternalId=acme.www deviceCustomDate1Label=recordedAt deviceCustomDate1=1795234515125 ",
        "cs5Label=leafHash cs5=",
        HASH,
        r" act=update outcome=failure IndelibleSource=tok\=1 IndelibleConnector=wagtail ",
        r#"suser=Ana "A", Ådal suid=\=42 spriv=["editor","a;b"] IndelibleActorType=user "#,
        r#"IndelibleActorEmail=ana@example.com IndelibleOnBehalfOf={"type":"user","id":"7","name":"+Bo"} "#,
        r"fname=Home\r\nsweet cs3Label=entityType cs3=page cs4Label=entityId cs4=-1002 ",
        r"IndelibleEntityPreviousId=\=1001 IndelibleEntityUrl=https://example.com/?a\=b|c ",
        "msg=\u{202e}@SUM(1)\\\\|\\=\\nline two reason= ＝1+1 ",
        r#"cs1Label=before cs1={"n":9007199254740993,"t":"a|b\=\\\\c\\n\\u0000","é":"\\u202e"} "#,
        r#"cs2Label=after cs2={"n":9007199254740995,"t":"a|b\=\\\\c\\n\\u0000","é":"\\u202e","x;y":-0.10} "#,
        r#"IndelibleChanged=["n","x;y"] cs6Label=data cs6=-12345678901234567890.10 "#,
        "cn2Label=durationMs cn2=12 IndelibleErrors=disk full; tab\there ",
        "IndelibleCorrelationId=0193b0c6-0000-7000-8000-000000000001 IndeliblePartial=false ",
        "IndelibleReverts=0193b0c6-0000-7000-8000-000000000002 ",
        "c6a2Label=Source IPv6 Address c6a2=2001:db8::1 requestClientApplication=Moz\u{fffd}5.0 (X\\=1) ",
        r#"requestMethod=POST request=/ho|me IndelibleQuery=a\=1&b\="2" IndelibleRoute=live IndelibleRef=main "#,
        "IndelibleRequestId=r-1 IndelibleSessionId=s-1 IndelibleChannel=portal \n",
    ];
    assert_eq!(written(Format::Cef, &full()), expected.concat());
    let expected = [
        &format!("CEF:0|Indelible|Indelible|{version}|page.publish|page.publish|3|"),
        "rt=1795234515000 externalId=0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c cn1Label=sequence cn1=0 ",
        "deviceExternalId=www deviceCustomDate1Label=recordedAt deviceCustomDate1=1795234515125 ",
        "cs5Label=leafHash cs5=",
        HASH,
        " act=update outcome=success IndelibleSource=website suser=system IndelibleActorType=system ",
        "fname=1002 cs3Label=entityType cs3=page cs4Label=entityId cs4=1002\n",
    ];
    assert_eq!(written(Format::Cef, &minimal()), expected.concat());
}

#[test]
fn cef_keeps_every_value() {
    let entry = full();
    let (header, extension) = cef(&written(Format::Cef, &entry));
    assert_eq!(header[4], entry.action);
    let origin = entry.origin.unwrap();
    for (key, value) in [
        ("msg", entry.summary),
        ("reason", entry.reason),
        ("suid", entry.actor.unwrap().id),
        ("fname", entry.entity.unwrap().title),
        ("request", origin.path),
        ("IndelibleQuery", origin.query),
        ("IndelibleChannel", origin.channel),
        ("cs1", Some(BEFORE.to_owned())),
        ("cs2", Some(AFTER.to_owned())),
        ("cs6", Some(DATA.to_owned())),
    ] {
        assert_eq!(extension[key], value.unwrap(), "{key}");
    }
    let changed = full().changed();
    assert_eq!(serde_json::from_str::<Vec<String>>(&extension["IndelibleChanged"]).unwrap(), changed);
}

#[test]
fn cef_cannot_be_broken_out_of() {
    let mut entry = Entry { entity: Some(entity("user", "5", Some("Cy act=delete"))), ..minimal() };
    entry.summary = Some(format!("x|10|act=delete\r\nCEF:0|Evil|{}", "é".repeat(600)));
    entry.origin = Some(model::Origin { ip: Some("203.0.113.9".parse().unwrap()), ..Default::default() });
    let (header, extension) = cef(&written(Format::Cef, &entry));
    assert_eq!(header.len(), 7);
    assert_eq!(header[5].chars().count(), 512);
    assert!(header[5].starts_with("x|10|act=delete  CEF:0|Evil|é"));
    assert_eq!(header[6], "3");
    assert_eq!(
        (extension["act"].as_str(), extension["msg"].as_str()),
        ("update", entry.summary.as_deref().unwrap())
    );
    assert_eq!((extension["duser"].as_str(), extension["src"].as_str()), ("Cy act=delete", "203.0.113.9"));
    assert!(!extension.contains_key("c6a2"));
}

#[test]
fn cef_leaves_out_what_was_erased() {
    let (header, extension) = cef(&written(Format::Cef, &Entry { outcome: Outcome::Failure, ..erased() }));
    assert_eq!((header[5].as_str(), header[6].as_str()), ("page.publish", "6"));
    for key in ["suser", "suid", "fname", "cs3", "cs3Label", "cs4", "cs1", "msg"] {
        assert!(!extension.contains_key(key), "{key}");
    }
}
