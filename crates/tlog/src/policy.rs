//! Trust policies: which logs, which witnesses, and how many of them must have cosigned (C2SP tlog-policy).
//!
//! ```text
//! log audit.example/logs/news+…
//! witness X1 witness.example+… https://witness.example/
//! witness X2 other.example+…
//! group X any X1 X2
//! quorum X
//! ```

use std::collections::BTreeMap;

use crate::{
    cosignature::cosigned_at,
    key::{KeyError, SignatureType, VerifierKey},
    note::Note,
};

/// The most lines, bytes and definitions of a policy; 32 of each definition must be accepted at least.
const SIZE_MAX: usize = 256 * 1024;
const DEFINITIONS_MAX: usize = 256;

/// A trust policy: which logs are accepted, and which witnesses must have cosigned (C2SP tlog-policy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<PolicyWitness>,
    /// What must have witnessed a checkpoint; `None` where nothing must.
    quorum: Option<Member>,
}

/// A witness in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy, which may not be UTF-8.
    pub name: Vec<u8>,
    /// Its key.
    pub key: VerifierKey,
    /// Where checkpoints are submitted to it: `<url>/add-checkpoint`.
    pub url: Option<String>,
}

/// A witness by its place in the list, or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group { threshold: usize, members: Vec<Member> },
}

