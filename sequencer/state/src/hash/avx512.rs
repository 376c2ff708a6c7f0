//! Sixteen lanes of 32 bits, with AVX-512F.

use std::arch::x86_64::*;

use super::lanes::{FIRST, IV, SCHEDULE, SECOND, Words, two_blocks};

const LANES: usize = 16;

type Vector = __m512i;

two_blocks!("avx512f");

#[target_feature(enable = "avx512f")]
#[inline]
fn load(words: &[u32; LANES]) -> Vector {
    // SAFETY: the words are 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(vector: Vector) -> [u32; LANES] {
    let mut words = [0; LANES];
    // SAFETY: the words are 64 writable bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) };
    words
}

#[target_feature(enable = "avx512f")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm512_set1_epi32(word.cast_signed())
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
fn right_16(vector: Vector) -> Vector {
    _mm512_ror_epi32::<16>(vector)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_12(vector: Vector) -> Vector {
    _mm512_ror_epi32::<12>(vector)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_8(vector: Vector) -> Vector {
    _mm512_ror_epi32::<8>(vector)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn right_7(vector: Vector) -> Vector {
    _mm512_ror_epi32::<7>(vector)
}
