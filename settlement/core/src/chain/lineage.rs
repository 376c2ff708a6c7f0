//! Whether a commitment fits the chain: what its header alone, its parent and the log can show.

use alloy_primitives::B256;
use weft_primitives::BatchHeader;
use weft_primitives::limits::{MAX_BATCH_BLOCKS, MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS, MAX_TIMESTAMP_DRIFT_S};

use super::{Mode, Parent, PostFacts, Rules};

/// Why a commitment does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageRefusal {
    /// The header contradicts itself or a limit of the protocol.
    #[error("the commitment is malformed: {0}")]
    Malformed(&'static str),
    /// Not the next batch.
    #[error("the commitment is for batch {got}; the next batch is {want}")]
    WrongIndex {
        /// In the commitment.
        got: u64,
        /// The next.
        want: u64,
    },
    /// Not on the tip.
    #[error("the commitment's parent is {got}; the tip is {want}")]
    WrongParent {
        /// In the commitment.
        got: B256,
        /// The tip.
        want: B256,
    },
    /// Not from the tip's state.
    #[error("the commitment starts from state root {got}; the tip ends in {want}")]
    WrongPreState {
        /// In the commitment.
        got: B256,
        /// The tip's.
        want: B256,
    },
    /// Not from the tip's next block.
    #[error("the commitment's first block is {got}; the tip's last block is {tip}")]
    WrongBlock {
        /// In the commitment.
        got: u64,
        /// The tip's last.
        tip: u64,
    },
    /// Before the tip.
    #[error("the commitment's first block has time {got} s; the tip's last block has {tip} s")]
    TimestampBehind {
        /// In the commitment.
        got: u64,
        /// The tip's.
        tip: u64,
    },
    /// In the future.
    #[error("the commitment's last block has time {got} s, too far ahead of settlement's {now} s: check the clocks")]
    TimestampAhead {
        /// In the commitment.
        got: u64,
        /// Log time.
        now: u64,
    },
    /// No such log entry, or one older than the tip's.
    #[error("log entry {seq}, which the commitment is anchored to, is unknown or older than the tip's anchor")]
    UnknownAnchor {
        /// In the commitment.
        seq: u64,
    },
    /// The inbox does not have these items, or not with this content.
    #[error("the commitment's inbox range {from}..{to} or its accumulator does not match; the cursor is at {cursor}")]
    WrongInbox {
        /// First item.
        from: u64,
        /// One past the last.
        to: u64,
        /// The tip's cursor.
        cursor: u64,
    },
    /// An inbox item was left out.
    #[error("inbox item {item} is overdue and must be included")]
    InboxOverdue {
        /// The item.
        item: u64,
    },
    /// An inbox item has waited for so long that only a forced batch may be next.
    #[error("inbox item {item} has waited too long: a forced batch must come first (weft settlement force-batch)")]
    ForcedDue {
        /// The item.
        item: u64,
    },
    /// The withdrawals tree has shrunk, or changed without a withdrawal.
    #[error("the commitment has {got} withdrawals, the tip {tip}, or their roots do not fit")]
    WrongWithdrawals {
        /// In the commitment.
        got: u64,
        /// The tip's.
        tip: u64,
    },
}

impl LineageRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "MALFORMED",
            Self::WrongIndex { .. } => "WRONG_INDEX",
            Self::WrongParent { .. } => "WRONG_PARENT",
            Self::WrongPreState { .. } => "WRONG_PRE_STATE",
            Self::WrongBlock { .. } => "WRONG_BLOCK",
            Self::TimestampBehind { .. } => "TIMESTAMP_BEHIND",
            Self::TimestampAhead { .. } => "TIMESTAMP_AHEAD",
            Self::UnknownAnchor { .. } => "UNKNOWN_ANCHOR",
            Self::WrongInbox { .. } => "WRONG_INBOX",
            Self::InboxOverdue { .. } => "INBOX_OVERDUE",
            Self::ForcedDue { .. } => "FORCED_DUE",
            Self::WrongWithdrawals { .. } => "WRONG_WITHDRAWALS",
        }
    }
}

/// All rules, from the header alone to the parent to the log.
pub(super) fn check(
    header: &BatchHeader,
    parent: &Parent,
    rules: &Rules,
    log_time_ms: u64,
    facts: &PostFacts,
) -> Result<(), LineageRefusal> {
    well_formed(header).map_err(LineageRefusal::Malformed)?;
    extends(header, parent)?;
    in_time(header, parent, log_time_ms)?;
    anchored(header, parent, facts)?;
    inbox(header, parent, rules, log_time_ms, facts)
}

