//! The shape of the code: which module may use which, and what the pure crates depend on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The product's modules, each with those above it that it may use. `store` also means its own inside.
const LAYERS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("causes", &[]),
    ("files", &[]),
    ("repeat", &[]),
    ("entropy", &[]),
    ("config", &[]),
    ("metrics", &[]),
    ("keys", &["entropy", "files"]),
    ("store", &["causes", "files"]),
    ("sites", &["store"]),
    ("settings", &["store"]),
    ("journal", &["causes", "clock", "entropy", "keys", "metrics", "settings", "store"]),
    ("search", &["files", "journal", "store"]),
    ("umbrella", &["journal", "keys", "repeat", "sites", "store"]),
    ("copy", &["clock", "files", "journal", "keys", "store", "umbrella"]),
    ("access", &["clock", "entropy", "settings", "sites", "store"]),
    ("trail", &["access", "clock", "journal", "settings", "sites"]),
    ("witness", &["causes", "clock", "entropy", "files"]),
    ("witnessing", &["causes", "clock", "files", "store", "umbrella"]),
    ("hosts", &["clock", "store"]),
    ("refusals", &["clock", "store"]),
    ("oidc", &["clock", "entropy"]),
    (
        "instance",
        &[
            "access",
            "clock",
            "copy",
            "entropy",
            "hosts",
            "journal",
            "keys",
            "search",
            "settings",
            "sites",
            "store",
            "trail",
            "umbrella",
            "witnessing",
        ],
    ),
    ("in_process", &["Indelible", "journal", "store"]),
    ("revert", &["Indelible", "access", "entropy", "hosts", "journal", "search", "settings", "store"]),
    (
        "removal",
        &[
            "ConfigureError",
            "Indelible",
            "access",
            "clock",
            "entropy",
            "repeat",
            "search",
            "settings",
            "store",
        ],
    ),
    ("jobs", &["Indelible", "clock", "journal", "keys", "removal", "repeat", "settings", "store"]),
    ("rotation", &["ConfigureError", "Indelible", "access", "clock", "keys", "store"]),
    (
        "backup",
        &[
            "BACKUP_FILE",
            "ConfigureError",
            "Indelible",
            "OpenError",
            "OpenOptions",
            "access",
            "clock",
            "files",
            "jobs",
            "journal",
            "keys",
            "rotation",
            "store",
            "umbrella",
            "witnessing",
        ],
    ),
    ("public_log", &["Indelible", "store"]),
    ("receipts", &["Indelible", "journal", "public_log", "store", "umbrella"]),
    ("evidence", &["Indelible", "keys", "public_log", "receipts", "removal", "store"]),
    ("auditor", &["causes", "evidence", "jobs"]),
    (
        "capture",
        &["Indelible", "causes", "clock", "config", "entropy", "hosts", "journal", "settings", "store"],
    ),
    ("connect", &[]),
    ("demo", &["connect", "hosts"]),
    ("form", &[]),
    ("mounted", &[]),
    ("connections", &[]),
    ("export", &["form", "store"]),
    (
        "api",
        &[
            "ConfigureError",
            "Indelible",
            "access",
            "capture",
            "clock",
            "entropy",
            "evidence",
            "export",
            "form",
            "hosts",
            "jobs",
            "journal",
            "keys",
            "metrics",
            "oidc",
            "public_log",
            "receipts",
            "refusals",
            "removal",
            "revert",
            "rotation",
            "search",
            "settings",
            "sites",
            "store",
            "trail",
            "umbrella",
            "witnessing",
        ],
    ),
    (
        "dialects",
        &[
            "Indelible",
            "access",
            "api",
            "clock",
            "connect",
            "journal",
            "revert",
            "search",
            "settings",
            "store",
        ],
    ),
    (
        "ui",
        &[
            "access",
            "api",
            "clock",
            "export",
            "hosts",
            "jobs",
            "journal",
            "mounted",
            "oidc",
            "refusals",
            "removal",
            "revert",
            "search",
            "settings",
            "sites",
            "store",
            "trail",
            "witnessing",
        ],
    ),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file of a module, with its text.
