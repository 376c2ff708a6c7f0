//! Searching blocks for events.
//!
//! A block is read only if its bloom filter says that it may match; where the store has the filters of many blocks
//! together ([`log_bits`]), those that cannot are passed over at once. One query is bounded by `rpc.max_block_range`
//! and `rpc.max_logs`; whoever follows a filter, or asks with a cursor, gets pages that end between two blocks instead,
//! so nothing is lost.

use std::ops::RangeInclusive;

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{Bloom, BloomInput};
use alloy_rpc_types_eth::{Filter, FilterBlockOption};

use super::blocks::Blocks;
use super::convert::{self, RpcLog};
use super::error::RpcError;
use crate::chain::{Forgotten, FullBlock, Gone, Heads};
use crate::config::RpcConfig;
use crate::store::log_bits::{self, Row, SECTION_BLOCKS, Wanted};

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
pub fn range(filter: &Filter, heads: &Heads) -> Result<Option<RangeInclusive<u64>>, RpcError> {
    let (from, to) = filter.block_option.as_range();
    blocks_between(from.copied().unwrap_or_default(), to.copied().unwrap_or_default(), heads)
}

fn blocks_between(
    from: BlockNumberOrTag,
    to: BlockNumberOrTag,
    heads: &Heads,
) -> Result<Option<RangeInclusive<u64>>, RpcError> {
    let (from, to) = (resolve(from, heads), resolve(to, heads));
    if from > to {
        return Err(RpcError::Params(format!("invalid block range params: fromBlock {from} is after toBlock {to}")));
    }
    let to = to.min(heads.latest);
    Ok((from <= to).then_some(from..=to))
}

/// The same, bounded by `rpc.max_block_range`.
pub fn block_range(
    from: BlockNumberOrTag,
    to: BlockNumberOrTag,
    heads: &Heads,
    config: &RpcConfig,
) -> Result<Option<RangeInclusive<u64>>, RpcError> {
    let range = blocks_between(from, to, heads)?;
    if let Some(range) = &range {
        let count = range.end() - range.start() + 1;
        if count > config.max_block_range {
            let (what, limit) = (format!("block range of {count} blocks"), config.max_block_range);
            return Err(RpcError::Limit { what, limit, key: "rpc.max_block_range" });
        }
    }
    Ok(range)
}

/// A page of the events that match, and the block at which the next page begins, if there is one: a page ends after the
/// block that fills it, and after `rpc.max_block_range` blocks.
pub fn paged(
    blocks: &Blocks,
    filter: &Filter,
    cursor: Option<u64>,
    heads: &Heads,
    config: &RpcConfig,
) -> Result<(Vec<RpcLog>, Option<u64>), RpcError> {
    if let FilterBlockOption::AtBlockHash(_) = filter.block_option {
        return Ok((query(blocks, filter, heads, config)?, None));
    }
    let Some(range) = range(filter, heads)? else { return Ok((Vec::new(), None)) };
    let (from, to) = range.into_inner();
    let from = cursor.unwrap_or(from).max(from);
    let last = to.min(from.saturating_add(config.max_block_range.max(1) - 1));
    let mut found = Vec::new();
    let (mut next, mut candidates) = (from, Candidates::new(blocks, filter));
    while let Some(number) = candidates.next(next, last)? {
        next = number + 1;
        if let Some(block) = blocks.if_bloom(number, |bloom| filter.matches_bloom(bloom))? {
            found.extend(in_block(filter, &block));
        }
        if found.len() >= config.max_logs {
            return Ok((found, (number < to).then_some(number + 1)));
        }
    }
    Ok((found, (last < to).then_some(last + 1)))
}

