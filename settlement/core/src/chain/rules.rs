//! What a chain's settlement is told once: the rules that everyone shares, and this node's limits.

use alloy_primitives::B256;

use super::Parent;
use super::terms::Terms;

/// Rules that decide what a valid log is. All who read the log must have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of the chain configuration.
    pub config_hash: B256,
    /// What the first commitment builds on.
    pub genesis: Parent,
    /// Version of the state transition function; verdicts of another one are refused.
    pub stf_version: u32,
    /// What the operator chose when the chain began, for good.
    pub terms: Terms,
    /// Sum of all balances on the rollup at genesis, in wei.
    pub genesis_supply: u128,
    /// How long an inbox item may be left out, in milliseconds of log time since it entered.
    pub inbox_deadline_ms: u64,
    /// How long after that only the sequencer may mend it, in milliseconds of log time.
    pub inbox_grace_ms: u64,
}

impl Rules {
    /// From when on an inbox item that entered at `entered_ms` may be forced, in milliseconds of log time.
    pub const fn force_ms(&self, entered_ms: u64) -> u64 {
        entered_ms.saturating_add(self.inbox_deadline_ms).saturating_add(self.inbox_grace_ms)
    }
}

/// Limits of one node: they bound its memory, and do not change what a valid log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most commitments that wait for finality.
    pub max_pending_commitments: usize,
    /// Most inbox items that wait for the sequencer.
    pub max_inbox_queue: u64,
}

impl Limits {
    /// None at all: for replaying a log that exists.
    pub const NONE: Self = Self { max_pending_commitments: usize::MAX, max_inbox_queue: u64::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pending_commitments: 1_024, max_inbox_queue: 16_384 }
    }
}
