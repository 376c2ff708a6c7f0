//! Keyed hashes of many inputs of one length that come by columns, as rows of a matrix do that are coded by columns.
//!
//! Whoever has the columns of a chunk, from the first on, takes them into the
//! chunk's chaining values at once, while they are in a cache. Chunks are
//! independent of each other; the hashes follow from all of them. The values of
//! an input have the room of its hash: in groups of as many inputs as there are
//! lanes, word 0 of each, then word 1, and so on.

use crate::{Hash, Lanes, flags};

/// How inputs of one length are hashed.
#[derive(Clone, Copy)]
pub struct Columns {
    lanes: Lanes,
    key: [u32; 8],
    len: usize,
}

/// Most lanes.
const MAX_LANES: usize = 16;

/// Bytes of a chunk.
const CHUNK: usize = 1_024;

/// Bytes of a block.
const BLOCK: usize = 64;

impl Columns {
    /// Columns of a chunk.
    pub const CHUNK: usize = CHUNK;

    /// For inputs of `len` bytes. `None` where there are no such lanes, or the blocks are not whole.
    pub fn new(lanes: Lanes, key: &[u8; 32], len: usize) -> Option<Self> {
        let fits = lanes != Lanes::One && lanes.is_supported() && len > 0 && len.is_multiple_of(BLOCK);
        let key = key.as_chunks::<4>().0;
        fits.then(|| Self { lanes, key: std::array::from_fn(|word| u32::from_le_bytes(key[word])), len })
    }

    /// Chunks of an input.
    pub const fn chunks(&self) -> usize {
        self.len.div_ceil(CHUNK)
    }

    /// Values of inputs of which nothing has come.
    ///
    /// # Panics
    /// If the inputs are no whole groups.
    pub fn begin(&self, values: &mut [Hash]) {
        for group in self.groups(values) {
            for (word, lanes) in self.key.iter().zip(group.as_flattened_mut().chunks_exact_mut(self.lanes.count() * 4))
            {
                lanes.as_chunks_mut::<4>().0.fill(word.to_le_bytes());
            }
        }
    }

    /// Takes `width` bytes from column `at` on, all of one chunk, into the values of some inputs: those of the first are
    /// where `bytes` begins, those of each other `stride` bytes further. Columns of a chunk come in order.
    ///
    /// # Panics
    /// If inputs, columns or bytes are no whole groups and blocks.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, reason = "no lanes"))]
    pub fn absorb(&self, values: &mut [Hash], at: usize, width: usize, bytes: &[u8], stride: usize) {
        let (start, end) = (at / CHUNK * CHUNK, self.len.min((at / CHUNK + 1) * CHUNK));
        assert!(width > 0 && at + width <= end, "{width} columns from {at} on");
        assert!([at, width].iter().all(|bytes| bytes.is_multiple_of(BLOCK)), "columns are no blocks");
        let first = if at == start { flags::CHUNK_START } else { 0 };
        let only = if self.chunks() == 1 { flags::ROOT } else { 0 };
        let last = if at + width == end { flags::CHUNK_END | only } else { 0 };
        let part = Part { stride, blocks: width / BLOCK, counter: (at / CHUNK) as u32, first, last };
        let lanes = self.lanes.count();
        for (group, values) in self.groups(values).enumerate() {
            let bytes = &bytes[group * lanes * stride..];
            match self.lanes {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has the instructions: `new` has asked.
                Lanes::Sixteen => unsafe { crate::avx512::absorb(values, bytes, part) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Lanes::Eight => unsafe { crate::avx2::absorb(values, bytes, part) },
                _ => unreachable!("there are no columns of one lane"),
            }
        }
    }

    /// Makes the values of the first chunk of some inputs their hashes; `others` are those of the other chunks, in order.
    ///
    /// # Panics
    /// If these are not all chunks, or the inputs no whole groups.
    pub fn join(&self, first: &mut [Hash], others: &[&[Hash]]) {
        assert_eq!(others.len() + 1, self.chunks());
        let lanes = self.lanes.count();
        let mut chunks = vec![[[0; 32]; MAX_LANES]; self.chunks()];
        for (group, hashes) in self.groups(first).enumerate() {
            chunks[0][..lanes].copy_from_slice(hashes);
            for (values, other) in chunks[1..].iter_mut().zip(others) {
                values[..lanes].copy_from_slice(&other[group * lanes..][..lanes]);
            }
            self.join_group(&mut chunks, flags::ROOT);
            let values = chunks[0].as_flattened();
            for (lane, hash) in hashes.iter_mut().enumerate() {
                for (word, bytes) in hash.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    bytes.copy_from_slice(&values[(word * lanes + lane) * 4..][..4]);
                }
            }
        }
    }