/// Why a policy is refused, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {fault}")]
pub struct PolicyError {
    /// The line, counted from 1; one past the last where something is missing.
    pub line: usize,
    /// What is wrong there.
    pub fault: PolicyFault,
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// The policy is larger than anybody needs.
    #[error("the policy is above the limit of 256 KiB and 256 definitions")]
    TooLarge,
    /// A control character.
    #[error("it contains the control character 0x{0:02x}")]
    ControlCharacter(u8),
    /// The last line has no newline.
    #[error("it does not end in a newline")]
    NoFinalNewline,
    /// The line begins with another word.
    #[error("a line begins with log, witness, group or quorum")]
    Keyword,
    /// The line has too few or too many words.
    #[error("it has not the form `{0}`")]
    Form(&'static str),
    /// The key does not read.
    #[error("the key: {0}")]
    Key(#[from] KeyError),
    /// A key or address is not UTF-8.
    #[error("the key or the address is not UTF-8")]
    NotUtf8,
    /// The key cannot be that of a log.
    #[error("a log needs a key that signs notes (0x01)")]
    NotALogKey,
    /// The key cannot be that of a witness.
    #[error("a witness needs a key that cosigns (0x04)")]
    NotAWitnessKey,
    /// A public key stands there twice.
    #[error("this public key is there already")]
    DuplicateKey,
    /// A name stands for two things.
    #[error("this name is taken already")]
    DuplicateName,
    /// A name that no line above defines.
    #[error("`{0}` is not defined above")]
    Unknown(String),
    /// A name that is a member of some group already.
    #[error("`{0}` is a member of a group already")]
    MemberTwice(String),
    /// The threshold is not `any`, `all` or a number from 1 to the number of members.
    #[error("the threshold is any, all, or a number from 1 to the number of members")]
    Threshold,
    /// A second quorum.
    #[error("there is a quorum already")]
    SecondQuorum,
    /// No quorum.
    #[error("there is no quorum line: a policy needs one, be it `quorum none`")]
    NoQuorum,
}

impl Policy {
    /// Parses a policy file.
    ///
    /// # Errors
    /// The first fault, with its line.
    pub fn parse(file: impl AsRef<[u8]>) -> Result<Self, PolicyError> {
        let file = file.as_ref();
        let mut reader = Reader::default();
        if file.len() > SIZE_MAX {
            return Err(PolicyError { line: 1, fault: PolicyFault::TooLarge });
        }
        let mut lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
        let last = lines.len();
        if lines.pop().is_some_and(|rest| !rest.is_empty()) {
            return Err(PolicyError { line: last, fault: PolicyFault::NoFinalNewline });
        }
        for (line, text) in (1..).zip(lines) {
            reader.line(text).map_err(|fault| PolicyError { line, fault })?;
        }
        let quorum = match reader.quorum {
            None => return Err(PolicyError { line: last, fault: PolicyFault::NoQuorum }),
            Some(Quorum::Nobody) => None,
            Some(Quorum::Of(member)) => Some(member),
        };
        Ok(Self { logs: reader.logs, witnesses: reader.witnesses, quorum })
    }

    /// The keys of logs that are accepted; empty where the log is known from elsewhere.
    #[must_use]
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The witnesses that cosigned a note, each with the time that it states.
    #[must_use]
    pub fn cosigned_by(&self, note: &Note) -> Vec<(&PolicyWitness, u64)> {
        let mut seen = Vec::new();
        for witness in &self.witnesses {
            seen.extend(cosigned_at(note, &witness.key).map(|seconds| (witness, seconds)));
        }
        seen
    }

    /// Whether enough witnesses cosigned a note. That a log signed it, too, is not looked at here.
    #[must_use]
    pub fn is_reached(&self, note: &Note) -> bool {
        let seen: Vec<bool> =
            self.witnesses.iter().map(|witness| cosigned_at(note, &witness.key).is_some()).collect();
        self.quorum.as_ref().is_none_or(|quorum| quorum.has_witnessed(&seen))
    }
}

impl PolicyWitness {
    /// The name to show.
    #[must_use]
    pub fn label(&self) -> String {
        String::from_utf8_lossy(&self.name).chars().filter(|c| !c.is_control()).collect()
    }
}

impl Member {
    fn has_witnessed(&self, seen: &[bool]) -> bool {
        match self {
            Self::Witness(place) => seen.get(*place).copied().unwrap_or(false),
            Self::Group { threshold, members } => {
                members.iter().filter(|member| member.has_witnessed(seen)).count() >= *threshold
            }
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    logs: Vec<VerifierKey>,
    witnesses: Vec<PolicyWitness>,
    /// What names stand for; `None` once it is a member of a group, and so cannot be one again.
    names: BTreeMap<Vec<u8>, Option<Member>>,
    quorum: Option<Quorum>,
}

/// What a `quorum` line says.
enum Quorum {
    Nobody,
    Of(Member),
}

impl Reader {
    fn line(&mut self, text: &[u8]) -> Result<(), PolicyFault> {
        if let Some(control) = text.iter().find(|byte| (**byte < b' ' && **byte != b'\t') || **byte == 0x7f) {
            return Err(PolicyFault::ControlCharacter(*control));
        }
        let mut words = text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let Some(keyword) = words.next().filter(|word| !word.starts_with(b"#")) else { return Ok(()) };
        if self.names.len().saturating_add(self.logs.len()) >= DEFINITIONS_MAX {
            return Err(PolicyFault::TooLarge);
        }
        let words: Vec<&[u8]> = words.collect();
        match keyword {
            b"log" => self.log(&words),
            b"witness" => self.witness(&words),
            b"group" => self.group(&words),
            b"quorum" => self.set_quorum(&words),
            _ => Err(PolicyFault::Keyword),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let ([vkey] | [vkey, _]) = words else { return Err(PolicyFault::Form("log VKEY [URL]")) };
        let key = key(vkey)?;
        if key.signature_type() != SignatureType::Ed25519 {
            return Err(PolicyFault::NotALogKey);
        }
        if self.logs.iter().any(|other| other.public_key() == key.public_key()) {
            return Err(PolicyFault::DuplicateKey);
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let ([name, vkey] | [name, vkey, _]) = words else {
            return Err(PolicyFault::Form("witness NAME VKEY [URL]"));
        };
        let key = key(vkey)?;
        if key.signature_type() != SignatureType::Cosignature {
            return Err(PolicyFault::NotAWitnessKey);
        }
        if self.witnesses.iter().any(|other| other.key.public_key() == key.public_key()) {
            return Err(PolicyFault::DuplicateKey);
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        let url = words.get(2).map(|url| text(url).map(ToOwned::to_owned)).transpose()?;
        self.witnesses.push(PolicyWitness { name: name.to_vec(), key, url });
        Ok(())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, members @ ..] = words else {
            return Err(PolicyFault::Form("group NAME any|all|K MEMBER…"));
        };
        if members.is_empty() {
            return Err(PolicyFault::Form("group NAME any|all|K MEMBER…"));
        }
        let threshold = match *threshold {
            b"any" => 1,
            b"all" => members.len(),
            number => str::from_utf8(number)
                .ok()
                .and_then(crate::decimal::parse)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| (1..=members.len()).contains(number))
                .ok_or(PolicyFault::Threshold)?,
        };
        if self.names.contains_key(*name) {
            return Err(PolicyFault::DuplicateName);
        }
        let mut taken = Vec::new();
        for member in members {
            let defined = self.names.get_mut(*member).ok_or_else(|| PolicyFault::Unknown(shown(member)))?;
            taken.push(defined.take().ok_or_else(|| PolicyFault::MemberTwice(shown(member)))?);
        }
        self.define(name, Member::Group { threshold, members: taken })
    }

    fn set_quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name] = words else { return Err(PolicyFault::Form("quorum NAME")) };
        if self.quorum.is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        self.quorum = Some(if *name == b"none" {
            Quorum::Nobody
        } else {
            let defined = self.names.get(*name).ok_or_else(|| PolicyFault::Unknown(shown(name)))?;
            Quorum::Of(defined.clone().ok_or_else(|| PolicyFault::MemberTwice(shown(name)))?)
        });
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyFault> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyFault::DuplicateName);
        }
        self.names.insert(name.to_vec(), Some(member));
        Ok(())
    }
}

fn text(word: &[u8]) -> Result<&str, PolicyFault> {
    str::from_utf8(word).map_err(|_| PolicyFault::NotUtf8)
}

fn key(word: &[u8]) -> Result<VerifierKey, PolicyFault> {
    Ok(text(word)?.parse()?)
}

fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).chars().filter(|c| !c.is_control()).take(80).collect()
}
