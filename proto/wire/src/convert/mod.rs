//! From wire to domain and back. What a peer sends is checked here once.

mod bridge;
mod commitment;
mod custody;
mod da;
mod field;
mod light;
mod sequencer;
mod settlement;
#[cfg(test)]
mod tests;

pub use custody::members;
pub use da::{blob_proof, blob_ref, namespace_proof};
pub use field::{WireError, address, hash, hashes, required, signature, u128, u256, wei};
pub use sequencer::{WireBlock, block, header, receipt};
pub use settlement::CommitmentView;
