//! The code by `reed-solomon-simd`: on every processor, and the oracle of the vector kernels.

use reed_solomon_simd::{Error, ReedSolomonDecoder, ReedSolomonEncoder};

use super::super::stripes;
use super::super::{CodecError, Geometry, IndexedRow};
use crate::limits::EXTENSION;
use crate::schedule::Schedule;

/// Columns coded in one call. The transform of 4096 rows then works on a few
/// megabytes; narrower stripes lose to copying, wider ones to cache misses.
const EXTEND_STRIPE_BYTES: usize = 512;

/// A decoding call evaluates a polynomial over the whole field once, however
/// narrow its stripe; wider stripes spread that cost.
const RESTORE_STRIPE_BYTES: usize = 1024;

impl From<Error> for CodecError {
    fn from(error: Error) -> Self {
        Self::Library(error.to_string())
    }
}

/// Fills `parity`; lengths are checked.
pub(super) fn extend(
    geometry: Geometry,
    originals: &[u8],
    parity: &mut [u8],
    schedule: Schedule,
) -> Result<(), CodecError> {
    let Geometry { k, row_len } = geometry;
    stripes::run(parity, row_len, EXTEND_STRIPE_BYTES, schedule, |mut stripe| {
        let mut encoder = ReedSolomonEncoder::new(k, k * (EXTENSION - 1), stripe.columns.len())?;
        for row in originals.chunks_exact(row_len) {
            encoder.add_original_shard(&row[stripe.columns.clone()])?;
        }
        for (row, source) in encoder.encode()?.recovery_iter().enumerate() {
            stripe.part(row).copy_from_slice(source);
        }
        Ok(())
    })
}

/// Fills the originals that are not among the `k` rows `picked`; lengths are checked.
pub(super) fn restore(
    geometry: Geometry,
    picked: &[IndexedRow<'_>],
    originals: &mut [u8],
    schedule: Schedule,
) -> Result<(), CodecError> {
    let Geometry { k, row_len } = geometry;
    stripes::run(originals, row_len, RESTORE_STRIPE_BYTES, schedule, |mut stripe| {
        let mut decoder = ReedSolomonDecoder::new(k, k * (EXTENSION - 1), stripe.columns.len())?;
        for (index, row) in picked {
            let part = &row[stripe.columns.clone()];
            match (*index as usize).checked_sub(k) {
                None => decoder.add_original_shard(*index as usize, part)?,
                Some(parity_index) => decoder.add_recovery_shard(parity_index, part)?,
            }
        }
        for (index, part) in decoder.decode()?.restored_original_iter() {
            stripe.part(index).copy_from_slice(part);
        }
        Ok(())
    })
}
