//! Whoever can write to the files can stop the log, but nothing they do passes for what was signed.

use std::fs;

use indelible::jobs::{Finding, verify_site};
use indelible::{Indelible, OpenOptions};
use reqwest::Method;
use rusqlite::{Connection, params};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::filled::{Filled, OTHER, SITE, data_file, head_file, id_of};
use crate::process::run;
use crate::support::Server;

/// The log number of [`SITE`].
const LOG: u32 = 1;

/// A damage, and one line for each finding: its place, and words of what is said of it. Findings that follow
/// from others, such as the root that does not come out, need not be listed.
struct Case {
    name: &'static str,
    damage: fn(&Connection),
    findings: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        name: "the first byte of a block",
        damage: |data| flip(data, 256, |_| 0),
        findings: &[("entries 256 to 299", "CORRUPT")],
    },
    Case {
        name: "a byte in the middle of a block",
        damage: |data| flip(data, 0, |length| length / 2),
        findings: &[("entries 0 to 127", "CORRUPT")],
    },
    Case {
        name: "the last byte of a block",
        damage: |data| flip(data, 600, |length| length - 1),
        findings: &[("entries 600 to 639", "CORRUPT")],
    },
    Case {
        name: "a removed block",
        damage: |data| execute(data, "DELETE FROM block WHERE log = 1 AND first = 300"),
        findings: &[("entries 300 to 383", "MISSING")],
    },
    Case {
        name: "a removed last block",
        damage: |data| execute(data, "DELETE FROM block WHERE log = 1 AND first = 640"),
        findings: &[("entries 640 to 699", "MISSING")],
    },
    Case {
        name: "a pair of swapped entries",
        damage: |data| edit(data, 300, |entries| entries.swap(3, 80)),
        findings: &[
            ("entry 303", "the entry that belongs at index 380 is stored here"),
            ("entry 380", "the entry that belongs at index 303 is stored here"),
            ("entry 303", "leads to index 380"),
            ("entry 380", "leads to index 303"),
        ],
    },
    Case {
        name: "two swapped blocks",
        damage: |data| {
            execute(data, "UPDATE block SET first = 9999 WHERE log = 1 AND first = 300");
            execute(data, "UPDATE block SET first = 300 WHERE log = 1 AND first = 256");
            execute(data, "UPDATE block SET first = 256 WHERE log = 1 AND first = 9999");
        },
        findings: &[
            ("entry 256", "the entry that belongs at index 300 is stored here"),
            ("entries 300 to 343", "stored twice"),
            ("entries 340 to 383", "MISSING"),
        ],
    },
    Case {
        name: "an altered entry",
        damage: |data| edit(data, 300, |entries| alter(&mut entries[7])),
        findings: &[("entry 307", "does not have the leaf hash that the log has here")],
    },
    Case {
        name: "a removed entry",
        damage: |data| edit(data, 300, |entries| drop(entries.remove(7))),
        findings: &[("entries 300 to 383", "CORRUPT")],
    },
    Case {
        name: "an added entry",
        damage: |data| edit(data, 600, |entries| entries.push(entries[0].clone())),
        findings: &[("entries 600 to 639", "CORRUPT")],
    },
    Case {
        name: "an altered entry with its hash in the tile",
        damage: |data| {
            edit(data, 300, |entries| alter(&mut entries[7]));
            rehash(data, 300, 7);
        },
        findings: &[("entries 256 to 511", "tile of level 0 over these entries was changed"), ("", "root")],
    },
    Case {
        name: "an altered entry with every tile above it",
        damage: |data| {
            edit(data, 300, |entries| alter(&mut entries[7]));
            rehash(data, 300, 7);
            rehash_above(data, 1);
        },
        findings: &[("", "the entries do not have the root")],
    },
    Case {
        name: "a changed hash in a tile",
        damage: |data| change_tile(data, 0, 1, |tile| tile[40] ^= 1),
        findings: &[
            ("entry 257", "does not have the leaf hash"),
            ("entries 256 to 511", "tile of level 0 over these entries was changed"),
        ],
    },
    Case {
        name: "a changed hash in an upper tile",
        damage: |data| change_tile(data, 1, 0, |tile| tile[0] ^= 1),
        findings: &[("entries 0 to 255", "was changed")],
    },
    Case {
        name: "a removed tile",
        damage: |data| execute(data, "DELETE FROM tile WHERE log = 1 AND level = 0 AND number = 1"),
        findings: &[("entry 300", "its leaf hash is missing from the tiles"), ("entries 256 to 511", "")],
    },
    Case {
        name: "a shortened last tile",
        damage: |data| change_tile(data, 0, 2, |tile| tile.truncate(tile.len() - 32)),
        findings: &[("entry 699", "its leaf hash is missing from the tiles")],
    },
    Case {
        name: "an id that leads elsewhere",
        damage: |data| execute_on_id(data, "UPDATE entry_id SET position = 5 WHERE id = ?1", 42),
        findings: &[("entry 42", "leads to index 5")],
    },
    Case {
        name: "an id that leads nowhere",
        damage: |data| execute_on_id(data, "DELETE FROM entry_id WHERE id = ?1", 42),
        findings: &[("entry 42", "leads nowhere")],
    },
    Case {
        name: "an id too many",
        damage: |data| {
            execute(data, "INSERT INTO entry_id (log, id, position) VALUES (1, zeroblob(16), 5)");
        },
        findings: &[("", "1 ids more than entries")],
    },
    Case {
        name: "a block's times",
        damage: |data| execute(data, "UPDATE block SET occurred_max_us = 0 WHERE log = 1 AND first = 512"),
        findings: &[("entry 512", "times of its block do not cover it")],
    },
    Case {
        name: "a block's count",
        damage: |data| execute(data, "UPDATE block SET count = 39 WHERE log = 1 AND first = 600"),
        findings: &[("entries 600 to 638", "CORRUPT"), ("entry 639", "MISSING")],
    },
    Case {
        name: "a block beyond the head",
        damage: |data| {
            execute(
                data,
                "INSERT INTO block SELECT log, 700, count, occurred_min_us, occurred_max_us, content, expired \
                 FROM block WHERE log = 1 AND first = 600",
            );
        },
        findings: &[("entries 700 to 739", "stored beyond the signed head")],
    },
];

