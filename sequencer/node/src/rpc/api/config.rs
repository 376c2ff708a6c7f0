//! What the chain is and what this node has of it: `eth_config`, `eth_capabilities`.

use alloy_eips::eip7910::EthConfig;
use alloy_primitives::{B256, U64};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;

use super::{Context, Inner};
use crate::rpc::error::RpcError;
use crate::rpc::forks;

/// The newest block.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Head {
    number: U64,
    hash: B256,
}

/// How old things go.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteStrategy {
    /// `window`: what is older than so many blocks.
    #[serde(rename = "type")]
    kind: &'static str,
    retention_blocks: U64,
}

/// From which block on something is there.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_block: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_strategy: Option<DeleteStrategy>,
}

/// What can be asked of which blocks.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Capabilities {
    head: Head,
    state: Resource,
    tx: Resource,
    logs: Resource,
    receipts: Resource,
    blocks: Resource,
    stateproofs: Resource,
}

/// `eth_config`, `eth_capabilities`.
#[rpc(server, namespace = "eth")]
pub trait Config {
    /// The rules in force, the next ones and the last ones that are known (EIP-7910).
    #[method(name = "config")]
    async fn config(&self) -> Result<EthConfig, RpcError>;

    /// From which block on this node has what.
    #[method(name = "capabilities")]
    async fn capabilities(&self) -> Result<Capabilities, RpcError>;
}

impl Inner {
    fn chain_config(&self) -> Result<EthConfig, RpcError> {
        let genesis = self.blocks.get(0)?.ok_or(RpcError::NoBlock)?.block.hash;
        let now = self.backend.chain().tip().parent.header.timestamp;
        let forks = self.backend.dialect().forks();
        let chain_id = self.backend.dialect().rules().chain_id();
        forks::config(&forks, chain_id, genesis, now)
            .ok_or_else(|| RpcError::Refused("no rules since Prague are in force".to_owned()))
    }

    fn capabilities(&self) -> Capabilities {
        let parent = self.backend.chain().tip().parent;
        let kept = self.backend.limits().history_blocks;
        let all = Resource { disabled: false, oldest_block: Some(U64::ZERO), delete_strategy: None };
        let window = DeleteStrategy { kind: "window", retention_blocks: U64::from(kept) };
        let oldest = U64::from(parent.header.number.saturating_sub(kept));
        let state = Resource { disabled: false, oldest_block: Some(oldest), delete_strategy: Some(window) };
        let none = Resource { disabled: true, oldest_block: None, delete_strategy: None };
        let stateproofs = if self.backend.dialect().has_proofs() { all } else { none };
        let head = Head { number: U64::from(parent.header.number), hash: parent.hash };
        Capabilities { head, state, tx: all, logs: all, receipts: all, blocks: all, stateproofs }
    }
}

#[async_trait]
impl ConfigServer for Context {
    async fn config(&self) -> Result<EthConfig, RpcError> {
        self.read(Inner::chain_config).await
    }

    async fn capabilities(&self) -> Result<Capabilities, RpcError> {
        self.read(|inner| Ok(inner.capabilities())).await
    }
}
