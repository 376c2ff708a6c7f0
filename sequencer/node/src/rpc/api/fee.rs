//! What gas costs.

use std::sync::PoisonError;

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::U256;
use alloy_rpc_types_eth::{FeeHistory, Index};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;

use super::{Context, Inner};
use crate::dialect::blob_base_fee;
use crate::rpc::error::RpcError;
use crate::rpc::fees::{self, Tips};
use crate::rpc::logs::resolve;

/// Prices.
#[rpc(server, namespace = "eth")]
pub trait Fee {
    /// Wei a gas that a legacy transaction should offer: the next base fee and the suggested tip.
    #[method(name = "gasPrice")]
    async fn gas_price(&self) -> Result<U256, RpcError>;

    /// The suggested tip, in wei a gas.
    #[method(name = "maxPriorityFeePerGas")]
    async fn max_priority_fee_per_gas(&self) -> Result<U256, RpcError>;

    /// What the last blocks cost, and what the next one will.
    #[method(name = "feeHistory")]
    async fn fee_history(
        &self,
        count: Index,
        newest: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> Result<FeeHistory, RpcError>;

    /// Price of blob gas, of which there is none: the lowest.
    #[method(name = "blobBaseFee")]
    fn blob_base_fee(&self) -> Result<U256, RpcError>;
}

impl Inner {
    /// The suggested tip; computed once a block.
    fn suggested_tip(&self) -> Result<u128, RpcError> {
        let latest = self.backend.heads().latest;
        let known = *self.tip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tip)) = known.filter(|(number, _)| *number == latest) {
            return Ok(tip);
        }
        let mut recent = Vec::new();
        for number in (latest + 1).saturating_sub(fees::TIP_BLOCKS)..=latest {
            if let Some(full) = self.blocks.get(number)? {
                recent.push(Tips::of(&full.block.header, &full.receipts));
            }
        }
        let tip = fees::suggested_tip(&recent);
        *self.tip.lock().unwrap_or_else(PoisonError::into_inner) = Some((latest, tip));
        Ok(tip)
    }

    fn fee_history(
        &self,
        count: u64,
        newest: BlockNumberOrTag,
        percentiles: Option<&[f64]>,
    ) -> Result<FeeHistory, RpcError> {
        fees::check_percentiles(percentiles.unwrap_or_default())?;
        let heads = self.backend.heads();
        let newest = resolve(newest, &heads);
        if newest > heads.latest {
            return Err(RpcError::Refused(format!(
                "request beyond head block: requested {newest}, head {}",
                heads.latest
            )));
        }
        let count = count.min(fees::MAX_HISTORY_BLOCKS).min(newest + 1);
        if count == 0 {
            return Ok(FeeHistory::default());
        }
        let oldest = newest + 1 - count;
        let mut history = FeeHistory { oldest_block: oldest, ..FeeHistory::default() };
        let mut rewards = percentiles.map(|_| Vec::new());
        let rules = self.backend.dialect().rules();
        let mut next_base_fee = 0;
        for number in oldest..=newest {
            let full = self.blocks.get(number)?.ok_or(RpcError::NoBlock)?;
            let header = &full.block.header;
            history.base_fee_per_gas.push(header.base_fee_per_gas.unwrap_or_default().into());
            history.gas_used_ratio.push(header.gas_used as f64 / header.gas_limit.max(1) as f64);
            if let (Some(rewards), Some(percentiles)) = (&mut rewards, percentiles) {
                rewards.push(Tips::of(header, &full.receipts).rewards(percentiles));
            }
            next_base_fee = rules.next_base_fee(header).unwrap_or_default();
            history.base_fee_per_blob_gas.push(blob_base_fee(rules, header));
        }
        history.base_fee_per_gas.push(next_base_fee.into());
        // Of the next block the price is not known before that is made; without blobs it does not change.
        history.base_fee_per_blob_gas.extend(history.base_fee_per_blob_gas.last().copied());
        history.blob_gas_used_ratio = vec![0.0; history.gas_used_ratio.len()];
        history.reward = rewards;
        Ok(history)
    }
}

#[async_trait]
impl FeeServer for Context {
    async fn gas_price(&self) -> Result<U256, RpcError> {
        let price = |inner: &Inner| {
            let base_fee = inner.backend.config().next_base_fee(&inner.backend.chain().tip().parent.header);
            Ok(U256::from(base_fee) + U256::from(inner.suggested_tip()?))
        };
        self.read(price).await
    }

    async fn max_priority_fee_per_gas(&self) -> Result<U256, RpcError> {
        self.read(|inner| inner.suggested_tip().map(U256::from)).await
    }

    async fn fee_history(
        &self,
        count: Index,
        newest: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> Result<FeeHistory, RpcError> {
        self.read(move |inner| inner.fee_history(count.0 as u64, newest, percentiles.as_deref())).await
    }

    fn blob_base_fee(&self) -> Result<U256, RpcError> {
        Ok(U256::from(fees::BLOB_BASE_FEE))
    }
}
