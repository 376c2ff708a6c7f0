//! A state in a file, from which a follower begins instead of from genesis, and from which states of the past are made again.
//!
//! The file has the state after the last block of a final batch, with the commitment of that batch and the signature of
//! who made it. The signature says who is to blame; nothing in the file is believed for it: on import the state root is
//! computed from the leaves, and the commitment must be final in the settlement log, replayed from its beginning by
//! settlement's rules. So what is trusted is what a follower trusts anyway, and that settlement verified the batches
//! before.
//!
//! ```text
//! "weft/snapshot/v1" | head length (4) | head | leaves | codes | BLAKE3 of all before (32) | signature of it (65)
//! head   signed commitment (509) | block length (4), block | receipts length (4), receipts | leaves (8) | codes (8)
//! leaf   key length (1) | key | value (32)            in key order
//! code   length (4) | bytes
//! ```
//!
//! Integers are big-endian; block and receipts are as the store has them.

mod export;
mod head;
mod import;
mod read;
mod replay;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use weft_primitives::{B256, keccak256};

use crate::chain::ChainError;
use crate::store::StoreError;

pub use export::export;
pub use import::{Origin, import};
pub use replay::{ReplayError, replay};

/// Begins each file.
const MAGIC: &[u8; 16] = b"weft/snapshot/v1";

/// Longest head, in bytes: a block with its receipts.
const MAX_HEAD_BYTES: u32 = 256 << 20;

/// Longest code, in bytes: far above what a chain allows.
const MAX_CODE_BYTES: u32 = 1 << 20;

/// What a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The last batch whose blocks are in the state.
    pub batch: u64,
    /// Hash of its commitment.
    pub commitment: B256,
    /// Its last block.
    pub block: u64,
    /// State root after it.
    pub state_root: B256,
    /// Leaves of the state tree.
    pub leaves: u64,
    /// Codes.
    pub codes: u64,
    /// Who made the file.
    pub maker: weft_primitives::Address,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain cannot be opened.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Nothing to export.
    #[error("no batch is final here yet")]
    NothingFinal,
    /// Undo records do not reach back to the final block.
    #[error("the state of block {0}, the newest final one, is not kept any longer (history_blocks)")]
    TooOld(u64),
    /// There is something already.
    #[error("the data folder is not empty: a snapshot is imported into a new one")]
    NotEmpty,
    /// The file is damaged, or not what it says.
    #[error("the snapshot is not what it should be: {0}")]
    Wrong(&'static str),
    /// The log does not have its commitment, or not as final.
    #[error("commitment {commitment} of batch {batch} is not final in the settlement log")]
    NotFinal {
        /// The batch.
        batch: u64,
        /// In the file.
        commitment: B256,
    },
}

/// What is signed.
fn signing_hash(content: [u8; 32]) -> B256 {
    keccak256([&MAGIC[..], &content].concat())
}
