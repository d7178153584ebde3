//! Signed notes: what is accepted, and a table of what is not.

use tlog::{
    KeyError, NOTE_SIGNATURES_MAX, NOTE_SIZE_MAX, Note, NoteError, SignatureFault, SigningKey, VerifierKey,
};

const TEXT: &str = "first line\n\nlast line\n";

pub(crate) fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &[seed; 32]).unwrap()
}

fn signed() -> String {
    Note::sign(TEXT, &[&key("log.example", 1)]).unwrap().to_string()
}

fn verify(note: &str, keys: &[VerifierKey]) -> Result<Vec<String>, NoteError> {
    let parsed = Note::parse(note)?;
    let verified = parsed.verify(keys)?;
    assert_eq!(verified.text(), parsed.text());
    Ok(verified.keys().iter().map(|key| key.name().to_owned()).collect())
}

#[test]
fn sign_print_parse_verify() {
    let (log, witness) = (key("log.example", 1), key("witness.example", 2));
    let note = Note::sign(TEXT, &[&log, &witness]).unwrap();
    let text = note.to_string();
    assert!(text.starts_with("first line\n\nlast line\n\n— log.example "));
    assert_eq!(text.lines().count(), 6);
    assert_eq!(Note::parse(&text).unwrap(), note);
    assert_eq!(note.text(), TEXT);
    assert_eq!(note.signatures()[1].key_name(), "witness.example");
    assert_eq!(note.signatures()[1].key_id(), witness.verifier_key().id());
    assert_eq!(note.signatures()[1].bytes().len(), 64);
    let keys = [witness.verifier_key(), log.verifier_key()];
    assert_eq!(verify(&text, &keys).unwrap(), ["log.example", "witness.example"]);
}

#[test]
fn texts_that_end_in_empty_lines_keep_them() {
    let log = key("log.example", 1);
    for text in ["\n", "a\n\n", "\n\n\n", "a\n\n— log.example AAAA\n"] {
        let note = Note::sign(text, &[&log]).unwrap().to_string();
        assert_eq!(Note::parse(&note).unwrap().text(), text);
        assert_eq!(verify(&note, &[log.verifier_key()]).unwrap(), ["log.example"]);
    }
}

#[test]
fn unknown_keys_are_ignored_and_do_not_count() {
    let (log, other) = (key("log.example", 1), key("log.example", 2));
    let note = Note::sign(TEXT, &[&other, &log]).unwrap().to_string();
    assert_eq!(verify(&note, &[log.verifier_key()]).unwrap(), ["log.example"]);
    let renamed = key("witness.example", 1).verifier_key();
    assert_eq!(verify(&note, &[renamed]), Err(NoteError::NoKnownKey));
    assert_eq!(verify(&note, &[]), Err(NoteError::NoKnownKey));
    // A signature type of tomorrow, longer than ours.
    let unknown = format!("{}— witness.example {}=\n", signed(), "A".repeat(3227));
    assert_eq!(verify(&unknown, &[log.verifier_key()]).unwrap(), ["log.example"]);
}

#[test]
fn a_known_key_that_fails_condemns_the_note() {
    let (log, witness) = (key("log.example", 1), key("witness.example", 2));
    let keys = [log.verifier_key(), witness.verifier_key()];
    let good = Note::sign(TEXT, &[&log]).unwrap().to_string();
    let foreign = Note::sign("another text\n", &[&witness]).unwrap().to_string();
    let foreign_line = foreign.lines().last().unwrap();
    let bad =
        NoteError::BadSignature { key_name: "witness.example".into(), key_id: witness.verifier_key().id() };
    assert_eq!(verify(&format!("{good}{foreign_line}\n"), &keys), Err(bad));
    // The same line is harmless to those who do not know the witness.
    assert!(verify(&format!("{good}{foreign_line}\n"), &keys[..1]).is_ok());

    let changed = good.replace("last", "lost");
    assert!(matches!(verify(&changed, &keys), Err(NoteError::BadSignature { .. })));
    // The right signature and a wrong one of the same key.
    let twice = format!("{good}{}\n", changed_signature(&good));
    assert!(matches!(verify(&twice, &keys), Err(NoteError::BadSignature { .. })));
}

/// The last line of a note with a bit of its signature changed, not of its key id.
fn changed_signature(note: &str) -> String {
    let line = note.lines().last().unwrap();
    let position = line.len() - 20;
    let replacement = if line.as_bytes()[position] == b'A' { "B" } else { "A" };
    format!("{}{replacement}{}", &line[..position], &line[position + 1..])
}