fn well_formed(header: &BatchHeader) -> Result<(), &'static str> {
    let blocks = header.last_block.checked_sub(header.first_block).ok_or("last_block is before first_block")?;
    if blocks >= MAX_BATCH_BLOCKS as u64 {
        return Err("too many blocks in one batch");
    }
    if header.first_timestamp > header.last_timestamp {
        return Err("last_timestamp is before first_timestamp");
    }
    if header.payload_len == 0 || header.payload_len > MAX_BATCH_BYTES as u64 {
        return Err("payload_len is zero or above the limit");
    }
    if header.tx_count > MAX_BATCH_TRANSACTIONS as u64 {
        return Err("too many transactions in one batch");
    }
    if header.da_height == 0 {
        return Err("da_height is zero; DA heights start at 1");
    }
    if (header.withdrawals_count == 0) != header.withdrawals_root.is_zero() {
        return Err("withdrawals_root is zero exactly while there are no withdrawals");
    }
    Ok(())
}

fn extends(header: &BatchHeader, parent: &Parent) -> Result<(), LineageRefusal> {
    if header.batch_index != parent.next_index {
        return Err(LineageRefusal::WrongIndex { got: header.batch_index, want: parent.next_index });
    }
    if header.parent_commitment != parent.commitment {
        return Err(LineageRefusal::WrongParent { got: header.parent_commitment, want: parent.commitment });
    }
    if header.pre_state_root != parent.state_root {
        return Err(LineageRefusal::WrongPreState { got: header.pre_state_root, want: parent.state_root });
    }
    if Some(header.first_block) != parent.block.checked_add(1) {
        return Err(LineageRefusal::WrongBlock { got: header.first_block, tip: parent.block });
    }
    if !withdrawals_grow(header, parent) {
        return Err(LineageRefusal::WrongWithdrawals { got: header.withdrawals_count, tip: parent.withdrawals.count });
    }
    Ok(())
}

/// The tree never shrinks, and changes only as it grows.
pub(super) fn withdrawals_grow(header: &BatchHeader, parent: &Parent) -> bool {
    let (count, before) = (header.withdrawals_count, parent.withdrawals);
    count > before.count || (count == before.count && header.withdrawals_root == before.root)
}

/// Against the time of posting and not the anchor's: an idle log's newest entry may be hours old.
fn in_time(header: &BatchHeader, parent: &Parent, log_time_ms: u64) -> Result<(), LineageRefusal> {
    if header.first_timestamp < parent.timestamp {
        return Err(LineageRefusal::TimestampBehind { got: header.first_timestamp, tip: parent.timestamp });
    }
    let now = log_time_ms / 1000;
    if header.last_timestamp > now.saturating_add(MAX_TIMESTAMP_DRIFT_S) {
        return Err(LineageRefusal::TimestampAhead { got: header.last_timestamp, now });
    }
    Ok(())
}

/// Entry 0 with a zero hash stands for the empty log.
fn anchored(header: &BatchHeader, parent: &Parent, facts: &PostFacts) -> Result<(), LineageRefusal> {
    let matches = match header.anchor_seq {
        0 => header.anchor_hash.is_zero(),
        _ => facts.anchor.is_some_and(|anchor| anchor.hash == header.anchor_hash),
    };
    if !matches || header.anchor_seq < parent.anchor_seq {
        return Err(LineageRefusal::UnknownAnchor { seq: header.anchor_seq });
    }
    Ok(())
}

/// Contiguous, existing, the same content; and as of now nothing overdue left out. Judged at the time of the post: an
/// anchor is the sequencer's own choice, and one that never moved would never owe an item.
fn inbox(
    header: &BatchHeader,
    parent: &Parent,
    rules: &Rules,
    log_time_ms: u64,
    facts: &PostFacts,
) -> Result<(), LineageRefusal> {
    let (from, to, cursor) = (header.inbox_from, header.inbox_to, parent.inbox_cursor);
    if from != cursor || to < from || facts.inbox_acc != Some(header.inbox_acc) {
        return Err(LineageRefusal::WrongInbox { from, to, cursor });
    }
    let forces = rules.terms.mode == Mode::Verified;
    if forces && facts.oldest_ms.is_some_and(|entered| rules.force_ms(entered) <= log_time_ms) {
        return Err(LineageRefusal::ForcedDue { item: cursor });
    }
    if facts.first_left_ms.is_some_and(|entered| entered.saturating_add(rules.inbox_deadline_ms) <= log_time_ms) {
        return Err(LineageRefusal::InboxOverdue { item: to });
    }
    Ok(())
}
