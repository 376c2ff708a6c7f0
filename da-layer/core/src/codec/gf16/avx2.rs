//! The transform on AVX2: 32 symbols of a row at a time.
//!
//! A byte of a product by a constant of GF(2^16) is the sum of four values, one
//! for each half byte, which shuffles look up for 32 symbols at once.

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm_sfence, _mm256_and_si256, _mm256_broadcastsi128_si256,
    _mm256_load_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_srli_epi16, _mm256_store_si256, _mm256_storeu_si256, _mm256_stream_si256, _mm256_xor_si256,
};

use super::super::Geometry;
use super::super::stripes::Stripe;
use super::factors::{TWIDDLES, factors};
use super::layers::{LOW, layers, padded};
use super::transform::{gather, scatter, transform};
use crate::limits::EXTENSION;

/// Bytes of a row in a stripe: one chunk of the layout.
pub(super) const WIDTH: usize = 64;

/// Low and high bytes of the symbols of one row.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Block {
    low: [u8; 32],
    high: [u8; 32],
}

impl Block {
    const ZERO: Self = Self { low: [0; 32], high: [0; 32] };
}

/// A [`Block`] in registers.
type Symbols = (__m256i, __m256i);

/// For each half byte of a symbol, lowest first, what its values add to the low and to the high byte of the product, a
/// byte for each value.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Factor([[u128; 2]; 4]);

/// A [`Factor`] where it lies: more than the registers hold.
type Ready<'a> = &'a Factor;

impl Factor {
    const ZERO: Self = Self([[0; 2]; 4]);

    const fn new(images: &[u16; 16]) -> Self {
        let mut factor = Self::ZERO;
        let mut at = 0;
        // Each value of each half byte, by each of its bits.
        while at < 4 * 16 * 4 {
            let (half, value, bit) = (at / 64, at / 4 % 16, at % 4);
            if value >> bit & 1 == 1 {
                let [low, high] = images[4 * half + bit].to_le_bytes();
                factor.0[half][0] ^= (low as u128) << (8 * value);
                factor.0[half][1] ^= (high as u128) << (8 * value);
            }
            at += 1;
        }
        factor
    }

    const fn plus(self, other: Self) -> Self {
        let mut sum = self;
        let mut half = 0;
        while half < 4 {
            sum.0[half][0] ^= other.0[half][0];
            sum.0[half][1] ^= other.0[half][1];
            half += 1;
        }
        sum
    }
}

#[inline]
fn ready(factor: &Factor) -> Ready<'_> {
    factor
}

#[target_feature(enable = "avx2")]
#[inline]
fn zero() -> Symbols {
    (_mm256_setzero_si256(), _mm256_setzero_si256())
}

#[target_feature(enable = "avx2")]
#[inline]
fn plus(a: Symbols, b: Symbols) -> Symbols {
    (_mm256_xor_si256(a.0, b.0), _mm256_xor_si256(a.1, b.1))
}

/// `a + b * factor`.
#[target_feature(enable = "avx2")]
#[inline]
fn plus_product(a: Symbols, b: Symbols, factor: Ready<'_>) -> Symbols {
    let mask = _mm256_set1_epi8(15);
    let halves = [
        _mm256_and_si256(b.0, mask),
        _mm256_and_si256(_mm256_srli_epi16::<4>(b.0), mask),
        _mm256_and_si256(b.1, mask),
        _mm256_and_si256(_mm256_srli_epi16::<4>(b.1), mask),
    ];
    let (mut low, mut high) = a;
    for (half, [low_table, high_table]) in halves.iter().zip(&factor.0) {
        low = _mm256_xor_si256(low, _mm256_shuffle_epi8(broadcast(low_table), *half));
        high = _mm256_xor_si256(high, _mm256_shuffle_epi8(broadcast(high_table), *half));
    }
    (low, high)
}

#[target_feature(enable = "avx2")]
#[inline]
fn broadcast(table: &u128) -> __m256i {
    // SAFETY: `table` is 16 readable bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(std::ptr::from_ref(table).cast()) })
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(block: &Block) -> Symbols {
    // SAFETY: both halves are 32 readable bytes at a multiple of 32.
    unsafe { (_mm256_load_si256(block.low.as_ptr().cast()), _mm256_load_si256(block.high.as_ptr().cast())) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(block: &mut Block, symbols: Symbols) {
    // SAFETY: both halves are 32 writable bytes at a multiple of 32.
    unsafe {
        _mm256_store_si256(block.low.as_mut_ptr().cast(), symbols.0);
        _mm256_store_si256(block.high.as_mut_ptr().cast(), symbols.1);
    }
}

/// From a row's bytes: a stripe or, at the row's end, less.
#[target_feature(enable = "avx2")]
#[inline]
fn read(part: &[u8]) -> Symbols {
    if part.len() != WIDTH {
        let mut block = Block::ZERO;
        gather(part, &mut block.low, &mut block.high);
        return load(&block);
    }
    // SAFETY: `part` is 64 readable bytes: 32 low bytes, then 32 high bytes.
    unsafe { (_mm256_loadu_si256(part.as_ptr().cast()), _mm256_loadu_si256(part.as_ptr().add(32).cast())) }
}

/// To a row's bytes: the reverse of [`read`]. A whole line goes past the caches: the next to read it comes much later.
#[target_feature(enable = "avx2")]
#[inline]
fn write(part: &mut [u8], symbols: Symbols) {
    if part.len() != WIDTH {
        let mut block = Block::ZERO;
        store(&mut block, symbols);
        return scatter(&block.low, &block.high, part);
    }
    let target = part.as_mut_ptr();
    // SAFETY: `part` is 64 writable bytes; the streaming stores are for multiples of 32.
    unsafe {
        if target.addr().is_multiple_of(64) {
            _mm256_stream_si256(target.cast(), symbols.0);
            _mm256_stream_si256(target.add(32).cast(), symbols.1);
        } else {
            _mm256_storeu_si256(target.cast(), symbols.0);
            _mm256_storeu_si256(target.add(32).cast(), symbols.1);
        }
    }
}

/// Makes what [`write`] stored past the caches visible to other threads as other stores are.
#[inline]
fn fence() {
    // SAFETY: every x86-64 processor has it.
    unsafe { _mm_sfence() }
}

#[inline]
fn prefetch(part: &[u8]) {
    // SAFETY: a prefetch reads nothing, and the line is readable.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(part.as_ptr().cast()) };
}

factors!();
layers!("avx2");
transform!("avx2");
