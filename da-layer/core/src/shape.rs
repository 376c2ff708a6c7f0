//! The shape of a block's matrix: codec, number of original rows, row length.
//!
//! Invariant: a [`Shape`] that exists is valid. `row_len` is the least multiple
//! of the codec's granule for which `k` rows hold `total_len` bytes, so codec,
//! `k` and `total_len` determine it and nothing can be hidden in a longer row.
//! Bytes between `total_len` and the end of the last original row are padding:
//! honest producers write zeros, and nobody else looks at them.

use crate::codec::CodecId;
use crate::limits::{DIGEST_BYTES, EXTENSION, GF8_K, MAX_GF8_PAYLOAD_BYTES, MAX_K, MAX_PAYLOAD_BYTES, MIN_GF16_K};
use crate::sampling::DEFAULT_SAMPLES;

/// Codec, rows and row length of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    codec: CodecId,
    k: u32,
    row_len: u32,
    total_len: u64,
}

/// Why codec, row count and lengths do not describe a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There is nothing to encode.
    #[error("a DA block cannot be empty")]
    Empty,
    /// The payload is above the limit of its codec.
    #[error("payload is {len_bytes} bytes, above the limit of {limit_bytes} for {codec:?}")]
    PayloadTooLarge {
        /// The codec.
        codec: CodecId,
        /// Length of the payload.
        len_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The codec does not work with this number of original rows.
    #[error("{k} original rows are not allowed for {codec:?}")]
    RowCount {
        /// The codec.
        codec: CodecId,
        /// Original rows.
        k: u32,
    },
    /// The row length is not the one that the other fields determine.
    #[error("row length is {found}, must be {expected}")]
    RowLength {
        /// What was stated.
        found: u32,
        /// What follows from the payload length.
        expected: u32,
    },
}

impl Shape {
    /// The shape with these parameters, if there is one.
    pub fn new(codec: CodecId, k: u32, total_len: u64) -> Result<Self, ShapeError> {
        if total_len == 0 {
            return Err(ShapeError::Empty);
        }
        let (allowed, limit_bytes) = match codec {
            CodecId::Gf8 => (k == GF8_K, MAX_GF8_PAYLOAD_BYTES),
            CodecId::Gf16 => (k.is_power_of_two() && (MIN_GF16_K..=MAX_K).contains(&k), MAX_PAYLOAD_BYTES),
        };
        if !allowed {
            return Err(ShapeError::RowCount { codec, k });
        }
        if total_len > limit_bytes {
            return Err(ShapeError::PayloadTooLarge { codec, len_bytes: total_len, limit_bytes });
        }
        let row_len = total_len.div_ceil(u64::from(k)).next_multiple_of(codec.granule_bytes() as u64);
        // At most MAX_PAYLOAD_BYTES / MIN_GF16_K, far below 2^32.
        Ok(Self { codec, k, row_len: row_len as u32, total_len })
    }

    /// As [`Shape::new`], for a row length that somebody states.
    pub fn checked(codec: CodecId, k: u32, row_len: u32, total_len: u64) -> Result<Self, ShapeError> {
        let shape = Self::new(codec, k, total_len)?;
        if shape.row_len != row_len {
            return Err(ShapeError::RowLength { found: row_len, expected: shape.row_len });
        }
        Ok(shape)
    }

    /// The shape that honest producers use: GF(2^8) up to 64 KiB, above it
    /// GF(2^16) with the row count for which a light client downloads least.
    pub fn for_payload(total_len: u64) -> Result<Self, ShapeError> {
        if total_len <= MAX_GF8_PAYLOAD_BYTES {
            return Self::new(CodecId::Gf8, GF8_K, total_len);
        }
        let mut best = Self::new(CodecId::Gf16, MIN_GF16_K, total_len)?;
        let mut k = MIN_GF16_K * 2;
        while k <= MAX_K {
            let shape = Self::new(CodecId::Gf16, k, total_len)?;
            if shape.light_client_bytes(DEFAULT_SAMPLES) < best.light_client_bytes(DEFAULT_SAMPLES) {
                best = shape;
            }
            k *= 2;
        }
        Ok(best)
    }

