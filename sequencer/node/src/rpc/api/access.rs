//! What blocks touch: `eth_getBlockAccessList`.

use alloy_eips::BlockId;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_execution::access::BlockAccessList;

use super::{Context, Inner};
use crate::rpc::convert::{self, RpcAccountChanges};
use crate::rpc::error::RpcError;

/// Block access lists (EIP-7928), as ethereum/execution-apis has them. Their bytes: `debug_getRawBlockAccessList`.
#[rpc(server, namespace = "eth")]
pub trait Access {
    /// What a block touches, and what its transactions leave there. Null if there is no such block, and if its list was
    /// not kept: the block was made without `block.access_lists`, or is the genesis block.
    #[method(name = "getBlockAccessList")]
    async fn access_list(&self, block: BlockId) -> Result<Option<Vec<RpcAccountChanges>>, RpcError>;
}

impl Inner {
    /// The list that was kept of a block.
    pub(super) fn access_list(&self, number: u64) -> Result<Option<BlockAccessList>, RpcError> {
        self.backend.access_list(number).map_err(RpcError::internal)
    }
}

#[async_trait]
impl AccessServer for Context {
    async fn access_list(&self, block: BlockId) -> Result<Option<Vec<RpcAccountChanges>>, RpcError> {
        let answer = self.read(move |inner| {
            let Some(number) = inner.number(Some(block))? else { return Ok(None) };
            Ok(inner.access_list(number)?.map(|list| convert::access_list(&list)))
        });
        answer.await
    }
}
