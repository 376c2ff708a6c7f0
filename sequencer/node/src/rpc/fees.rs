//! What gas costs: fee history, suggested tip.
//!
//! Pure: takes what blocks paid and gives figures. A block of a rollup is seldom full, so the suggestion is what
//! recent blocks' cheapest transactions paid (60th percentile, as go-ethereum), never below a floor of next to
//! nothing and never above a cap that protects users from a poisoned history.

use weft_execution::Receipt;
use weft_primitives::BlockHeader;

use super::error::RpcError;

/// Most blocks in one fee history, as in go-ethereum.
pub const MAX_HISTORY_BLOCKS: u64 = 1_024;

/// Most percentiles in one request, as in go-ethereum.
pub const MAX_PERCENTILES: usize = 100;

/// Blocks that the suggested tip looks at.
pub const TIP_BLOCKS: u64 = 20;

/// Samples taken from one block.
const TIPS_PER_BLOCK: usize = 3;

/// Which of the sorted samples is suggested, in percent.
const TIP_PERCENTILE: usize = 60;

/// Least tip suggested, in wei a gas.
pub const MIN_TIP: u128 = 1_000_000;

/// Highest tip suggested, in wei a gas (500 gwei, as in go-ethereum).
pub const MAX_TIP: u128 = 500_000_000_000;

/// Price of blob gas, of which there is none: the lowest that EIP-4844 allows.
pub const BLOB_BASE_FEE: u128 = 1;

/// Tip and gas of each transaction of a block, cheapest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tips(Vec<(u128, u64)>);

impl Tips {
    /// Of an executed block.
    pub fn of(header: &BlockHeader, receipts: &[Receipt]) -> Self {
        let base_fee = u128::from(header.base_fee_per_gas.unwrap_or_default());
        let tip = |receipt: &Receipt| receipt.effective_gas_price.saturating_sub(base_fee);
        let mut tips: Vec<_> = receipts.iter().map(|receipt| (tip(receipt), receipt.gas_used)).collect();
        tips.sort_unstable_by_key(|(tip, _)| *tip);
        Self(tips)
    }

    /// The tip at each percentile of the block's gas; all zero for an empty block. `percentiles` ascend.
    pub fn rewards(&self, percentiles: &[f64]) -> Vec<u128> {
        let total: u64 = self.0.iter().map(|(_, gas)| gas).sum();
        let mut tips = self.0.iter();
        let Some(mut current) = tips.next() else { return vec![0; percentiles.len()] };
        let mut gas = current.1;
        let at = |percentile: &f64| {
            let threshold = (total as f64 * percentile / 100.0) as u64;
            while gas < threshold
                && let Some(next) = tips.next()
            {
                current = next;
                gas += next.1;
            }
            current.0
        };
        percentiles.iter().map(at).collect()
    }

    fn cheapest(&self) -> impl Iterator<Item = u128> + '_ {
        self.0.iter().map(|(tip, _)| *tip).take(TIPS_PER_BLOCK)
    }
}

/// The tip to suggest after these blocks.
pub fn suggested_tip<'a>(recent: impl IntoIterator<Item = &'a Tips>) -> u128 {
    let mut samples: Vec<u128> = recent.into_iter().flat_map(Tips::cheapest).collect();
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get(last * TIP_PERCENTILE / 100).copied().unwrap_or_default().clamp(MIN_TIP, MAX_TIP)
}

/// Refuses percentiles that are too many, out of range or out of order.
pub fn check_percentiles(percentiles: &[f64]) -> Result<(), RpcError> {
    if percentiles.len() > MAX_PERCENTILES {
        return Err(RpcError::Params(format!("invalid reward percentile: over the query limit {MAX_PERCENTILES}")));
    }
    let mut last = 0.0;
    for (index, percentile) in percentiles.iter().enumerate() {
        if !(0.0..=100.0).contains(percentile) {
            return Err(RpcError::Params(format!("invalid reward percentile: {percentile}")));
        }
        if *percentile < last {
            return Err(RpcError::Params(format!(
                "invalid reward percentile: #{}:{last} >= #{index}:{percentile}",
                index - 1
            )));
        }
        last = *percentile;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rewards_by_gas() {
        let tips = Tips(vec![(1, 100), (5, 800), (9, 100)]);
        assert_eq!(tips.rewards(&[0.0, 10.0, 11.0, 50.0, 90.0, 95.0, 100.0]), [1, 1, 5, 5, 5, 9, 9]);
        assert_eq!(Tips::default().rewards(&[10.0, 20.0]), [0, 0]);
        assert_eq!(tips.rewards(&[]), [0u128; 0]);
    }

    #[test]
    fn percentiles() {
        assert!(check_percentiles(&[0.0, 50.0, 50.0, 100.0]).is_ok());
        for bad in [&[-1.0][..], &[100.1], &[50.0, 40.0], &[f64::NAN], &[0.0; MAX_PERCENTILES + 1]] {
            assert!(check_percentiles(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn suggestion_is_bounded() {
        assert_eq!(suggested_tip([]), MIN_TIP);
        assert_eq!(suggested_tip(&[Tips(vec![(u128::MAX, 21_000)])]), MAX_TIP);
        let blocks = [Tips(vec![(2_000_000_000, 1)]), Tips(vec![(1_000_000_000, 1)]), Tips::default()];
        assert_eq!(suggested_tip(&blocks), 1_000_000_000);
    }

    proptest! {
        #[test]
        fn rewards_ascend_and_are_tips(mut tips in proptest::collection::vec((0..1_000u128, 0..1_000u64), 1..20), mut at in proptest::collection::vec(0.0..=100.0, 0..10)) {
            tips.sort_unstable_by_key(|(tip, _)| *tip);
            at.sort_by(f64::total_cmp);
            let rewards = Tips(tips.clone()).rewards(&at);
            prop_assert_eq!(rewards.len(), at.len());
            prop_assert!(rewards.is_sorted());
            prop_assert!(rewards.iter().all(|reward| tips.iter().any(|(tip, _)| tip == reward)));
        }
    }
}
