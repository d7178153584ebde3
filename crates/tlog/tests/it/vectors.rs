//! Known answers: the tree of eight leaves that Certificate Transparency implementations share.

use tlog::{EMPTY_ROOT, Hash, RightEdge, empty_root, leaf_hash, verify_consistency, verify_inclusion};

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hash(hex: &str) -> Hash {
    hex.parse().unwrap()
}

#[test]
fn roots_of_the_shared_tree() {
    let mut edge = RightEdge::new();
    assert_eq!(edge.root(), hash(ROOTS[0]));
    assert_eq!(edge.root(), EMPTY_ROOT);
    assert_eq!(edge.root(), empty_root());
    for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
        edge.push(leaf_hash(leaf));
        assert_eq!(edge.root(), hash(root), "size {}", edge.size());
    }
}

#[test]
fn inclusion_in_the_shared_tree() {
    let proof = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(hash);
    assert_eq!(verify_inclusion(&leaf_hash(LEAVES[5]), 5, 8, &proof, &hash(ROOTS[8])), Ok(()));
}

#[test]
fn consistency_in_the_shared_tree() {
    let proof = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(hash);
    assert_eq!(verify_consistency(6, &hash(ROOTS[6]), 8, &hash(ROOTS[8]), &proof), Ok(()));
}

#[test]
fn hashes_have_one_spelling() {
    let root = hash(ROOTS[8]);
    assert_eq!(root.to_string(), ROOTS[8]);
    assert_eq!(format!("{root:?}"), ROOTS[8]);
    assert_eq!(Hash::from_base64(&root.to_base64()), Ok(root));
    assert_eq!(Hash::try_from(&root.as_bytes()[..]), Ok(root));

    let (upper, short, long) = (ROOTS[8].to_uppercase(), &ROOTS[8][1..], format!("{}00", ROOTS[8]));
    for refused in ["", &upper, short, &long, &ROOTS[8].replace('5', "g"), &ROOTS[8].replace('5', "é")] {
        assert!(refused.parse::<Hash>().is_err(), "{refused}");
    }
    let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let (unpadded, urlsafe) = (base64.trim_end_matches('='), base64.replace('+', "-").replace('/', "_"));
    let unused_bits_set = base64.replace("FU=", "FV=");
    for refused in ["", unpadded, &urlsafe, &unused_bits_set, &format!("{base64}\n"), "47DEQg=="] {
        assert!(Hash::from_base64(refused).is_err(), "{refused}");
    }
    assert!(Hash::try_from(&[0; 31][..]).is_err());
    assert!(Hash::try_from(&[0; 33][..]).is_err());
}
