//! The server's answers, read with distrust: a receipt that is not for the entry that was sent is no receipt.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::{Refusal, excerpt};

/// Where an entry is in its site's log. It is durable and readable there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// The entry's id.
    pub id: Uuid,
    /// Its position in the log, from 0.
    pub index: u64,
    /// When the log took it, if the answer says so.
    pub recorded_at: Option<Timestamp>,
    /// The hash of its leaf, in hex: what a proof of inclusion is checked against.
    pub leaf_hash: String,
    /// Whether it was there already, if only from an earlier try whose answer got lost. Answers to a batch do
    /// not say: there it is always `false`.
    #[serde(skip)]
    pub known: bool,
}

/// Reads the answer to one entry.
pub(crate) fn receipt(body: &[u8], sent: Uuid, known: bool) -> Result<Receipt, String> {
    let receipt = Receipt { known, ..read(body)? };
    check(&receipt, sent)?;
    Ok(receipt)
}

/// Reads the answer to a batch: one result for each entry sent, in their order.
pub(crate) fn results(body: &[u8], sent: &[Uuid]) -> Result<Vec<Result<Receipt, Refusal>>, String> {
    #[derive(Deserialize)]
    struct Answer {
        results: Vec<Box<RawValue>>,
    }
    let results = read::<Answer>(body)?.results;
    if results.len() != sent.len() {
        return Err(format!("{} results for {} entries", results.len(), sent.len()));
    }
    results.iter().zip(sent).map(|(item, id)| result(item.get().as_bytes(), *id)).collect()
}

fn result(item: &[u8], sent: Uuid) -> Result<Result<Receipt, Refusal>, String> {
    #[derive(Deserialize)]
    struct Item {
        error: Option<Refusal>,
    }
    match read::<Item>(item)?.error {
        Some(refusal) => Ok(Err(refusal)),
        None => receipt(item, sent, false).map(Ok),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("{error} in `{}`", excerpt(body)))
}

fn check(receipt: &Receipt, sent: Uuid) -> Result<(), String> {
    if receipt.id == sent {
        return Ok(());
    }
    Err(format!("a receipt for entry {} where {sent} was sent", receipt.id))
}
