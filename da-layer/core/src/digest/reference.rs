//! The definition of the digest, over the fields of the two codes, one symbol at a time.
//!
//! Slow and plain: the oracle of the kernels and the text that another
//! implementation follows. GF(2^16) is the field of the code itself.

use reed_solomon_erasure::galois_8;

use super::{Coefficients, Digest};
use crate::codec::CodecId;
use crate::field;
use crate::limits::DIGEST_BYTES;

/// Product in GF(2^8) mod 0x11D.
pub fn gf8_mul(a: u8, b: u8) -> u8 {
    galois_8::mul(a, b)
}

/// Logarithm of a nonzero element of the code's GF(2^16).
pub fn gf16_log(element: u16) -> u16 {
    field::log(element)
}

/// Product of `a` and the element whose logarithm is `log_b`.
pub fn gf16_mul_log(a: u16, log_b: u16) -> u16 {
    field::mul_log(a, log_b)
}

/// Product in the code's GF(2^16).
pub fn gf16_mul(a: u16, b: u16) -> u16 {
    if b == 0 { 0 } else { gf16_mul_log(a, gf16_log(b)) }
}

/// Where the low and the high byte of a GF(2^16) symbol lie in a row.
pub const fn gf16_symbol_position(symbol: usize) -> (usize, usize) {
    let low = symbol / 32 * 64 + symbol % 32;
    (low, low + 32)
}

/// Digest of `row` by definition: for each functional the sum over all symbols
/// of coefficient times symbol. Rows of another length than the coefficients' count as zero-padded.
pub fn digest(coefficients: &Coefficients, row: &[u8]) -> Digest {
    let byte = |at: usize| row.get(at).copied().unwrap_or(0);
    let mut digest = [0; DIGEST_BYTES];
    match coefficients.codec() {
        CodecId::Gf8 => {
            for (at, group) in coefficients.groups().iter().enumerate() {
                for (sum, coefficient) in digest.iter_mut().zip(group) {
                    *sum ^= gf8_mul(*coefficient, byte(at));
                }
            }
        }
        CodecId::Gf16 => {
            for (symbol, group) in coefficients.groups().iter().enumerate() {
                let (low_at, high_at) = gf16_symbol_position(symbol);
                let value = u16::from_le_bytes([byte(low_at), byte(high_at)]);
                for (functional, pair) in group.as_chunks::<2>().0.iter().enumerate() {
                    let [low, high] = gf16_mul(u16::from_le_bytes(*pair), value).to_le_bytes();
                    digest[functional] ^= low;
                    digest[functional + 8] ^= high;
                }
            }
        }
    }
    digest
}
