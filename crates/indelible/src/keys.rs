//! The installation's secret, and the keys that derive from it.
//!
//! `DIR/keys/seed` holds 32 random bytes in hexadecimal. Every log signs with its own Ed25519 key, derived
//! from the seed and the log's origin, so that one file is all there is to guard and to back up.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use model::{CursorKey, SiteId, UMBRELLA};
use sha2::Sha256;
use tlog::{SigningKey, VerifierKey};

use crate::entropy::{self, NoEntropy};
use crate::files::make_private_directory;

const SIGNING_LABEL: &str = "indelible-log-key/v1 ";
const CURSOR_LABEL: &str = "indelible-cursor-key/v1";
const BLINDING_LABEL: &str = "indelible-site-blinding/v1 ";
const INDEX_LABEL: &str = "indelible search index";

/// Epoch of a log's origin: 1 until a restore that lost entries begins a new one.
const EPOCH: u32 = 1;

/// See the [module's documentation](self).
pub struct Keys {
    seed: [u8; 32],
    origin: String,
}

impl Keys {
    /// Makes a new seed under a data directory.
    pub fn create(directory: &Path) -> Result<(), KeyError> {
        let path = seed_path(directory);
        let folder = path.parent().unwrap_or(directory);
        let failed = |error: std::io::Error| KeyError::File { path: path.clone(), reason: error.to_string() };
        make_private_directory(directory).and_then(|()| make_private_directory(folder)).map_err(failed)?;
        let seed = tlog::Hash::from_bytes(entropy::bytes()?);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        file.write_all(format!("{seed}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Whether a data directory has a seed.
    #[must_use]
    pub fn exist(directory: &Path) -> bool {
        seed_path(directory).exists()
    }

    /// Reads the seed of a data directory; `origin` is the installation's prefix of every log's origin.
    pub fn load(directory: &Path, origin: &str) -> Result<Self, KeyError> {
        let path = seed_path(directory);
        let text = fs::read_to_string(&path)
            .map_err(|error| KeyError::File { path: path.clone(), reason: error.to_string() })?;
        let seed = parse_seed(text.trim()).ok_or(KeyError::NotASeed { path })?;
        Ok(Self { seed, origin: origin.to_owned() })
    }

    /// The origin line of a site's checkpoints, for example `audit.example.org/logs/acme.www/1`.
    #[must_use]
    pub fn origin(&self, site: &SiteId) -> String {
        format!("{}/logs/{site}/{EPOCH}", self.origin)
    }

    /// The key that signs a site's checkpoints.
    pub fn signing_key(&self, site: &SiteId) -> Result<SigningKey, KeyError> {
        self.signing_key_of(self.origin(site))
    }

    fn signing_key_of(&self, origin: String) -> Result<SigningKey, KeyError> {
        let seed = self.derive(format!("{SIGNING_LABEL}{origin}").as_bytes());
        SigningKey::from_seed(origin, &seed).map_err(|error| KeyError::Name(error.to_string()))
    }

    /// The key that verifies a site's checkpoints, for everybody.
    pub fn verifier_key(&self, site: &SiteId) -> Result<VerifierKey, KeyError> {
        Ok(self.signing_key(site)?.verifier_key())
    }

    /// The origin line of the umbrella log's checkpoints.
    #[must_use]
    pub fn umbrella_origin(&self) -> String {
        format!("{}/logs/{UMBRELLA}/{EPOCH}", self.origin)
    }

    /// The key that signs the umbrella log's checkpoints.
    pub fn umbrella_key(&self) -> Result<SigningKey, KeyError> {
        self.signing_key_of(self.umbrella_origin())
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

    #[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes")]
    fn derive(&self, label: &[u8]) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, &self.seed).expand(label, &mut key).expect("32 bytes are not too many");
        key
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn seed_path(directory: &Path) -> PathBuf {
    directory.join("keys").join("seed")
}

fn parse_seed(text: &str) -> Option<[u8; 32]> {
    text.parse::<tlog::Hash>().ok().map(|hash| *hash.as_bytes())
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
    /// The origin cannot name a key.
    #[error("the log origin cannot be used: {0}")]
    Name(String),
}
