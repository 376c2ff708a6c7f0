//! Eight lanes, on AVX2.

use std::arch::x86_64::*;

use crate::columns::columns;
use crate::compress::compress;
use crate::flags::{CHUNK_END, CHUNK_START, KEYED, PARENT, ROOT};
use crate::keyed::hashes;
use crate::keyed::x86::{AHEAD, CHUNK, DEPTH, MAX_LEN};
use crate::{BLOCK, Hash};

pub(crate) const LANES: usize = 8;

type Vector = __m256i;

#[target_feature(enable = "avx2")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm256_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(words: &[u32; LANES]) -> Vector {
    // SAFETY: `words` is 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(vector: Vector) -> [u32; LANES] {
    let mut words = [0; LANES];
    // SAFETY: `words` is 32 writable bytes.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
    words
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
fn right_16(a: Vector) -> Vector {
    let order = _mm256_setr_epi8(
        2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
    );
    _mm256_shuffle_epi8(a, order)
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_12(a: Vector) -> Vector {
    _mm256_or_si256(_mm256_srli_epi32::<12>(a), _mm256_slli_epi32::<20>(a))
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_8(a: Vector) -> Vector {
    let order = _mm256_setr_epi8(
        1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,
    );
    _mm256_shuffle_epi8(a, order)
}

#[target_feature(enable = "avx2")]
#[inline]
fn right_7(a: Vector) -> Vector {
    _mm256_or_si256(_mm256_srli_epi32::<7>(a), _mm256_slli_epi32::<25>(a))
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
#[target_feature(enable = "avx2")]
#[inline]
fn words(inputs: &[u8], stride: usize, at: usize) -> [Vector; 16] {
    assert!(inputs.len() >= (LANES - 1) * stride + at + BLOCK, "block at {at} of {stride}");
    let mut out = [splat(0); 16];
    for (half, out) in out.chunks_exact_mut(LANES).enumerate() {
        let mut rows = [splat(0); LANES];
        for (lane, row) in rows.iter_mut().enumerate() {
            // SAFETY: half of a block that lies within the input of this lane, as was just checked.
            *row = unsafe { _mm256_loadu_si256(inputs.as_ptr().add(lane * stride + at + half * BLOCK / 2).cast()) };
        }
        out.copy_from_slice(&transpose(rows));
    }
    out
}

/// Eight words of eight inputs.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose(rows: [Vector; LANES]) -> [Vector; LANES] {
    let mut pairs = [splat(0); LANES];
    for at in 0..4 {
        pairs[2 * at] = _mm256_unpacklo_epi32(rows[2 * at], rows[2 * at + 1]);
        pairs[2 * at + 1] = _mm256_unpackhi_epi32(rows[2 * at], rows[2 * at + 1]);
    }
    // Half `h` of `quads[4 g + n]` is word `4 h + n` of inputs `4 g..4 g + 4`.
    let mut quads = [splat(0); LANES];
    for at in 0..2 {
        let [a, b, c, d] = [pairs[4 * at], pairs[4 * at + 1], pairs[4 * at + 2], pairs[4 * at + 3]];
        quads[4 * at] = _mm256_unpacklo_epi64(a, c);
        quads[4 * at + 1] = _mm256_unpackhi_epi64(a, c);
        quads[4 * at + 2] = _mm256_unpacklo_epi64(b, d);
        quads[4 * at + 3] = _mm256_unpackhi_epi64(b, d);
    }
    let mut out = [splat(0); LANES];
    for n in 0..4 {
        out[n] = _mm256_permute2x128_si256::<0x20>(quads[n], quads[4 + n]);
        out[4 + n] = _mm256_permute2x128_si256::<0x31>(quads[n], quads[4 + n]);
    }
    out
}

compress!("avx2");
hashes!("avx2");
columns!("avx2");
