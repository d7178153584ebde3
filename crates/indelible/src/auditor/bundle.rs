//! Verifying an evidence bundle: entry by entry, with the keys and nothing else.

use std::io::Read;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::{Leaf, SectionName, commitment};
use serde::de::DeserializeOwned;
use tlog::{Hash, Policy, VerifierKey};

use super::quorum;
use super::receipt::verify_receipt;
use crate::evidence::{Description, End, Exhibit, FORMAT, exhibit_name};
use crate::jobs::Finding;

/// Bytes of one file in a bundle: an entry of 1 MiB, written as JSON twice over, and its receipt.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Findings beyond which a bundle is not looked at any further.
const FINDINGS_MAX: usize = 100;

/// What a verification of a bundle found.
#[derive(Debug)]
pub struct BundleReport {
    /// What it says of itself.
    pub description: Description,
    /// Entries that verify.
    pub entries: u64,
    /// Sections of them that were erased, as the bundle says: by which entry of the log is in it.
    pub erased: u64,
    /// Sections of them that their leaves have and the bundle has not.
    pub withheld: u64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
#[error("not an evidence bundle: {0}")]
pub struct NoBundle(String);

/// Verifies a bundle against the key of its log and, if given, that of the umbrella and a policy whose quorum every
/// receipt must have.
///
/// # Errors
/// When it is none. What is wrong inside is a finding.
pub fn verify_bundle(
    file: impl Read,
    log: &VerifierKey,
    umbrella: Option<&VerifierKey>,
    policy: Option<&Policy>,
) -> Result<BundleReport, NoBundle> {
    let mut archive = tar::Archive::new(file);
    let unread = |error: std::io::Error| NoBundle(error.to_string());
    let mut files = archive.entries().map_err(unread)?;
    let mut next = || files.next().map(|file| file.and_then(read)).transpose();
    match next().map_err(unread)? {
        Some((name, _)) if name == "README.txt" => {}
        _ => return Err(NoBundle("it is no tar file that begins with README.txt".to_owned())),
    }
    let description = match next().map_err(unread)? {
        Some((name, bytes)) if name == "bundle.json" => describe(&bytes)?,
        _ => return Err(NoBundle("bundle.json is missing".to_owned())),
    };
    let mut judge = Judge {
        log,
        umbrella,
        policy,
        entries: 0,
        erased: 0,
        withheld: 0,
        last: None,
        ended: false,
        findings: Vec::new(),
    };
    judge.origin(&description);
    while judge.findings.len() < FINDINGS_MAX {
        match next() {
            Ok(Some((name, bytes))) => judge.file(&name, &bytes),
            Ok(None) => break,
            Err(error) => {
                judge.tell(&format!("the bundle does not read any further: {error}"));
                break;
            }
        }
    }
    if !judge.ended {
        judge.tell("end.json is missing: the bundle was cut");
    }
    let Judge { entries, erased, withheld, findings, .. } = judge;
    Ok(BundleReport { description, entries, erased, withheld, findings })
}

fn read(mut file: tar::Entry<'_, impl Read>) -> std::io::Result<(String, Vec<u8>)> {
    let name = file.path()?.to_string_lossy().into_owned();
    if file.size() > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("{name} has {} bytes", file.size())));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((name, bytes))
}

fn describe(json: &[u8]) -> Result<Description, NoBundle> {
    let description: Description =
        serde_json::from_slice(json).map_err(|error| NoBundle(format!("bundle.json: {error}")))?;
    if description.format != FORMAT {
        let format: String = description.format.chars().take(40).collect();
        return Err(NoBundle(format!("its form is `{format}`, this version reads `{FORMAT}`")));
    }
    Ok(description)
}

