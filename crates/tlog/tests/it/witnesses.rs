//! Cosignatures, trust policies and submissions to witnesses: made, parsed, and tables of what is refused.

use ed25519_dalek::{Signer as _, Verifier as _};
use proptest::prelude::*;
use tlog::{
    COSIGNATURE_TIME_MAX, Checkpoint, CheckpointError, Cosigner, Hash, Note, NoteError, NoteSignature,
    Policy, PolicyFault, SignatureType, Submission, SubmissionError, VerifierKey, cosigned_at,
};

use crate::{
    notes::key,
    reference::{Reference, leaf},
};

const ORIGIN: &str = "audit.example/logs/news";

fn note() -> Note {
    let checkpoint = Checkpoint::new(ORIGIN, 7, Reference::new(7).root(7)).unwrap();
    Note::parse(checkpoint.sign(&key(ORIGIN, 1)).unwrap()).unwrap()
}

fn witness(seed: u8) -> Cosigner {
    Cosigner::from_seed(format!("witness.example/w{seed}"), &[seed; 32]).unwrap()
}

fn cosigned(seeds: &[u8]) -> Note {
    let note = note();
    let signatures: Vec<_> = seeds.iter().map(|seed| witness(*seed).cosign(note.text(), 1000)).collect();
    note.with_signatures(signatures).unwrap()
}

#[test]
fn a_cosignature_is_what_the_specification_says() {
    let (note, witness) = (note(), witness(3));
    let signature = witness.cosign(note.text(), 1_679_315_147);
    let (time, bytes) = signature.bytes().split_first_chunk::<8>().unwrap();
    assert_eq!(u64::from_be_bytes(*time), 1_679_315_147);
    // Put together here once more, from the words of the specification.
    let message = format!("cosignature/v1\ntime 1679315147\n{}", note.text());
    let public = ed25519_dalek::SigningKey::from_bytes(&[3; 32]).verifying_key();
    let parsed = ed25519_dalek::Signature::from_slice(bytes).unwrap();
    public.verify(message.as_bytes(), &parsed).unwrap();

    let vkey = witness.verifier_key();
    assert_eq!(vkey.signature_type(), SignatureType::Cosignature);
    assert_eq!(SignatureType::Cosignature.byte(), 4);
    assert_eq!(vkey.to_string().parse(), Ok(vkey.clone()));
    let again = VerifierKey::cosigner(vkey.name(), public.as_bytes()).unwrap();
    assert_eq!(again, vkey);
    assert_ne!(VerifierKey::ed25519(vkey.name(), public.as_bytes()).unwrap().id(), vkey.id());
    assert!(!format!("{witness:?}").contains("03, 03"));

    let printed = note.clone().with_signatures([signature]).unwrap().to_string();
    let read = Note::parse(&printed).unwrap();
    assert_eq!(cosigned_at(&read, &vkey), Some(1_679_315_147));
    assert_eq!(cosigned_at(&note, &vkey), None);
}

#[test]
fn a_cosignature_over_anything_else_is_none() {
    let (note, witness) = (note(), witness(3));
    let vkey = [witness.verifier_key()];
    let other = Checkpoint::new(ORIGIN, 8, Reference::new(8).root(8)).unwrap().text();
    let mut lines = vec![witness.cosign(&other, 5)];
    // The time is signed, too.
    let good = witness.cosign(note.text(), 5).to_string();
    let (prefix, base64) = good.rsplit_once(' ').unwrap();
    let changed = |index: usize| {
        use base64::Engine as _;
        let engine = base64::prelude::BASE64_STANDARD;
        let mut bytes = engine.decode(base64).unwrap();
        bytes[index] ^= 1;
        NoteSignature::parse(&format!("{prefix} {}", engine.encode(bytes))).unwrap()
    };
    lines.extend([changed(11), changed(12), changed(75)]);
    // A time beyond what is allowed, though rightly signed.
    lines.push(signed_at(u64::MAX, note.text()));
    lines.push(signed_at(COSIGNATURE_TIME_MAX + 1, note.text()));
    // The bare text, as a log would sign it.
    lines.push(plain(note.text()));
    for line in lines {
        let forged = note.clone().with_signatures([line]).unwrap();
        assert_eq!(cosigned_at(&forged, &vkey[0]), None, "{forged}");
        assert!(matches!(forged.verify(&vkey), Err(NoteError::BadSignature { .. })), "{forged}");
    }
    let latest = note.clone().with_signatures([signed_at(COSIGNATURE_TIME_MAX, note.text())]).unwrap();
    assert_eq!(cosigned_at(&latest, &vkey[0]), Some(COSIGNATURE_TIME_MAX));
}

fn signed_at(seconds: u64, text: &str) -> NoteSignature {
    let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let signature = key.sign(format!("cosignature/v1\ntime {seconds}\n{text}").as_bytes());
    line(&[&seconds.to_be_bytes()[..], &signature.to_bytes()].concat())
}

fn plain(text: &str) -> NoteSignature {
    line(&ed25519_dalek::SigningKey::from_bytes(&[3; 32]).sign(text.as_bytes()).to_bytes())
}

