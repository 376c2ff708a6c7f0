//! Drawing row indices uniformly, without replacement, from a seed.

use alloy_primitives::B256;

use crate::hash::DRAW_CONTEXT;

/// The first `count` rows of a random order of `0..rows`, fixed by seed and
/// header: the same inputs give the same rows, a greater count only adds to them.
///
/// A Fisher-Yates shuffle cut short, fed by BLAKE3's extendable output in key
/// derivation mode over `seed || header_hash`, with rejection of what would
/// make some index likelier.
pub fn draw(seed: &[u8; 32], header_hash: B256, rows: u32, count: u32) -> Vec<u32> {
    let mut stream =
        blake3::Hasher::new_derive_key(DRAW_CONTEXT).update(seed).update(header_hash.as_slice()).finalize_xof();
    let mut below = |limit: u32| {
        let unbiased = u32::MAX - u32::MAX % limit;
        loop {
            let mut bytes = [0; 4];
            stream.fill(&mut bytes);
            let value = u32::from_be_bytes(bytes);
            if value < unbiased {
                return value % limit;
            }
        }
    };
    let mut order: Vec<u32> = (0..rows).collect();
    let count = count.min(rows);
    for at in 0..count {
        let other = at + below(rows - at);
        order.swap(at as usize, other as usize);
    }
    order.truncate(count as usize);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn draws_are_distinct_and_extend(seed: [u8; 32], hash: [u8; 32], rows in 1u32..2000, count in 0u32..60) {
            let drawn = draw(&seed, hash.into(), rows, count);
            prop_assert_eq!(drawn.len() as u32, count.min(rows));
            let distinct: std::collections::BTreeSet<_> = drawn.iter().collect();
            prop_assert_eq!(distinct.len(), drawn.len());
            prop_assert!(drawn.iter().all(|row| *row < rows));
            let more = draw(&seed, hash.into(), rows, count + 7);
            prop_assert_eq!(&more[..drawn.len()], &drawn[..]);
        }
    }

    #[test]
    fn draws_are_uniform() {
        let mut hits = [0u32; 256];
        for seed in 0u16..2560 {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&seed.to_be_bytes());
            draw(&bytes, B256::ZERO, 256, 25).into_iter().for_each(|row| hits[row as usize] += 1);
        }
        // 250 expected in each, standard deviation 15.
        assert!(hits.iter().all(|hits| (170..=330).contains(hits)));
    }
}
