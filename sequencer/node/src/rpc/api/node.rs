//! Who this node is: `web3_*`, `net_*`, and `eth_*` about the node itself.

use alloy_primitives::{Address, B256, Bytes, U64, keccak256};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde_json::{Value, json};
use weft_primitives::Signer;

use super::Context;
use crate::rpc::error::RpcError;

/// `web3_*` and `net_*`.
#[rpc(server)]
pub trait Node {
    /// Name and version of the software.
    #[method(name = "web3_clientVersion")]
    fn client_version(&self) -> Result<String, RpcError>;

    /// Keccak-256.
    #[method(name = "web3_sha3")]
    fn sha3(&self, data: Bytes) -> Result<B256, RpcError>;

    /// The chain id, in decimal.
    #[method(name = "net_version")]
    fn net_version(&self) -> Result<String, RpcError>;

    /// Whether the node listens; always.
    #[method(name = "net_listening")]
    fn listening(&self) -> Result<bool, RpcError>;

    /// Number of peers; a rollup node has none.
    #[method(name = "net_peerCount")]
    fn peer_count(&self) -> Result<U64, RpcError>;
}

/// `eth_*` about the node.
#[rpc(server, namespace = "eth")]
pub trait EthNode {
    /// EIP-155 chain id.
    #[method(name = "chainId")]
    fn chain_id(&self) -> Result<U64, RpcError>;

    /// Newest executed and durable block.
    #[method(name = "blockNumber")]
    fn block_number(&self) -> Result<U64, RpcError>;

    /// False, or how far a node is that follows and catches up.
    #[method(name = "syncing")]
    fn syncing(&self) -> Result<Value, RpcError>;

    /// Accounts that the node signs for: none, but in `weft dev`.
    #[method(name = "accounts")]
    fn accounts(&self) -> Result<Vec<Address>, RpcError>;
}

#[async_trait]
impl NodeServer for Context {
    fn client_version(&self) -> Result<String, RpcError> {
        Ok(weft_service::VERSION.to_owned())
    }

    fn sha3(&self, data: Bytes) -> Result<B256, RpcError> {
        Ok(keccak256(data))
    }

    fn net_version(&self) -> Result<String, RpcError> {
        Ok(self.backend.dialect().rules().chain_id().to_string())
    }

    fn listening(&self) -> Result<bool, RpcError> {
        Ok(true)
    }

    fn peer_count(&self) -> Result<U64, RpcError> {
        Ok(U64::ZERO)
    }
}

#[async_trait]
impl EthNodeServer for Context {
    fn chain_id(&self) -> Result<U64, RpcError> {
        Ok(U64::from(self.backend.dialect().rules().chain_id()))
    }

    fn block_number(&self) -> Result<U64, RpcError> {
        Ok(U64::from(self.backend.heads().latest))
    }

    fn syncing(&self) -> Result<Value, RpcError> {
        let Some(progress) = self.backend.catching_up() else { return Ok(Value::Bool(false)) };
        let current = self.backend.heads().latest;
        let (starting, highest) = (current.saturating_sub(progress.blocks), progress.newest_block.max(current));
        Ok(json!({
            "startingBlock": U64::from(starting),
            "currentBlock": U64::from(current),
            "highestBlock": U64::from(highest),
        }))
    }

    fn accounts(&self) -> Result<Vec<Address>, RpcError> {
        Ok(self.config().development.iter().flat_map(|own| &own.accounts).map(Signer::address).collect())
    }
}