#[test]
fn a_repeated_signature_counts_once() {
    let log = key("log.example", 1);
    let note = Note::sign(TEXT, &[&log, &log]).unwrap().to_string();
    let keys = [log.verifier_key(), log.verifier_key()];
    assert_eq!(verify(&note, &keys).unwrap(), ["log.example"]);
}

#[test]
fn malformed_notes() {
    let good = signed();
    let line = good.lines().last().unwrap();
    let sign = |position, fault| NoteError::SignatureLine { position, fault };
    let c1 = KeyError::NameCharacter { character: '\u{85}' };
    for (note, expected) in [
        (String::new(), NoteError::NoSeparator),
        ("text\n".into(), NoteError::NoSeparator),
        (format!("text\n{line}\n"), NoteError::NoSeparator),
        ("text\n\n".into(), NoteError::NoSignature),
        (format!("{good}\n"), NoteError::NoSignature),
        (good.trim_end().into(), NoteError::NoFinalNewline),
        (format!("{good}x"), NoteError::NoFinalNewline),
        (good.replace("last", "la\tst"), NoteError::ControlCharacter { line: 3, character: '\t' }),
        (good.replace('\n', "\r\n"), NoteError::ControlCharacter { line: 1, character: '\r' }),
        (format!("{good}\0"), NoteError::ControlCharacter { line: 6, character: '\0' }),
        (good.replace("— ", "- "), sign(1, SignatureFault::Prefix)),
        (good.replace("— ", "—"), sign(1, SignatureFault::Prefix)),
        (format!("{good}— \n"), sign(2, SignatureFault::NoSignature)),
        (format!("{good}— log.example\n"), sign(2, SignatureFault::NoSignature)),
        (format!("{good}—  AAAAAAA=\n"), sign(2, SignatureFault::KeyName(KeyError::EmptyName))),
        (format!("{good}— a\u{85}b AAAAAAA=\n"), sign(2, SignatureFault::KeyName(c1))),
        (format!("{good}— a \n"), sign(2, SignatureFault::TooShort)),
        (format!("{good}— a AAAA\n"), sign(2, SignatureFault::TooShort)),
        (format!("{good}— a AAAAAA==\n"), sign(2, SignatureFault::TooShort)),
        (format!("{good}— a AAAAAAA\n"), sign(2, SignatureFault::Base64)),
        (format!("{good}— a AAAAAAB=\n"), sign(2, SignatureFault::Base64)),
        (format!("{good}— a AAAAAAA= \n"), sign(2, SignatureFault::Base64)),
        (format!("{good}— a  AAAAAAA=\n"), sign(2, SignatureFault::Base64)),
    ] {
        assert_eq!(Note::parse(&note), Err(expected), "{note:?}");
    }
    assert_eq!(Note::parse(b"text\xff\n\n"), Err(NoteError::NotUtf8 { valid_up_to: 4 }));
}

#[test]
fn caps() {
    let log = key("log.example", 1);
    let most = vec![&log; NOTE_SIGNATURES_MAX];
    let note = Note::sign(TEXT, &most).unwrap().to_string();
    assert!(Note::parse(&note).is_ok());
    let line = note.lines().last().unwrap();
    let count = NOTE_SIGNATURES_MAX + 1;
    assert_eq!(Note::parse(format!("{note}{line}\n")), Err(NoteError::TooManySignatures { count }));
    assert_eq!(Note::sign(TEXT, &vec![&log; count]), Err(NoteError::TooManySignatures { count }));

    let size = NOTE_SIZE_MAX + 1;
    assert_eq!(Note::parse("x".repeat(size)), Err(NoteError::TooLarge { size }));
    let text = "x".repeat(NOTE_SIZE_MAX) + "\n";
    assert!(matches!(Note::sign(&text, &[&log]), Err(NoteError::TooLarge { .. })));
}

#[test]
fn what_is_not_signed() {
    let log = key("log.example", 1);
    assert_eq!(Note::sign(TEXT, &[]), Err(NoteError::NoSignature));
    assert_eq!(Note::sign("", &[&log]), Err(NoteError::TextWithoutNewline));
    assert_eq!(Note::sign("text", &[&log]), Err(NoteError::TextWithoutNewline));
    let control = NoteError::ControlCharacter { line: 2, character: '\u{1b}' };
    assert_eq!(Note::sign("text\n\u{1b}[2J\n", &[&log]), Err(control));
}
