//! The witness's directory: key, known logs, heads. One process at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tlog::{Cosigner, Hash, KeyError, SignatureType, VerifierKey};

use crate::entropy::{self, NoEntropy};
use crate::files::{make_private_directory, replace};

/// How to open a witness.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Its name: needed to make a new one, and must be the same later if it is given.
    pub name: Option<String>,
    /// Keys of logs that it knows beside those in its directory.
    pub logs: Vec<VerifierKey>,
}

/// Why a witness does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// There is none, and no name for a new one.
    #[error(
        "there is no witness in {path}. Give a name to make one: --name witness.example.org", path = .0.display()
    )]
    None(PathBuf),
    /// It has another name.
    #[error(
        "the witness in this directory is named `{kept}`, not `{asked}`: its cosignatures bear that name"
    )]
    OtherName {
        /// The name it has.
        kept: String,
        /// The name asked for.
        asked: String,
    },
    /// The name cannot be one.
    #[error("`{name}` cannot be a witness's name: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        reason: KeyError,
    },
    /// A file cannot be read or written.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Another process has the directory.
    #[error("another process is the witness in {path}: two would cosign what the other did not see", path = .0.display())]
    InUse(PathBuf),
    /// The key file is damaged.
    #[error("{path} does not hold a name and a seed of 64 hexadecimal digits: put it back from a backup", path = .0.display())]
    Key(PathBuf),
    /// A line in the list of logs is no key of a log.
    #[error("{path}, line {line}: {reason}", path = path.display())]
    Log {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A key that was given for a log is that of a witness.
    #[error("the key of `{0}` is that of a witness, not of a log")]
    NotALog(String),
    /// What was kept of a log is damaged.
    #[error(
        "the checkpoint that was kept of `{origin}`: {reason}. Put it back from a copy that is not older; without \
         it the witness would cosign a rewritten log, so it does not start"
    )]
    Head {
        /// The log.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// No randomness for a key.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// See the [module's documentation](self).
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Directory {
    pub(super) fn open(path: PathBuf, name: Option<&str>) -> Result<(Self, Cosigner), WitnessError> {
        let key_path = path.join("key");
        if !key_path.exists() && name.is_none() {
            return Err(WitnessError::None(path));
        }
        for directory in [path.clone(), path.join("heads"), path.join("evidence")] {
            make_private_directory(&directory).map_err(failed(&directory))?;
        }
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(failed(&lock_path))?;
        if lock.try_lock().is_err() {
            return Err(WitnessError::InUse(path));
        }
        let directory = Self { path, _lock: lock };
        if let Some(name) = name.filter(|_| !key_path.exists()) {
            create_key(&key_path, name)?;
        }
        let cosigner = read_key(&key_path)?;
        if let Some(asked) = name.filter(|asked| *asked != cosigner.name()) {
            let (kept, asked) = (cosigner.name().to_owned(), asked.to_owned());
            return Err(WitnessError::OtherName { kept, asked });
        }
        Ok((directory, cosigner))
    }

    /// The keys of logs in the list, which need not be there.
    pub(super) fn logs(&self) -> Result<Vec<VerifierKey>, WitnessError> {
        let path = self.path.join("logs");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(reason) => return Err(WitnessError::File { path, reason }),
        };
        let mut logs = Vec::new();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let wrong = |reason: String| WitnessError::Log { path: path.clone(), line, reason };
            let key: VerifierKey = text.parse().map_err(|error: KeyError| wrong(error.to_string()))?;
            if key.signature_type() != SignatureType::Ed25519 {
                return Err(wrong("this is the key of a witness, not of a log".to_owned()));
            }
            logs.push(key);
        }
        Ok(logs)
    }

    /// The newest checkpoint of a log.
    pub(super) fn head(&self, origin: &str) -> Result<Option<String>, WitnessError> {
        let path = self.head_path(origin);
        match fs::read_to_string(&path) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(WitnessError::File { path, reason }),
        }
    }

    /// Replaces the newest checkpoint of a log, and returns when it would survive a power cut.
    pub(super) fn store_head(&self, origin: &str, note: &str) -> io::Result<()> {
        replace(&self.head_path(origin), note.as_bytes())
    }

    /// Keeps two checkpoints that cannot both be true; of each log the first such two.
    pub(super) fn store_evidence(&self, origin: &str, first: &str, second: &str) -> io::Result<()> {
        let path = self.path.join("evidence").join(hash(origin));
        if path.exists() { Ok(()) } else { replace(&path, format!("{first}\n{second}").as_bytes()) }
    }

    fn head_path(&self, origin: &str) -> PathBuf {
        self.path.join("heads").join(hash(origin))
    }
}

/// The lower-case hexadecimal SHA-256 of an origin, which names it in addresses and files.
pub(super) fn hash(origin: &str) -> String {
    Hash::from_bytes(Sha256::digest(origin).into()).to_string()
}

fn create_key(path: &Path, name: &str) -> Result<(), WitnessError> {
    tlog::check_key_name(name).map_err(|reason| WitnessError::Name { name: name.to_owned(), reason })?;
    let seed = Hash::from_bytes(entropy::bytes()?);
    replace(path, format!("{name}\n{seed}\n").as_bytes()).map_err(failed(path))
}

fn read_key(path: &Path) -> Result<Cosigner, WitnessError> {
    let text = fs::read_to_string(path).map_err(failed(path))?;
    let parsed = text
        .trim_end()
        .split_once('\n')
        .and_then(|(name, seed)| Cosigner::from_seed(name, seed.parse::<Hash>().ok()?.as_bytes()).ok());
    parsed.ok_or_else(|| WitnessError::Key(path.to_owned()))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> WitnessError {
    let path = path.to_owned();
    |reason| WitnessError::File { path, reason }
}
