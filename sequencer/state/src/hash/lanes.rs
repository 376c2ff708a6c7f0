//! Many hashes at once, in the lanes of vector registers.
//!
//! A preimage of 65 to 128 bytes is two blocks in one chunk of BLAKE3: two
//! compressions, the first at the chunk's start, the second at its end and the
//! root. A kernel does both for as many preimages as it has lanes. Others, and
//! the few left over, are hashed one by one. Which kernel there is depends on
//! the processor; the result does not.

use std::ops::RangeInclusive;

use super::{NodeHash, Preimage};

/// Lengths in bytes that the kernels take.
const TWO_BLOCKS: RangeInclusive<usize> = 65..=128;

/// Groups with fewer preimages are not worth filling lanes for.
#[cfg(target_arch = "x86_64")]
const FEW: usize = 4;

/// A way to hash. All give the same hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// One by one, on every processor.
    Portable,
    /// Eight lanes; x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen lanes; x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The fastest on this processor.
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        for kernel in [Self::Avx512, Self::Avx2] {
            if kernel.is_supported() {
                return kernel;
            }
        }
        Self::Portable
    }

    /// Whether this processor can run it.
    pub(super) fn is_supported(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => std::arch::is_x86_feature_detected!("avx512f"),
        }
    }

    /// As [`hash_many`].
    pub(super) fn hash_many(self, preimages: &[Preimage], hashes: &mut [NodeHash]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if self.is_supported() => in_groups(preimages, hashes, |words, lens| {
                // SAFETY: the processor has AVX2, as was just asked.
                unsafe { super::avx2::two_blocks(words, lens) }
            }),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if self.is_supported() => in_groups(preimages, hashes, |words, lens| {
                // SAFETY: the processor has AVX-512F, as was just asked.
                unsafe { super::avx512::two_blocks(words, lens) }
            }),
            _ => one_by_one(preimages, hashes),
        }
    }
}

/// The hash of each preimage, on the fastest kernel.
pub(crate) fn hash_many(preimages: &[Preimage], hashes: &mut [NodeHash]) {
    Kernel::best().hash_many(preimages, hashes);
}

fn one_by_one(preimages: &[Preimage], hashes: &mut [NodeHash]) {
    for (preimage, hash) in preimages.iter().zip(hashes) {
        *hash = preimage.hash();
    }
}

/// Both blocks of a group: word `n` of every lane stands together.
#[cfg(target_arch = "x86_64")]
pub(super) type Words<const LANES: usize> = [[u32; LANES]; 32];

/// Hashes groups of `LANES` through `two_blocks`, which gets words and lengths in bytes and returns the hashes' words.
#[cfg(target_arch = "x86_64")]
fn in_groups<const LANES: usize>(
    preimages: &[Preimage],
    hashes: &mut [NodeHash],
    two_blocks: impl Fn(&Words<LANES>, &[u32; LANES]) -> [[u32; LANES]; 8],
) {
    for (preimages, hashes) in preimages.chunks(LANES).zip(hashes.chunks_mut(LANES)) {
        if preimages.len() < FEW {
            one_by_one(preimages, hashes);
            continue;
        }
        let mut words = [[0; LANES]; 32];
        let mut lens = [*TWO_BLOCKS.start() as u32; LANES];
        for (lane, preimage) in preimages.iter().enumerate().filter(|(_, preimage)| preimage.fits()) {
            lens[lane] = preimage.len as u32;
            let used = preimage.len.div_ceil(4);
            for (row, word) in words.iter_mut().zip(&preimage.bytes.as_chunks::<4>().0[..used]) {
                row[lane] = u32::from_le_bytes(*word);
            }
        }
        let found = two_blocks(&words, &lens);
        for (lane, (preimage, hash)) in preimages.iter().zip(hashes).enumerate() {
            if !preimage.fits() {
                *hash = preimage.hash();
                continue;
            }
            for (part, row) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&found) {
                *part = row[lane].to_le_bytes();
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Preimage {
    fn fits(&self) -> bool {
        TWO_BLOCKS.contains(&self.len)
    }
}

/// BLAKE3's initial chaining value, which is SHA-256's.
#[cfg(target_arch = "x86_64")]
pub(super) const IV: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Flags of the first block: the chunk starts.
#[cfg(target_arch = "x86_64")]
pub(super) const FIRST: u32 = 1;
/// Flags of the second block: the chunk ends, and it is the root.
#[cfg(target_arch = "x86_64")]
pub(super) const SECOND: u32 = 2 | 8;

/// Which word of the block comes where, by round: each round permutes the order of the one before.
#[cfg(target_arch = "x86_64")]
pub(super) const SCHEDULE: [[usize; 16]; 7] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0; 16]; 7];
    let mut round = 0;
    while round < 7 {
        let mut at = 0;
        while at < 16 {
            schedule[round][at] = if round == 0 { at } else { schedule[round - 1][PERMUTATION[at]] };
            at += 1;
        }
        round += 1;
    }
    schedule
};

