//! Blocks: a header and the transactions it commits to.

use alloy_primitives::B256;
use alloy_trie::root::ordered_trie_root_with_encoder;

use crate::header::BlockHeader;
use crate::transaction::Transaction;

/// A sealed block.
#[derive(Clone, Debug)]
pub struct Block {
    /// The header; its hash is the block's.
    pub header: BlockHeader,
    /// The transactions, and how the inbox was used.
    pub body: BlockBody,
}

/// What a block contains besides its header.
#[derive(Clone, Debug, Default)]
pub struct BlockBody {
    /// Inbox items consumed by the block, those skipped as invalid included.
    pub inbox_count: u32,
    /// How many of the leading `transactions` came from the inbox.
    pub inbox_included: u32,
    /// Executed transactions in order: the inbox's first, then the sequencer's.
    pub transactions: Vec<Transaction>,
}

impl BlockBody {
    /// The transactions chosen by the sequencer: what a batch carries.
    pub fn sequenced(&self) -> &[Transaction] {
        self.transactions.get(self.inbox_included as usize..).unwrap_or_default()
    }
}

/// The header's `transactions_root`: a Merkle Patricia root over EIP-2718 bytes.
pub fn transactions_root(transactions: &[Transaction]) -> B256 {
    ordered_trie_root_with_encoder(transactions, |transaction, out| out.extend_from_slice(transaction.raw()))
}
