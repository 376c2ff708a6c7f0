//! The Leopard-type code over GF(2^16), computed by `reed-solomon-simd`.

use reed_solomon_simd::{Error, ReedSolomonDecoder, ReedSolomonEncoder};

use super::stripes::{self, Stripe};
use super::{Codec, CodecError, Geometry, IndexedRow, pick, place_originals};
use crate::limits::EXTENSION;
use crate::schedule::Schedule;

/// Columns coded in one call. The transform of 4096 rows then works on a few
/// megabytes; narrower stripes lose to copying, wider ones to cache misses.
const EXTEND_STRIPE_BYTES: usize = 512;

/// A decoding call evaluates a polynomial over the whole field once, however
/// narrow its stripe; wider stripes spread that cost.
const RESTORE_STRIPE_BYTES: usize = 1024;

pub(super) struct Gf16;

impl From<Error> for CodecError {
    fn from(error: Error) -> Self {
        Self::Library(error.to_string())
    }
}

impl Codec for Gf16 {
    fn extend(
        &self,
        geometry: Geometry,
        originals: &[u8],
        parity: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        let Geometry { k, row_len } = geometry;
        let parity_rows = k * (EXTENSION - 1);
        if row_len == 0 || originals.len() != k * row_len || parity.len() != parity_rows * row_len {
            return Err(CodecError::Length);
        }
        let work = |encoder: &mut Option<ReedSolomonEncoder>, stripe: Stripe<'_>| {
            let width = stripe.columns.len();
            let encoder = match encoder {
                Some(encoder) => {
                    encoder.reset(k, parity_rows, width)?;
                    encoder
                }
                None => encoder.insert(ReedSolomonEncoder::new(k, parity_rows, width)?),
            };
            for row in originals.chunks_exact(row_len) {
                encoder.add_original_shard(&row[stripe.columns.clone()])?;
            }
            let result = encoder.encode()?;
            for (target, source) in stripe.targets.into_iter().zip(result.recovery_iter()) {
                target.copy_from_slice(source);
            }
            Ok(())
        };
        stripes::run(stripes::cut(parity, row_len, EXTEND_STRIPE_BYTES), schedule, || None, work)
    }

    fn restore(
        &self,
        geometry: Geometry,
        rows: &[IndexedRow<'_>],
        originals: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        let Geometry { k, row_len } = geometry;
        let picked = pick(geometry, rows, originals.len())?;
        place_originals(geometry, &picked, originals);
        if picked.iter().all(|(index, _)| (*index as usize) < k) {
            return Ok(());
        }
        let work = |decoder: &mut Option<ReedSolomonDecoder>, mut stripe: Stripe<'_>| {
            let width = stripe.columns.len();
            let parity_rows = k * (EXTENSION - 1);
            let decoder = match decoder {
                Some(decoder) => {
                    decoder.reset(k, parity_rows, width)?;
                    decoder
                }
                None => decoder.insert(ReedSolomonDecoder::new(k, parity_rows, width)?),
            };
            for (index, row) in &picked {
                let part = &row[stripe.columns.clone()];
                match (*index as usize).checked_sub(k) {
                    None => decoder.add_original_shard(*index as usize, part)?,
                    Some(parity_index) => decoder.add_recovery_shard(parity_index, part)?,
                }
            }
            let result = decoder.decode()?;
            for (index, part) in result.restored_original_iter() {
                stripe.targets[index].copy_from_slice(part);
            }
            Ok(())
        };
        stripes::run(stripes::cut(originals, row_len, RESTORE_STRIPE_BYTES), schedule, || None, work)
    }
}
