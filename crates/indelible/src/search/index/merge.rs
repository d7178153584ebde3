//! Which shards become one. Small ones are made all the time, and many small ones are slow to search.

use tantivy::index::SegmentId;

/// Documents of a shard, at most: expiry drops whole shards, and a page looks at one or two.
pub(super) const SHARD_DOCS_MAX: u32 = 1 << 20;

/// Neighbours below one of these sizes are merged once they reach it together: so each document is written
/// once for each size, at most, and no more than a few shards of each size are left.
const SIZES: [u32; 6] = [16, 128, 1024, 8192, 65_536, SHARD_DOCS_MAX / 2];

/// The shards to merge next, in the order in which their entries arrived. Only neighbours are merged, so that
/// the times in a shard stay close together.
pub(super) fn choose(shards: &[(SegmentId, u32)]) -> Option<Vec<SegmentId>> {
    SIZES.into_iter().find_map(|size| {
        let mut run: Vec<(SegmentId, u32)> = Vec::new();
        let mut total = 0_u32;
        for (id, docs) in shards {
            if *docs >= size || total.saturating_add(*docs) > SHARD_DOCS_MAX {
                run.clear();
                total = 0;
            }
            if *docs < size {
                run.push((*id, *docs));
                total += docs;
            }
            if run.len() > 1 && total >= size {
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
        assert_eq!(chosen(&[1; 15]), None);
        assert_eq!(chosen(&[1; 16]), Some(16));
        assert_eq!(chosen(&[1000, 1000, 5]), Some(2));
        assert_eq!(chosen(&[9000, 500, 9000, 500]), None);
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
            let docs = if round % 3 == 0 { 1 } else { 1 + round % 700 };
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
        assert!(written < arrived * 7, "{written} of {arrived}");
    }
}
