//! The matrix code over GF(2^8), computed by `reed-solomon-erasure`: best for small blocks.

use std::sync::LazyLock;

use reed_solomon_erasure::galois_8::ReedSolomon;

use super::stripes;
use super::{Codec, CodecError, Geometry, IndexedRow, pick, place_originals};
use crate::limits::{EXTENSION, GF8_K};
use crate::schedule::Schedule;

/// Columns coded in one call: a quarter of the longest row.
const EXTEND_STRIPE_BYTES: usize = 256;

/// Decoding inverts a 64 x 64 matrix for a new pattern of lost rows; one
/// stripe for the longest row, so that it happens once.
const RESTORE_STRIPE_BYTES: usize = 1024;

/// The generator matrix; `None` cannot be, 64 + 192 is what the field holds.
static CODE: LazyLock<Option<ReedSolomon>> =
    LazyLock::new(|| ReedSolomon::new(GF8_K as usize, GF8_K as usize * (EXTENSION - 1)).ok());

pub(super) struct Gf8;

impl From<reed_solomon_erasure::Error> for CodecError {
    fn from(error: reed_solomon_erasure::Error) -> Self {
        Self::Library(error.to_string())
    }
}

fn code() -> Result<&'static ReedSolomon, CodecError> {
    CODE.as_ref().ok_or_else(|| CodecError::Library("no generator matrix".into()))
}

impl Codec for Gf8 {
    fn extend(
        &self,
        geometry: Geometry,
        originals: &[u8],
        parity: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        let Geometry { k, row_len } = geometry;
        let fits = originals.len() == k * row_len && parity.len() == originals.len() * (EXTENSION - 1);
        if k != GF8_K as usize || row_len == 0 || !fits {
            return Err(CodecError::Length);
        }
        let code = code()?;
        stripes::run(parity, row_len, EXTEND_STRIPE_BYTES, schedule, |mut stripe| {
            let sources: Vec<&[u8]> = originals.chunks_exact(row_len).map(|row| &row[stripe.columns.clone()]).collect();
            Ok(code.encode_sep(&sources, &mut stripe.targets())?)
        })
    }

    fn restore(
        &self,
        geometry: Geometry,
        rows: &[IndexedRow<'_>],
        originals: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        let Geometry { k, row_len } = geometry;
        if k != GF8_K as usize {
            return Err(CodecError::Length);
        }
        let picked = pick(geometry, rows, originals.len())?;
        place_originals(geometry, &picked, originals);
        let code = code()?;
        stripes::run(originals, row_len, RESTORE_STRIPE_BYTES, schedule, |mut stripe| {
            let mut shards: Vec<Option<Vec<u8>>> = vec![None; k * EXTENSION];
            for (index, row) in &picked {
                shards[*index as usize] = Some(row[stripe.columns.clone()].to_vec());
            }
            code.reconstruct_data(&mut shards)?;
            for (target, shard) in stripe.targets().into_iter().zip(shards) {
                target.copy_from_slice(&shard.ok_or_else(|| CodecError::Library("a row was not restored".into()))?);
            }
            Ok(())
        })
    }
}
