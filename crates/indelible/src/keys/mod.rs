//! The installation's secret, and the keys that derive from it.
//!
//! `DIR/keys/seed` holds 32 random bytes in hexadecimal. Every log signs with its own Ed25519 key, derived
//! from the seed and the log's origin, so that one folder is all there is to guard and to back up. After a rotation
//! the signing keys derive from a newer seed beside it (`signing`); what must not change derives from the first.

mod signing;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use hkdf::Hkdf;
use jiff::Timestamp;
use model::{CursorKey, SiteId, UMBRELLA};
use sha2::Sha256;
use tlog::{Checkpoint, SigningKey, VerifierKey};

use crate::entropy::{self, NoEntropy};
use crate::files::{make_private_directory, replace};
use signing::Signing;

pub use signing::Generations;

const SIGNING_LABEL: &str = "indelible-log-key/v1 ";
const CURSOR_LABEL: &str = "indelible-cursor-key/v1";
const BLINDING_LABEL: &str = "indelible-site-blinding/v1 ";
const INDEX_LABEL: &str = "indelible search index";
const CHECK_LABEL: &str = "indelible-seed-check/v1";

/// See the [module's documentation](self).
pub struct Keys {
    folder: PathBuf,
    seed: [u8; 32],
    origin: String,
    epoch: u32,
    signing: RwLock<Signing>,
}

impl Keys {
    /// Makes a new seed under a data directory.
    pub fn create(directory: &Path) -> Result<(), KeyError> {
        let folder = folder(directory);
        let failed =
            |error: std::io::Error| KeyError::File { path: folder.clone(), reason: error.to_string() };
        make_private_directory(directory).and_then(|()| make_private_directory(&folder)).map_err(failed)?;
        write_seed(&signing::seed_path(&folder, 1))
    }

    /// Whether a data directory has a seed.
    #[must_use]
    pub fn exist(directory: &Path) -> bool {
        signing::seed_path(&folder(directory), 1).exists()
    }

    /// Reads the seeds of a data directory; `origin` is the installation's prefix of every log's origin, `epoch` its
    /// suffix: 1 until a restore that lost entries begins another.
    pub fn load(directory: &Path, origin: &str, epoch: u32) -> Result<Self, KeyError> {
        let folder = folder(directory);
        let seed = read_seed(&signing::seed_path(&folder, 1))?;
        let signing = RwLock::new(Signing::load(&folder)?);
        Ok(Self { folder, seed, origin: origin.to_owned(), epoch, signing })
    }

    /// The number at the end of every origin.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Which generations of keys sign at present.
    pub fn generations(&self) -> Result<Generations, KeyError> {
        self.with_signing(|signing| signing.generations.clone())
    }

    /// Begins to sign with a new generation of keys beside the present one. Other processes on the same data do so
    /// with their next commit.
    pub fn rotate(&self, now: Timestamp) -> Result<Generations, KeyError> {
        signing::add(&self.folder, now)
    }

    /// Signs with the newest generation alone from now on.
    pub fn retire(&self, now: Timestamp) -> Result<Generations, KeyError> {
        signing::keep_newest(&self.folder, now)
    }

    /// The origin line of a site's checkpoints, for example `audit.example.org/logs/acme.www/1`.
    #[must_use]
    pub fn origin(&self, site: &SiteId) -> String {
        format!("{}/logs/{site}/{}", self.origin, self.epoch)
    }

    /// The keys that sign a site's checkpoints, the newest first.
    pub fn signing_keys(&self, site: &SiteId) -> Result<Vec<SigningKey>, KeyError> {
        self.signing_keys_of(&self.origin(site))
    }

    /// The newest key that signs a site's checkpoints.
    pub fn signing_key(&self, site: &SiteId) -> Result<SigningKey, KeyError> {
        newest(self.signing_keys(site)?)
    }

    /// The keys that verify a site's checkpoints, for everybody, the newest first.
    pub fn verifier_keys(&self, site: &SiteId) -> Result<Vec<VerifierKey>, KeyError> {
        Ok(self.signing_keys(site)?.iter().map(SigningKey::verifier_key).collect())
    }

    /// The newest key that verifies a site's checkpoints.
    pub fn verifier_key(&self, site: &SiteId) -> Result<VerifierKey, KeyError> {
        Ok(self.signing_key(site)?.verifier_key())
    }

    /// The origin line of the umbrella log's checkpoints.
    #[must_use]
    pub fn umbrella_origin(&self) -> String {
        format!("{}/logs/{UMBRELLA}/{}", self.origin, self.epoch)
    }

    /// The keys that sign the umbrella log's checkpoints, the newest first.
    pub fn umbrella_keys(&self) -> Result<Vec<SigningKey>, KeyError> {
        self.signing_keys_of(&self.umbrella_origin())
    }

    /// The newest key that signs the umbrella log's checkpoints.
    pub fn umbrella_key(&self) -> Result<SigningKey, KeyError> {
        newest(self.umbrella_keys()?)
    }

    /// The keys that verify the umbrella log's checkpoints, the newest first.
    pub fn umbrella_verifier_keys(&self) -> Result<Vec<VerifierKey>, KeyError> {
        Ok(self.umbrella_keys()?.iter().map(SigningKey::verifier_key).collect())
    }

    /// The keys that signed a site's checkpoints and do so no more, as far as their seeds are still there.
    pub fn retired(&self, site: &SiteId) -> Result<Vec<VerifierKey>, KeyError> {
        self.retired_of(&self.origin(site))
    }

