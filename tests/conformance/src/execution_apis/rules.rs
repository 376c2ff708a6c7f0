//! Ethereum's rules by block and time, from a genesis file.

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::eip1559::{BaseFeeParams, INITIAL_BASE_FEE, calc_next_block_base_fee};
use alloy_eips::eip4788::BEACON_ROOTS_ADDRESS;
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_eips::eip7840::BlobParams;
use alloy_genesis::ChainConfig;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use revm::context::{BlockEnv, CfgEnv};
use revm::primitives::hardfork::SpecId;
use weft_execution::Rules;

use crate::system;

/// The rules of a chain of Ethereum's.
#[derive(Clone, Debug)]
pub struct EthereumRules {
    config: ChainConfig,
    /// Blobs by the time from which on, the latest first.
    blobs: Vec<(u64, BlobParams)>,
}

impl EthereumRules {
    /// Those of a genesis file.
    pub fn new(config: ChainConfig) -> Self {
        let times = [
            ("cancun", config.cancun_time),
            ("prague", config.prague_time),
            ("osaka", config.osaka_time),
            ("bpo1", config.bpo1_time),
            ("bpo2", config.bpo2_time),
        ];
        let of = |(name, time): (&str, Option<u64>)| Some((time?, *config.blob_schedule.get(name)?));
        let mut blobs: Vec<_> = times.into_iter().filter_map(of).collect();
        blobs.reverse();
        Self { config, blobs }
    }

    /// The genesis file's configuration.
    pub const fn genesis(&self) -> &ChainConfig {
        &self.config
    }

    /// When which blobs came, the first first.
    pub fn blob_schedule(&self) -> impl Iterator<Item = (u64, BlobParams)> + '_ {
        self.blobs.iter().rev().copied()
    }

    fn blobs_at(&self, timestamp: u64) -> Option<BlobParams> {
        self.blobs.iter().find(|(time, _)| *time <= timestamp).map(|(_, blobs)| *blobs)
    }

    /// The fork of a block. The Merge is where the difficulty becomes zero.
    pub fn spec(&self, header: &Header) -> SpecId {
        let Header { number, timestamp, .. } = header;
        let at = |time: Option<u64>| time.is_some_and(|time| time <= *timestamp);
        let from = |block: Option<u64>| block.is_some_and(|block| block <= *number);
        let ChainConfig { shanghai_time, cancun_time, prague_time, osaka_time, .. } = &self.config;
        let forks = [
            (at(*osaka_time), SpecId::OSAKA),
            (at(*prague_time), SpecId::PRAGUE),
            (at(*cancun_time), SpecId::CANCUN),
            (at(*shanghai_time), SpecId::SHANGHAI),
            (header.difficulty.is_zero() && *number > 0, SpecId::MERGE),
            (from(self.config.london_block), SpecId::LONDON),
            (from(self.config.berlin_block), SpecId::BERLIN),
            (from(self.config.istanbul_block), SpecId::ISTANBUL),
            (from(self.config.petersburg_block), SpecId::PETERSBURG),
            // Its own rules (EIP-1283) were taken back before any other block had them.
            (from(self.config.byzantium_block), SpecId::BYZANTIUM),
            (from(self.config.eip158_block), SpecId::SPURIOUS_DRAGON),
            (from(self.config.eip150_block), SpecId::TANGERINE),
            (from(self.config.homestead_block), SpecId::HOMESTEAD),
        ];
        forks.into_iter().find(|(active, _)| *active).map_or(SpecId::FRONTIER, |(_, spec)| spec)
    }

    /// Whether receipts say whether a transaction succeeded (EIP-658, Byzantium); before, they have a state root.
    pub fn has_status(&self, number: u64) -> bool {
        self.config.byzantium_block.is_some_and(|block| block <= number)
    }
}

impl Rules for EthereumRules {
    fn chain_id(&self) -> u64 {
        self.config.chain_id
    }

    fn config(&self, header: &Header) -> CfgEnv {
        let spec = self.spec(header);
        let mut config = CfgEnv::new_with_spec(spec);
        config.chain_id = self.config.chain_id;
        if let Some(blobs) = self.blobs_at(header.timestamp) {
            // Six in one transaction since Osaka (EIP-7594).
            let most = if spec.is_enabled_in(SpecId::OSAKA) { 6 } else { blobs.max_blob_count };
            config.set_max_blobs_per_tx(most);
            config.blob_base_fee_update_fraction = u64::try_from(blobs.update_fraction).ok();
        }
        config
    }

    fn block(&self, header: &Header) -> BlockEnv {
        let blobs = self.blobs_at(header.timestamp);
        system::block_env(header, blobs.map(|blobs| u64::try_from(blobs.update_fraction).unwrap_or(u64::MAX)))
    }

    fn next_base_fee(&self, parent: &Header) -> Option<u64> {
        let london = self.config.london_block.is_some_and(|block| block <= parent.number + 1);
        let next = |fee| calc_next_block_base_fee(parent.gas_used, parent.gas_limit, fee, BaseFeeParams::ethereum());
        london.then(|| parent.base_fee_per_gas.map_or(INITIAL_BASE_FEE, next))
    }

    fn child(&self, parent: &Header, parent_hash: B256, timestamp: u64) -> Header {
        let number = parent.number + 1;
        let at = |time: Option<u64>| time.is_some_and(|time| time <= timestamp);
        let cancun = at(self.config.cancun_time);
        let excess_blob_gas = self.blobs_at(timestamp).filter(|_| cancun).map(|blobs| {
            let base_fee = parent.base_fee_per_gas.unwrap_or_default();
            match (parent.excess_blob_gas, parent.blob_gas_used) {
                (Some(excess), Some(used)) => blobs.next_block_excess_blob_gas_osaka(excess, used, base_fee),
                _ => 0,
            }
        });
        Header {
            parent_hash,
            number,
            timestamp,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            transactions_root: EMPTY_ROOT_HASH,
            receipts_root: EMPTY_ROOT_HASH,
            beneficiary: parent.beneficiary,
            difficulty: parent.difficulty,
            gas_limit: parent.gas_limit,
            base_fee_per_gas: self.next_base_fee(parent),
            withdrawals_root: at(self.config.shanghai_time).then_some(EMPTY_ROOT_HASH),
            blob_gas_used: cancun.then_some(0),
            excess_blob_gas,
            parent_beacon_block_root: cancun.then_some(B256::ZERO),
            requests_hash: at(self.config.prague_time).then_some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        }
    }

    fn calls_before(&self, header: &Header) -> Vec<(Address, Bytes)> {
        let root = header.parent_beacon_block_root;
        root.map(|root| (BEACON_ROOTS_ADDRESS, root.into())).into_iter().collect()
    }

    /// Before the Merge; what ommers add is the importer's.
    fn reward(&self, header: &Header) -> Option<U256> {
        let from = |block: Option<u64>| block.is_some_and(|block| block <= header.number);
        let ether = match () {
            () if header.difficulty.is_zero() => return None,
            () if from(self.config.constantinople_block) => 2,
            () if from(self.config.byzantium_block) => 3,
            () => 5,
        };
        Some(U256::from(ether) * U256::from(10).pow(U256::from(18)))
    }
}
