//! Keyed hashes of many inputs of one length that come by columns, as rows of a matrix do that are coded by columns.
//!
//! A chunk of all inputs is a *band*: whoever has its columns, from the first
//! on, takes them into the band at once, while they are in a cache. Bands are
//! independent of each other; the hashes follow from all bands.

use std::ops::Range;

use crate::{Hash, Lanes, flags};

/// One chunk of every input: chaining values of what has come of it.
pub struct Band {
    lanes: Lanes,
    key: [u32; 8],
    len: usize,
    chunk: usize,
    /// For each group of inputs, as many as there are lanes: word 0 of each of them, then word 1, ...
    values: Vec<u32>,
}

/// Most lanes, times words.
const MAX_GROUP: usize = 8 * 16;

/// Bytes of a chunk.
const CHUNK: usize = 1_024;

/// Bytes of a block.
const BLOCK: usize = 64;

impl Band {
    /// Bytes of an input that a band has.
    pub const WIDTH: usize = CHUNK;

    /// Chunk `chunk` of `inputs` inputs of `len` bytes, of which nothing has come. `None` where there are no such
    /// lanes, or inputs and blocks do not fill them.
    pub fn new(lanes: Lanes, key: &[u8; 32], len: usize, inputs: usize, chunk: usize) -> Option<Self> {
        let count = lanes.count();
        let fits = count > 1 && lanes.is_supported() && inputs.is_multiple_of(count) && len.is_multiple_of(BLOCK);
        if !fits || chunk * CHUNK >= len || u32::try_from(chunk).is_err() {
            return None;
        }
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(key.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let start: Vec<u32> = words.iter().flat_map(|word| std::iter::repeat_n(*word, count)).collect();
        Some(Self { lanes, key: words, len, chunk, values: start.repeat(inputs / count) })
    }

    /// Takes `width` bytes from column `at` on of some inputs: those of the first are where `bytes` begins, those of
    /// each other `stride` bytes further. Columns come in order.
    ///
    /// # Panics
    /// If inputs, columns or bytes are not whole groups and blocks of this band.
    pub fn absorb(&mut self, inputs: Range<usize>, at: usize, width: usize, bytes: &[u8], stride: usize) {
        let lanes = self.lanes.count();
        let columns = self.chunk * CHUNK..self.len.min((self.chunk + 1) * CHUNK);
        assert!(columns.contains(&at) && at + width <= columns.end && width > 0, "columns {at} on, {width} of them");
        assert!([at, width].iter().all(|bytes| bytes.is_multiple_of(BLOCK)), "columns are no blocks");
        assert!(inputs.start.is_multiple_of(lanes) && inputs.len().is_multiple_of(lanes), "inputs {inputs:?}");
        let first = if at == columns.start { flags::CHUNK_START } else { 0 };
        let only = if self.len <= CHUNK { flags::ROOT } else { 0 };
        let last = if at + width == columns.end { flags::CHUNK_END | only } else { 0 };
        let part = Part { stride, blocks: width / BLOCK, counter: self.chunk as u32, first, last };
        let groups = self.values[inputs.start * 8..inputs.end * 8].chunks_exact_mut(lanes * 8);
        for (group, values) in groups.enumerate() {
            let bytes = &bytes[group * lanes * stride..];
            match self.lanes {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has the instructions: `new` has asked.
                Lanes::Sixteen => unsafe { crate::avx512::absorb(values, bytes, part) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Lanes::Eight => unsafe { crate::avx2::absorb(values, bytes, part) },
                _ => unreachable!("there is no band of one lane"),
            }
        }
    }

    /// Hashes of the inputs from `first` on, from all bands of them, in order.
    ///
    /// # Panics
    /// If these are not all bands, or the inputs no whole groups of theirs.
    pub fn hashes(bands: &[Self], first: usize, hashes: &mut [Hash]) {
        let lanes = bands[0].lanes.count();
        assert_eq!(bands.len(), bands[0].len.div_ceil(CHUNK));
        assert!(bands.iter().zip(0..).all(|(band, chunk)| band.chunk == chunk), "bands are not in order");
        assert!(first.is_multiple_of(lanes) && hashes.len().is_multiple_of(lanes), "{} from {first} on", hashes.len());
        for (group, hashes) in hashes.chunks_exact_mut(lanes).enumerate() {
            let values = Self::joined(bands, first / lanes + group, flags::ROOT);
            for (lane, hash) in hashes.iter_mut().enumerate() {
                for (bytes, words) in hash.as_chunks_mut::<4>().0.iter_mut().zip(values.chunks_exact(lanes)) {
                    *bytes = words[lane].to_le_bytes();
                }
            }
        }
    }

    /// Chaining values of the subtree over these bands' chunks of a group.
    fn joined(bands: &[Self], group: usize, root: u32) -> [u32; MAX_GROUP] {
        let band = &bands[0];
        let words = band.lanes.count() * 8;
        if bands.len() == 1 {
            let mut values = [0; MAX_GROUP];
            values[..words].copy_from_slice(&band.values[group * words..][..words]);
            return values;
        }
        // The left subtree is the largest whole one that leaves something for the right.
        let (left, right) = bands.split_at(bands.len().div_ceil(2).next_power_of_two());
        let (mut left, right) = (Self::joined(left, group, 0), Self::joined(right, group, 0));
        let (values, right) = (&mut left[..words], &right[..words]);
        match band.lanes {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions: `new` has asked.
            Lanes::Sixteen => unsafe { crate::avx512::join(&band.key, values, right, root) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Lanes::Eight => unsafe { crate::avx2::join(&band.key, values, right, root) },
            _ => unreachable!("there is no band of one lane"),
        }
        left
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
        pub(crate) fn absorb(values: &mut [u32], bytes: &[u8], part: crate::columns::Part) {
            let mut value = loaded(values);
            for block in 0..part.blocks {
                let first = if block == 0 { part.first } else { 0 };
                let last = if block + 1 == part.blocks { part.last } else { 0 };
                let words = words(bytes, part.stride, block * BLOCK);
                compress(&mut value, &words, part.counter, splat(BLOCK as u32), KEYED | first | last);
            }
            for (words, vector) in values.as_chunks_mut::<LANES>().0.iter_mut().zip(value) {
                *words = store(vector);
            }
        }

        /// Replaces the chaining values of left subtrees by those of their parents.
        #[target_feature(enable = $feature)]
        pub(crate) fn join(key: &[u32; 8], left: &mut [u32], right: &[u32], root: u32) {
            let value = parent(key.map(|word| splat(word)), loaded(left), loaded(right), root);
            for (words, vector) in left.as_chunks_mut::<LANES>().0.iter_mut().zip(value) {
                *words = store(vector);
            }
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn loaded(values: &[u32]) -> [Vector; 8] {
            let words = values.as_chunks::<LANES>().0;
            std::array::from_fn(|n| load(&words[n]))
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
        fn bands_make_the_hashes_of_whole_inputs(
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
                let band = |chunk| Band::new(lanes, &key, len, inputs, chunk).expect("whole groups and blocks");
                let mut bands: Vec<Band> = (0..len.div_ceil(CHUNK)).map(band).collect();
                for (chunk, band) in bands.iter_mut().enumerate() {
                    let end = len.min((chunk + 1) * CHUNK);
                    for at in (chunk * CHUNK..end).step_by(step * BLOCK) {
                        let width = (step * BLOCK).min(end - at);
                        let (some, others) = (0..16, 16..inputs);
                        band.absorb(some, at, width, &bytes[at..], len);
                        let apart: Vec<u8> =
                            others.clone().flat_map(|input| bytes[input * len + at..][..width].to_vec()).collect();
                        band.absorb(others, at, width, &apart, width);
                    }
                }
                let mut hashes = vec![[0; 32]; inputs];
                for (part, hashes) in hashes.chunks_mut(16).enumerate() {
                    Band::hashes(&bands, part * 16, hashes);
                }
                prop_assert_eq!(&hashes, &expected, "{:?}", lanes);
            }
        }
    }

    #[test]
    fn what_does_not_fill_the_lanes_has_no_band() {
        let key = [0; 32];
        for lanes in Lanes::ALL {
            for (len, inputs, chunk) in [(65, 16, 0), (128, 15, 0), (1_024, 16, 1)] {
                assert!(Band::new(lanes, &key, len, inputs, chunk).is_none());
            }
        }
        assert!(Band::new(Lanes::One, &key, 128, 16, 0).is_none());
    }
}
