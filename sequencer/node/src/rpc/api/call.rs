//! Trying something out: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use alloy_eips::eip2930::AccessListResult;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::U256;
use alloy_primitives::{Bytes, U64};
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_execution::StateView;
use weft_execution::simulate::{At, Call as Message, Ending, Override};
use weft_primitives::Address;
use weft_service::clock::{Clock, SystemClock};

use super::{Context, Inner};
use crate::rpc::convert;
use crate::rpc::error::{RpcError, halt_message};
use crate::rpc::revert;

/// `eth_call`, `eth_estimateGas`, `eth_createAccessList`.
#[rpc(server, namespace = "eth")]
pub trait Call {
    /// What a message would return on the state after a block; a revert is error 3 with its data.
    #[method(name = "call")]
    async fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
        overrides: Option<BlockOverrides>,
    ) -> Result<Bytes, RpcError>;

    /// The gas limit with which a transaction would succeed: in the next block, a second from now, unless a block is named.
    #[method(name = "estimateGas")]
    async fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
        overrides: Option<BlockOverrides>,
    ) -> Result<U64, RpcError>;

    /// The accounts and slots that a transaction touches (EIP-2930), and the gas that it uses with this list. A revert
    /// is no error here: `error` says so beside the list.
    #[method(name = "createAccessList")]
    async fn create_access_list(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
    ) -> Result<AccessListResult, RpcError>;
}

/// What is tried, checked.
pub(super) struct Trial {
    message: Message,
    block: Option<BlockId>,
    state: Vec<(Address, Override)>,
    overrides: Option<BlockOverrides>,
    /// Run it in the block after that, in the next second: the clock may tick before it is sent. What a contract stores
    /// by block or time costs more in one that is new to it, and the newest block may be hours old.
    in_next_block: bool,
}

impl Inner {
    pub(super) fn trial(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
        overrides: Option<BlockOverrides>,
    ) -> Result<Trial, RpcError> {
        let message = convert::call(request, self.backend.dialect())?;
        Ok(Trial { message, block, state: convert::state_overrides(state)?, overrides, in_next_block: false })
    }

    pub(super) fn run<T>(
        &self,
        trial: Trial,
        run: impl FnOnce(At<'_, dyn StateView + '_>, &Message, &[(Address, Override)]) -> Result<T, RpcError>,
    ) -> Result<T, RpcError> {
        let number = self.state_number(trial.block)?;
        let gas_cap = self.config().call_gas_cap;
        self.backend.with_state(number, |view, header| {
            let mut header = header.clone();
            if trial.in_next_block {
                header.number += 1;
                header.timestamp = header.timestamp.max(SystemClock.now_ms() / 1_000) + 1;
            }
            let header = convert::block_overrides(&header, trial.overrides)?;
            let at = At { rules: self.backend.dialect().rules(), header: &header, view, gas_cap };
            run(at, &trial.message, &trial.state)
        })?
    }
}

#[async_trait]
impl CallServer for Context {
    async fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
        overrides: Option<BlockOverrides>,
    ) -> Result<Bytes, RpcError> {
        let trial = self.trial(request, block, state, overrides)?;
        let call = |inner: &Inner| inner.run(trial, |at, message, state| Ok(at.call(message, state)?));
        match self.simulate(call).await?.ending {
            Ending::Success(output) => Ok(output),
            Ending::Revert(data) => Err(RpcError::Reverted(data)),
            Ending::Halt(reason) => Err(RpcError::Refused(halt_message(&reason))),
        }
    }

    async fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
        overrides: Option<BlockOverrides>,
    ) -> Result<U64, RpcError> {
        let mut trial = self.trial(request, block, state, overrides)?;
        trial.in_next_block = matches!(block, None | Some(BlockId::Number(BlockNumberOrTag::Pending)));
        let estimate = |inner: &Inner| inner.run(trial, |at, message, state| Ok(at.estimate(message, state)?));
        self.simulate(estimate).await.map(U64::from)
    }

    async fn create_access_list(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state: Option<StateOverride>,
    ) -> Result<AccessListResult, RpcError> {
        let trial = self.trial(request, block, state, None)?;
        let list = |inner: &Inner| inner.run(trial, |at, message, state| Ok(at.access_list(message, state)?));
        let listed = self.simulate(list).await?;
        let error = match &listed.ending {
            Ending::Success(_) => None,
            Ending::Revert(data) => Some(revert::message(data)),
            Ending::Halt(reason) => Some(halt_message(reason)),
        };
        Ok(AccessListResult { access_list: listed.list, gas_used: U256::from(listed.gas_used), error })
    }
}