/// A signature line of witness 3 with these bytes.
fn line(bytes: &[u8]) -> NoteSignature {
    use base64::Engine as _;
    let vkey = witness(3).verifier_key();
    let bytes = [vkey.id().as_bytes().as_slice(), bytes].concat();
    let text = format!("— {} {}", vkey.name(), base64::prelude::BASE64_STANDARD.encode(bytes));
    NoteSignature::parse(&text).unwrap()
}

#[test]
fn a_witness_cannot_stand_in_for_the_log() {
    // Even one that took the log's name.
    let named = Cosigner::from_seed(ORIGIN, &[9; 32]).unwrap();
    let text = note().text().to_owned();
    let note = note().with_signatures([named.cosign(&text, 5)]).unwrap().to_string();
    let verdict = Checkpoint::verify(&note, ORIGIN, &[named.verifier_key()]);
    assert!(matches!(verdict, Err(CheckpointError::NotByLog { .. })), "{verdict:?}");
    let keys = [named.verifier_key(), key(ORIGIN, 1).verifier_key()];
    assert_eq!(Checkpoint::verify(&note, ORIGIN, &keys).unwrap().size(), 7);
}

fn policy(lines: &str) -> String {
    let vkey = |seed: u8| witness(seed).verifier_key().to_string();
    let log = key(ORIGIN, 1).verifier_key().to_string();
    lines
        .replace("$LOG", &log)
        .replace("$W1", &vkey(1))
        .replace("$W2", &vkey(2))
        .replace("$W3", &vkey(3))
        .replace("$W4", &vkey(4))
}

#[test]
fn quorums() {
    let text = policy(
        "# ours\n\n \tlog $LOG\twhatever\nwitness X1 $W1 https://x1.example/\nwitness X2 $W2\nwitness X3 $W3\n\
         group X 2 X1 X2 X3\nwitness Y $W4\ngroup both all X Y\nquorum both\n",
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.logs(), [key(ORIGIN, 1).verifier_key()]);
    let urls: Vec<_> = policy.witnesses().iter().map(|witness| witness.url.as_deref()).collect();
    assert_eq!(urls, [Some("https://x1.example/"), None, None, None]);
    for (seeds, reached) in [
        (&[][..], false),
        (&[1, 2], false),
        (&[1, 4], false),
        (&[1, 2, 4], true),
        (&[2, 3, 4], true),
        (&[1, 2, 3, 4], true),
        (&[1, 2, 3, 5, 6], false),
    ] {
        assert_eq!(policy.is_reached(&cosigned(seeds)), reached, "{seeds:?}");
    }
    let twice = cosigned(&[1, 4]).with_signatures([witness(1).cosign(note().text(), 1001)]).unwrap();
    assert!(!policy.is_reached(&twice), "one witness counts once");
    let by: Vec<_> = policy.cosigned_by(&twice).iter().map(|(witness, at)| (witness.label(), *at)).collect();
    assert_eq!(by, [("X1".to_owned(), 1001), ("Y".to_owned(), 1000)]);
}

#[test]
fn quorums_of_one_any_and_none() {
    let any = Policy::parse(policy("witness a $W1\nwitness b $W2\ngroup g any a b\nquorum g\n")).unwrap();
    assert!(any.is_reached(&cosigned(&[2])) && !any.is_reached(&cosigned(&[3])));
    let one = Policy::parse(policy("witness a $W1\nwitness b $W2\nquorum b\n")).unwrap();
    assert!(one.is_reached(&cosigned(&[2])) && !one.is_reached(&cosigned(&[1])));
    assert!(Policy::parse("quorum none\n").unwrap().is_reached(&note()));
}

