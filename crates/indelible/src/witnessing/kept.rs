//! What is kept of cosignatures over a restart: `witnesses/state.json` in the data directory. All of it can be asked
//! for again, so that a lost file costs a round and no more.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tlog::{Checkpoint, Note, Policy, VerifierKey};

use super::Board;

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The newest checkpoint with the quorum.
    cosigned: Option<String>,
    witnesses: Vec<KeptWitness>,
}

#[derive(Serialize, Deserialize)]
struct KeptWitness {
    vkey: String,
    size: u64,
    seconds: u64,
}

impl Kept {
    pub(super) fn of(board: &Board) -> Self {
        let kept = board.standings.iter().filter_map(|standing| {
            let (size, seconds) = standing.newest?;
            Some(KeptWitness { vkey: standing.vkey.clone(), size, seconds })
        });
        Self { cosigned: board.reached.as_ref().map(|(_, note)| note.to_string()), witnesses: kept.collect() }
    }

    pub(super) fn load(directory: &Path) -> Self {
        let Ok(json) = fs::read(directory.join("state.json")) else { return Self::default() };
        serde_json::from_slice(&json).unwrap_or_else(|error| {
            tracing::warn!(%error, "what was kept of cosignatures does not read; they are asked for again");
            Self::default()
        })
    }

    /// Puts onto the board what still holds: the policy may have changed.
    pub(super) fn restore(self, board: &mut Board, policy: &Policy, log: &[VerifierKey]) {
        for kept in self.witnesses {
            if let Some(standing) = board.standings.iter_mut().find(|standing| standing.vkey == kept.vkey) {
                standing.newest = Some((kept.size, kept.seconds));
            }
        }
        let Some(text) = self.cosigned else { return };
        let origin = log.first().map_or("", VerifierKey::name);
        let verified = Checkpoint::verify(&text, origin, log);
        if let (Ok(checkpoint), Ok(note)) = (verified, Note::parse(&text))
            && policy.is_reached(&note)
        {
            board.reached = Some((checkpoint.size(), note));
        }
    }

    /// Writes it whole or not at all.
    pub(super) fn store(&self, directory: &Path) {
        let write = || {
            crate::files::make_private_directory(directory)?;
            let unfinished = directory.join("state.json.new");
            fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
            fs::rename(&unfinished, directory.join("state.json"))
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "cosignatures are not kept over a restart");
        }
    }
}
