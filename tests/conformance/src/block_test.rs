//! Blockchain tests: blocks on top of each other, each judged by its header.
//!
//! Deliberately absent: the rules for headers and bodies that do not concern
//! execution, so blocks that are invalid are not judged.

use std::collections::BTreeMap;
use std::path::Path;

use alloy_consensus::transaction::SignerRecoverable;
use alloy_consensus::{Block, Header};
use alloy_primitives::{B256, Bytes};
use alloy_rlp::Decodable;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::primitives::hardfork::SpecId;
use serde::Deserialize;
use weft_bench::MapState;
use weft_execution::Missing;
use weft_primitives::transaction::Envelope;

use crate::difference::{Difference, same_hash};
use crate::json::Pre;
use crate::receipts::Receipts;
use crate::report::{Report, Verdict};
use crate::transaction::env_of;
use crate::{agree, fork, json, system, trie};

/// One test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockTest {
    network: String,
    pre: Pre,
    #[serde(rename = "genesisRLP")]
    genesis: Bytes,
    blocks: Vec<TestBlock>,
    #[serde(rename = "lastblockhash")]
    last_block_hash: B256,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestBlock {
    rlp: Bytes,
    /// Name of the exception, if the block is invalid.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Reports on each block of each test in a file.
pub fn judge_file(path: &Path, name: &str, [report]: &mut [Report; 1]) {
    match json::read::<BlockTest>(path) {
        Ok(tests) => tests.iter().for_each(|(test_name, test)| judge(test, &format!("{name}, {test_name}"), report)),
        Err(difference) => report.add(name, Err(difference)),
    }
}

fn judge(test: &BlockTest, name: &str, report: &mut Report) {
    let spec = match fork::spec_of(&test.network) {
        Ok(spec) if spec.is_enabled_in(SpecId::MERGE) => Ok(spec),
        Ok(_) => Err("block rewards from before the Merge are not implemented here"),
        Err(why) => Err(why),
    };
    let spec = match spec {
        Ok(spec) => spec,
        Err(why) => return test.blocks.iter().for_each(|_| report.add(name, Ok(Verdict::Skipped(why)))),
    };
    let mut chain = match Chain::genesis(test, spec) {
        Ok(chain) => chain,
        Err(difference) => return report.add(format!("{name}, genesis"), Err(difference)),
    };
    for (at, block) in test.blocks.iter().enumerate() {
        let ended = if block.rest.contains_key("expectException") {
            Ok(Verdict::Skipped("invalid block: the rules for headers are not Weft's"))
        } else {
            chain.import(&block.rlp).map(|()| Verdict::Passed)
        };
        let failed = ended.is_err();
        report.add(format!("{name}, {}, block {at}", test.network), ended);
        if failed {
            // What follows would only fail for the same reason.
            let after = test.blocks.len() - at - 1;
            return (0..after).for_each(|_| report.add(name, Ok(Verdict::Skipped("after a block that failed"))));
        }
    }
    if let Err(difference) = same_hash("hash of the last block", chain.hash, test.last_block_hash) {
        report.add(name, Err(difference));
    }
}

/// A chain up to some block.
struct Chain {
    state: MapState,
    config: CfgEnv,
    hash: B256,
}

impl Chain {
    fn genesis(test: &BlockTest, spec: SpecId) -> Result<Self, Difference> {
        let header = decode(&test.genesis)?.header;
        let mut chain = Self { state: json::state_of(&test.pre), config: fork::rules(spec), hash: B256::ZERO };
        same_hash("genesis state root", trie::state_root(&chain.state), header.state_root)?;
        chain.moved_to(&header);
        Ok(chain)
    }

    fn moved_to(&mut self, header: &Header) {
        self.hash = header.hash_slow();
        self.state.insert_block_hash(header.number, self.hash);
    }

    /// Executes a block on top; it is as its header says.
    fn import(&mut self, rlp: &[u8]) -> Result<(), Difference> {
        let Block { header, body } = decode(rlp)?;
        same_hash("parent", self.hash, header.parent_hash)?;
        let block = self.block(&header);
        let missing = |missing: Missing| Difference::Missing { executor: "call by the protocol".to_owned(), missing };
        let (parent, beacon_root) = (header.parent_hash, header.parent_beacon_block_root);
        system::before(&mut self.state, &self.config, &block, parent, beacon_root).map_err(missing)?;
        let types: Vec<u8> = body.transactions.iter().map(|transaction| transaction.tx_type().into()).collect();
        let transactions = body.transactions.iter().map(recovered).collect::<Result<Vec<TxEnv>, Difference>>()?;
        let outcome = agree::execute(&self.state, None, &self.config, &block, &transactions)?;
        Receipts::of(&types, &outcome)?.check(&header)?;
        self.state.apply(&outcome.changes);
        let withdrawals = body.withdrawals.unwrap_or_default();
        system::after(&mut self.state, &self.config, &block, &withdrawals).map_err(missing)?;
        same_hash("state root", trie::state_root(&self.state), header.state_root)?;
        self.moved_to(&header);
        Ok(())
    }

    fn block(&self, header: &Header) -> BlockEnv {
        system::block_env(header, Some(self.config.blob_base_fee_update_fraction()))
    }
}

fn decode(mut rlp: &[u8]) -> Result<Block<Envelope>, Difference> {
    let unreadable = |why: String| Difference::Unreadable(why);
    let block = Block::decode(&mut rlp).map_err(|error| unreadable(error.to_string()))?;
    if rlp.is_empty() { Ok(block) } else { Err(unreadable("bytes after the block".to_owned())) }
}

fn recovered(envelope: &Envelope) -> Result<TxEnv, Difference> {
    let sender = envelope.recover_signer().map_err(|error| Difference::Undecoded(error.to_string()))?;
    Ok(env_of(envelope, sender))
}
