//! Tiles: paths, which tiles a tree has, and reading nodes from them.

use tlog::{
    Bundle, BundleError, LevelTiles, NodeReader as _, Tile, TileError, TileNodes, TileNodesError, TilePath,
    bundle_entries, leaf_hash, new_bundles, new_tiles, node_hash, push_entry, tiles_for_size,
};

fn levels(size: u64) -> Vec<(u64, u16)> {
    tiles_for_size(size).map(|extent| (extent.full, extent.partial)).collect()
}

fn grown(old: u64, new: u64) -> Vec<String> {
    new_tiles(old, new).map(|tile| tile.path()).collect()
}

#[test]
fn paths() {
    for (path, level, index, width) in [
        ("tile/0/000", 0, 0, 256),
        ("tile/0/000.p/1", 0, 0, 1),
        ("tile/0/999", 0, 999, 256),
        ("tile/0/x001/000", 0, 1000, 256),
        ("tile/0/x001/x234/067", 0, 1_234_067, 256),
        ("tile/1/x001/x234/067.p/255", 1, 1_234_067, 255),
        ("tile/63/x018/x446/x744/x073/x709/x551/615.p/8", 63, u64::MAX, 8),
    ] {
        let tile = Tile::new(level, index, width).unwrap();
        assert_eq!(tile.path(), path);
        assert_eq!(path.parse(), Ok(TilePath::Hashes(tile)));
        assert_eq!(tile.is_partial(), path.contains(".p/"));
    }
    for (path, index, width) in
        [("tile/entries/x001/x234/067", 1_234_067, 256), ("tile/entries/000.p/8", 0, 8)]
    {
        let bundle = Bundle::new(index, width).unwrap();
        assert_eq!(bundle.path(), path);
        assert_eq!(path.parse(), Ok(TilePath::Entries(bundle)));
        assert_eq!(bundle.tile(), Tile::new(0, index, width).unwrap());
    }
}

#[test]
fn tiles_that_cannot_be() {
    assert_eq!(Tile::new(64, 0, 1), Err(TileError::Level { level: 64 }));
    assert_eq!(Tile::new(0, 0, 0), Err(TileError::Width { width: 0 }));
    assert_eq!(Bundle::new(0, 257), Err(TileError::Width { width: 257 }));
}

#[test]
fn bad_paths() {
    for path in ["", "tile", "tile/", "tile/0", "/tile/0/000", "tiles/0/000", "Tile/0/000", "checkpoint"] {
        assert_eq!(path.parse::<TilePath>(), Err(TileError::Path { path: path.into() }), "{path}");
    }
    for level in ["", "00", "01", "64", "256", "-1", "+1", "a", "Entries", "data", " 0"] {
        let expected = TileError::LevelText { text: level.into() };
        assert_eq!(format!("tile/{level}/000").parse::<TilePath>(), Err(expected), "{level}");
    }
    for index in [
        "",
        "0",
        "00",
        "0000",
        "x000",
        "1234",
        "x001",
        "001/000",
        "x001/x000",
        "x001/",
        "x001//000",
        "x000/067",
        "x000/x001/067",
        "X001/000",
        "x01/000",
        "x0001/000",
        "x+01/000",
        "+01",
        "00a",
        "٠٠٠",
        "x001/000/",
        "000/",
        "../000",
        "x001/../000",
        // One above u64::MAX, and one group more.
        "x018/x446/x744/x073/x709/x551/616",
        "x001/x000/x000/x000/x000/x000/x000/000",
    ] {
        let expected = TileError::IndexText { text: index.into() };
        assert_eq!(format!("tile/0/{index}").parse::<TilePath>(), Err(expected.clone()), "{index}");
        assert_eq!(format!("tile/entries/{index}").parse::<TilePath>(), Err(expected), "{index}");
    }
    for width in ["", "0", "00", "01", "256", "257", "65537", "-1", "+1", "1/", "1.p/1", "a"] {
        let expected = TileError::WidthText { text: width.into() };
        assert_eq!(format!("tile/0/000.p/{width}").parse::<TilePath>(), Err(expected), "{width}");
    }
    for path in ["tile/0/000.p", "tile/0/000p/1", "tile/0/000/.p/1"] {
        assert!(path.parse::<TilePath>().is_err(), "{path}");
    }
}

#[test]
fn tiles_of_a_size() {
    assert_eq!(levels(0), []);
    assert_eq!(levels(1), [(0, 1)]);
    assert_eq!(levels(255), [(0, 255)]);
    // Exactly full: no empty partial tile, and a level above it.
    assert_eq!(levels(256), [(1, 0), (0, 1)]);
    assert_eq!(levels(257), [(1, 1), (0, 1)]);
    assert_eq!(levels(512), [(2, 0), (0, 2)]);
    assert_eq!(levels(65_535), [(255, 255), (0, 255)]);
    assert_eq!(levels(65_536), [(256, 0), (1, 0), (0, 1)]);
    // The specification's example.
    assert_eq!(levels(70_000), [(273, 112), (1, 17), (0, 1)]);
    assert_eq!(levels(u64::MAX).len(), 8);
    assert_eq!(LevelTiles::of_tree(7, u64::MAX), LevelTiles { level: 7, full: 0, partial: 255 });
}

