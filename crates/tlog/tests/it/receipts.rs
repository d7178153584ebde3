//! Receipts: made, printed, parsed, verified, and a table of what is refused.

use tlog::{
    Checkpoint, CheckpointError, NoteError, ProofError, RECEIPT_SIZE_MAX, Receipt, ReceiptError,
    inclusion_proof,
};

use crate::{
    notes::key,
    reference::{Reference, leaf},
};

const ORIGIN: &str = "audit.example/logs/news";

fn note() -> String {
    let root = Reference::new(7).root(7);
    Checkpoint::new(ORIGIN, 7, root).unwrap().sign(&key(ORIGIN, 1)).unwrap()
}

fn receipt() -> Receipt {
    let proof = inclusion_proof(&Reference::new(7), 4, 7).unwrap();
    Receipt::new(4, proof, note()).unwrap()
}

#[test]
fn print_parse_verify() {
    let keys = [key(ORIGIN, 1).verifier_key()];
    for extra in [None, Some(b"anything".to_vec())] {
        let receipt = receipt().with_extra(extra.clone().unwrap_or_default()).unwrap();
        let text = receipt.to_string();
        let head = if extra.is_some() { "extra YW55dGhpbmc=\nindex 4\n" } else { "index 4\n" };
        assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\n{head}")), "{text}");
        assert!(text.ends_with(&format!("=\n\n{}", note())), "{text}");

        let parsed = Receipt::parse(&text).unwrap();
        assert_eq!(parsed, receipt);
        assert_eq!((parsed.index(), parsed.extra()), (4, extra.as_deref()));
        assert_eq!((parsed.proof().len(), parsed.checkpoint_note()), (3, note().as_str()));
        assert_eq!(parsed.verify(&leaf(4), ORIGIN, &keys).unwrap().size(), 7);
    }
}

#[test]
fn the_only_entry_needs_no_proof() {
    let note = Checkpoint::new(ORIGIN, 1, leaf(0)).unwrap().sign(&key(ORIGIN, 1)).unwrap();
    let text = Receipt::new(0, Vec::new(), note.clone()).unwrap().to_string();
    assert_eq!(text, format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{note}"));
    let keys = [key(ORIGIN, 1).verifier_key()];
    assert!(Receipt::parse(&text).unwrap().verify(&leaf(0), ORIGIN, &keys).is_ok());
}

#[test]
fn receipts_that_do_not_verify() {
    let keys = [key(ORIGIN, 1).verifier_key()];
    let verdict = receipt().verify(&leaf(5), ORIGIN, &keys);
    assert!(matches!(verdict, Err(ReceiptError::Proof(ProofError::Root { .. }))), "{verdict:?}");
    let verdict = receipt().verify(&leaf(4), "audit.example/logs/other", &keys);
    assert!(matches!(verdict, Err(ReceiptError::Checkpoint(CheckpointError::OtherOrigin { .. }))));
    let verdict = receipt().verify(&leaf(4), ORIGIN, &[key(ORIGIN, 2).verifier_key()]);
    let no_known_key = CheckpointError::Note(NoteError::NoKnownKey);
    assert_eq!(verdict, Err(ReceiptError::Checkpoint(no_known_key)));

    let outside = Receipt::new(7, receipt().proof().to_vec(), note()).unwrap();
    let out_of_range = ProofError::IndexOutOfRange { index: 7, size: 7 };
    assert_eq!(outside.verify(&leaf(4), ORIGIN, &keys), Err(ReceiptError::Proof(out_of_range)));
    let short = Receipt::new(4, receipt().proof()[1..].to_vec(), note()).unwrap();
    let length = ProofError::Length { expected: 3, actual: 2 };
    assert_eq!(short.verify(&leaf(4), ORIGIN, &keys), Err(ReceiptError::Proof(length)));
}

#[test]
fn malformed_receipts() {
    let good = receipt().to_string();
    let index = |line: &str| ReceiptError::Index { line: line.into() };
    let hash = leaf(0).to_base64();
    for (text, expected) in [
        (String::new(), ReceiptError::Truncated),
        ("c2sp.org/tlog-proof@v1".into(), ReceiptError::Truncated),
        ("c2sp.org/tlog-proof@v1\n".into(), ReceiptError::Truncated),
        ("c2sp.org/tlog-proof@v1\nindex 4\n".into(), ReceiptError::Truncated),
        (format!("c2sp.org/tlog-proof@v1\nindex 4\n{hash}\n"), ReceiptError::Truncated),
        (good.replace("@v1", "@v2"), ReceiptError::Header),
        (format!("\n{good}"), ReceiptError::Header),
        (good.replace("index", "extra \nindex"), ReceiptError::Extra),
        (good.replace("index", "extra AAA\nindex"), ReceiptError::Extra),
        (good.replace("index", "extra AA==\nextra AA==\nindex"), index("extra AA==")),
        (good.replace("index", "extraAA==\nindex"), index("extraAA==")),
        (good.replace("index 4", "index 04"), index("index 04")),
        (good.replace("index 4", "index +4"), index("index +4")),
        (good.replace("index 4", "index  4"), index("index  4")),
        (good.replace("index 4", "index"), index("index")),
        (good.replace("index 4", "Index 4"), index("Index 4")),
        (good.replace("index 4", "index 18446744073709551616"), index("index 18446744073709551616")),
        (good.replace("index 4", "index 4\nAAAA"), ReceiptError::ProofLine { position: 1 }),
        (
            good.replace("index 4", &format!("index 4\n{hash}\n{hash} ")),
            ReceiptError::ProofLine { position: 2 },
        ),
        (
            good.replace("index 4\n", &format!("index 4\n{}", format!("{hash}\n").repeat(62))),
            ReceiptError::ProofTooLong,
        ),
        ("c2sp.org/tlog-proof@v1\nindex 4\n\n".into(), ReceiptError::Note(NoteError::NoSeparator)),
        (good.trim_end().into(), ReceiptError::Note(NoteError::NoFinalNewline)),
    ] {
        assert_eq!(Receipt::parse(&text), Err(expected), "{text:?}");
    }
    assert_eq!(Receipt::parse(b"\xff"), Err(ReceiptError::NotUtf8 { valid_up_to: 0 }));
}

#[test]
fn caps() {
    let size = RECEIPT_SIZE_MAX + 1;
    assert_eq!(Receipt::parse("x".repeat(size)), Err(ReceiptError::TooLarge { size }));
    let with_extra = receipt().with_extra(vec![0; RECEIPT_SIZE_MAX]);
    assert!(matches!(with_extra, Err(ReceiptError::TooLarge { .. })));
    let proof = vec![leaf(0); 64];
    let longest = Receipt::new(0, proof.clone(), note()).unwrap();
    assert_eq!(Receipt::parse(longest.to_string()), Ok(longest));
    let too_long = Receipt::new(0, [proof, vec![leaf(0)]].concat(), note());
    assert_eq!(too_long, Err(ReceiptError::ProofTooLong));
}