    /// The codec.
    pub const fn codec(&self) -> CodecId {
        self.codec
    }

    /// Number of original rows.
    pub const fn k(&self) -> usize {
        self.k as usize
    }

    /// Number of rows after extension, a power of two.
    pub const fn rows(&self) -> usize {
        self.k as usize * EXTENSION
    }

    /// Length of a row in bytes.
    pub const fn row_len(&self) -> usize {
        self.row_len as usize
    }

    /// Length of the payload in bytes, without padding.
    pub const fn total_len(&self) -> u64 {
        self.total_len
    }

    /// Length of all original rows in bytes: the payload with its padding.
    pub const fn originals_len(&self) -> usize {
        self.k() * self.row_len()
    }

    /// Length of all rows in bytes.
    pub const fn matrix_len(&self) -> usize {
        self.rows() * self.row_len()
    }

    /// Siblings in the path of a row.
    pub const fn path_len(&self) -> usize {
        self.rows().trailing_zeros() as usize
    }

    /// Bytes of one sampled row with its path.
    pub const fn sample_bytes(&self) -> u64 {
        (self.row_len() + self.path_len() * 32) as u64
    }

    /// Bytes that a light client downloads for a block beside the header:
    /// all digests and `samples` rows with their paths.
    pub const fn light_client_bytes(&self, samples: u32) -> u64 {
        (self.k() * DIGEST_BYTES) as u64 + samples as u64 * self.sample_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_payloads_use_the_byte_field() {
        let shape = Shape::for_payload(1).expect("valid");
        assert_eq!((shape.codec(), shape.k(), shape.row_len()), (CodecId::Gf8, 64, 16));
        let shape = Shape::for_payload(MAX_GF8_PAYLOAD_BYTES).expect("valid");
        assert_eq!((shape.codec(), shape.k(), shape.row_len()), (CodecId::Gf8, 64, 1024));
        let shape = Shape::for_payload(MAX_GF8_PAYLOAD_BYTES + 1).expect("valid");
        assert_eq!(shape.codec(), CodecId::Gf16);
    }

    #[test]
    fn chosen_row_count_is_the_cheapest_to_sample() {
        for exponent in 17..=27 {
            for total in [(1u64 << exponent) - 1, 1 << exponent] {
                let chosen = Shape::for_payload(total).expect("valid");
                for k in (6..=12).map(|bits| 1u32 << bits) {
                    let other = Shape::new(CodecId::Gf16, k, total).expect("valid");
                    assert!(chosen.light_client_bytes(DEFAULT_SAMPLES) <= other.light_client_bytes(DEFAULT_SAMPLES));
                }
            }
        }
        let eight_mib = Shape::for_payload(8 << 20).expect("valid");
        assert_eq!((eight_mib.k(), eight_mib.row_len()), (4096, 2048));
        assert_eq!(eight_mib.light_client_bytes(DEFAULT_SAMPLES), 127_936);
    }

    #[test]
    fn refusals() {
        assert_eq!(Shape::for_payload(0), Err(ShapeError::Empty));
        assert!(matches!(Shape::for_payload(MAX_PAYLOAD_BYTES + 1), Err(ShapeError::PayloadTooLarge { .. })));
        assert!(matches!(Shape::new(CodecId::Gf8, 32, 10), Err(ShapeError::RowCount { .. })));
        assert!(matches!(Shape::new(CodecId::Gf16, 96, 10), Err(ShapeError::RowCount { .. })));
        assert!(matches!(Shape::new(CodecId::Gf16, 8192, 10), Err(ShapeError::RowCount { .. })));
        assert!(matches!(
            Shape::checked(CodecId::Gf8, 64, 32, 10),
            Err(ShapeError::RowLength { found: 32, expected: 16 })
        ));
        let largest = Shape::for_payload(MAX_PAYLOAD_BYTES).expect("valid");
        assert_eq!((largest.k(), largest.row_len()), (4096, 32 * 1024));
    }
}