#[test]
fn every_damage_is_found_at_its_place() {
    let filled = Filled::new();
    for case in CASES {
        let copy = filled.copy();
        (case.damage)(&Connection::open(data_file(copy.path())).unwrap());
        found(case, &copy);
        serves_nothing_wrong(case.name, &filled, copy);
    }
}

#[test]
fn what_is_whole_verifies() {
    let filled = Filled::new();
    let ran = run(filled.path(), &["verify"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 3), "{ran:?}");
    assert!(ran.stdout.contains(&format!("{SITE}: 700 entries verify, root ")), "{ran:?}");
    assert!(ran.stderr.contains("all 962 entries of 3 sites verify"), "{ran:?}");
    serves_nothing_wrong("nothing", &filled, filled.copy());
}

/// What verification finds, in process and at the terminal: at the place, and only at this site.
fn found(case: &Case, directory: &TempDir) {
    let indelible = Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
    let of_site = |id: &str| {
        let site = indelible.sites().find(&id.parse().unwrap()).unwrap().unwrap();
        verify_site(&indelible, &site, &|_| ()).unwrap().findings
    };
    let findings = of_site(SITE);
    assert_eq!(of_site(OTHER), Vec::<Finding>::new(), "{}", case.name);

    let ran = run(directory.path(), &["verify"]);
    assert_eq!(ran.code, 1, "{}: {ran:?}", case.name);
    let lines: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with(&format!("{SITE}: "))).collect();
    assert_eq!(lines.len(), findings.len(), "{}: {ran:?}", case.name);
    for (place, what) in case.findings {
        let start = if place.is_empty() { format!("{SITE}: ") } else { format!("{SITE}: {place}: ") };
        let found = lines.iter().any(|line| line.starts_with(&start) && line.contains(what));
        assert!(found, "{}: no `{start}…{what}` in {lines:#?}", case.name);
    }
    assert!(ran.stdout.contains(&format!("{OTHER}: 260 entries verify")), "{}: {ran:?}", case.name);
}

