//! The schema: one family for each kind of key. Integers are big-endian, so that keys sort by number.
//!
//! | family | key | value |
//! |---|---|---|
//! | `leaf` | key in the state tree | 32-byte value |
//! | `code` | keccak256 (32) | code |
//! | `undo` | block number (8) | leaves before the block, for the newest `history_blocks` |
//! | `block` | block number (8) | [`super::StoredBlock`] |
//! | `receipts` | block number (8) | receipts in order |
//! | `access_list` | block number (8) | RLP of what the block touches (EIP-7928); of blocks made with `block.access_lists` |
//! | `bloom` | block number (8) | the block's bloom filter (256), until its section is complete |
//! | `log_bits` | section (8), bit (2) | which of the section's 4,096 blocks have that bit in their filter (512), if any; bit 65,535, empty: all others are there |
//! | `account` | address (20), block number (8) with all bits turned | its transactions in the block: position after the one before times 16, and what it has to do with it (`accounts::Kinds`), each as a varint |
//! | `tx` | transaction hash (32) | block number (8), position (4) |
//! | `hash` | block hash (32) | block number (8) |
//! | `batch` | batch index (8) | [`super::BatchRecord`] |
//! | `payload` | batch index (8) | the batch's bytes, until it is final |
//! | `batch_end` | last block of a batch (8) | batch index (8) |
//! | `inbox` | item index (8) | inbox item |
//! | `log` | sequence number (8) | entry of the settlement log, as it was read |
//! | `withdrawal` | withdrawal index (8) | withdrawal (80), block number (8) |
//! | `withdrawal_node` | height (1), position (8) | root of a complete subtree of the withdrawals tree; beyond the count, of no meaning |
//! | `requeue` | place (8) | transaction of a block that was taken back, until it is in another or cannot be |
//! | `meta` | name | `head`: [`super::Head`]; `log`: [`super::LogState`]; `log_head`: the newest kept entry whose head settlement has signed: sequence number (8), hash (32), signature (65); `halt`: why nothing is posted any more, UTF-8; `deriving`: there while batches are derived from the log; `rewind`: the forced batch that takes the place of blocks here; `accounts`: the block (8) from which on the index by account is complete |

/// Kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Family {
    Leaf,
    Code,
    Undo,
    Block,
    Receipts,
    AccessList,
    Bloom,
    LogBits,
    Account,
    Tx,
    Hash,
    Batch,
    Payload,
    BatchEnd,
    Inbox,
    Log,
    Withdrawal,
    WithdrawalNode,
    Requeue,
    Meta,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Leaf,
        Self::Code,
        Self::Undo,
        Self::Block,
        Self::Receipts,
        Self::AccessList,
        Self::Bloom,
        Self::LogBits,
        Self::Account,
        Self::Tx,
        Self::Hash,
        Self::Batch,
        Self::Payload,
        Self::BatchEnd,
        Self::Inbox,
        Self::Log,
        Self::Withdrawal,
        Self::WithdrawalNode,
        Self::Requeue,
        Self::Meta,
    ];

    /// Name of the column family.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Code => "code",
            Self::Undo => "undo",
            Self::Block => "block",
            Self::Receipts => "receipts",
            Self::AccessList => "access_list",
            Self::Bloom => "bloom",
            Self::LogBits => "log_bits",
            Self::Account => "account",
            Self::Tx => "tx",
            Self::Hash => "hash",
            Self::Batch => "batch",
            Self::Payload => "payload",
            Self::BatchEnd => "batch_end",
            Self::Inbox => "inbox",
            Self::Log => "log",
            Self::Withdrawal => "withdrawal",
            Self::WithdrawalNode => "withdrawal_node",
            Self::Requeue => "requeue",
            Self::Meta => "meta",
        }
    }
}

pub(super) const HEAD: &[u8] = b"head";
pub(super) const LOG: &[u8] = b"log";
pub(super) const LOG_HEAD: &[u8] = b"log_head";
pub(super) const HALT: &[u8] = b"halt";
pub(super) const DERIVING: &[u8] = b"deriving";
pub(super) const ACCOUNTS: &[u8] = b"accounts";
pub(super) const REWIND: &[u8] = b"rewind";
