//! Eight lanes of 32 bits, with AVX2.

use std::arch::x86_64::*;

use super::lanes::{FIRST, IV, SCHEDULE, SECOND, Words, two_blocks};

const LANES: usize = 8;

type Vector = __m256i;

two_blocks!("avx2");

#[target_feature(enable = "avx2")]
#[inline]
fn load(words: &[u32; LANES]) -> Vector {
    // SAFETY: the words are 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(vector: Vector) -> [u32; LANES] {
    let mut words = [0; LANES];
    // SAFETY: the words are 32 writable bytes; the store needs no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
    words
}

#[target_feature(enable = "avx2")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm256_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx2")]
#[inline]
fn add(a: Vector, b: Vector) -> Vector {
    _mm256_add_epi32(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
fn xor(a: Vector, b: Vector) -> Vector {
    _mm256_xor_si256(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_16(vector: Vector) -> Vector {
    // Within each word, the byte two places up: whole bytes move.
    let places =
        _mm256_set_epi64x(0x0d0c_0f0e_0908_0b0a, 0x0504_0706_0100_0302, 0x0d0c_0f0e_0908_0b0a, 0x0504_0706_0100_0302);
    _mm256_shuffle_epi8(vector, places)
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_12(vector: Vector) -> Vector {
    _mm256_or_si256(_mm256_srli_epi32::<12>(vector), _mm256_slli_epi32::<20>(vector))
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_8(vector: Vector) -> Vector {
    // As above, one place.
    let places =
        _mm256_set_epi64x(0x0c0f_0e0d_080b_0a09, 0x0407_0605_0003_0201, 0x0c0f_0e0d_080b_0a09, 0x0407_0605_0003_0201);
    _mm256_shuffle_epi8(vector, places)
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_7(vector: Vector) -> Vector {
    _mm256_or_si256(_mm256_srli_epi32::<7>(vector), _mm256_slli_epi32::<25>(vector))
}
