//! Large trees of random size, read through tiles as an auditor reads them.

use std::{collections::HashMap, convert::Infallible, sync::LazyLock};

use proptest::prelude::*;
use tlog::{
    Checkpoint, Hash, Note, Receipt, RightEdge, TILE_WIDTH, Tile, TileNodes, TilePath, VerifierKey,
    consistency_proof, inclusion_proof, root, verify_consistency, verify_inclusion,
};

use crate::reference::{leaf, to_u64, to_usize};

const SIZE_MAX: usize = 100_000;

/// One tree of [`SIZE_MAX`] leaves, of which smaller trees are prefixes, as a log stores it.
struct Stored {
    /// The bytes of each tile at its widest.
    tiles: HashMap<(u8, u64), Vec<u8>>,
    /// The root at each size.
    roots: Vec<Hash>,
}

static STORED: LazyLock<Stored> = LazyLock::new(|| {
    let mut edge = RightEdge::new();
    let mut tiles: HashMap<(u8, u64), Vec<u8>> = HashMap::new();
    let mut roots = vec![edge.root()];
    for index in 0..SIZE_MAX {
        edge.push_with(leaf(index), |level, index, hash| {
            if level % 8 == 0 {
                tiles.entry((level / 8, index / 256)).or_default().extend(hash.as_bytes());
            }
        });
        roots.push(edge.root());
    }
    Stored { tiles, roots }
});

/// The tiles exactly as wide as asked for, or the widest there are.
fn nodes(size: u64, widest: bool) -> TileNodes<impl Fn(Tile) -> Result<&'static [u8], Infallible>> {
    TileNodes::new(size, move |tile: Tile| {
        let bytes = &STORED.tiles[&(tile.level(), tile.index())];
        let width = if widest { bytes.len() } else { usize::from(tile.width()) * 32 };
        Ok(&bytes[..width])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn proofs_from_tiles(
        sizes in (1..=SIZE_MAX, 1..=SIZE_MAX),
        at in any::<prop::sample::Index>(),
        widest in any::<bool>(),
    ) {
        let (old, new) = (sizes.0.min(sizes.1), sizes.0.max(sizes.1));
        let (from, to) = (to_u64(old), to_u64(new));
        let (old_root, new_root) = (STORED.roots[old], STORED.roots[new]);
        let nodes = nodes(to, widest);
        prop_assert_eq!(root(&nodes, to), Ok(new_root));
        prop_assert_eq!(root(&nodes, from), Ok(old_root));

        let index = at.index(new);
        let proof = inclusion_proof(&nodes, to_u64(index), to).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf(index), to_u64(index), to, &proof, &new_root), Ok(()));
        prop_assert!(verify_inclusion(&leaf(index + 1), to_u64(index), to, &proof, &new_root).is_err());

        let proof = consistency_proof(&nodes, from, to).unwrap();
        prop_assert_eq!(verify_consistency(from, &old_root, to, &new_root, &proof), Ok(()));
        prop_assert!(old == new || verify_consistency(from, &leaf(0), to, &new_root, &proof).is_err());
    }

    #[test]
    fn tiles_of_a_growth_are_the_difference(old in 0..70_000_u64, by in 0..70_000_u64) {
        let new = old + by;
        let of = |size| -> Vec<Tile> { tlog::new_tiles(0, size).collect() };
        let (before, after) = (of(old), of(new));
        let mut difference: Vec<_> = after.iter().filter(|tile| !before.contains(tile)).copied().collect();
        let mut touched: Vec<_> = tlog::new_tiles(old, new).collect();
        difference.sort_unstable();
        touched.sort_unstable();
        prop_assert_eq!(touched, difference);
        for tile in after {
            prop_assert_eq!(Tile::of_tree(tile.level(), tile.index(), new), Some(tile));
        }
    }

    #[test]
    fn tile_paths_parse_back(level in 0..=63_u8, index: u64, width in 1..=TILE_WIDTH) {
        let tile = Tile::new(level, index, width).unwrap();
        prop_assert_eq!(tile.path().parse(), Ok(TilePath::Hashes(tile)));
        let bundle = tlog::Bundle::new(index, width).unwrap();
        prop_assert_eq!(bundle.path().parse(), Ok(TilePath::Entries(bundle)));
    }

    #[test]
    fn a_path_that_parses_is_the_only_one(path in "tile/(entries|[0-9]{1,2})(/x?[0-9]{3}){1,3}(\\.p/[0-9]{1,3})?") {
        if let Ok(parsed) = path.parse::<TilePath>() {
            prop_assert_eq!(parsed.to_string(), path);
        }
    }

    #[test]
    fn what_parses_prints_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.clone());
        }
        prop_assert!(Receipt::parse(&bytes).is_err());
        if let Ok(entries) = tlog::bundle_entries(&bytes) {
            prop_assert_eq!(entries.iter().map(|entry| entry.len() + 2).sum::<usize>(), bytes.len());
        }
        for input in [text.clone(), format!("{text}\n"), format!("text\n\n— {text}\n")] {
            if let Ok(note) = Note::parse(&input) {
                prop_assert_eq!(note.to_string(), &*input);
            }
            if let Ok(checkpoint) = Checkpoint::parse(&input) {
                prop_assert_eq!(checkpoint.text(), &*input);
            }
            if let Ok(key) = input.parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string(), &*input);
            }
        }
    }

    #[test]
    fn a_receipt_with_any_byte_changed_does_not_verify(at in any::<prop::sample::Index>(), byte: u8) {
        let key = crate::notes::key("audit.example", 1);
        let note = Checkpoint::new("audit.example", 600, STORED.roots[600]).unwrap().sign(&key).unwrap();
        let proof = inclusion_proof(&nodes(600, true), 300, 600).unwrap();
        let mut bytes = Receipt::new(300, proof, note).unwrap().to_string().into_bytes();
        let keys = [key.verifier_key()];
        let verify = |bytes: &[u8]| Receipt::parse(bytes)?.verify(&leaf(300), "audit.example", &keys);
        prop_assert!(verify(&bytes).is_ok());

        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(verify(&bytes).is_err());
        if let Ok(receipt) = Receipt::parse(&bytes) {
            prop_assert_eq!(receipt.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn no_numbers_make_a_verifier_panic(
        numbers: (u64, u64),
        lines in 0..70_usize,
        level: u8,
    ) {
        let proof = vec![leaf(0); lines];
        prop_assert!(verify_inclusion(&leaf(0), numbers.0, numbers.1, &proof, &leaf(1)).is_err());
        prop_assert!(verify_consistency(numbers.0, &leaf(0), numbers.1, &leaf(1), &proof).is_err());
        if let Some(tile) = Tile::of_tree(level, numbers.0, numbers.1) {
            prop_assert_eq!((tile.level(), tile.index()), (level, numbers.0));
        }
        prop_assert!(tlog::tiles_for_size(numbers.0).count() <= 8);
        let nothing = TileNodes::new(numbers.1, |_: Tile| Ok::<_, Infallible>([]));
        prop_assert!(tlog::NodeReader::node(&nothing, level, numbers.0).is_err());
    }
}

#[test]
fn the_store_has_the_tiles_that_its_size_implies() {
    let mut hashes = 0;
    for extent in tlog::tiles_for_size(to_u64(SIZE_MAX)) {
        hashes += extent.full * 256 + u64::from(extent.partial);
    }
    let stored: usize = STORED.tiles.values().map(Vec::len).sum();
    assert_eq!(stored, to_usize(hashes) * 32);
}
