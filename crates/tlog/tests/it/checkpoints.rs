//! Checkpoints: the text, signing, and a table of what is refused.

use tlog::{Checkpoint, CheckpointError, EMPTY_ROOT, KeyError, Note, NoteError, leaf_hash};

use crate::notes::key;

const ORIGIN: &str = "example.com/behind-the-sofa";

/// The example in the specification.
const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

#[test]
fn the_example_of_the_specification() {
    let checkpoint = Checkpoint::parse(TEXT).unwrap();
    assert_eq!(checkpoint.origin(), ORIGIN);
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(checkpoint.root().to_base64(), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
    assert_eq!(checkpoint.text(), TEXT);
    assert_eq!(Checkpoint::new(ORIGIN, 20_852_163, *checkpoint.root()), Ok(checkpoint));
}

#[test]
fn sign_and_verify() {
    let (log, successor, witness) = (key(ORIGIN, 1), key(ORIGIN, 2), key("witness.example", 3));
    let checkpoint = Checkpoint::parse(TEXT).unwrap();
    let note = checkpoint.sign(&log).unwrap();
    assert!(note.starts_with(TEXT));
    let keys = [witness.verifier_key(), log.verifier_key()];
    assert_eq!(Checkpoint::verify(&note, ORIGIN, &keys), Ok(checkpoint.clone()));
    assert_eq!(Checkpoint::verify(note.as_bytes(), ORIGIN, &keys), Ok(checkpoint.clone()));

    // While one key replaces another, either will do.
    let both = checkpoint.sign_with(&[&log, &successor]).unwrap();
    for key in [&log, &successor] {
        assert_eq!(Checkpoint::verify(&both, ORIGIN, &[key.verifier_key()]), Ok(checkpoint.clone()));
    }
}

#[test]
fn signatures_that_do_not_do() {
    let (log, witness) = (key(ORIGIN, 1), key("witness.example", 3));
    let keys = [log.verifier_key(), witness.verifier_key()];
    let checkpoint = Checkpoint::parse(TEXT).unwrap();
    let note = checkpoint.sign(&log).unwrap();

    let other = Checkpoint::verify(&note, "example.com/fancylog", &keys);
    let expected = "example.com/fancylog".to_owned();
    assert_eq!(other, Err(CheckpointError::OtherOrigin { expected, actual: ORIGIN.into() }));
    let unknown = Checkpoint::verify(&note, ORIGIN, &keys[1..]);
    assert_eq!(unknown, Err(CheckpointError::Note(NoteError::NoKnownKey)));
    let grown = Checkpoint::verify(note.replace("20852163", "20852164"), ORIGIN, &keys);
    assert!(matches!(grown, Err(CheckpointError::Note(NoteError::BadSignature { .. }))));

    let by_witness = Note::sign(TEXT, &[&witness]).unwrap().to_string();
    let not_by_log = CheckpointError::NotByLog { origin: ORIGIN.into() };
    assert_eq!(Checkpoint::verify(by_witness, ORIGIN, &keys), Err(not_by_log.clone()));
    assert_eq!(checkpoint.sign(&witness), Err(not_by_log));

    let no_checkpoint = Note::sign("hello\n", &[&log]).unwrap().to_string();
    let missing = Err(CheckpointError::EmptyLine { line: 2 });
    assert_eq!(Checkpoint::verify(no_checkpoint, ORIGIN, &keys), missing);
}

#[test]
fn extension_lines_are_read_but_never_signed() {
    let extended = format!("{TEXT}first extension\nsecond\n");
    let checkpoint = Checkpoint::parse(&extended).unwrap();
    assert_eq!(checkpoint.extensions(), ["first extension", "second"]);
    assert_eq!(checkpoint.text(), extended);
    assert_eq!(checkpoint.sign(&key(ORIGIN, 1)), Err(CheckpointError::Extensions));
}

#[test]
fn malformed_checkpoints() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for (text, line) in [
        ("\n".to_owned(), 1),
        ("a\n".into(), 2),
        ("a\n1\n".into(), 3),
        (format!("\n1\n{root}\n"), 1),
        (format!("a\n\n{root}\n"), 2),
        ("a\n1\n\n".into(), 3),
        (format!("a\n1\n{root}\n\n"), 4),
        (format!("a\n1\n{root}\nx\n\ny\n"), 5),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::EmptyLine { line }), "{text:?}");
    }
    for text in [String::new(), "a".into(), format!("a\n1\n{root}")] {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::NoFinalNewline), "{text:?}");
    }
    for size in ["01", "00", "+1", "-1", "1.0", "0x1", " 1", "1 ", "18446744073709551616", "one"] {
        let parsed = Checkpoint::parse(&format!("a\n{size}\n{root}\n"));
        assert_eq!(parsed, Err(CheckpointError::Size { text: size.into() }));
    }
    for bad in
        ["AAAA", &root[..43], &root.replace("2I=", "2J="), &root.replace('/', "_"), &format!("{root} ")]
    {
        let parsed = Checkpoint::parse(&format!("a\n1\n{bad}\n"));
        assert_eq!(parsed, Err(CheckpointError::Root { text: bad.into() }));
    }
    let parsed = Checkpoint::parse(&format!("a\u{9b}b\n1\n{root}\n"));
    assert_eq!(parsed, Err(CheckpointError::OriginCharacter { character: '\u{9b}' }));
    assert_eq!(Checkpoint::parse(&format!("a\n{}\n{root}\n", u64::MAX)).unwrap().size(), u64::MAX);
}

#[test]
fn the_empty_tree_has_one_root() {
    let root = leaf_hash(b"");
    assert_eq!(Checkpoint::new(ORIGIN, 0, root), Err(CheckpointError::EmptyRoot { root }));
    let text = format!("a\n0\n{}\n", root.to_base64());
    assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::EmptyRoot { root }));
    let empty = Checkpoint::new(ORIGIN, 0, EMPTY_ROOT).unwrap();
    assert_eq!(Checkpoint::parse(&empty.text()), Ok(empty));
}

#[test]
fn origins_that_cannot_be_key_names() {
    let root = leaf_hash(b"");
    let empty = Checkpoint::new("", 1, root);
    assert_eq!(empty, Err(CheckpointError::Origin(KeyError::EmptyName)));
    for character in [' ', '+', '\n', '\u{85}'] {
        let refused = Checkpoint::new(format!("a{character}b"), 1, root);
        assert_eq!(refused, Err(CheckpointError::Origin(KeyError::NameCharacter { character })));
    }
}
