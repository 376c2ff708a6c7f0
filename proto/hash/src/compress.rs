//! The compression function over lanes, written once for all vector instructions.

/// BLAKE3's initial chaining value, which is SHA-256's.
pub(crate) const IV: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Which word of the block comes where, by round: each round permutes the order of the one before.
pub(crate) const SCHEDULE: [[usize; 16]; 7] = {
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

/// `compress`, over the module's own `Vector`, `splat`, `add`, `xor` and rotations.
macro_rules! compress {
    ($feature:literal) => {
        /// One compression in every lane: word `n` of all blocks stands in `block[n]`, lengths in bytes in `len`.
        #[target_feature(enable = $feature)]
        #[inline]
        fn compress(value: &mut [Vector; 8], block: &[Vector; 16], counter: u32, len: Vector, flags: u32) {
            use crate::compress::IV;
            let [a, b, c, d, e, f, g, h] = *value;
            let [i, j, k, l] = [splat(IV[0]), splat(IV[1]), splat(IV[2]), splat(IV[3])];
            let mut state = [a, b, c, d, e, f, g, h, i, j, k, l, splat(counter), splat(0), len, splat(flags)];
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
            let order = const { &crate::compress::SCHEDULE[ROUND] };
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
pub(crate) use compress;
