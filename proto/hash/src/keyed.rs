//! Keyed hashes of many inputs of one length, which may be long.
//!
//! Inputs of one length have the same tree of chunks, so the lanes go through
//! all of it in step, up to the root. Inputs left over are hashed together with
//! some of those before them, few ones one by one.

use crate::{Hash, Lanes};

/// Keyed hashes of the inputs of `len` bytes each that are concatenated in `inputs`.
///
/// # Panics
/// If `inputs` is not `hashes.len()` inputs of `len` bytes, or `len` is 0.
pub fn keyed_many(lanes: Lanes, key: &[u8; 32], len: usize, inputs: &[u8], hashes: &mut [Hash]) {
    assert!(len > 0 && inputs.len() == len * hashes.len(), "{} bytes are not {} inputs", inputs.len(), hashes.len());
    #[cfg(target_arch = "x86_64")]
    if lanes.is_supported() && len <= x86::MAX_LEN {
        match lanes {
            Lanes::Sixteen if hashes.len() >= crate::avx512::LANES => {
                return x86::in_groups(len, inputs, hashes, |inputs| {
                    // SAFETY: the processor has the instructions, as was just asked.
                    unsafe { crate::avx512::keyed(key, len, inputs) }
                });
            }
            Lanes::Sixteen | Lanes::Eight if Lanes::Eight.is_supported() && hashes.len() >= crate::avx2::LANES => {
                return x86::in_groups(len, inputs, hashes, |inputs| {
                    // SAFETY: the processor has the instructions, as was just asked.
                    unsafe { crate::avx2::keyed(key, len, inputs) }
                });
            }
            _ => {}
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = lanes;
    for (hash, input) in hashes.iter_mut().zip(inputs.chunks_exact(len)) {
        *hash = *blake3::keyed_hash(key, input).as_bytes();
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use crate::{Hash, write};

    /// Longest input that lanes take, in bytes.
    pub(crate) const MAX_LEN: usize = CHUNK << DEPTH;

    /// Chaining values of subtrees that wait for their right neighbour: one for each level.
    pub(crate) const DEPTH: usize = 11;

    /// How far ahead of its use an input is asked for, in bytes.
    pub(crate) const AHEAD: usize = 256;

    /// Bytes of a chunk.
    pub(crate) const CHUNK: usize = 1_024;

    /// Hashes groups of `LANES`, at least one; the last overlaps the one before it where the number is no multiple.
    pub(super) fn in_groups<const LANES: usize>(
        len: usize,
        inputs: &[u8],
        hashes: &mut [Hash],
        group: impl Fn(&[u8]) -> [[u32; LANES]; 8],
    ) {
        let last = hashes.len() - LANES;
        for first in (0..hashes.len()).step_by(LANES) {
            let first = first.min(last);
            write(&group(&inputs[first * len..][..LANES * len]), &mut hashes[first..][..LANES]);
        }
    }
}

/// `keyed` and `two_blocks`, over the module's own `Vector`, `LANES`, `splat`, `store`, `compress`, and `words`, which
/// loads a block of each input and puts word `n` of all of them into register `n`.
#[cfg(target_arch = "x86_64")]
macro_rules! hashes {
    ($feature:literal) => {
        /// Hashes of `LANES` messages of `lens` bytes, 65 to 128, of which one begins every `stride` bytes and which
        /// are zero beyond their ends: word `n` of every hash stands together.
        #[target_feature(enable = $feature)]
        pub(crate) fn two_blocks(messages: &[u8], stride: usize, lens: &[u32; LANES]) -> [[u32; LANES]; 8] {
            let mut value = [splat(0); 8];
            for (vector, word) in value.iter_mut().zip(crate::compress::IV) {
                *vector = splat(word);
            }
            compress(&mut value, &words(messages, stride, 0), 0, splat(BLOCK as u32), CHUNK_START);
            let rest = add(load(lens), splat((BLOCK as u32).wrapping_neg()));
            compress(&mut value, &words(messages, stride, BLOCK), 0, rest, CHUNK_END | ROOT);
            stored(&value)
        }

        /// Keyed hashes of `LANES` inputs of `len` bytes, concatenated: word `n` of every hash stands together.
        #[target_feature(enable = $feature)]
        pub(crate) fn keyed(key: &[u8; 32], len: usize, inputs: &[u8]) -> [[u32; LANES]; 8] {
            assert!(len > 0 && len <= MAX_LEN && inputs.len() == LANES * len, "{} bytes", inputs.len());
            let mut start = [splat(0); 8];
            for (vector, word) in start.iter_mut().zip(key.as_chunks::<4>().0) {
                *vector = splat(u32::from_le_bytes(*word));
            }
            let chunks = len.div_ceil(CHUNK);
            let mut waiting = [[splat(0); 8]; DEPTH];
            let mut depth = 0;
            for chunk in 0..chunks {
                let last = chunk + 1 == chunks;
                let from = chunk * CHUNK;
                let only = if chunks == 1 { ROOT } else { 0 };
                let mut value = chunk_value(start, len, inputs, from, only);
                // A subtree is whole where the number of chunks so far is a multiple of its size; after the last
                // chunk all are joined, from the right.
                let mut whole = chunk + 1;
                while depth > 0 && (last || whole.is_multiple_of(2)) {
                    depth -= 1;
                    whole /= 2;
                    let root = if last && depth == 0 { ROOT } else { 0 };
                    value = parent(start, waiting[depth], value, root);
                }
                if last {
                    return stored(&value);
                }
                waiting[depth] = value;
                depth += 1;
            }
            unreachable!("there is a last chunk")
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn stored(value: &[Vector; 8]) -> [[u32; LANES]; 8] {
            let mut out = [[0; LANES]; 8];
            for (words, vector) in out.iter_mut().zip(value) {
                *words = store(*vector);
            }
            out
        }

        /// Chaining value of the chunk of each input that starts at byte `from`.
        #[target_feature(enable = $feature)]
        #[inline]
        fn chunk_value(start: [Vector; 8], len: usize, inputs: &[u8], from: usize, flags: u32) -> [Vector; 8] {
            let to = len.min(from + CHUNK);
            let counter = (from / CHUNK) as u32;
            let mut value = start;
            let mut at = from;
            while at < to {
                let size = BLOCK.min(to - at);
                let first = if at == from { CHUNK_START } else { 0 };
                let end = if at + size == to { CHUNK_END | flags } else { 0 };
                prefetch(inputs, len, at + AHEAD);
                let block = if size == BLOCK { words(inputs, len, at) } else { short_words(inputs, len, at, size) };
                compress(&mut value, &block, counter, splat(size as u32), KEYED | first | end);
                at += size;
            }
            value
        }

        /// As `words`, for the last block of inputs whose length is no multiple of a block's.
        #[target_feature(enable = $feature)]
        #[inline(never)]
        fn short_words(inputs: &[u8], len: usize, at: usize, size: usize) -> [Vector; 16] {
            let mut blocks = [0; BLOCK * LANES];
            for (block, input) in blocks.chunks_exact_mut(BLOCK).zip(inputs.chunks_exact(len)) {
                block[..size].copy_from_slice(&input[at..at + size]);
            }
            words(&blocks, BLOCK, 0)
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn parent(start: [Vector; 8], left: [Vector; 8], right: [Vector; 8], flags: u32) -> [Vector; 8] {
            let mut block = [splat(0); 16];
            block[..8].copy_from_slice(&left);
            block[8..].copy_from_slice(&right);
            let mut value = start;
            compress(&mut value, &block, 0, splat(BLOCK as u32), KEYED | PARENT | flags);
            value
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use hashes;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_number_of_lanes_equals_blake3(
            key: [u8; 32],
            len in prop_oneof![1usize..130, 1_000usize..1_050, 2_000usize..2_100, 1usize..40_000],
            count in prop_oneof![1usize..20, 1usize..70],
            seed: u64,
        ) {
            let mut inputs = vec![0; len * count];
            blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut inputs);
            let expected: Vec<Hash> =
                inputs.chunks_exact(len).map(|input| *blake3::keyed_hash(&key, input).as_bytes()).collect();
            for lanes in Lanes::ALL.into_iter().filter(|lanes| lanes.is_supported()) {
                let mut hashes = vec![[0; 32]; count];
                keyed_many(lanes, &key, len, &inputs, &mut hashes);
                prop_assert_eq!(&hashes, &expected, "{:?}", lanes);
            }
        }
    }

    #[test]
    fn the_longest_and_beyond() {
        for len in [(1 << 21) - 1, 1 << 21, (1 << 21) + 1] {
            let inputs: Vec<u8> = (0..16 * len).map(|at| (at / 251) as u8).collect();
            let mut hashes = vec![[0; 32]; 16];
            keyed_many(Lanes::best(), &[3; 32], len, &inputs, &mut hashes);
            assert_eq!(hashes[15], *blake3::keyed_hash(&[3; 32], &inputs[15 * len..]).as_bytes());
        }
    }
}