#[test]
fn policies_that_are_refused() {
    use PolicyFault as F;
    let log_as_witness = policy("witness a $LOG\nquorum a\n");
    let witness_as_log = policy("log $W1\nquorum none\n");
    let cases: Vec<(String, usize, PolicyFault)> = vec![
        (String::new(), 1, F::NoQuorum),
        ("quorum none".to_owned(), 1, F::NoFinalNewline),
        ("quorum none\nquorum none\n".to_owned(), 2, F::SecondQuorum),
        ("quorum a\n".to_owned(), 1, F::Unknown("a".to_owned())),
        ("quorum\n".to_owned(), 1, F::Form("quorum NAME")),
        ("quorum none\r\n".to_owned(), 1, F::ControlCharacter(b'\r')),
        ("quorum none\x7f\n".to_owned(), 1, F::ControlCharacter(0x7f)),
        ("trust me\n".to_owned(), 1, F::Keyword),
        ("log\n".to_owned(), 1, F::Form("log VKEY [URL]")),
        ("witness a\n".to_owned(), 1, F::Form("witness NAME VKEY [URL]")),
        ("log a+b\n".to_owned(), 1, F::Key(tlog::KeyError::Form)),
        (log_as_witness, 1, F::NotAWitnessKey),
        (witness_as_log, 1, F::NotALogKey),
        (policy("log $LOG\nlog $LOG\n"), 2, F::DuplicateKey),
        (policy("witness a $W1\nwitness b $W1\n"), 2, F::DuplicateKey),
        (policy("witness a $W1\nwitness a $W2\n"), 2, F::DuplicateName),
        (policy("witness none $W1\n"), 1, F::DuplicateName),
        (policy("witness a $W1\ngroup a any a\n"), 2, F::DuplicateName),
        (policy("group g any a\nwitness a $W1\n"), 1, F::Unknown("a".to_owned())),
        (policy("witness a $W1\ngroup g any none\n"), 2, F::Unknown("none".to_owned())),
        (policy("witness a $W1\ngroup g any a a\n"), 2, F::MemberTwice("a".to_owned())),
        (policy("witness a $W1\ngroup g any a\ngroup h any a\n"), 3, F::MemberTwice("a".to_owned())),
        (policy("witness a $W1\ngroup g any\n"), 2, F::Form("group NAME any|all|K MEMBER…")),
        (policy("witness a $W1\ngroup g 0 a\n"), 2, F::Threshold),
        (policy("witness a $W1\ngroup g 2 a\n"), 2, F::Threshold),
        (policy("witness a $W1\ngroup g 01 a\n"), 2, F::Threshold),
    ];
    for (text, line, fault) in cases {
        let error = Policy::parse(&text).unwrap_err();
        assert_eq!((error.line, &error.fault), (line, &fault), "{text}");
        assert!(error.to_string().starts_with(&format!("line {line} of the policy: ")));
    }
    let many: String = (0..300).fold(String::new(), |text, _| text + "# no definition\n") + "quorum none\n";
    assert!(Policy::parse(many).is_ok());
    assert!(Policy::parse("#".repeat(300_000)).is_err());
}

#[test]
fn names_are_octets() {
    let mut text = b"witness \xff\xfe ".to_vec();
    text.extend(policy("$W1\nquorum ").bytes());
    text.extend(b"\xff\xfe\n");
    let policy = Policy::parse(text).unwrap();
    assert!(policy.is_reached(&cosigned(&[1])));
}

#[test]
fn submissions() {
    let proof: Vec<Hash> = (0..3).map(leaf).collect();
    let submission = Submission::new(3, proof.clone(), &note().to_string()).unwrap();
    let text = submission.to_string();
    assert!(text.starts_with(&format!("old 3\n{}\n", proof[0].to_base64())), "{text}");
    let parsed = Submission::parse(text.as_bytes()).unwrap();
    assert_eq!(parsed, submission);
    assert_eq!((parsed.old(), parsed.proof(), parsed.note()), (3, proof.as_slice(), &note()));
    assert_eq!(parsed.stated().size(), 7);

    let with = |lines: &str| format!("{lines}\n{}", note());
    let hash = proof[0].to_base64();
    for (text, expected) in [
        (String::new(), SubmissionError::Truncated),
        ("old 3\n".to_owned(), SubmissionError::Truncated),
        (with("old 03\n"), SubmissionError::Old),
        (with("old +3\n"), SubmissionError::Old),
        (with("old  3\n"), SubmissionError::Old),
        (with("old 18446744073709551616\n"), SubmissionError::Old),
        (with("new 3\n"), SubmissionError::Old),
        (with(&format!("old 3\n{hash}\nx\n")), SubmissionError::ProofLine { position: 2 }),
        (with(&format!("old 3\n{hash} \n")), SubmissionError::ProofLine { position: 1 }),
        (with(&format!("old 3\n{}", format!("{hash}\n").repeat(64))), SubmissionError::ProofTooLong),
        ("old 3\n\nnot a note".to_owned(), SubmissionError::Note(NoteError::NoSeparator)),
    ] {
        assert_eq!(Submission::parse(text.as_bytes()), Err(expected), "{text}");
    }
    assert!(
        Submission::parse(with(&format!("old 3\n{}", format!("{hash}\n").repeat(63))).as_bytes()).is_ok()
    );
    assert!(matches!(Submission::parse(b"\xff"), Err(SubmissionError::NotUtf8 { valid_up_to: 0 })));
    let text = Note::sign("no checkpoint\n", &[&key(ORIGIN, 1)]).unwrap();
    let verdict = Submission::parse(format!("old 0\n\n{text}").as_bytes());
    assert!(matches!(verdict, Err(SubmissionError::Checkpoint(_))), "{verdict:?}");
}

proptest! {
    /// Whatever comes in: no panic, and what is taken prints as it came.
    #[test]
    fn any_bytes_as_a_submission(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Submission::parse(&bytes));
        drop(Policy::parse(&bytes));
    }

    #[test]
    fn damaged_submissions(at in 0_usize..400, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = Submission::new(3, vec![leaf(1)], &note().to_string()).unwrap().to_string().into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(submission) = Submission::parse(&bytes) {
            prop_assert_eq!(submission.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn damaged_policies(at in 0_usize..2000, byte in any::<u8>()) {
        let mut bytes = policy("log $LOG\nwitness a $W1 u\nwitness b $W2\ngroup g 2 a b\nquorum g\n").into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        drop(Policy::parse(&bytes));
    }
}