/// Lists and details answer what was signed, or an error; never anything else.
fn serves_nothing_wrong(name: &str, filled: &Filled, directory: TempDir) {
    Runtime::new().unwrap().block_on(async {
        let server = Server::start_in(directory).await;
        let mut errors = 0;
        for path in ["?limit=1000", "?limit=1000&sort=timestamp", "?limit=1000&sort=action", "?limit=5"] {
            let (status, body) = server.get(&format!("/api/v1/sites/{SITE}/entries{path}")).await;
            match status.as_u16() {
                200 => body["data"].as_array().unwrap().iter().for_each(|entry| genuine(name, filled, entry)),
                500 => errors += 1,
                other => panic!("{name}: {other} {body}"),
            }
        }
        for number in [0, 5, 42, 257, 303, 307, 512, 699] {
            let path = format!("/api/v1/sites/{SITE}/entries/{}", id_of(SITE, number));
            let (status, body) = server.get(&path).await;
            match status.as_u16() {
                200 => {
                    genuine(name, filled, &body);
                    assert_eq!(body["id"], id_of(SITE, number).to_string(), "{name}: another entry");
                    assert_eq!(body["after"]["body"], format!("after {number}"), "{name}");
                }
                // An id that leads nowhere is only found by verifying.
                404 => assert_eq!(name, "an id that leads nowhere"),
                500 => errors += 1,
                other => panic!("{name}: {other} {body}"),
            }
        }
        let tail = server.request(Method::GET, &format!("/api/v1/sites/{SITE}/entries/tail"));
        if let Ok(text) = tail.send().await.unwrap().text().await {
            text.lines().for_each(|line| genuine(name, filled, &serde_json::from_str(line).unwrap()));
        }
        if name == "nothing" {
            assert_eq!(errors, 0);
        }
        drop(server.stop().await);
    });
}

/// An entry as it is served is the one that was appended at this index.
fn genuine(name: &str, filled: &Filled, entry: &Value) {
    let number = usize::try_from(entry["index"].as_u64().unwrap()).unwrap();
    let receipt = &filled.receipts[SITE][number];
    assert_eq!(entry["id"], receipt.id.to_string(), "{name}: at {number}");
    assert_eq!(entry["leaf_hash"], receipt.leaf_hash.to_string(), "{name}: at {number}");
    assert_eq!(entry["entity"]["title"], format!("Page {number}"), "{name}: at {number}");
}

#[test]
fn a_changed_head_store_is_found_or_refused() {
    let filled = Filled::new();
    let damaged = |sql: &str| {
        let copy = filled.copy();
        execute(&Connection::open(head_file(copy.path())).unwrap(), sql);
        let ran = run(copy.path(), &["verify"]);
        assert_eq!(ran.code, 1, "{sql}: {ran:?}");
        format!("{}{}", ran.stdout, ran.stderr)
    };
    let other = "(SELECT checkpoint FROM head WHERE log = 2)";
    for checkpoint in ["''", "replace(checkpoint, '700', '701')", "substr(checkpoint, 1, 90)", other] {
        let said = damaged(&format!("UPDATE head SET checkpoint = {checkpoint} WHERE log = 1"));
        assert!(said.contains(&format!("{SITE}: the checkpoint is not validly signed")), "{said}");
    }
    for change in ["size = 701", "size = 699", "size = -1", "root = zeroblob(32)", "root = x'00'"] {
        let said = damaged(&format!("UPDATE head SET {change} WHERE log = 1"));
        assert!(said.contains("refusing to start") && said.contains(SITE), "{said}");
    }
    let said = damaged("DELETE FROM head WHERE log = 1");
    assert!(said.contains("refusing to start"), "{said}");
}

