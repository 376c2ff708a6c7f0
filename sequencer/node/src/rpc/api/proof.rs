//! What an account or slot is, with proofs: `weft_getProof`.

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use weft_state::TreeKey;
use weft_state::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION};

use super::{Context, Inner};
use crate::chain::PastError;
use crate::rpc::error::RpcError;

/// Slots in one answer.
const MAX_SLOTS: usize = 1_024;

/// A leaf of the state tree, with its proof as `weft_state::Proof::encode` writes it (EIP-8297, BLAKE3).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    key: Bytes,
    /// Null where the proof shows that there is none.
    value: Option<B256>,
    proof: Bytes,
}

/// An account and some of its slots under a state root.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountProof {
    address: Address,
    block_number: U64,
    block_hash: B256,
    state_root: B256,
    /// Version, code size, nonce and balance.
    basic_data: Leaf,
    code_hash: Leaf,
    /// EIP-7702 delegation, in place of the code hash.
    delegation: Leaf,
    /// Of the slots asked for, in order.
    storage: Vec<Leaf>,
}

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
        let own = AccountKeys::new(address);
        let mut keys: Vec<TreeKey> = [BASIC_DATA, CODE_HASH, DELEGATION].map(|sub| own.header(sub)).into();
        keys.extend(slots.iter().map(|slot| own.storage(*slot)));
        let proved = self.backend.chain().prove(number, &keys)?;
        let state_root = header.block.header.state_root;
        if proved.state_root != state_root {
            return Err(PastError::Moved.into());
        }
        let leaf = |(key, proof): (&TreeKey, &weft_state::Proof)| -> Result<Leaf, RpcError> {
            let value = proof.verify(state_root, key).map_err(RpcError::internal)?;
            let (key, proof) = (Bytes::copy_from_slice(key.as_slice()), proof.encode().into());
            Ok(Leaf { key, value: value.map(B256::from), proof })
        };
        let mut leaves = keys.iter().zip(&proved.proofs).map(leaf);
        let mut next = || leaves.next().unwrap_or_else(|| Err(RpcError::internal("fewer proofs than keys")));
        Ok(AccountProof {
            address,
            block_number: U64::from(number),
            block_hash: header.block.hash,
            state_root,
            basic_data: next()?,
            code_hash: next()?,
            delegation: next()?,
            storage: leaves.collect::<Result<_, _>>()?,
        })
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