fn files(module: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![source().join(module), source().join(format!("{module}.rs"))];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.exists() {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    assert!(!found.is_empty(), "there is no module `{module}`");
    found
}

/// The names that follow `crate::` in code, comments left out.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = BTreeSet::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let group =
                rest.strip_prefix('{').map(|group| group.split(['}', ';']).next().unwrap_or_default());
            for part in group.unwrap_or(rest).split(if group.is_some() { ',' } else { '\0' }) {
                let name: String =
                    part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                names.insert(name);
            }
        }
    }
    names
}

#[test]
fn modules_use_only_those_above_them() {
    for &(module, allowed) in LAYERS {
        for (path, text) in files(module) {
            for name in used(&text) {
                let own = name == module || name.is_empty();
                assert!(own || allowed.contains(&name.as_str()), "{} uses crate::{name}", path.display());
            }
        }
    }
}

/// Words that belong to one place: SQL and its library to the store, HTTP to the outer layer.
#[test]
fn foreign_types_stay_where_they_belong() {
    let places: [(&str, &[&str]); 6] = [
        ("rusqlite", &["store"]),
        ("tokio_postgres", &["capture", "store"]),
        ("deadpool_postgres", &["store"]),
        ("axum", &["api", "connections", "dialects", "mounted", "ui", "server", "witness"]),
        ("askama", &["ui"]),
        ("clap", &["cli"]),
    ];
    let modules = LAYERS.iter().map(|(module, _)| *module).chain(["server", "cli"]);
    for module in modules {
        for (path, text) in files(module) {
            for (library, homes) in places {
                let uses =
                    text.contains(&format!("use {library}")) || text.contains(&format!(" {library}::"));
                assert!(!uses || homes.contains(&module), "{} uses {library}", path.display());
            }
        }
    }
}

/// `tlog` and `model` know no clock, no I/O, no async, no HTTP and no SQL: they depend on nothing that does.
#[test]
fn the_pure_crates_depend_on_pure_crates() {
    let dependencies = |name: &str| -> BTreeSet<String> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("Cargo.toml");
        let text = fs::read_to_string(manifest).unwrap();
        let section = text.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
    };
    let pure = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(dependencies("tlog"), pure(&["base64", "ed25519-dalek", "sha2", "thiserror"]));
    assert_eq!(
        dependencies("model"),
        pure(&[
            "base64",
            "crc32fast",
            "hmac",
            "jiff",
            "serde",
            "serde_json",
            "serde_path_to_error",
            "sha2",
            "subtle",
            "thiserror",
            "uuid"
        ])
    );
}

/// Programs that log need not build the server.
#[test]
fn the_client_does_not_depend_on_the_product() {
    for name in ["client", "client-derive"] {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("Cargo.toml");
        let text = fs::read_to_string(manifest).unwrap();
        let section = text.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        let uses = |name: &str| section.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(name));
        assert!(!uses("model") && !uses("indelible"), "{section}");
    }
}

/// There is no way to change or remove an entry: no statement in the store does it but those that take back a
/// batch that was never published. Blocks, not entries, are removed in one more place: where their entries are
/// written anew in the same transaction, after that was proven. Content, not entries, is removed in one place.
#[test]
fn nothing_updates_or_deletes_entries() {
    for (path, text) in files("store") {
        if path.ends_with("recover.rs") {
            continue;
        }
        for forbidden in [
            "DELETE FROM block",
            "UPDATE block",
            "DELETE FROM entry_id",
            "UPDATE entry_id",
            "DELETE FROM tile",
            "DELETE FROM log",
            "DELETE FROM merge",
            "UPDATE merge",
            "DELETE FROM removal",
            "UPDATE removal",
        ] {
            let is_home = (forbidden == "DELETE FROM block" && path.ends_with("merge.rs"))
                || (forbidden == "UPDATE block" && path.ends_with("embedded/removal.rs"));
            if is_home {
                assert_eq!(text.matches(forbidden).count(), 1, "{}", path.display());
                continue;
            }
            assert!(!text.contains(forbidden), "{} says {forbidden}", path.display());
        }
    }
}
