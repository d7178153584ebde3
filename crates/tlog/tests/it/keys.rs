//! Key names, key ids and the text of verifier keys.

use tlog::{KeyError, SignatureType, SigningKey, VerifierKey, check_key_name, key_id};

/// The key of a public log, as its clients have it built in. Its base64 contains a plus.
const PUBLISHED: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

#[test]
fn a_published_key() {
    let key: VerifierKey = PUBLISHED.parse().unwrap();
    assert_eq!(key.name(), "sum.golang.org");
    assert_eq!(key.id().to_string(), "033de0ae");
    assert_eq!(key.signature_type(), SignatureType::Ed25519);
    assert_eq!(key.id(), key_id(key.name(), SignatureType::Ed25519, key.public_key()));
    assert_eq!(key.to_string(), PUBLISHED);
    let public_key = key.public_key().try_into().unwrap();
    assert_eq!(VerifierKey::ed25519("sum.golang.org", public_key), Ok(key));
}

#[test]
fn malformed_verifier_keys() {
    let base64 = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    for text in ["", "sum.golang.org", "sum.golang.org+033de0ae"] {
        assert_eq!(text.parse::<VerifierKey>(), Err(KeyError::Form), "{text}");
    }
    for id in ["", "033de0a", "033de0aee", "033DE0AE", "+33de0ae", "033de0ag"] {
        let parsed = format!("sum.golang.org+{id}+{base64}").parse::<VerifierKey>();
        assert!(matches!(parsed, Err(KeyError::Id { .. } | KeyError::Base64)), "{id}: {parsed:?}");
    }
    for (text, expected) in [
        ("+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", KeyError::EmptyName),
        (
            "a b+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
            KeyError::NameCharacter { character: ' ' },
        ),
        ("a+033de0ae+", KeyError::Base64),
        ("a+033de0ae+Ac4z!", KeyError::Base64),
        ("a+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\n", KeyError::Base64),
        ("a+033de0ae+AQ==", KeyError::PublicKey),
        ("a+033de0ae+Ac4z", KeyError::PublicKey),
        ("a+033de0ae+Bs4z", KeyError::Type { byte: 6 }),
        // The point of order 1 as a public key.
        ("a+033de0ae+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", KeyError::WeakKey),
    ] {
        assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
    }
    let renamed = PUBLISHED.replace("sum.golang.org", "sum.example");
    assert!(matches!(renamed.parse::<VerifierKey>(), Err(KeyError::IdMismatch { .. })));
}

#[test]
fn key_names() {
    for name in ["a", "audit.example/logs/news/1", "ключ", "a-b_c:d?e#f"] {
        assert_eq!(check_key_name(name), Ok(()), "{name}");
    }
    assert_eq!(check_key_name(""), Err(KeyError::EmptyName));
    // Unicode spaces, plus, C0, DEL and C1.
    for character in [
        ' ', '+', '\n', '\t', '\0', '\u{7f}', '\u{85}', '\u{9b}', '\u{a0}', '\u{2003}', '\u{2028}',
        '\u{3000}',
    ] {
        let name = format!("a{character}b");
        assert_eq!(check_key_name(&name), Err(KeyError::NameCharacter { character }), "{name:?}");
        assert!(SigningKey::from_seed(name, &[7; 32]).is_err());
    }
}

#[test]
fn debug_of_a_signing_key_keeps_the_seed_to_itself() {
    let key = SigningKey::from_seed("audit.example", &[0xab; 32]).unwrap();
    assert_eq!(format!("{key:?}"), r#"SigningKey { name: "audit.example", .. }"#);
}
