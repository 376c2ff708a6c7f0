//! What a sequencer keeps, in layers: a narrow key-value store ([`Kv`]) on RocksDB or in memory, and the chain's
//! records over it ([`ChainStore`]).
//!
//! Everything that must move together is one list of writes, applied at once
//! or not at all.

mod accounts;
mod chain;
mod derived;
mod kept_log;
mod keys;
mod leaves;
pub mod log_bits;
mod memory;
mod pinned;
pub mod records;
mod rewind;
mod rocks;
#[cfg(test)]
mod tests;
mod withdrawals;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

pub use accounts::{AccountTransactions, Kinds, Place};
pub use chain::{ChainStore, LogNews, NewBlock};
pub use derived::{Imported, ViewNews};
pub use kept_log::SignedHead;
pub use keys::Family;
pub use memory::MemoryKv;
pub use records::{BatchRecord, BatchStage, Head, LogState, PostingKey, Rewind, StoredBlock};
pub use rewind::Replaced;
pub use rocks::RocksKv;
pub use withdrawals::ProvedWithdrawal;

/// Key and value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// One change of one key; without a value the key is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which kind of key.
    pub family: Family,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Option<Vec<u8>>,
}

/// Why the store cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed; what it was asked to write may or may not be there.
    #[error("database: {0}")]
    Database(#[from] rocksdb::Error),
    /// The folder cannot be used.
    #[error("data folder {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// What is on disk is not what was written.
    #[error("stored {what} is damaged")]
    Damaged {
        /// Which record.
        what: &'static str,
    },
    /// The data belongs to another chain.
    #[error("the data folder belongs to another chain (its genesis block is {stored}, the genesis file's is {wanted})")]
    ForeignChain {
        /// Genesis hash on disk.
        stored: weft_primitives::B256,
        /// Genesis hash of the configuration.
        wanted: weft_primitives::B256,
    },
    /// Leaves of the state, which the tree has not in memory.
    #[error(transparent)]
    State(#[from] weft_state::StoredError),
}

/// Is shown a key and its value; says whether to go on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Ordered keys in families, to be read.
pub trait KvView: Send + Sync + 'static {
    /// One value.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Shows the pairs from the key `from` on, in key order.
    fn walk(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError>;
    /// All of it as it is now, whatever is written later.
    fn pin(&self) -> Arc<dyn KvView>;
    /// Up to `limit` pairs from the key `from` on, in key order.
    fn scan(&self, family: Family, from: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let mut pairs = Vec::new();
        if limit > 0 {
            self.walk(family, from, &mut |key, value| {
                pairs.push((key.to_vec(), value.to_vec()));
                if pairs.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        Ok(pairs)
    }
}

/// Ordered keys in families.
pub trait Kv: KvView {
    /// All writes or none. With `durable`, they survive a crash once this returns.
    fn write(&self, writes: Vec<Write>, durable: bool) -> Result<(), StoreError>;
    /// The pair with the greatest key.
    fn last(&self, family: Family) -> Result<Option<Pair>, StoreError>;
}
