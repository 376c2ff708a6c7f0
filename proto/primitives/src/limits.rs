//! Limits that are part of the protocol: all nodes must agree on them.
//!
//! Limits of one node's own making (queue lengths, cache sizes) live in that
//! node's configuration instead.

/// Largest signed transaction, in bytes of its EIP-2718 encoding (as go-ethereum's pool).
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

/// Most blocks in one batch.
pub const MAX_BATCH_BLOCKS: usize = 65_536;

/// Most transactions in one batch.
pub const MAX_BATCH_TRANSACTIONS: usize = 262_144;

/// Largest batch, in bytes as published on DA.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Largest batch once decompressed, in bytes over all columns.
pub const MAX_BATCH_DECOMPRESSED_BYTES: usize = 16 * 1024 * 1024;

/// Most inbox items in one block.
pub const MAX_BLOCK_INBOX_ITEMS: usize = 1_024;

/// How far a block's timestamp may lie ahead of the settlement log time that its batch is anchored to, in seconds.
pub const MAX_TIMESTAMP_DRIFT_S: u64 = 60;

/// Longest time between an item's entry in the inbox and the post of a batch that consumes it, in milliseconds of
/// settlement log time, unless the chain's configuration says otherwise (`inboxDeadlineMs`).
pub const INBOX_DEADLINE_MS: u64 = 10 * 60 * 1000;

/// How long after that deadline the sequencer alone may mend it, in milliseconds of settlement log time, unless the
/// chain's configuration says otherwise (`inboxGraceMs`). Then only the inbox-only batch is taken, from anyone.
pub const INBOX_GRACE_MS: u64 = 10 * 60 * 1000;
