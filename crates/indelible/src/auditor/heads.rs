//! The heads of one site in the umbrella log, read beside the site's own log: each must be a head that the site's
//! tree passes. Two heads that no tree has both show here, whoever they were shown to.

use std::collections::VecDeque;

use model::{HeadLeaf, UMBRELLA, site_tag};
use tlog::{Checkpoint, Hash, Policy, VerifierKey};

use super::http::Log;
use super::leaves::Leaves;
use super::{AuditError, Judge, verify};

const NEWEST: &str = "the newest checkpoint of the umbrella log";

/// See the [module's documentation](self).
pub(super) struct Heads {
    log: Log,
    tag: [u8; 32],
    /// The umbrella's checkpoint, taken before the site's, so that the site's covers every head in it.
    pub(super) umbrella: Checkpoint,
    leaves: Leaves,
    judge: Judge,
    /// Heads of the site that were read and not yet asked for.
    waiting: VecDeque<(u64, Hash)>,
    last: u64,
    /// Heads of the site so far.
    pub(super) count: u64,
}

impl Heads {
    /// Begins to read the umbrella; `site` is the log of the site whose origin this is.
    pub(super) async fn begin(
        url: &str,
        token: Option<&str>,
        key: &VerifierKey,
        site: &Log,
        origin: &str,
        policy: Option<&Policy>,
    ) -> Result<Self, AuditError> {
        // Whatever blinding value the server tells: under a false one the tags fit no origin, and then there are no
        // heads, which is told.
        let blinding = site.blinding().await?;
        let log = Log::new(url, UMBRELLA, token)?;
        let note = log.newest(policy).await?;
        let umbrella = verify(NEWEST, &note, key)?;
        let leaves = Leaves::new(log.clone(), 0, umbrella.size());
        let mut judge = Judge::of(&log, 0, umbrella.size(), true).await?;
        if let Some(policy) = policy {
            judge.quorum(policy, &note);
        }
        let tag = site_tag(blinding.as_bytes(), origin);
        Ok(Self { log, tag, umbrella, leaves, judge, waiting: VecDeque::new(), last: 0, count: 0 })
    }

    /// The site's next head; `None` at the end of the umbrella.
    pub(super) async fn next(&mut self) -> Result<Option<(u64, Hash)>, AuditError> {
        loop {
            if let Some(head) = self.waiting.pop_front() {
                return Ok(Some(head));
            }
            let Some(piece) = self.leaves.next().await? else { return Ok(None) };
            self.judge.piece(&piece);
            self.judge.compare_full(&self.log).await?;
            for leaf in piece.leaves().unwrap_or_default() {
                let Ok(HeadLeaf { tag, size, root }) = HeadLeaf::parse(leaf) else { continue };
                if tag != self.tag {
                    continue;
                }
                if size < self.last {
                    self.judge.tell(format!(
                        "a head of the site of size {size} comes after one of size {}: its log was rolled back",
                        self.last
                    ));
                    continue;
                }
                (self.last, self.count) = (size, self.count + 1);
                self.waiting.push_back((size, Hash::from_bytes(root)));
            }
        }
    }

    /// Reads on to the end; what is wrong with the umbrella itself.
    pub(super) async fn finish(mut self) -> Result<Vec<crate::jobs::Finding>, AuditError> {
        while self.next().await?.is_some() {}
        self.judge.finish(&self.log, &self.umbrella).await?;
        for finding in &mut self.judge.findings {
            // Its positions are not the site's.
            let place =
                finding.entries.take().map(|range| format!(" at {}", range.start)).unwrap_or_default();
            finding.what = format!("the umbrella log{place}: {}", finding.what);
        }
        Ok(self.judge.findings)
    }
}