    /// Leaves the value of the subtree over these chunks of a group in the first of them.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, reason = "no lanes"))]
    fn join_group(&self, chunks: &mut [[Hash; MAX_LANES]], root: u32) {
        if chunks.len() == 1 {
            return;
        }
        // The left subtree is the largest whole one that leaves something for the right.
        let (left, right) = chunks.split_at_mut(chunks.len().div_ceil(2).next_power_of_two());
        self.join_group(left, 0);
        self.join_group(right, 0);
        let lanes = self.lanes.count();
        let (values, right) = (&mut left[0][..lanes], &right[0][..lanes]);
        match self.lanes {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions: `new` has asked.
            Lanes::Sixteen => unsafe { crate::avx512::join(&self.key, values, right, root) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Lanes::Eight => unsafe { crate::avx2::join(&self.key, values, right, root) },
            _ => unreachable!("there are no columns of one lane"),
        }
    }

    fn groups<'v>(&self, values: &'v mut [Hash]) -> std::slice::ChunksExactMut<'v, Hash> {
        assert!(values.len().is_multiple_of(self.lanes.count()), "{} inputs", values.len());
        values.chunks_exact_mut(self.lanes.count())
    }
}

/// Blocks of a group, and what is said of them.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no lanes"))]
pub(crate) struct Part {
    /// Bytes from one input to the next.
    pub(crate) stride: usize,
    pub(crate) blocks: usize,
    pub(crate) counter: u32,
    /// Flags of the first block.
    pub(crate) first: u32,
    /// Flags of the last.
    pub(crate) last: u32,
}

/// `absorb` and `join`, over the module's own functions, as for `hashes`.
#[cfg(target_arch = "x86_64")]
macro_rules! columns {
    ($feature:literal) => {
        /// Takes blocks of `LANES` inputs, one after the other in `bytes`, into their chaining values.
        #[target_feature(enable = $feature)]
        pub(crate) fn absorb(values: &mut [Hash], bytes: &[u8], part: crate::columns::Part) {
            let mut value = loaded(values);
            for block in 0..part.blocks {
                let first = if block == 0 { part.first } else { 0 };
                let last = if block + 1 == part.blocks { part.last } else { 0 };
                let words = words(bytes, part.stride, block * BLOCK);
                compress(&mut value, &words, part.counter, splat(BLOCK as u32), KEYED | first | last);
            }
            keep(values, value);
        }

        /// Replaces the chaining values of left subtrees by those of their parents.
        #[target_feature(enable = $feature)]
        pub(crate) fn join(key: &[u32; 8], left: &mut [Hash], right: &[Hash], root: u32) {
            let value = parent(key.map(|word| splat(word)), loaded(left), loaded(right), root);
            keep(left, value);
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn loaded(values: &[Hash]) -> [Vector; 8] {
            let words = values.as_flattened().as_chunks::<{ 4 * LANES }>().0;
            std::array::from_fn(|n| {
                let lanes = words[n].as_chunks::<4>().0;
                load(&std::array::from_fn(|lane| u32::from_le_bytes(lanes[lane])))
            })
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn keep(values: &mut [Hash], value: [Vector; 8]) {
            let words = values.as_flattened_mut().as_chunks_mut::<{ 4 * LANES }>().0;
            for (bytes, vector) in words.iter_mut().zip(value) {
                for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(store(vector)) {
                    *bytes = word.to_le_bytes();
                }
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use columns;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Columns of any widths, inputs in parts, side by side or apart.
        #[test]
        fn columns_make_the_hashes_of_whole_inputs(
            key: [u8; 32],
            blocks in prop_oneof![1usize..40, 40usize..200],
            groups in 1usize..4,
            step in 1usize..5,
            seed: u64,
        ) {
            let (len, inputs) = (blocks * BLOCK, groups * 16);
            let mut bytes = vec![0; len * inputs];
            blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
            let expected: Vec<Hash> =
                bytes.chunks_exact(len).map(|input| *blake3::keyed_hash(&key, input).as_bytes()).collect();
            for lanes in Lanes::ALL.into_iter().filter(|lanes| lanes.is_supported() && *lanes != Lanes::One) {
                let columns = Columns::new(lanes, &key, len).expect("whole blocks");
                let mut chunks = vec![vec![[0; 32]; inputs]; columns.chunks()];
                for (chunk, values) in chunks.iter_mut().enumerate() {
                    columns.begin(values);
                    let end = len.min((chunk + 1) * CHUNK);
                    for at in (chunk * CHUNK..end).step_by(step * BLOCK) {
                        let width = (step * BLOCK).min(end - at);
                        let (some, others) = values.split_at_mut(16);
                        columns.absorb(some, at, width, &bytes[at..], len);
                        let apart: Vec<u8> =
                            (16..inputs).flat_map(|input| bytes[input * len + at..][..width].to_vec()).collect();
                        columns.absorb(others, at, width, &apart, width);
                    }
                }
                let (first, others) = chunks.split_first_mut().expect("a chunk");
                let mut hashes = std::mem::take(first);
                for (part, hashes) in hashes.chunks_mut(16).enumerate() {
                    let others: Vec<&[Hash]> = others.iter().map(|values| &values[part * 16..][..16]).collect();
                    columns.join(hashes, &others);
                }
                prop_assert_eq!(&hashes, &expected, "{:?}", lanes);
            }
        }
    }

    #[test]
    fn there_are_columns_of_whole_blocks_and_several_lanes() {
        let key = [0; 32];
        for lanes in Lanes::ALL {
            assert!(Columns::new(lanes, &key, 65).is_none() && Columns::new(lanes, &key, 0).is_none());
        }
        assert!(Columns::new(Lanes::One, &key, 128).is_none());
    }
}
