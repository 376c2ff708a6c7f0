//! Made-up blocks: `eth_simulateV1`.

use std::time::{Duration, Instant};

use alloy_eips::BlockId;
use alloy_rpc_types_eth::simulate::{SimulatePayload, SimulatedBlock};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_execution::simulate::blocks::Simulation;

use super::{Context, Inner};
use crate::rpc::convert::{self, RpcBlock};
use crate::rpc::error::RpcError;

/// `eth_simulateV1`.
#[rpc(server, namespace = "eth")]
pub trait Simulate {
    /// What calls would do in blocks on top of one, with state and headers to pretend. All calls together may use
    /// `rpc.call_gas_cap`, and take `rpc.call_timeout_ms`.
    #[method(name = "simulateV1")]
    async fn simulate(
        &self,
        payload: SimulatePayload,
        block: Option<BlockId>,
    ) -> Result<Vec<SimulatedBlock<RpcBlock>>, RpcError>;
}

impl Inner {
    /// When an answer that is begun now has taken too long.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.config().call_timeout_ms)
    }

    fn simulated(
        &self,
        payload: SimulatePayload,
        block: Option<BlockId>,
    ) -> Result<Vec<SimulatedBlock<RpcBlock>>, RpcError> {
        let number = self.state_number(block)?;
        let dialect = self.backend.dialect();
        let (validation, transfers) = (payload.validation, payload.trace_transfers);
        let full = payload.return_full_transactions;
        let blocks = convert::block_calls(payload, dialect)?;
        let deadline = self.deadline();
        let made_up = self.backend.with_roots(number, |view, base, root| {
            let simulation = Simulation {
                rules: dialect.rules(),
                base,
                view,
                root,
                gas_cap: self.config().call_gas_cap,
                validation,
                transfers,
                stop: &|| Instant::now() >= deadline,
            };
            simulation.run(blocks)
        })??;
        Ok(made_up.into_iter().map(|block| convert::simulated(block, full)).collect())
    }
}

#[async_trait]
impl SimulateServer for Context {
    async fn simulate(
        &self,
        payload: SimulatePayload,
        block: Option<BlockId>,
    ) -> Result<Vec<SimulatedBlock<RpcBlock>>, RpcError> {
        self.simulate(move |inner| inner.simulated(payload, block)).await
    }
}
