//! Sixteen lanes, on AVX-512.

use std::arch::x86_64::*;

use crate::columns::columns;
use crate::compress::compress;
use crate::flags::{CHUNK_END, CHUNK_START, KEYED, PARENT, ROOT};
use crate::keyed::hashes;
use crate::keyed::x86::{AHEAD, CHUNK, DEPTH, MAX_LEN};
use crate::{BLOCK, Hash};

pub(crate) const LANES: usize = 16;

type Vector = __m512i;

#[target_feature(enable = "avx512f")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm512_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(words: &[u32; LANES]) -> Vector {
    // SAFETY: `words` is 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(vector: Vector) -> [u32; LANES] {
    let mut words = [0; LANES];
    // SAFETY: `words` is 64 writable bytes.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) };
    words
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add(a: Vector, b: Vector) -> Vector {
    _mm512_add_epi32(a, b)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn xor(a: Vector, b: Vector) -> Vector {
    _mm512_xor_si512(a, b)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_16(a: Vector) -> Vector {
    _mm512_ror_epi32::<16>(a)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_12(a: Vector) -> Vector {
    _mm512_ror_epi32::<12>(a)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_8(a: Vector) -> Vector {
    _mm512_ror_epi32::<8>(a)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_7(a: Vector) -> Vector {
    _mm512_ror_epi32::<7>(a)
}

/// Asks for byte `at` of each of the inputs, of which one begins every `stride` bytes.
#[inline]
fn prefetch(inputs: &[u8], stride: usize, at: usize) {
    for lane in 0..LANES {
        // SAFETY: a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(inputs.as_ptr().wrapping_add(lane * stride + at).cast()) };
    }
}

/// Block at byte `at` of each of the inputs, of which one begins every `stride` bytes, transposed.
#[target_feature(enable = "avx512f")]
#[inline]
fn words(inputs: &[u8], stride: usize, at: usize) -> [Vector; 16] {
    assert!(inputs.len() >= (LANES - 1) * stride + at + BLOCK, "block at {at} of {stride}");
    let mut rows = [splat(0); 16];
    for (lane, row) in rows.iter_mut().enumerate() {
        // SAFETY: the block lies within the input of this lane, as was just checked.
        *row = unsafe { _mm512_loadu_si512(inputs.as_ptr().add(lane * stride + at).cast()) };
    }
    // Pairs of words, then of pairs: each 128-bit quarter then holds one word of four inputs.
    let mut pairs = [splat(0); 16];
    for at in 0..8 {
        pairs[2 * at] = _mm512_unpacklo_epi32(rows[2 * at], rows[2 * at + 1]);
        pairs[2 * at + 1] = _mm512_unpackhi_epi32(rows[2 * at], rows[2 * at + 1]);
    }
    let mut quads = [splat(0); 16];
    for at in 0..4 {
        let [a, b, c, d] = [pairs[4 * at], pairs[4 * at + 1], pairs[4 * at + 2], pairs[4 * at + 3]];
        quads[4 * at] = _mm512_unpacklo_epi64(a, c);
        quads[4 * at + 1] = _mm512_unpackhi_epi64(a, c);
        quads[4 * at + 2] = _mm512_unpacklo_epi64(b, d);
        quads[4 * at + 3] = _mm512_unpackhi_epi64(b, d);
    }
    // Quarter `q` of `quads[4 g + n]` is word `4 q + n` of inputs `4 g..4 g + 4`.
    let mut out = [splat(0); 16];
    for n in 0..4 {
        let [a, b, c, d] = [quads[n], quads[4 + n], quads[8 + n], quads[12 + n]];
        let low_even = _mm512_shuffle_i32x4::<0x88>(a, b);
        let low_odd = _mm512_shuffle_i32x4::<0xDD>(a, b);
        let high_even = _mm512_shuffle_i32x4::<0x88>(c, d);
        let high_odd = _mm512_shuffle_i32x4::<0xDD>(c, d);
        out[n] = _mm512_shuffle_i32x4::<0x88>(low_even, high_even);
        out[8 + n] = _mm512_shuffle_i32x4::<0xDD>(low_even, high_even);
        out[4 + n] = _mm512_shuffle_i32x4::<0x88>(low_odd, high_odd);
        out[12 + n] = _mm512_shuffle_i32x4::<0xDD>(low_odd, high_odd);
    }
    out
}

compress!("avx512f");
hashes!("avx512f");
columns!("avx512f");
