//! In what a served chain may differ from Weft's own.
//!
//! Weft's chains are all of one kind, and [`ChainConfig`] is it. The seam is there for tests: Ethereum's own test
//! chain, with blocks of every fork, blobs, withdrawals and a Merkle Patricia state root, is served through the same
//! servers, so that their answers can be held against those that Ethereum's developers have written down.

use alloy_eips::eip4895::Withdrawal;
use alloy_eips::eip7840::BlobParams;
use alloy_eips::eip7910::SystemContract;
use alloy_rpc_types_eth::EIP1186AccountProofResponse;
use weft_execution::{Changes, Rules};
use weft_primitives::{Address, B256, BlockHeader, ChainConfig};

/// Rules that begin at a time.
#[derive(Clone, Debug)]
pub struct Fork {
    /// Block time in seconds from which on they are in force.
    pub time: u64,
    /// Blobs (EIP-7840).
    pub blobs: BlobParams,
    /// Whether there is a precompiled contract for P-256 (EIP-7951, Osaka).
    pub p256: bool,
    /// Contracts that the protocol itself calls.
    pub contracts: Vec<(SystemContract, Address)>,
}

/// All rules of a chain, in the order in which they come into force.
#[derive(Clone, Debug, Default)]
pub struct Forks {
    /// Blocks and times of rules older than those that can be told of; each counts for the fork's id (EIP-2124).
    pub earlier: Vec<u64>,
    /// Since Prague.
    pub since: Vec<Fork>,
}

/// A kind of chain.
pub trait Dialect: Send + Sync + 'static {
    /// What blocks are executed by.
    fn rules(&self) -> &dyn Rules;

    /// All rules, for those who ask (EIP-7910).
    fn forks(&self) -> Forks;

    /// Whether there are blob transactions (EIP-4844).
    fn has_blobs(&self) -> bool {
        false
    }

    /// Root of the state after a block and `changes`; `None` for that of Weft's own tree.
    fn root_after(&self, _number: u64, _changes: &Changes) -> Option<B256> {
        None
    }

    /// Whether there are Merkle Patricia proofs of the state.
    fn has_proofs(&self) -> bool {
        false
    }

    /// The proof of an account and of slots of it after a block.
    fn proof(&self, _number: u64, _address: Address, _slots: &[B256]) -> Option<EIP1186AccountProofResponse> {
        None
    }

    /// Headers of a block's ommers.
    fn ommers(&self, _number: u64) -> Vec<BlockHeader> {
        Vec::new()
    }

    /// A block's withdrawals (EIP-4895).
    fn withdrawals(&self, _number: u64) -> Vec<Withdrawal> {
        Vec::new()
    }

    /// What a receipt has instead of its status: the state root after the transaction, before Byzantium.
    fn root_in_receipt(&self, _number: u64, _index: u64) -> Option<B256> {
        None
    }
}

impl Dialect for ChainConfig {
    fn rules(&self) -> &dyn Rules {
        self
    }

    fn forks(&self) -> Forks {
        let genesis = self.genesis();
        // Blob gas has a price though no transaction can use it: no block may hold a blob.
        let blobs = BlobParams { target_blob_count: 0, max_blob_count: 0, ..BlobParams::prague() };
        let contracts = vec![(SystemContract::HistoryStorage, alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS)];
        let fork = |time, p256| Fork { time, blobs, p256, contracts: contracts.clone() };
        let osaka = genesis.config.osaka_time.map(|time| time.max(genesis.timestamp));
        let prague = fork(genesis.timestamp, false);
        let since = match osaka {
            Some(time) if time == genesis.timestamp => vec![fork(time, true)],
            Some(time) => vec![prague, fork(time, true)],
            None => vec![prague],
        };
        Forks { earlier: Vec::new(), since }
    }
}

/// The price of blob gas in a block, in wei.
pub fn blob_base_fee(rules: &dyn Rules, header: &BlockHeader) -> u128 {
    rules.block(header).blob_excess_gas_and_price.map_or(1, |blob| blob.blob_gasprice)
}
