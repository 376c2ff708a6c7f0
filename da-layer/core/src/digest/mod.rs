//! Certified encoding: the 16-byte digest of a row.
//!
//! Once the root of the row tree is fixed, coefficients are drawn from it, and
//! every row is collapsed to independent random linear functionals over the
//! code's own field: 16 over GF(2^8) or 8 over GF(2^16), 128 bits in all. The
//! code acts on each column of symbols alone and is linear over its field, so
//! it commutes with the collapse: the digests of all `4k` rows are the code's
//! extension of the `k` digests of the original rows, which the header commits
//! to. See the crate's documentation for what this proves.
//!
//! A digest is itself a row of the code: over GF(2^16) it holds 8 symbols in
//! the layout of a last chunk, 8 low bytes and then the 8 high bytes.
//!
//! The map is also linear over bits, so one byte at one position contributes
//! one of 256 fixed 16-byte values, whatever the field: most kernels work from
//! the images of the eight bits at each position. Over GF(2^16) the best works
//! in a tower field that the processor multiplies in. The definition is in
//! [`mod@reference`] and is the oracle of all.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod coefficients;
#[cfg(target_arch = "x86_64")]
mod gfni;
pub mod reference;
mod tables;
#[cfg(target_arch = "x86_64")]
mod tower;

use alloy_primitives::B256;
use rayon::prelude::*;

pub use coefficients::Coefficients;

use crate::codec::{CodecId, Geometry};
use crate::kernel::Kernel;
use crate::limits::{DIGEST_BYTES, EXTENSION};
use crate::schedule::Schedule;
use crate::shape::Shape;

/// Digest of one row.
pub type Digest = [u8; DIGEST_BYTES];

/// Contributions to the digest of the eight bits of a byte at one position.
type BitImages = [u128; 8];

/// Rows that a worker digests at least; below it, preparing tables costs more than using them.
const MIN_ROWS_PER_TASK: usize = 64;

/// Computes digests for the rows of one block.
#[derive(Clone)]
pub struct RowDigester(Way);

/// Coefficients as the kernel wants them. A vector way exists only where the processor has the instructions.
#[derive(Clone)]
enum Way {
    Tables(Vec<BitImages>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Vec<BitImages>),
    #[cfg(target_arch = "x86_64")]
    Tower(gfni::TowerCoefficients),
}

impl RowDigester {
    /// The digester of the block with this shape and row root.
    pub fn derive(shape: &Shape, row_root: B256) -> Self {
        Self::new(&Coefficients::derive(shape, row_root), Kernel::best())
    }

    /// The digester with these coefficients, on these instructions or on the best below that the processor has.
    pub fn new(coefficients: &Coefficients, kernel: Kernel) -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self(match (kernel.or_below(), coefficients.codec()) {
            (Kernel::Portable, _) => Way::Tables(coefficients.bit_images()),
            (Kernel::Avx512, CodecId::Gf16) => Way::Tower(gfni::TowerCoefficients::new(coefficients)),
            (Kernel::Avx2 | Kernel::Avx512, _) => Way::Avx2(coefficients.bit_images()),
        });
        #[cfg(not(target_arch = "x86_64"))]
        Self(match kernel {
            Kernel::Portable | Kernel::Avx2 | Kernel::Avx512 => Way::Tables(coefficients.bit_images()),
        })
    }

    /// Length of the rows it digests, in bytes.
    pub fn row_len(&self) -> usize {
        match &self.0 {
            Way::Tables(images) => images.len(),
            #[cfg(target_arch = "x86_64")]
            Way::Avx2(images) => images.len(),
            #[cfg(target_arch = "x86_64")]
            Way::Tower(coefficients) => coefficients.row_len(),
        }
    }

    /// Digest of one row. Bytes beyond the row length are ignored, missing ones count as zero.
    pub fn digest(&self, row: &[u8]) -> Digest {
        let sum = match &self.0 {
            Way::Tables(images) => tables::digest_one(images, row),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions, or it would be another way.
            Way::Avx2(images) => unsafe { avx2::digest_one(images, row) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Way::Tower(coefficients) => unsafe { gfni::digest_one(coefficients, row) },
        };
        sum.to_le_bytes()
    }

    /// Adds to each of `sums` the digest of its row.
    fn digest_many(&self, rows: &[u8], sums: &mut [u128]) {
        match &self.0 {
            Way::Tables(images) => tables::digest_many(images, rows, sums),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions, or it would be another way.
            Way::Avx2(images) => unsafe { avx2::digest_many(images, rows, sums) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Way::Tower(coefficients) => unsafe { gfni::digest_many(coefficients, rows, sums) },
        }
    }

    /// Digests of many rows, concatenated in `rows`.
    pub fn digest_rows(&self, rows: &[u8], schedule: Schedule) -> Vec<Digest> {
        let row_len = self.row_len();
        let count = rows.len() / row_len;
        let mut digests = vec![[0; DIGEST_BYTES]; count];
        let part = |(digests, rows): (&mut [Digest], &[u8])| {
            let mut sums = vec![0; digests.len()];
            self.digest_many(rows, &mut sums);
            digests.iter_mut().zip(sums).for_each(|(digest, sum)| *digest = sum.to_le_bytes());
        };
        match schedule {
            Schedule::Sequential => part((&mut digests, rows)),
            Schedule::Parallel => {
                let rows_per_task = count.div_ceil(2 * rayon::current_num_threads()).max(MIN_ROWS_PER_TASK);
                digests.par_chunks_mut(rows_per_task).zip(rows.par_chunks(rows_per_task * row_len)).for_each(part);
            }
        }
        digests
    }
}

/// The digests of all `4k` rows, from those of the `k` original rows.
pub fn extend_digests(codec: CodecId, digests: &[Digest]) -> Vec<Digest> {
    let mut all = vec![[0; DIGEST_BYTES]; digests.len() * EXTENSION];
    let (originals, parity) = all.split_at_mut(digests.len());
    originals.copy_from_slice(digests);
    let geometry = Geometry { k: digests.len(), row_len: DIGEST_BYTES };
    codec
        .codec()
        .extend(geometry, originals.as_flattened(), parity.as_flattened_mut(), Schedule::Sequential)
        .expect("a digest is a row of the code and k comes from a valid shape");
    all
}

#[cfg(test)]
mod tests;
