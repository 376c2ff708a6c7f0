//! Searching blocks for events.
//!
//! A block is read only if its bloom filter says that it may match. One query is bounded by `rpc.max_block_range`
//! and `rpc.max_logs`; whoever follows a filter gets pages that end between two blocks instead, so nothing is lost.

use std::ops::RangeInclusive;

use alloy_eips::BlockNumberOrTag;
use alloy_rpc_types_eth::{Filter, FilterBlockOption};

use super::blocks::Blocks;
use super::convert::{self, RpcLog};
use super::error::RpcError;
use crate::chain::{FullBlock, Heads};
use crate::config::RpcConfig;

/// The number that a tag stands for.
pub const fn resolve(tag: BlockNumberOrTag, heads: &Heads) -> u64 {
    match tag {
        BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => heads.latest,
        BlockNumberOrTag::Safe => heads.safe,
        BlockNumberOrTag::Finalized => heads.finalized,
        BlockNumberOrTag::Earliest => 0,
        BlockNumberOrTag::Number(number) => number,
    }
}

/// The blocks that a filter names, up to the newest; `None` if there are none of them yet.
pub fn range(filter: &Filter, heads: &Heads, config: &RpcConfig) -> Result<Option<RangeInclusive<u64>>, RpcError> {
    let (from, to) = filter.block_option.as_range();
    let from = resolve(from.copied().unwrap_or_default(), heads);
    let to = resolve(to.copied().unwrap_or_default(), heads);
    if from > to {
        return Err(RpcError::Params(format!("invalid block range params: fromBlock {from} is after toBlock {to}")));
    }
    let to = to.min(heads.latest);
    if from > to {
        return Ok(None);
    }
    let count = to - from + 1;
    if count > config.max_block_range {
        let (what, limit) = (format!("block range of {count} blocks"), config.max_block_range);
        return Err(RpcError::Limit { what, limit, key: "rpc.max_block_range" });
    }
    Ok(Some(from..=to))
}

/// All events that match.
pub fn query(blocks: &Blocks, filter: &Filter, heads: &Heads, config: &RpcConfig) -> Result<Vec<RpcLog>, RpcError> {
    if let FilterBlockOption::AtBlockHash(hash) = filter.block_option {
        let block = blocks.by_hash(&hash)?.ok_or_else(|| RpcError::Refused("unknown block".to_owned()))?;
        return Ok(in_block(filter, &block).collect());
    }
    let Some(range) = range(filter, heads, config)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for number in range {
        let Some(block) = blocks.if_bloom(number, |bloom| filter.matches_bloom(bloom))? else { continue };
        found.extend(in_block(filter, &block));
        if found.len() > config.max_logs {
            let what = format!("query returned more than {} results; block {number}", config.max_logs);
            return Err(RpcError::Limit { what, limit: config.max_logs as u64, key: "rpc.max_logs" });
        }
    }
    Ok(found)
}

/// Events from block `next` on that match, and the block to go on with. Stops after the block that fills the page.
pub fn page(
    blocks: &Blocks,
    filter: &Filter,
    next: u64,
    heads: &Heads,
    config: &RpcConfig,
) -> Result<(Vec<RpcLog>, u64), RpcError> {
    let mut found = Vec::new();
    let last = heads.latest.min(next.saturating_add(config.max_block_range).saturating_sub(1));
    for number in next..=last {
        if !filter.matches_block_range(number) {
            continue;
        }
        if let Some(block) = blocks.if_bloom(number, |bloom| filter.matches_bloom(bloom))? {
            found.extend(in_block(filter, &block));
        }
        if found.len() >= config.max_logs {
            return Ok((found, number + 1));
        }
    }
    Ok((found, next.max(last + 1)))
}

/// The events of one block that match, in order.
pub fn in_block<'a>(filter: &'a Filter, block: &'a FullBlock) -> impl Iterator<Item = RpcLog> + 'a {
    convert::logs(&block.block, &block.receipts).filter(|log| filter.matches(&log.inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let heads = Heads { latest: 50, safe: 20, finalized: 10 };
        let config = RpcConfig { max_block_range: 30, ..RpcConfig::default() };
        let of = |from: BlockNumberOrTag, to: BlockNumberOrTag| {
            range(&Filter::new().from_block(from).to_block(to), &heads, &config)
        };
        use BlockNumberOrTag::{Earliest, Finalized, Latest, Number, Pending, Safe};
        assert_eq!(of(Number(21), Latest).ok(), Some(Some(21..=50)));
        assert_eq!(of(Finalized, Safe).ok(), Some(Some(10..=20)));
        assert_eq!(of(Number(45), Number(u64::MAX)).ok(), Some(Some(45..=50)));
        assert_eq!(of(Number(51), Number(60)).ok(), Some(None));
        assert_eq!(range(&Filter::new(), &heads, &config).ok(), Some(Some(50..=50)));
        assert!(matches!(of(Earliest, Pending), Err(RpcError::Limit { limit: 30, key: "rpc.max_block_range", .. })));
        assert!(matches!(of(Number(9), Number(8)), Err(RpcError::Params(_))));
    }
}
