//! How many bytes a transaction takes on the DA layer, beside the record among rollups: an OP span batch compressed by
//! brotli at level 10.
//!
//! Both encode the same transactions in the same blocks. Signatures, and addresses that were not seen before, are noise
//! that nobody can shrink; what is compared is the rest.

mod real;
pub mod span;
pub mod traffic;

use std::path::Path;

use weft_primitives::batch::{Batch, BatchEncodeError, Level};

use crate::row::Row;

pub use real::{RealError, read};

/// What ours is compared with.
const BASELINE: &str = "OP span batch, brotli level 10";

/// Transactions of a made-up batch.
const TRANSACTIONS: usize = 6_000;

/// Transactions of a small one.
const FEW: usize = 500;

/// Why a size is not known.
#[derive(Debug, thiserror::Error)]
pub enum SizeError {
    /// Ours.
    #[error(transparent)]
    Encode(#[from] BatchEncodeError),
    /// Theirs.
    #[error(transparent)]
    Span(#[from] span::SpanError),
    /// Real transactions cannot be read.
    #[error(transparent)]
    Real(#[from] RealError),
    /// What was decoded is not what was encoded: no figure counts.
    #[error("{0}: the batch does not decode to its transactions")]
    Different(String),
}

/// Bytes a transaction of made-up batches whose row name contains `only`.
pub fn made_up(only: &str, mut tell: impl FnMut(Row)) -> Result<(), SizeError> {
    for (kind, name) in [(traffic::Kind::Eth, "eth"), (traffic::Kind::Erc20, "erc20")] {
        for (count, name) in [(TRANSACTIONS, format!("batch_bytes_{name}")), (FEW, format!("batch_bytes_{name}_few"))] {
            if name.contains(only) {
                tell(row(&name, &traffic::batch(kind, count))?);
            }
        }
    }
    Ok(())
}

/// Bytes a transaction of the real blocks in a folder, all in one batch.
pub fn real(name: &str, folder: &Path) -> Result<Row, SizeError> {
    row(name, &read(folder)?)
}

fn row(name: &str, batch: &Batch) -> Result<Row, SizeError> {
    let bytes = batch.encode(Level::SMALLEST)?;
    if Batch::decode(&bytes).as_ref() != Ok(batch) {
        return Err(SizeError::Different(name.to_owned()));
    }
    let count = batch.blocks.iter().map(|block| block.transactions.len()).sum::<usize>().max(1);
    let [ours, theirs] = [bytes.len(), span::channel(batch)?.len()].map(|len| len as f64 / count as f64);
    Ok(Row::compared(name, ours, "B", BASELINE, theirs, theirs / ours, 1))
}
