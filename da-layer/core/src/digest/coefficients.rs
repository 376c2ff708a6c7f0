//! Coefficients of the row digests, drawn by BLAKE3 from everything that the rows are fixed by.
//!
//! One 16-byte group for each symbol of a row: over GF(2^8) sixteen elements,
//! over GF(2^16) eight little-endian elements, one for each functional. The
//! stream is BLAKE3's extendable output in key derivation mode over
//! `codec (1) || k (4) || row_len (4) || row_root (32)`, big-endian, so they
//! are fixed only after every row is.

use alloy_primitives::B256;

use super::{BitImages, reference};
use crate::codec::CodecId;
use crate::hash::COEFFICIENTS_CONTEXT;
use crate::limits::DIGEST_BYTES;
use crate::shape::Shape;

/// The coefficients of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coefficients {
    codec: CodecId,
    groups: Vec<[u8; DIGEST_BYTES]>,
}

impl Coefficients {
    /// Draws the coefficients of the block with this shape and row root.
    pub fn derive(shape: &Shape, row_root: B256) -> Self {
        let symbols = match shape.codec() {
            CodecId::Gf8 => shape.row_len(),
            CodecId::Gf16 => shape.row_len() / 2,
        };
        let mut groups = vec![[0; DIGEST_BYTES]; symbols];
        blake3::Hasher::new_derive_key(COEFFICIENTS_CONTEXT)
            .update(&[shape.codec().as_byte()])
            .update(&(shape.k() as u32).to_be_bytes())
            .update(&(shape.row_len() as u32).to_be_bytes())
            .update(row_root.as_slice())
            .finalize_xof()
            .fill(groups.as_flattened_mut());
        Self { codec: shape.codec(), groups }
    }

    /// The code over whose field they are.
    pub const fn codec(&self) -> CodecId {
        self.codec
    }

    /// One group for each symbol of a row.
    pub fn groups(&self) -> &[[u8; DIGEST_BYTES]] {
        &self.groups
    }

    /// What each bit of each byte of a row adds to the digest.
    pub(super) fn bit_images(&self) -> Vec<BitImages> {
        match self.codec {
            CodecId::Gf8 => self.groups.iter().map(gf8_images).collect(),
            CodecId::Gf16 => {
                let mut images = vec![[0; 8]; self.groups.len() * 2];
                let logs: [u16; 16] = std::array::from_fn(|bit| reference::gf16_log(1 << bit));
                for (symbol, group) in self.groups.iter().enumerate() {
                    let [low, high] = gf16_images(group, &logs);
                    let (low_at, high_at) = reference::gf16_symbol_position(symbol);
                    images[low_at] = low;
                    images[high_at] = high;
                }
                images
            }
        }
    }
}

fn gf8_images(group: &[u8; DIGEST_BYTES]) -> BitImages {
    std::array::from_fn(|bit| u128::from_le_bytes(group.map(|coefficient| reference::gf8_mul(coefficient, 1 << bit))))
}

/// Images of the bits of the low and of the high byte of one symbol.
fn gf16_images(group: &[u8; DIGEST_BYTES], bit_logs: &[u16; 16]) -> [BitImages; 2] {
    let mut images = [[0u8; DIGEST_BYTES]; 16];
    for (functional, pair) in group.as_chunks::<2>().0.iter().enumerate() {
        let coefficient = u16::from_le_bytes(*pair);
        for (image, log) in images.iter_mut().zip(bit_logs) {
            let [low, high] = reference::gf16_mul_log(coefficient, *log).to_le_bytes();
            image[functional] = low;
            image[functional + 8] = high;
        }
    }
    let image = |bit: usize| u128::from_le_bytes(images[bit]);
    [std::array::from_fn(image), std::array::from_fn(|bit| image(bit + 8))]
}
