//! How blocks were executed: `weft_blockStats`.

use std::time::Duration;

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, U64};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use weft_execution::parallel::{self, HotPlace, Stats};

use super::Context;
use crate::figures;
use crate::rpc::error::RpcError;
use crate::store::StoredBlock;

/// How a block was executed.
///
/// All but the first four depend on timing, and are about the pool's transactions alone: the inbox is executed before
/// them, one after the other. They include transactions that were tried and left out of the block.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockStats {
    number: U64,
    hash: B256,
    /// Transactions in the block, those from the inbox among them.
    transactions: U64,
    gas_used: U64,
    /// Threads that took part.
    threads: U64,
    /// Executions: `ahead`, `inTurn` and `paid` once each, `reExecuted` twice each.
    executed: U64,
    /// Transactions taken as they were executed ahead of their time.
    ahead: U64,
    /// Transactions executed when their time had come, and only then.
    in_turn: U64,
    /// Payments made without the EVM when their time had come; they are neither in `ahead` nor in `inTurn`.
    paid: U64,
    /// Transactions executed ahead of their time and again when it had come, because the first did not hold.
    re_executed: U64,
    /// Of `reExecuted`, those that had come to nothing the first time; the rest are conflicts.
    aborted: U64,
    /// How long it took.
    wall_micros: U64,
    /// How long all threads together were at work on transactions.
    busy_micros: U64,
    /// The second over the first; null if nothing was executed, or no time was measured. What was executed twice counts twice.
    speed_up: Option<f64>,
    /// What each thread did; empty if that was not measured.
    lanes: Vec<Lane>,
    /// Where most conflicts were, the hottest first; not all places.
    hottest: Vec<Hot>,
}

/// What one thread did. Executions that came to nothing count too, so the sums may be more than those of the block.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    /// Transactions executed, ahead of their time or in turn.
    executed: U64,
    /// Transactions executed again, because their first execution, by any thread, did not hold.
    re_executed: U64,
    /// How long it was at work.
    busy_micros: U64,
}

/// A place of the state that transactions were in conflict about.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hot {
    address: Address,
    /// A slot of its storage; null: the account itself.
    slot: Option<B256>,
    /// Transactions that were executed again because of it.
    conflicts: U64,
}

/// `weft_*` about execution.
#[rpc(server, namespace = "weft")]
pub trait Execution {
    /// How a block was executed. Null if there is no such block, and if that is not known: this process did not make
    /// the block (it was made before a restart, or is the genesis block), or has made a thousand since.
    #[method(name = "blockStats")]
    async fn block_stats(&self, block: BlockId) -> Result<Option<BlockStats>, RpcError>;
}

fn micros(time: Duration) -> U64 {
    U64::from(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

impl From<&HotPlace> for Hot {
    fn from(place: &HotPlace) -> Self {
        let HotPlace { address, slot, conflicts } = *place;
        Self { address, slot: slot.map(B256::from), conflicts: U64::from(conflicts) }
    }
}

impl From<&parallel::Lane> for Lane {
    fn from(lane: &parallel::Lane) -> Self {
        let parallel::Lane { executed, repeated, busy } = *lane;
        Self { executed: U64::from(executed), re_executed: U64::from(repeated), busy_micros: micros(busy) }
    }
}

impl BlockStats {
    fn new(block: &StoredBlock, stats: &Stats) -> Self {
        Self {
            number: U64::from(block.header.number),
            hash: block.hash,
            transactions: U64::from(block.body.transactions.len()),
            gas_used: U64::from(block.header.gas_used),
            threads: U64::from(stats.threads),
            executed: U64::from(figures::executions(stats)),
            ahead: U64::from(stats.ahead),
            in_turn: U64::from(stats.in_turn),
            paid: U64::from(stats.paid),
            re_executed: U64::from(stats.repeated),
            aborted: U64::from(stats.aborted),
            wall_micros: micros(stats.wall),
            busy_micros: micros(stats.busy),
            speed_up: figures::speed_up(stats),
            lanes: stats.lanes.iter().map(Lane::from).collect(),
            hottest: stats.hottest.iter().map(Hot::from).collect(),
        }
    }
}

#[async_trait]
impl ExecutionServer for Context {
    async fn block_stats(&self, block: BlockId) -> Result<Option<BlockStats>, RpcError> {
        let answer = self.read(move |inner| {
            let Some(number) = inner.number(Some(block))? else { return Ok(None) };
            let Some(stats) = inner.backend.chain().stats(number) else { return Ok(None) };
            // The block last: it is not there before it is durable.
            Ok(inner.blocks.get(number)?.map(|full| BlockStats::new(&full.block, &stats)))
        });
        answer.await
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use serde_json::json;
    use weft_primitives::BlockHeader;

    use super::*;

    #[test]
    fn to_the_letter() {
        let header = BlockHeader { number: 300, gas_used: 21_000, ..BlockHeader::default() };
        let hash = B256::repeat_byte(3);
        let block = StoredBlock {
            hash,
            header,
            body: Default::default(),
            inbox_cursor: 0,
            inbox_acc: B256::ZERO,
            withdrawals: 0,
        };
        let (token, account) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let stats = Stats {
            threads: 4,
            ahead: 90,
            in_turn: 3,
            paid: 2,
            repeated: 7,
            aborted: 1,
            wall: Duration::from_micros(2_000),
            busy: Duration::from_micros(6_500),
            lanes: vec![parallel::Lane { executed: 50, repeated: 2, busy: Duration::from_micros(16) }],
            hottest: vec![
                HotPlace { address: token, slot: Some(U256::from(9)), conflicts: 5 },
                HotPlace { address: account, slot: None, conflicts: 1 },
            ],
        };
        let wanted = json!({
            "number": "0x12c", "hash": hash, "transactions": "0x0", "gasUsed": "0x5208", "threads": "0x4",
            "executed": "0x6d", "ahead": "0x5a", "inTurn": "0x3", "paid": "0x2", "reExecuted": "0x7",
            "aborted": "0x1",
            "wallMicros": "0x7d0", "busyMicros": "0x1964", "speedUp": 3.25,
            "lanes": [{ "executed": "0x32", "reExecuted": "0x2", "busyMicros": "0x10" }],
            "hottest": [
                { "address": token, "slot": B256::with_last_byte(9), "conflicts": "0x5" },
                { "address": account, "slot": null, "conflicts": "0x1" },
            ],
        });
        assert_eq!(json!(BlockStats::new(&block, &stats)), wanted);
        let unmeasured = Stats { wall: Duration::ZERO, ..stats };
        assert_eq!(json!(BlockStats::new(&block, &unmeasured))["speedUp"], json!(null));
    }
}
