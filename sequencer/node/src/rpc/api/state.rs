//! Accounts, code and storage, now and as far back as the node keeps the state.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use std::collections::BTreeMap;

use alloy_rpc_types_eth::EIP1186AccountProofResponse;
use weft_execution::{Missing, StateView};
use weft_state::account::delegation_code;

use super::{Context, Inner};
use crate::rpc::error::RpcError;

/// `eth_get*` of accounts.
#[rpc(server, namespace = "eth")]
pub trait State {
    /// Wei that an account has.
    #[method(name = "getBalance")]
    async fn balance(&self, address: Address, block: Option<BlockId>) -> Result<U256, RpcError>;

    /// An account's next nonce; at `pending`, after its transactions in the pool that have no gap before them.
    #[method(name = "getTransactionCount")]
    async fn nonce(&self, address: Address, block: Option<BlockId>) -> Result<U64, RpcError>;

    /// An account's code; that of a delegated account is the EIP-7702 indicator.
    #[method(name = "getCode")]
    async fn code(&self, address: Address, block: Option<BlockId>) -> Result<Bytes, RpcError>;

    /// A storage slot.
    #[method(name = "getStorageAt")]
    async fn storage(&self, address: Address, slot: String, block: Option<BlockId>) -> Result<B256, RpcError>;

    /// Slots of several accounts, in the order asked for.
    #[method(name = "getStorageValues")]
    async fn storage_values(
        &self,
        slots: BTreeMap<Address, Vec<B256>>,
        block: Option<BlockId>,
    ) -> Result<BTreeMap<Address, Vec<B256>>, RpcError>;

    /// Merkle Patricia proofs; on Weft's chains there are none: says why.
    #[method(name = "getProof")]
    async fn proof(
        &self,
        address: Address,
        slots: Vec<String>,
        block: Option<BlockId>,
    ) -> Result<EIP1186AccountProofResponse, RpcError>;
}

/// Slots in one answer, as in go-ethereum.
const MAX_STORAGE_VALUES: usize = 1_024;

/// A storage slot as clients write it: hexadecimal with or without leading zeros, at most 32 bytes.
fn parse_slot(text: &str) -> Result<U256, RpcError> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.len() > 64 {
        return Err(RpcError::Params(format!("storage key too long (want at most 32 bytes): {text:.80?}")));
    }
    // An empty key is zero, as in go-ethereum.
    let padded = format!("0{digits}");
    let valid = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let slot = valid.then(|| U256::from_str_radix(&padded, 16).ok()).flatten();
    slot.ok_or_else(|| RpcError::Params(format!("invalid hex in storage key: {text:?}")))
}

fn code(view: &dyn StateView, address: Address) -> Result<Bytes, Missing> {
    let Some(stored) = view.account(address)? else { return Ok(Bytes::new()) };
    match stored.delegation {
        Some(target) => Ok(Bytes::copy_from_slice(&delegation_code(target))),
        None => Ok(view.code(stored.account.code_hash)?.original_bytes()),
    }
}

impl Inner {
    /// Asks the state after a block.
    fn at_state<T>(
        &self,
        block: Option<BlockId>,
        ask: impl FnOnce(&dyn StateView) -> Result<T, Missing>,
    ) -> Result<T, RpcError> {
        let number = self.state_number(block)?;
        self.backend.with_state(number, |view, _| ask(view))?.map_err(RpcError::internal)
    }
}

#[async_trait]
impl StateServer for Context {
    async fn balance(&self, address: Address, block: Option<BlockId>) -> Result<U256, RpcError> {
        let ask = move |view: &dyn StateView| view.account(address);
        let stored = self.read(move |inner| inner.at_state(block, ask)).await?;
        Ok(stored.map_or(U256::ZERO, |stored| stored.account.balance))
    }

    async fn nonce(&self, address: Address, block: Option<BlockId>) -> Result<U64, RpcError> {
        let pending = block == Some(BlockId::Number(BlockNumberOrTag::Pending));
        let answer = move |inner: &Inner| {
            // The pool first: what leaves it meanwhile is in the state by then.
            let waiting = pending.then(|| inner.backend.pool().pending_nonce(&address)).flatten();
            let stored = inner.at_state(block, |view| view.account(address))?;
            let nonce = stored.map_or(0, |stored| stored.account.nonce);
            Ok(U64::from(nonce.max(waiting.unwrap_or_default())))
        };
        self.read(answer).await
    }

    async fn code(&self, address: Address, block: Option<BlockId>) -> Result<Bytes, RpcError> {
        self.read(move |inner| inner.at_state(block, |view| code(view, address))).await
    }

    async fn storage(&self, address: Address, slot: String, block: Option<BlockId>) -> Result<B256, RpcError> {
        let slot = parse_slot(&slot)?;
        let ask = move |view: &dyn StateView| view.storage(address, slot);
        self.read(move |inner| inner.at_state(block, ask)).await.map(B256::from)
    }

    async fn storage_values(
        &self,
        slots: BTreeMap<Address, Vec<B256>>,
        block: Option<BlockId>,
    ) -> Result<BTreeMap<Address, Vec<B256>>, RpcError> {
        let count: usize = slots.values().map(Vec::len).sum();
        if count == 0 {
            return Err(RpcError::params("empty request"));
        }
        if count > MAX_STORAGE_VALUES {
            return Err(RpcError::Params(format!("too many slots (max {MAX_STORAGE_VALUES})")));
        }
        let of = |view: &dyn StateView, address: Address, slots: Vec<B256>| -> Result<_, Missing> {
            let value = |slot: B256| Ok(B256::from(view.storage(address, slot.into())?));
            Ok((address, slots.into_iter().map(value).collect::<Result<_, Missing>>()?))
        };
        let ask = move |view: &dyn StateView| slots.into_iter().map(|(at, slots)| of(view, at, slots)).collect();
        self.read(move |inner| inner.at_state(block, ask)).await
    }

    async fn proof(
        &self,
        address: Address,
        slots: Vec<String>,
        block: Option<BlockId>,
    ) -> Result<EIP1186AccountProofResponse, RpcError> {
        if self.backend.dialect().has_proofs() {
            let slots = slots.iter().map(|slot| parse_slot(slot).map(B256::from)).collect::<Result<Vec<_>, _>>()?;
            let prove = move |inner: &Inner| {
                let number = inner.state_number(block)?;
                inner.backend.dialect().proof(number, address, &slots).ok_or(RpcError::NoBlock)
            };
            return self.read(prove).await;
        }
        let why = "eth_getProof is not available: the state is a binary tree with BLAKE3 (EIP-8297), of which there \
                   are no Merkle Patricia proofs";
        Err(RpcError::Unsupported(why.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots() {
        for (text, value) in [("0x0", 0u64), ("0x", 0), ("0x10", 16), ("ff", 255), ("0X0A", 10)] {
            assert_eq!(parse_slot(text).ok(), Some(U256::from(value)), "{text}");
        }
        assert_eq!(parse_slot(&format!("0x{}", "f".repeat(64))).ok(), Some(U256::MAX));
        // The words of the conformance data.
        let long = format!("0x{}", "0".repeat(65));
        let error = parse_slot(&long).err().map(|error| error.to_string());
        assert_eq!(error, Some(format!("storage key too long (want at most 32 bytes): {long:?}")));
        let error = parse_slot("0xasdf").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(r#"invalid hex in storage key: "0xasdf""#));
    }
}
