//! What the servers have to know of Ethereum's chain that is different from ours.

use alloy_consensus::Header;
use alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
use alloy_eips::eip4895::Withdrawal;
use alloy_eips::eip7910::SystemContract;
use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::EIP1186AccountProofResponse;
use weft_bench::MapState;
use weft_execution::{Changes, Rules, StateView};
use weft_sequencer::dialect::{Dialect, Fork, Forks};
use weft_state::AccountChange;

use super::import::Beside;
use super::{proof, rules::EthereumRules};
use crate::trie;

/// A chain of Ethereum's whose blocks are all there.
pub struct Ethereum {
    rules: EthereumRules,
    /// By block number.
    beside: Vec<Beside>,
}

impl Ethereum {
    /// After an import.
    pub const fn new(rules: EthereumRules, beside: Vec<Beside>) -> Self {
        Self { rules, beside }
    }

    fn beside(&self, number: u64) -> Option<&Beside> {
        usize::try_from(number).ok().and_then(|number| self.beside.get(number))
    }
}

impl Dialect for Ethereum {
    fn rules(&self) -> &dyn Rules {
        &self.rules
    }

    fn forks(&self) -> Forks {
        let config = self.rules.genesis();
        let blocks = [
            config.homestead_block,
            config.dao_fork_block,
            config.eip150_block,
            config.eip155_block,
            config.eip158_block,
            config.byzantium_block,
            config.constantinople_block,
            config.petersburg_block,
            config.istanbul_block,
            config.muir_glacier_block,
            config.berlin_block,
            config.london_block,
            config.arrow_glacier_block,
            config.gray_glacier_block,
            config.merge_netsplit_block,
        ];
        let times = [config.shanghai_time, config.cancun_time];
        let mut earlier: Vec<u64> = blocks.into_iter().flatten().chain(times.into_iter().flatten()).collect();
        earlier.dedup();
        let contracts: Vec<_> = SystemContract::cancun()
            .into_iter()
            .chain(SystemContract::prague(config.deposit_contract_address))
            .collect();
        let since =
            self.rules.blob_schedule().filter(|(time, _)| config.prague_time.is_some_and(|first| first <= *time));
        let fork = |(time, blobs)| Fork {
            time,
            blobs,
            p256: config.osaka_time.is_some_and(|osaka| osaka <= time),
            contracts: contracts.clone(),
        };
        Forks { earlier, since: since.map(fork).collect() }
    }

    fn has_blobs(&self) -> bool {
        true
    }

    fn root_after(&self, number: u64, changes: &Changes) -> Option<B256> {
        let beside = self.beside(number)?;
        let mut state = beside.state.clone();
        let mut changes = changes.clone();
        // Ours have the hashes of blocks in the state from the start.
        changes.accounts.retain(|(address, _)| beside.has_ring || *address != HISTORY_STORAGE_ADDRESS);
        state.apply(&changes);
        // One that is left empty is gone (EIP-161); those from before that rule stay until they are touched.
        let gone = AccountChange { info: Some(None), wipe_storage: true, ..AccountChange::default() };
        let empty =
            |account: &Address| state.account(*account).is_ok_and(|it| it.is_some_and(|it| it.account.is_empty()));
        let accounts = changes.accounts.iter().map(|(at, _)| *at).filter(empty).map(|at| (at, gone.clone())).collect();
        state.apply(&Changes { accounts, codes: Vec::new() });
        Some(trie::state_root(&state))
    }

    fn has_proofs(&self) -> bool {
        true
    }

    fn proof(&self, number: u64, address: Address, slots: &[B256]) -> Option<EIP1186AccountProofResponse> {
        let state: &MapState = &self.beside(number)?.state;
        Some(proof::of(state, address, slots))
    }

    fn ommers(&self, number: u64) -> Vec<Header> {
        self.beside(number).map(|beside| beside.ommers.clone()).unwrap_or_default()
    }

    fn withdrawals(&self, number: u64) -> Vec<Withdrawal> {
        self.beside(number).map(|beside| beside.withdrawals.clone()).unwrap_or_default()
    }

    fn root_in_receipt(&self, number: u64, index: u64) -> Option<B256> {
        self.beside(number)?.roots.get(usize::try_from(index).ok()?).copied()
    }
}
