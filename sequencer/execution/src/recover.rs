//! Recovering the senders of many transactions at once.

use alloy_primitives::Bytes;
use rayon::prelude::*;
use weft_primitives::Transaction;
use weft_primitives::transaction::TransactionError;

/// Decodes and recovers all, on all threads. The first that fails in order decides the error, with its position.
pub fn recover_all(raw: &[Bytes], chain_id: u64) -> Result<Vec<Transaction>, (usize, TransactionError)> {
    let mut results: Vec<_> = raw.par_iter().map(|raw| Transaction::decode(raw.clone(), chain_id)).collect();
    match results.iter().position(Result::is_err) {
        Some(at) => match results.swap_remove(at) {
            Err(error) => Err((at, error)),
            Ok(_) => unreachable!("position found an error there"),
        },
        None => Ok(results.into_iter().flatten().collect()),
    }
}
