//! The withdrawals tree as the state has it: what the contract keeps in its storage.

use weft_primitives::withdrawal::{CONTRACT, COUNT_SLOT, ROOT_SLOT, Summary};
use weft_primitives::{B256, ChainConfig};

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
