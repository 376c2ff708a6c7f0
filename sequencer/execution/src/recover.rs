//! Recovering the senders of many transactions at once: 97 % of a plain transfer's cost.

use std::collections::VecDeque;

use alloy_primitives::Bytes;
use rayon::prelude::*;
use weft_primitives::Transaction;
use weft_primitives::transaction::TransactionError;

/// Transactions recovered ahead of their execution: enough for all threads, whatever the size of the blocks.
const WINDOW: usize = 4_096;

/// Decodes and recovers all, on all threads, in order. The same as one by one, whatever the number of threads.
pub fn recover_each(raw: &[Bytes], chain_id: u64) -> Vec<Result<Transaction, TransactionError>> {
    raw.par_iter().map(|raw| Transaction::decode(raw.clone(), chain_id)).collect()
}

/// Decodes and recovers all, on all threads. The first that fails in order decides the error, with its position.
pub fn recover_all(raw: &[Bytes], chain_id: u64) -> Result<Vec<Transaction>, (usize, TransactionError)> {
    let results = recover_each(raw, chain_id).into_iter().enumerate();
    results.map(|(at, result)| result.map_err(|error| (at, error))).collect()
}

/// Transactions in order, or why they have no sender.
pub type Recovered = VecDeque<Result<Transaction, TransactionError>>;

/// [`recover_each`] in windows, so that other work of the same threads gets its turn.
pub(crate) fn recover_windows(raw: impl Iterator<Item = Bytes>, chain_id: u64) -> Recovered {
    Recovery::new(raw, chain_id).collect()
}

/// Transactions of many blocks, recovered a window ahead.
pub(crate) struct Recovery<I> {
    raw: I,
    chain_id: u64,
    ready: Recovered,
}

impl<I: Iterator<Item = Bytes>> Recovery<I> {
    pub(crate) fn new(raw: I, chain_id: u64) -> Self {
        Self { raw, chain_id, ready: VecDeque::new() }
    }
}

impl<I: Iterator<Item = Bytes>> Recovery<std::iter::Skip<I>> {
    /// Of which the first are there already.
    pub(crate) fn ahead(ready: Recovered, raw: I, chain_id: u64) -> Self {
        Self { raw: raw.skip(ready.len()), chain_id, ready }
    }
}

impl<I: Iterator<Item = Bytes>> Iterator for Recovery<I> {
    type Item = Result<Transaction, TransactionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let window: Vec<Bytes> = self.raw.by_ref().take(WINDOW).collect();
            self.ready = recover_each(&window, self.chain_id).into();
        }
        self.ready.pop_front()
    }
}
