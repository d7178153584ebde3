//! Admission: from a sender's bytes to entries that are ready for the log. Runs on many threads at once.

use model::mask::mask;
use model::{Draft, Sealed, Violation};
use uuid::{Uuid, uuid};

use crate::clock;
use crate::entropy::{self, NoEntropy};
use crate::settings::Rules;

/// What became of one submitted entry at the door.
pub type Admission = Result<Sealed, Vec<Violation>>;

/// Namespace of the ids that follow from idempotency keys.
const KEY_NAMESPACE: Uuid = uuid!("6f2f4a0e-3a0b-5f0e-9c53-0d1f2b7c9a41");

/// Random bytes that an entry needs: its secret, and its id if the sender gave none.
const RANDOM_BYTES: usize = 32 + 10;

/// A sender's name for a request: entries without an id of their own get one that follows from it and from
/// their place, so that the same request sent again means the same entries. Two senders may choose the same
/// name, so the sender's own is part of it.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(Uuid);

impl IdempotencyKey {
    /// The key of an `Idempotency-Key` header, sent with the credential of this name.
    #[must_use]
    pub fn new(source: &str, text: &str) -> Self {
        let sender = Uuid::new_v5(&KEY_NAMESPACE, source.as_bytes());
        Self(Uuid::new_v5(&sender, text.as_bytes()))
    }

    fn id_at(&self, place: usize) -> Uuid {
        Uuid::new_v5(&self.0, place.to_string().as_bytes())
    }
}

/// Admits one entry by its site's rules. `source` names the credential that sends it.
pub fn admit(
    bytes: &[u8],
    source: &str,
    key: Option<&IdempotencyKey>,
    rules: &Rules,
) -> Result<Admission, NoEntropy> {
    let random = entropy::bytes::<RANDOM_BYTES>()?;
    Ok(draft(bytes, rules).map(|draft| seal(draft, source, key.map(|key| key.id_at(0)), &random)))
}

/// Reads an entry.
fn draft(bytes: &[u8], rules: &Rules) -> Result<Draft, Vec<Violation>> {
    model::parse(bytes).and_then(|draft| by_rules(draft, rules))
}

/// A draft as its site may have it. From here on nobody knows the values that are not to be stored.
fn by_rules(mut draft: Draft, rules: &Rules) -> Result<Draft, Vec<Violation>> {
    if let Some(violation) = rules.foreign_entity(&draft).or_else(|| rules.missing_reason(&draft)) {
        return Err(vec![violation]);
    }
    if mask(&mut draft, &rules.mask) > 0
        && let Some(violation) = draft.too_large()
    {
        return Err(vec![violation]);
    }
    Ok(draft)
}

/// Admits many entries, each on its own: a bad one does not stop the others.
pub fn admit_all<'a>(
    texts: impl ExactSizeIterator<Item = &'a [u8]>,
    source: &str,
    key: Option<&IdempotencyKey>,
    rules: &Rules,
) -> Result<Vec<Admission>, NoEntropy> {
    seal_all(texts.map(|bytes| draft(bytes, rules)), source, key)
}

/// The same for drafts that were made in this process: nobody has to write them as JSON and read them again.
pub fn admit_drafts(
    drafts: impl ExactSizeIterator<Item = Draft>,
    source: &str,
    rules: &Rules,
) -> Result<Vec<Admission>, NoEntropy> {
    let checked = drafts.map(|draft| match draft.violations() {
        violations if violations.is_empty() => by_rules(draft, rules),
        violations => Err(violations),
    });
    seal_all(checked, source, None)
}

fn seal_all(
    drafts: impl ExactSizeIterator<Item = Result<Draft, Vec<Violation>>>,
    source: &str,
    key: Option<&IdempotencyKey>,
) -> Result<Vec<Admission>, NoEntropy> {
    let mut random = vec![0; drafts.len() * RANDOM_BYTES];
    entropy::fill(&mut random)?;
    let admitted = drafts.enumerate().zip(random.as_chunks().0).map(|((place, draft), random)| {
        draft.map(|draft| seal(draft, source, key.map(|key| key.id_at(place)), random))
    });
    Ok(admitted.collect())
}

/// Completes a draft and commits to its sections.
fn seal(draft: Draft, source: &str, id: Option<Uuid>, random: &[u8; RANDOM_BYTES]) -> Sealed {
    let now = clock::now();
    let now_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let (secret, for_id) = random.split_at(32);
    let mut random_id = [0; 10];
    random_id.copy_from_slice(for_id);
    let mut entry_secret = [0; 32];
    entry_secret.copy_from_slice(secret);
    let id = id.unwrap_or_else(|| entropy::uuid_v7(now_ms, &random_id));
    draft.seal(id, now, source, &entry_secret)
}
