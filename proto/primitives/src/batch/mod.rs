//! Batches: the columnar, self-contained form in which blocks are published on DA.

use alloy_primitives::Bytes;

/// The blocks of a batch, reduced to what cannot be derived.
///
/// Everything else (hashes, roots, base fees, senders) follows from it, the
/// chain configuration, the parent and the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Batch {
    /// Number of the first block.
    pub first_block: u64,
    /// First inbox item not consumed before the batch.
    pub inbox_from: u64,
    /// The blocks in order, at least one.
    pub blocks: Vec<BatchBlock>,
}

/// One block of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BatchBlock {
    /// Block time in seconds, not below that of the block before.
    pub timestamp: u64,
    /// Inbox items consumed at the head of the block.
    pub inbox_count: u32,
    /// The sequencer's transactions, EIP-2718 bytes.
    pub transactions: Vec<Bytes>,
}