    /// The same of the umbrella log.
    pub fn umbrella_retired(&self) -> Result<Vec<VerifierKey>, KeyError> {
        self.retired_of(&self.umbrella_origin())
    }

    fn retired_of(&self, origin: &str) -> Result<Vec<VerifierKey>, KeyError> {
        let seeds = signing::retired(&self.folder, &self.generations()?)?;
        seeds.iter().map(|seed| Ok(signing_key(seed, origin)?.verifier_key())).collect()
    }

    fn signing_keys_of(&self, origin: &str) -> Result<Vec<SigningKey>, KeyError> {
        let key = |seed: &[u8; 32]| signing_key(seed, origin);
        self.with_signing(|signing| signing.seeds.iter().map(key).collect::<Result<_, _>>())?
    }

    /// Looks at the seeds that sign; reads them anew where another process has rotated.
    fn with_signing<T>(&self, look: impl FnOnce(&Signing) -> T) -> Result<T, KeyError> {
        let is_stale = self.signing.read().unwrap_or_else(PoisonError::into_inner).is_stale(&self.folder);
        if is_stale {
            let newest = Signing::load(&self.folder)?;
            *self.signing.write().unwrap_or_else(PoisonError::into_inner) = newest;
        }
        Ok(look(&self.signing.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The value under which a site's tag in the umbrella log is made, for the site's readers.
    #[must_use]
    pub fn site_blinding(&self, site: &SiteId) -> [u8; 32] {
        self.derive(format!("{BLINDING_LABEL}{}", self.origin(site)).as_bytes())
    }

    /// The site's tag in the umbrella log, which names it to nobody but its readers.
    #[must_use]
    pub fn site_tag(&self, site: &SiteId) -> [u8; 32] {
        model::site_tag(&self.site_blinding(site), &self.origin(site))
    }

    /// The key that authenticates cursors.
    #[must_use]
    pub fn cursor_key(&self) -> CursorKey {
        CursorKey::new(self.derive(CURSOR_LABEL.as_bytes()))
    }

    /// The key of the search index' hashes.
    #[must_use]
    pub fn index_key(&self) -> [u8; 16] {
        let [key, _] = *self.derive(INDEX_LABEL.as_bytes()).as_chunks().0 else { return [0; 16] };
        key
    }

    /// What tells the first seed from others, and nothing about it.
    #[must_use]
    pub fn check(&self) -> [u8; 32] {
        self.derive(CHECK_LABEL.as_bytes())
    }

    /// Whether a site's checkpoint is signed by one of these keys, be it retired.
    pub fn has_signed(&self, site: &SiteId, checkpoint: &str) -> Result<bool, KeyError> {
        let mut keys = self.verifier_keys(site)?;
        keys.extend(self.retired(site)?);
        let origin = self.origin(site);
        Ok(keys.iter().any(|key| Checkpoint::verify(checkpoint, &origin, std::slice::from_ref(key)).is_ok()))
    }

    fn derive(&self, label: &[u8]) -> [u8; 32] {
        derive(&self.seed, label)
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes")]
fn derive(seed: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, seed).expand(label, &mut key).expect("32 bytes are not too many");
    key
}

fn signing_key(seed: &[u8; 32], origin: &str) -> Result<SigningKey, KeyError> {
    let seed = derive(seed, format!("{SIGNING_LABEL}{origin}").as_bytes());
    SigningKey::from_seed(origin, &seed).map_err(|error| KeyError::Name(error.to_string()))
}

fn newest(keys: Vec<SigningKey>) -> Result<SigningKey, KeyError> {
    keys.into_iter().next().ok_or_else(|| KeyError::Name("no generation of keys signs".to_owned()))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Where the keys of a data directory are.
pub(crate) fn folder(directory: &Path) -> PathBuf {
    directory.join("keys")
}

fn write_seed(path: &Path) -> Result<(), KeyError> {
    let failed = |reason: String| KeyError::File { path: path.to_owned(), reason };
    if path.exists() {
        return Err(failed("it is there already".to_owned()));
    }
    let seed = tlog::Hash::from_bytes(entropy::bytes()?);
    replace(path, format!("{seed}\n").as_bytes()).map_err(|error| failed(error.to_string()))
}

fn read_seed(path: &Path) -> Result<[u8; 32], KeyError> {
    let text = fs::read_to_string(path)
        .map_err(|error| KeyError::File { path: path.to_owned(), reason: error.to_string() })?;
    let seed = text.trim().parse::<tlog::Hash>().map_err(|_| KeyError::NotASeed { path: path.to_owned() })?;
    Ok(*seed.as_bytes())
}

/// What can go wrong with the keys.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No randomness to make one.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The file cannot be read or written.
    #[error(
        "the signing seed {path}: {reason}. It is part of the data directory: put it back from a backup; \
         a new one would sign with other keys than readers know", path = path.display()
    )]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is no seed.
    #[error("{path} is not a signing seed: 64 hexadecimal digits are expected", path = path.display())]
    NotASeed {
        /// Which file.
        path: PathBuf,
    },
    /// What says which generations sign is damaged.
    #[error(
        "{path} does not say which keys sign: {reason}. It is part of the data directory: put it back from a backup",
        path = path.display()
    )]
    Generations {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The origin cannot name a key.
    #[error("the log origin cannot be used: {0}")]
    Name(String),
}