/// Head and data changed alike, so that they fit each other: only the signature tells.
#[test]
fn a_head_that_fits_forged_data_is_not_signed() {
    let filled = Filled::new();
    let copy = filled.copy();
    let data = Connection::open(data_file(copy.path())).unwrap();
    execute(
        &data,
        "UPDATE log SET size = 600, base_size = 600, root = zeroblob(32), base_root = root WHERE number = 1",
    );
    execute(&data, "UPDATE log SET base_root = root WHERE number = 1");
    drop(data);
    execute(
        &Connection::open(head_file(copy.path())).unwrap(),
        "UPDATE head SET size = 600, root = zeroblob(32) WHERE log = 1",
    );
    let ran = run(copy.path(), &["verify", "--site", SITE]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("size and root are not those that its checkpoint signs"), "{ran:?}");
}

/// The tail cut off, and the data put back to what they were without it.
#[test]
fn a_cut_tail_does_not_open() {
    let filled = Filled::new();
    let data = Connection::open(filled.data_file()).unwrap();
    data.execute("DELETE FROM block WHERE log = 1 AND first >= 600", []).unwrap();
    data.execute("DELETE FROM entry_id WHERE log = 1 AND position >= 600", []).unwrap();
    change_tile(&data, 0, 2, |tile| tile.truncate(88 * 32));
    let mut edge = tlog::RightEdge::new();
    filled.receipts[SITE].iter().take(600).for_each(|receipt| {
        edge.push(receipt.leaf_hash);
    });
    let root = edge.root();
    data.execute(
        "UPDATE log SET size = 600, root = ?1, base_size = 600, base_root = ?1 WHERE number = 1",
        [root.as_bytes().as_slice()],
    )
    .unwrap();
    drop(data);
    let ran = run(filled.path(), &["verify"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    for text in [SITE, "end at 600 entries, but 700 were published", "Way forward"] {
        assert!(ran.stderr.contains(text), "{ran:?}");
    }
}

/// No statement makes this damage: a row of the id index whose log is another, at its old place in the index.
/// Whoever reads the index from its beginning meets the row; whoever looks its id up does not.
#[test]
fn an_id_filed_under_another_log_is_found() {
    let filled = Filled::new();
    let mut bytes = fs::read(filled.data_file()).unwrap();
    // A record's header: its length, the integer 1 (the log), a blob of 16 bytes, an integer of one byte.
    let record: Vec<u8> = [4, 9, 44, 1].into_iter().chain(id_of(SITE, 42).into_bytes()).collect();
    let place = bytes.windows(record.len()).position(|found| found == record).unwrap();
    bytes[place + 1] = 8; // the integer 0
    fs::write(filled.data_file(), bytes).unwrap();
    let ran = run(filled.path(), &["verify", "--site", SITE]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains(&format!("entry 42: its id {} leads nowhere", id_of(SITE, 42))), "{ran:?}");
}

/// A log whose edge was damaged takes nothing more: a head over it is never signed.
#[test]
fn nothing_is_signed_over_a_damaged_edge() {
    let filled = Filled::new();
    let data = Connection::open(filled.data_file()).unwrap();
    change_tile(&data, 0, 2, |tile| tile[0] ^= 1);
    drop(data);
    let before = fs::read(filled.head_file()).unwrap();
    let file = filled.path().join("new.ndjson");
    fs::write(&file, crate::support::entry("")).unwrap();
    let ran = run(filled.path(), &["import", "--site", SITE, "--format", "ndjson", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("Nothing more is signed; run `indelible verify`"), "{ran:?}");
    crate::filled::fold(&filled.head_file());
    assert!(fs::read(filled.head_file()).unwrap() == before);
    let ran = run(filled.path(), &["import", "--site", OTHER, "--format", "ndjson", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "other logs go on: {ran:?}");
}

fn execute(connection: &Connection, sql: &str) {
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
}

fn execute_on_id(connection: &Connection, sql: &str, number: usize) {
    assert_eq!(connection.execute(sql, [id_of(SITE, number)]).unwrap(), 1, "{sql}");
}

fn content(data: &Connection, first: u64) -> Vec<u8> {
    let sql = "SELECT content FROM block WHERE log = ?1 AND first = ?2";
    data.query_row(sql, params![LOG, i64::try_from(first).unwrap()], |row| row.get(0)).unwrap()
}

fn put_content(data: &Connection, first: u64, content: &[u8]) {
    let sql = "UPDATE block SET content = ?3 WHERE log = ?1 AND first = ?2";
    let changed = data.execute(sql, params![LOG, i64::try_from(first).unwrap(), content]).unwrap();
    assert_eq!(changed, 1);
}

/// Changes one byte of a block's content, at a place that follows from its length.
fn flip(data: &Connection, first: u64, place: fn(usize) -> usize) {
    let mut content = content(data, first);
    let place = place(content.len());
    content[place] ^= 0x10;
    put_content(data, first, &content);
}

/// Changes the entries of a block and packs it as the store does, so that it reads without complaint.
fn edit(data: &Connection, first: u64, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut entries = unpack(&content(data, first));
    change(&mut entries);
    let mut plain = Vec::new();
    for entry in entries {
        plain.extend(u32::try_from(entry.len()).unwrap().to_le_bytes());
        plain.extend(entry);
    }
    put_content(data, first, &zstd::encode_all(plain.as_slice(), 1).unwrap());
}

fn unpack(content: &[u8]) -> Vec<Vec<u8>> {
    let plain = zstd::decode_all(content).unwrap();
    let (mut entries, mut rest) = (Vec::new(), plain.as_slice());
    while let Some((length, others)) = rest.split_first_chunk::<4>() {
        let (entry, others) = others.split_at(usize::try_from(u32::from_le_bytes(*length)).unwrap());
        entries.push(entry.to_vec());
        rest = others;
    }
    entries
}

/// Makes `Ana` say and do something else, without changing the form.
fn alter(entry: &mut [u8]) {
    let place = entry.windows(4).position(|bytes| bytes == b"Page").unwrap();
    entry[place..place + 4].copy_from_slice(b"Rage");
    assert!(model::StoredEntry::decode(entry).is_ok());
}

fn change_tile(data: &Connection, level: u8, number: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let place = params![LOG, level, i64::try_from(number).unwrap()];
    let sql = "SELECT hashes FROM tile WHERE log = ?1 AND level = ?2 AND number = ?3";
    let mut hashes: Vec<u8> = data.query_row(sql, place, |row| row.get(0)).unwrap();
    change(&mut hashes);
    let sql = "UPDATE tile SET hashes = ?4 WHERE log = ?1 AND level = ?2 AND number = ?3";
    data.execute(sql, params![LOG, level, i64::try_from(number).unwrap(), hashes]).unwrap();
}

/// Puts the leaf hash of an entry as it is now into its tile.
fn rehash(data: &Connection, first: u64, position: usize) {
    let entry = unpack(&content(data, first)).swap_remove(position);
    let hash = tlog::leaf_hash(&model::StoredEntry::decode(&entry).unwrap().leaf().to_bytes());
    let index = first + u64::try_from(position).unwrap();
    let start = usize::try_from(index % 256).unwrap() * 32;
    change_tile(data, 0, index / 256, |tile| tile[start..start + 32].copy_from_slice(hash.as_bytes()));
}

/// Puts the root of a full tile of level 0 into the tile above it.
fn rehash_above(data: &Connection, number: u64) {
    let mut edge = tlog::RightEdge::new();
    change_tile(data, 0, number, |tile| {
        for hash in tile.chunks(32) {
            edge.push(tlog::Hash::try_from(hash).unwrap());
        }
    });
    let start = usize::try_from(number % 256).unwrap() * 32;
    let root = edge.root();
    change_tile(data, 1, number / 256, |tile| tile[start..start + 32].copy_from_slice(root.as_bytes()));
}