struct Judge<'a> {
    log: &'a VerifierKey,
    umbrella: Option<&'a VerifierKey>,
    policy: Option<&'a Policy>,
    entries: u64,
    erased: u64,
    withheld: u64,
    last: Option<u64>,
    ended: bool,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn origin(&mut self, description: &Description) {
        if description.origin != self.log.name() {
            self.tell(&format!(
                "the bundle is of the log `{}`, but the key is that of `{}`",
                description.origin,
                self.log.name()
            ));
        }
    }

    fn file(&mut self, name: &str, bytes: &[u8]) {
        let judged = if self.ended {
            Err("stands behind the end of the bundle".to_owned())
        } else if name == "end.json" {
            self.end(bytes)
        } else {
            self.exhibit(name, bytes)
        };
        if let Err(reason) = judged {
            self.tell(&format!("{name}: {reason}"));
        }
    }

    fn end(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.ended = true;
        let End { entries } = json(bytes)?;
        // An entry that does not verify is a finding of its own.
        if self.findings.is_empty() && entries != self.entries {
            return Err(format!("{entries} entries were put in, {} are there", self.entries));
        }
        Ok(())
    }

    /// An entry is what its leaf commits to, and its leaf is in the log.
    fn exhibit(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let exhibit: Exhibit = json(bytes)?;
        if exhibit_name(exhibit.index) != name {
            return Err(format!("it is the entry at index {}", exhibit.index));
        }
        if self.last.is_some_and(|last| last >= exhibit.index) {
            return Err("it is not in the order of the log, or there twice".to_owned());
        }
        self.last = Some(exhibit.index);
        let leaf = BASE64_STANDARD.decode(&exhibit.leaf).map_err(|error| format!("the leaf: {error}"))?;
        let read = Leaf::parse(&leaf).map_err(|error| error.to_string())?;
        if read.header.id.to_string() != exhibit.id {
            return Err(format!("the leaf is that of the entry {}", read.header.id));
        }
        let disclosed = sections(&exhibit, &read)?;
        let proven = verify_receipt(&exhibit.receipt, &tlog::leaf_hash(&leaf), self.log, self.umbrella)
            .map_err(|error| error.to_string())?;
        if let Some(policy) = self.policy {
            quorum(policy, proven.umbrella_note.as_deref())?;
        }
        if proven.index != exhibit.index {
            return Err(format!("its receipt is for index {}", proven.index));
        }
        let erased = erased(&exhibit, &read)?;
        self.entries += 1;
        self.erased += u64::try_from(erased).unwrap_or_default();
        let gone = read.commitments.len().saturating_sub(disclosed).saturating_sub(erased);
        self.withheld += u64::try_from(gone).unwrap_or_default();
        Ok(())
    }

    fn tell(&mut self, what: &str) {
        // Names in a file that somebody made up must not reach the terminal as they are.
        let what = what.replace(char::is_control, " ");
        self.findings.push(Finding { entries: None, what });
    }
}

/// Compares each section with its commitment; how many there are.
fn sections(exhibit: &Exhibit, leaf: &Leaf) -> Result<usize, String> {
    let mut seen = Vec::new();
    for section in &exhibit.sections {
        let name = SectionName::from_number(section.number)
            .filter(|name| name.to_string() == section.name && !seen.contains(name))
            .ok_or_else(|| format!("the section `{}` has a wrong number or is there twice", section.name))?;
        seen.push(name);
        let salt: Hash = section.salt.parse().map_err(|error| format!("the salt of `{name}`: {error}"))?;
        let expected = leaf.commitments.iter().find(|(found, _)| *found == name);
        if expected.map(|(_, commitment)| *commitment)
            != Some(commitment(salt.as_bytes(), name, section.content.as_bytes()))
        {
            return Err(format!("CHANGED: the section `{name}` is not what the leaf commits to"));
        }
    }
    Ok(seen.len())
}

/// How many sections were erased: the leaf has each, and the bundle says which entry tells of it.
fn erased(exhibit: &Exhibit, leaf: &Leaf) -> Result<usize, String> {
    for section in &exhibit.erased {
        let name = section.name;
        let is_in_leaf = leaf.commitments.iter().any(|(found, _)| *found == name);
        let is_here = exhibit.sections.iter().any(|other| other.number == name.number());
        if !is_in_leaf || is_here {
            return Err(format!(
                "it says that `{name}` was erased, which its leaf or its sections contradict"
            ));
        }
        match section.by {
            Some(by) if by > exhibit.index => {}
            Some(_) => return Err(format!("`{name}` was erased by an entry that came before it")),
            None => {
                return Err(format!(
                    "MISSING: `{name}` is gone, and no entry of the log tells of its erasure"
                ));
            }
        }
    }
    Ok(exhibit.erased.len())
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("it does not read: {error}"))
}
