//! What an account or slot is, with proofs: `weft_getProof`.

use alloy_eips::BlockId;
use alloy_primitives::{Address, U256};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;

use super::{Context, Inner};
use crate::chain::PastError;
use crate::proofs::{AccountProof, account_keys};
use crate::rpc::error::RpcError;

/// Slots in one answer.
const MAX_SLOTS: usize = 1_024;

/// Proofs under our own state root.
#[rpc(server, namespace = "weft")]
pub trait Prove {
    /// An account's leaves and those of the slots asked for, each with its proof, after a block whose state is kept.
    #[method(name = "getProof")]
    async fn proof(
        &self,
        address: Address,
        slots: Option<Vec<U256>>,
        block: Option<BlockId>,
    ) -> Result<AccountProof, RpcError>;
}

impl From<PastError> for RpcError {
    fn from(error: PastError) -> Self {
        match error {
            PastError::TooOld(_) | PastError::TooMuch(_) | PastError::Moved => Self::Refused(error.to_string()),
            PastError::Store(_) => Self::internal(error),
        }
    }
}

impl Inner {
    fn prove(&self, address: Address, slots: &[U256], block: Option<BlockId>) -> Result<AccountProof, RpcError> {
        let number = self.state_number(block)?;
        let header = self.blocks.get(number)?.ok_or(RpcError::NoBlock)?;
        let keys = account_keys(address, slots);
        let proved = self.backend.chain().prove(number, &keys)?;
        if proved.state_root != header.block.header.state_root {
            return Err(PastError::Moved.into());
        }
        AccountProof::new(address, &header.block, &keys, &proved.proofs).map_err(RpcError::internal)
    }
}

#[async_trait]
impl ProveServer for Context {
    async fn proof(
        &self,
        address: Address,
        slots: Option<Vec<U256>>,
        block: Option<BlockId>,
    ) -> Result<AccountProof, RpcError> {
        let slots = slots.unwrap_or_default();
        if slots.len() > MAX_SLOTS {
            return Err(RpcError::Params(format!("{} slots, at most {MAX_SLOTS}", slots.len())));
        }
        // On the few threads of calls: each may take as much memory as has changed since the block.
        self.simulate(move |inner| inner.prove(address, &slots, block)).await
    }
}
