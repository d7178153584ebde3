//! Which shards become one. Small ones are made all the time, and many small ones are slow to search.

use tantivy::index::SegmentId;

/// Documents of a shard, at most: expiry drops whole shards, and a page looks at one or two.
pub(super) const SHARD_DOCS_MAX: u32 = 1 << 20;

/// Below these sizes shards are merged: each document is written once for each, at most.
const SIZES: [u32; 3] = [4096, 65_536, SHARD_DOCS_MAX / 2];

/// Neighbours below a size that are merged even when they do not reach it together.
const NEIGHBOURS: usize = 10;

/// The shards to merge next, in the order in which their entries arrived. Only neighbours are merged, so that
/// the times in a shard stay close together.
pub(super) fn choose(shards: &[(SegmentId, u32)]) -> Option<Vec<SegmentId>> {
    SIZES.into_iter().find_map(|size| {
        let mut run: Vec<(SegmentId, u32)> = Vec::new();
        for (id, docs) in shards {
            let total: u32 = run.iter().map(|(_, docs)| docs).sum();
            if *docs >= size || total.saturating_add(*docs) > SHARD_DOCS_MAX {
                run.clear();
            }
            if *docs < size {
                run.push((*id, *docs));
            }
            let total: u32 = run.iter().map(|(_, docs)| docs).sum();
            if run.len() >= NEIGHBOURS || (run.len() > 1 && total >= size) {
                return Some(run.into_iter().map(|(id, _)| id).collect());
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(docs: &[u32]) -> Option<usize> {
        let shards: Vec<_> = docs.iter().map(|docs| (SegmentId::generate_random(), *docs)).collect();
        choose(&shards).map(|ids| ids.len())
    }

    #[test]
    fn neighbours_of_a_size_are_merged() {
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&[10]), None);
        assert_eq!(chosen(&[10; 9]), None);
        assert_eq!(chosen(&[10; 10]), Some(10));
        assert_eq!(chosen(&[4000, 4000]), Some(2));
        assert_eq!(chosen(&[65_536; 7]), None);
        assert_eq!(chosen(&[65_536; 8]), Some(8));
        assert_eq!(chosen(&[SHARD_DOCS_MAX, 100_000, SHARD_DOCS_MAX, 100_000]), None);
        assert_eq!(chosen(&[SHARD_DOCS_MAX / 2, SHARD_DOCS_MAX / 2]), None, "large enough");
    }

    /// However entries arrive, the number of shards stays small, and so does the work.
    #[test]
    fn shards_stay_few() {
        let mut shards: Vec<(SegmentId, u32)> = Vec::new();
        let (mut written, mut arrived) = (0_u64, 0_u64);
        for round in 0..20_000_u32 {
            let docs = 1 + round % 700;
            arrived += u64::from(docs);
            shards.push((SegmentId::generate_random(), docs));
            while let Some(ids) = choose(&shards) {
                let at = shards.iter().position(|(id, _)| *id == ids[0]).unwrap();
                let merged: u32 = shards.drain(at..at + ids.len()).map(|(_, docs)| docs).sum();
                assert!(merged <= SHARD_DOCS_MAX);
                written += u64::from(merged);
                shards.insert(at, (SegmentId::generate_random(), merged));
            }
        }
        assert!(shards.len() < 50, "{}", shards.len());
        assert!(written < arrived * 6, "{written} of {arrived}");
    }
}
