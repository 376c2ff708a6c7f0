//! What executing a transaction gave, apart from the state.

use alloy_primitives::Log;
use revm::context::result::ExecutionResult;

/// What a transaction did. Deliberately absent: return and revert data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Whether it did not revert or halt.
    pub success: bool,
    /// Gas used by it, refunds taken off.
    pub gas_used: u64,
    /// Events in order.
    pub logs: Vec<Log>,
}

impl From<ExecutionResult> for Executed {
    fn from(result: ExecutionResult) -> Self {
        Self { success: result.is_success(), gas_used: result.tx_gas_used(), logs: result.into_logs() }
    }
}