#[test]
fn a_tile_of_a_tree() {
    assert_eq!(Tile::of_tree(0, 0, 0), None);
    assert_eq!(Tile::of_tree(0, 0, 256), Tile::new(0, 0, 256).ok());
    assert_eq!(Tile::of_tree(0, 1, 256), None);
    assert_eq!(Tile::of_tree(1, 0, 255), None);
    assert_eq!(Tile::of_tree(1, 0, 256), Tile::new(1, 0, 1).ok());
    assert_eq!(Tile::of_tree(1, 1, 70_000), Tile::new(1, 1, 17).ok());
    assert_eq!(Tile::of_tree(64, 0, u64::MAX), None);
    assert_eq!(Tile::of_tree(255, 0, u64::MAX), None);
    assert_eq!(Bundle::of_tree(273, 70_000), Bundle::new(273, 112).ok());
    assert_eq!(Bundle::of_tree(274, 70_000), None);
}

#[test]
fn tiles_of_a_growth() {
    assert!(grown(0, 0).is_empty());
    assert!(grown(256, 256).is_empty());
    assert!(grown(300, 256).is_empty());
    assert_eq!(grown(0, 1), ["tile/0/000.p/1"]);
    assert_eq!(grown(255, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(grown(256, 257), ["tile/0/001.p/1"]);
    assert_eq!(grown(1, 513), ["tile/0/000", "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2"]);
    assert_eq!(grown(65_535, 65_536), ["tile/0/255", "tile/1/000", "tile/2/000.p/1"]);
    let bundles: Vec<String> = new_bundles(255, 257).map(|bundle| bundle.path()).collect();
    assert_eq!(bundles, ["tile/entries/000", "tile/entries/001.p/1"]);
    // Lazy, so even a growth to the largest size costs nothing to begin with.
    assert_eq!(new_tiles(0, u64::MAX).next().map(|tile| tile.path()).as_deref(), Some("tile/0/000"));
}

#[test]
fn nodes_out_of_tiles() {
    let leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")];
    let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect();
    let tile = Tile::new(0, 0, 3).unwrap();
    let reader = |bytes: Vec<u8>| {
        TileNodes::new(3, move |asked: Tile| {
            assert_eq!(asked, tile);
            Ok::<_, std::io::ErrorKind>(bytes.clone())
        })
    };
    let nodes = reader(bytes.clone());
    assert_eq!(nodes.node(0, 2), Ok(leaves[2]));
    assert_eq!(nodes.node(1, 0), Ok(node_hash(&leaves[0], &leaves[1])));
    for (level, index) in [(0, 3), (1, 1), (2, 0), (8, 0), (64, 0), (255, 0), (0, u64::MAX), (7, u64::MAX)] {
        let outside = TileNodesError::OutsideTree { level, index, size: 3 };
        assert_eq!(nodes.node(level, index), Err(outside), "{index} at {level}");
    }

    // A wider tile does as well, up to the full one; anything else is not this tile.
    for hashes in [4, 255, 256] {
        let mut wider = bytes.clone();
        wider.resize(hashes * 32, 0);
        assert_eq!(reader(wider).node(0, 2), Ok(leaves[2]));
    }
    for actual in [0, 1, 64, 95, 97, 257 * 32] {
        let mut wrong = bytes.clone();
        wrong.resize(actual, 0);
        assert_eq!(reader(wrong).node(0, 2), Err(TileNodesError::Length { tile, actual }));
    }
    let failing = TileNodes::new(3, |_| Err::<Vec<u8>, _>(std::io::ErrorKind::NotFound));
    let source = std::io::ErrorKind::NotFound;
    assert_eq!(failing.node(0, 2), Err(TileNodesError::Fetch { tile, source }));
}

#[test]
fn bundles() {
    let mut bundle = Vec::new();
    assert_eq!(bundle_entries(&bundle), Ok(vec![]));
    let longest = vec![7; 65_535];
    for entry in [&b"first"[..], b"", &longest] {
        push_entry(&mut bundle, entry).unwrap();
    }
    assert_eq!(bundle_entries(&bundle), Ok(vec![&b"first"[..], b"", &longest]));

    let before = bundle.clone();
    assert_eq!(push_entry(&mut bundle, &vec![7; 65_536]), Err(BundleError::EntryTooLarge { size: 65_536 }));
    assert_eq!(bundle, before);

    for (bytes, entry) in [(&b"\x00"[..], 0), (b"\x00\x01", 0), (b"\x00\x00\x00\x02a", 1)] {
        assert_eq!(bundle_entries(bytes), Err(BundleError::Truncated { entry }));
    }
}
