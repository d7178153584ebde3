//! The right edge: roots, completed nodes, and going on from stored parts.

use tlog::{EDGE_SIZE_MAX, EdgeError, RightEdge, leaf_hash};

use crate::reference::{Reference, leaf, to_u64};

#[test]
fn the_root_after_each_leaf() {
    let tree = Reference::new(300);
    let mut edge = RightEdge::new();
    for index in 0..300 {
        assert_eq!(edge.push(leaf(index)), to_u64(index));
        assert_eq!(edge.size(), to_u64(index + 1));
        assert_eq!(edge.root(), tree.root(index + 1));
    }
}

#[test]
fn every_perfect_node_is_told_once_and_right() {
    use tlog::NodeReader as _;
    let tree = Reference::new(300);
    let mut edge = RightEdge::new();
    let mut told = Vec::new();
    for index in 0..300 {
        edge.push_with(leaf(index), |level, index, hash| {
            assert_eq!(tree.node(level, index), Ok(hash));
            told.push((level, index));
        });
    }
    told.sort_unstable();
    let expected = (0..9).flat_map(|level: u8| (0..300_u64 >> level).map(move |index| (level, index)));
    assert_eq!(told, expected.collect::<Vec<_>>());
}

#[test]
fn going_on_from_parts() {
    let mut edge = RightEdge::new();
    for index in 0..300 {
        edge.push(leaf(index));
        let mut again = RightEdge::from_parts(edge.size(), edge.hashes().to_vec()).unwrap();
        assert_eq!(again, edge);
        let mut ahead = edge.clone();
        assert_eq!(again.push(leaf(index + 1)), ahead.push(leaf(index + 1)));
        assert_eq!(again.root(), ahead.root());
    }
}

#[test]
fn parts_that_do_not_fit() {
    let hash = leaf_hash(b"");
    for (size, actual, expected) in [(0, 1, 0), (1, 0, 1), (1, 2, 1), (13, 2, 3), (EDGE_SIZE_MAX, 62, 63)] {
        let edge = RightEdge::from_parts(size, vec![hash; actual]);
        assert_eq!(edge, Err(EdgeError::HashCount { size, expected, actual }));
    }
    for size in [EDGE_SIZE_MAX + 1, u64::MAX] {
        assert_eq!(RightEdge::from_parts(size, vec![hash; 64]), Err(EdgeError::TooLarge { size }));
    }
    let mut edge = RightEdge::from_parts(EDGE_SIZE_MAX, vec![hash; 63]).unwrap();
    assert_eq!(edge.push(hash), EDGE_SIZE_MAX);
    assert_eq!((edge.size(), edge.hashes().len()), (EDGE_SIZE_MAX + 1, 1));
}