/// All events that match.
pub fn query(blocks: &Blocks, filter: &Filter, heads: &Heads, config: &RpcConfig) -> Result<Vec<RpcLog>, RpcError> {
    if let FilterBlockOption::AtBlockHash(hash) = filter.block_option {
        let block = blocks.by_hash(&hash)?.ok_or_else(|| RpcError::Refused("unknown block".to_owned()))?;
        return Ok(in_block(filter, &block).collect());
    }
    let (from, to) = filter.block_option.as_range();
    let (from, to) = (from.copied().unwrap_or_default(), to.copied().unwrap_or_default());
    let Some(range) = block_range(from, to, heads, config)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let (mut next, last) = range.into_inner();
    let mut candidates = Candidates::new(blocks, filter);
    while let Some(number) = candidates.next(next, last)? {
        next = number + 1;
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

/// Finds the blocks that may have events which match.
struct Candidates<'a> {
    blocks: &'a Blocks,
    /// Of each of these there must be one.
    all: Vec<Vec<Wanted>>,
    /// The section that was looked at last, and its blocks that may match, if it is complete.
    section: Option<(u64, Option<Row>)>,
}

impl<'a> Candidates<'a> {
    fn new(blocks: &'a Blocks, filter: &Filter) -> Self {
        let of = |bytes: &[u8]| {
            let mut bloom = Bloom::ZERO;
            bloom.accrue(BloomInput::Raw(bytes));
            log_bits::bits_of(&bloom.0)
        };
        let addresses = filter.address.iter().map(|address| of(address.as_slice())).collect();
        let topics = filter.topics.iter().map(|any| any.iter().map(|topic| of(topic.as_slice())).collect());
        let all: Vec<Vec<Wanted>> = std::iter::once(addresses).chain(topics).collect();
        Self { blocks, all: all.into_iter().filter(|any| !any.is_empty()).collect(), section: None }
    }

    /// The first block from `from` on, up to `last`, that may match.
    fn next(&mut self, mut from: u64, last: u64) -> Result<Option<u64>, RpcError> {
        while from <= last {
            let section = from / SECTION_BLOCKS;
            let known = self.section.take().filter(|(known, _)| *known == section);
            let (_, row) = match known {
                Some(known) => self.section.insert(known),
                None => self.section.insert((section, self.blocks.log_bits(section, &self.all)?)),
            };
            let Some(row) = row else { return Ok(Some(from)) };
            let first = section * SECTION_BLOCKS;
            if let Some(at) = row.positions().find(|at| first + at >= from) {
                return Ok(Some(first + at).filter(|number| *number <= last));
            }
            from = first + SECTION_BLOCKS;
        }
        Ok(None)
    }
}

/// The events of one block that match, in order.
pub fn in_block<'a>(filter: &'a Filter, block: &'a FullBlock) -> impl Iterator<Item = RpcLog> + 'a {
    convert::logs(&block.block, &block.receipts).filter(|log| filter.matches(&log.inner))
}

/// The events that match in blocks that were taken back, each said to be removed: the last one first, as they have to be
/// undone.
pub fn removed(filter: &Filter, gone: &[Gone]) -> Result<Vec<RpcLog>, Forgotten> {
    let mut all = Vec::new();
    for gone in gone {
        for block in gone.with_events()? {
            if filter.matches_block_range(block.block.header.number) {
                let logs: Vec<RpcLog> = in_block(filter, block).collect();
                all.extend(logs.into_iter().rev().map(|log| RpcLog { removed: true, ..log }));
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let heads = Heads { latest: 50, safe: 20, finalized: 10 };
        let of =
            |from: BlockNumberOrTag, to: BlockNumberOrTag| range(&Filter::new().from_block(from).to_block(to), &heads);
        use BlockNumberOrTag::{Earliest, Finalized, Latest, Number, Pending, Safe};
        assert_eq!(of(Number(21), Latest).ok(), Some(Some(21..=50)));
        assert_eq!(of(Finalized, Safe).ok(), Some(Some(10..=20)));
        assert_eq!(of(Number(45), Number(u64::MAX)).ok(), Some(Some(45..=50)));
        assert_eq!(of(Number(51), Number(60)).ok(), Some(None));
        assert_eq!(range(&Filter::new(), &heads).ok(), Some(Some(50..=50)));
        assert_eq!(of(Earliest, Pending).ok(), Some(Some(0..=50)));
        assert!(matches!(of(Number(9), Number(8)), Err(RpcError::Params(_))));
    }
}
