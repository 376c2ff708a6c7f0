//! BLAKE3 over lanes, written once for all vector kernels. Source: the BLAKE3 paper, sections 2.1 to 2.5.

/// Longest input, in bytes: the longest row of any block.
pub(super) const MAX_LEN: usize = CHUNK << DEPTH;

/// Chaining values of subtrees that wait for their right neighbour: one for each level.
pub(super) const DEPTH: usize = 11;

/// Bytes of a chunk, and of a block of it.
pub(super) const CHUNK: usize = 1_024;
pub(super) const BLOCK: usize = 64;

/// Flags of a compression.
pub(super) const CHUNK_START: u32 = 1;
pub(super) const CHUNK_END: u32 = 2;
pub(super) const PARENT: u32 = 4;
pub(super) const ROOT: u32 = 8;
pub(super) const KEYED: u32 = 16;

/// BLAKE3's initial chaining value, which is SHA-256's.
pub(super) const IV: [u32; 4] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a];

/// Which word of the block comes where, by round: each round permutes the order of the one before.
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

/// `keyed`, over the module's own `Vector`, `LANES`, `splat`, `store`, `add`, `xor`, rotations, and `words`, which
/// loads a block of each input and puts word `n` of all of them into register `n`.
macro_rules! lanes {
    ($feature:literal) => {
        /// Keyed hashes of `LANES` inputs of `len` bytes, concatenated: word `n` of every hash stands together.
        #[target_feature(enable = $feature)]
        pub(super) fn keyed(key: &[u8; 32], len: usize, inputs: &[u8]) -> [[u32; LANES]; 8] {
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
                if !last {
                    waiting[depth] = value;
                    depth += 1;
                } else {
                    let mut out = [[0; LANES]; 8];
                    for (words, vector) in out.iter_mut().zip(value) {
                        *words = store(vector);
                    }
                    return out;
                }
            }
            unreachable!("there is a last chunk")
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
                let block = if size == BLOCK { words(inputs, len, at) } else { short_words(inputs, len, at, size) };
                compress(&mut value, &block, counter, size as u32, KEYED | first | end);
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
            compress(&mut value, &block, 0, BLOCK as u32, KEYED | PARENT | flags);
            value
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn compress(value: &mut [Vector; 8], block: &[Vector; 16], counter: u32, len: u32, flags: u32) {
            let [a, b, c, d, e, f, g, h] = *value;
            let [i, j, k, l] = [splat(IV[0]), splat(IV[1]), splat(IV[2]), splat(IV[3])];
            let mut state = [a, b, c, d, e, f, g, h, i, j, k, l, splat(counter), splat(0), splat(len), splat(flags)];
            // Written out, so that words and state are known to be registers.
            round::<0>(&mut state, block);
            round::<1>(&mut state, block);
            round::<2>(&mut state, block);
            round::<3>(&mut state, block);
            round::<4>(&mut state, block);
            round::<5>(&mut state, block);
            round::<6>(&mut state, block);
            for (at, word) in value.iter_mut().enumerate() {
                *word = xor(state[at], state[at + 8]);
            }
        }

        /// Columns, then diagonals.
        #[target_feature(enable = $feature)]
        #[inline]
        fn round<const ROUND: usize>(state: &mut [Vector; 16], block: &[Vector; 16]) {
            let order = const { &SCHEDULE[ROUND] };
            let word = |at: usize| block[order[at]];
            mix::<0, 4, 8, 12>(state, word(0), word(1));
            mix::<1, 5, 9, 13>(state, word(2), word(3));
            mix::<2, 6, 10, 14>(state, word(4), word(5));
            mix::<3, 7, 11, 15>(state, word(6), word(7));
            mix::<0, 5, 10, 15>(state, word(8), word(9));
            mix::<1, 6, 11, 12>(state, word(10), word(11));
            mix::<2, 7, 8, 13>(state, word(12), word(13));
            mix::<3, 4, 9, 14>(state, word(14), word(15));
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
pub(super) use lanes;
