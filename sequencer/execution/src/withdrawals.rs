//! The withdrawals tree as the state has it: what the contract keeps in its storage.

use weft_primitives::withdrawal::{self, BRANCH_SLOT, CONTRACT, COUNT_SLOT, ROOT_SLOT, Summary};
use weft_primitives::{B256, ChainConfig, U256};

use crate::view::{Missing, StateView};

/// Count and root in a state; nothing on a chain that has no withdrawals.
pub fn withdrawals<V: StateView + ?Sized>(chain: &ChainConfig, state: &V) -> Result<Summary, Missing> {
    if !chain.params().withdrawals {
        return Ok(Summary::default());
    }
    let count = state.storage(CONTRACT, COUNT_SLOT)?;
    let root = B256::from(state.storage(CONTRACT, ROOT_SLOT)?);
    // The contract counts in 64 bits, alone in its slot.
    Ok(Summary { count: count.saturating_to(), root })
}

/// What proofs of later withdrawals take of the first `count`, with which `state` is the newest: complete subtrees, by
/// height and position.
pub fn withdrawals_frontier<V: StateView + ?Sized>(state: &V, count: u64) -> Result<Vec<(usize, u64, B256)>, Missing> {
    let node = |(level, position): (usize, u64)| {
        let root = state.storage(CONTRACT, BRANCH_SLOT + U256::from(level))?;
        Ok((level, position, B256::from(root)))
    };
    withdrawal::frontier(count).map(node).collect()
}