/// The two compressions, over the module's own `Vector`, `LANES`, `load`, `store`, `splat`, `add`, `xor` and rotations.
#[cfg(target_arch = "x86_64")]
macro_rules! two_blocks {
    ($feature:literal) => {
        /// The words of the hashes of a group: word `n` of every lane stands together.
        #[target_feature(enable = $feature)]
        pub(super) fn two_blocks(words: &Words<LANES>, lens: &[u32; LANES]) -> [[u32; LANES]; 8] {
            let [first, second] = words.as_chunks::<16>().0 else { unreachable!("32 words are two blocks") };
            let mut chain = [splat(0); 8];
            for (vector, word) in chain.iter_mut().zip(IV) {
                *vector = splat(word);
            }
            compress(&mut chain, first, splat(64), FIRST);
            let rest = add(load(lens), splat(64u32.wrapping_neg()));
            compress(&mut chain, second, rest, SECOND);
            let mut out = [[0; LANES]; 8];
            for (words, vector) in out.iter_mut().zip(chain) {
                *words = store(vector);
            }
            out
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn compress(chain: &mut [Vector; 8], block: &[[u32; LANES]; 16], len: Vector, flags: u32) {
            let [a, b, c, d, e, f, g, h] = *chain;
            let [i, j, k, l] = [splat(IV[0]), splat(IV[1]), splat(IV[2]), splat(IV[3])];
            let mut state = [a, b, c, d, e, f, g, h, i, j, k, l, splat(0), splat(0), len, splat(flags)];
            for order in &SCHEDULE {
                let word = |at: usize| load(&block[order[at]]);
                // Written out, so that the state's words are known to be registers: columns, then diagonals.
                mix::<0, 4, 8, 12>(&mut state, word(0), word(1));
                mix::<1, 5, 9, 13>(&mut state, word(2), word(3));
                mix::<2, 6, 10, 14>(&mut state, word(4), word(5));
                mix::<3, 7, 11, 15>(&mut state, word(6), word(7));
                mix::<0, 5, 10, 15>(&mut state, word(8), word(9));
                mix::<1, 6, 11, 12>(&mut state, word(10), word(11));
                mix::<2, 7, 8, 13>(&mut state, word(12), word(13));
                mix::<3, 4, 9, 14>(&mut state, word(14), word(15));
            }
            for (at, word) in chain.iter_mut().enumerate() {
                *word = xor(state[at], state[at + 8]);
            }
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn mix<const A: usize, const B: usize, const C: usize, const D: usize>(
            state: &mut [Vector; 16],
            x: Vector,
            y: Vector,
        ) {
            state[A] = add(add(state[A], state[B]), x);
            state[D] = right_16(xor(state[D], state[A]));
            state[C] = add(state[C], state[D]);
            state[B] = right_12(xor(state[B], state[C]));
            state[A] = add(add(state[A], state[B]), y);
            state[D] = right_8(xor(state[D], state[A]));
            state[C] = add(state[C], state[D]);
            state[B] = right_7(xor(state[B], state[C]));
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use two_blocks;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::TreeKey;

    const KERNELS: &[Kernel] = &[
        Kernel::Portable,
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2,
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512,
    ];

    /// Leaves with keys of every length, branches with prefixes of every length.
    fn preimages() -> Vec<Preimage> {
        let bytes: Vec<u8> = (0..66u8).map(|n| n.wrapping_mul(97).wrapping_add(31)).collect();
        let keys = (1..=66).map(|len| TreeKey::new(&bytes[..len]).expect("short"));
        let leaves = keys.map(|key| Preimage::leaf(&key, &[key.as_slice()[0]; 32]));
        let whole = TreeKey::new(&bytes).expect("short");
        let branches = (0..528).map(|to| {
            let prefix = super::super::Prefix::Key { key: &whole, from: 0, to };
            Preimage::branch(&prefix, &[to as u8; 32], &[7; 32])
        });
        leaves.chain(branches).collect()
    }

    #[test]
    fn every_kernel_equals_blake3() {
        let preimages = preimages();
        let want: Vec<NodeHash> = preimages.iter().map(Preimage::hash).collect();
        for kernel in KERNELS.iter().filter(|kernel| kernel.is_supported()) {
            for group in [1, 3, 4, 5, 8, 15, 16, 17, 31, 64, preimages.len()] {
                let mut hashes = vec![[0; 32]; preimages.len()];
                for (preimages, hashes) in preimages.chunks(group).zip(hashes.chunks_mut(group)) {
                    kernel.hash_many(preimages, hashes);
                }
                assert!(hashes == want, "{kernel:?} in groups of {group}");
            }
        }
    }
}
