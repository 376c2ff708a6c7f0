//! The test chain through our own execution into a store of our own.
//!
//! Every block is executed by all executors, and judged by its header: gas, receipts, bloom, state root. What the
//! store gets is what a node's own producer would have written.

use std::collections::{BTreeMap, BTreeSet};

use alloy_consensus::transaction::SignerRecoverable;
use alloy_consensus::{Block, Eip658Value, Header, Receipt as EthereumReceipt, ReceiptWithBloom, Transaction as _};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
use alloy_eips::eip4895::Withdrawal;
use alloy_genesis::Genesis;
use alloy_primitives::{Address, B256, Bytes, U256, logs_bloom};
use alloy_rlp::Decodable;
use alloy_trie::root::ordered_trie_root_encoded;
use revm::context::TxEnv;
use revm::primitives::hardfork::SpecId;
use weft_bench::MapState;
use weft_execution::raw::{self, Executor, Outcome};
use weft_execution::{Changes, Missing, Receipt, Rules, StateView, World};
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{BlockBody, Transaction};
use weft_sequencer::store::{ChainStore, NewBlock, StoredBlock};
use weft_state::AccountChange;

use super::rules::EthereumRules;
use crate::difference::{Difference, same_hash};
use crate::receipts::Receipts;
use crate::transaction::env_of;
use crate::{agree, system, trie};

/// Slots of the ring of block hashes (EIP-2935).
const RING: u64 = 8_191;

/// What the store has no place for.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The state after the block.
    pub state: MapState,
    /// Headers of ommers.
    pub ommers: Vec<Header>,
    /// Withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// State roots after each transaction, before Byzantium.
    pub roots: Vec<B256>,
    /// Whether the hashes of blocks are in the state: since Prague.
    pub has_ring: bool,
}

/// A chain up to some block.
pub struct Import {
    rules: EthereumRules,
    store: ChainStore,
    state: MapState,
    world: World,
    newest: StoredBlock,
    beside: Vec<Beside>,
}

/// What a block changed, and where.
#[derive(Default)]
struct Touched {
    accounts: BTreeMap<Address, (bool, BTreeSet<U256>)>,
    codes: Vec<(B256, Bytes)>,
}

impl Touched {
    fn note(&mut self, changes: &Changes) {
        self.codes.extend(changes.codes.iter().cloned());
        for (address, change) in &changes.accounts {
            let (wiped, slots) = self.accounts.entry(*address).or_default();
            *wiped |= change.wipe_storage || matches!(change.info, Some(None));
            slots.extend(change.storage.iter().map(|(slot, _)| *slot));
        }
    }

    /// All changes of the block as one: to `after`.
    fn changes(self, after: &MapState) -> Result<Changes, Missing> {
        let mut accounts = Vec::new();
        for (address, (wipe_storage, mut slots)) in self.accounts {
            if wipe_storage {
                slots.extend(after.slots().filter(|(owner, ..)| *owner == address).map(|(_, slot, _)| slot));
            }
            let value = |slot: U256| Ok((slot, after.storage(address, slot)?));
            let storage = slots.into_iter().map(value).collect::<Result<_, Missing>>()?;
            let stored = after.account(address)?;
            let delegation = stored.and_then(|stored| stored.delegation);
            let info = Some(stored.map(|stored| stored.account));
            accounts.push((address, AccountChange { info, delegation, storage, wipe_storage }));
        }
        Ok(Changes { accounts, codes: self.codes })
    }
}

fn missing(missing: Missing) -> Difference {
    Difference::Missing { executor: "import".to_owned(), missing }
}

fn unreadable(why: impl std::fmt::Display) -> Difference {
    Difference::Unreadable(why.to_string())
}

impl Import {
    /// The genesis block of a file.
    pub fn genesis(genesis: &Genesis, store: ChainStore) -> Result<Self, Difference> {
        let rules = EthereumRules::new(genesis.config.clone());
        let (mut state, mut touched) = (MapState::default(), Touched::default());
        for (address, account) in &genesis.alloc {
            let slots: Vec<(U256, U256)> = account.storage_slots().map(|(slot, value)| (slot.into(), value)).collect();
            let code = account.code.clone().unwrap_or_default();
            state.insert(*address, account.nonce.unwrap_or_default(), account.balance, &code, slots.iter().copied());
            touched.accounts.entry(*address).or_default().1.extend(slots.iter().map(|(slot, _)| *slot));
            if !code.is_empty() {
                touched.codes.push((alloy_primitives::keccak256(&code), code));
            }
        }
        let header = Header {
            state_root: trie::state_root(&state),
            transactions_root: alloy_trie::EMPTY_ROOT_HASH,
            receipts_root: alloy_trie::EMPTY_ROOT_HASH,
            ommers_hash: alloy_consensus::EMPTY_OMMER_ROOT_HASH,
            difficulty: genesis.difficulty,
            gas_limit: genesis.gas_limit,
            timestamp: genesis.timestamp,
            extra_data: genesis.extra_data.clone(),
            mix_hash: genesis.mix_hash,
            nonce: genesis.nonce.into(),
            beneficiary: genesis.coinbase,
            ..Header::default()
        };
        let newest = StoredBlock {
            hash: header.hash_slow(),
            header,
            body: BlockBody::default(),
            inbox_cursor: 0,
            inbox_acc: B256::ZERO,
            withdrawals: 0,
        };
        let mut import = Self { rules, store, state, world: World::default(), newest, beside: Vec::new() };
        import.keep(touched, &[], Beside::default())?;
        Ok(import)
    }

    /// Executes all blocks of a file, one after the other in RLP.
    pub fn all(mut self, mut rlp: &[u8]) -> Result<Self, Difference> {
        while !rlp.is_empty() {
            let block: Block<Envelope> = Block::decode(&mut rlp).map_err(unreadable)?;
            let number = block.header.number;
            self.block(block).map_err(|difference| unreadable(format!("block {number}: {difference}")))?;
        }
        Ok(self)
    }

    /// The rules, the state after the newest block, and what the store has no place for, by number.
    pub fn finish(self) -> (EthereumRules, World, Vec<Beside>) {
        (self.rules, self.world, self.beside)
    }

    fn block(&mut self, block: Block<Envelope>) -> Result<(), Difference> {
        let Block { header, body } = block;
        same_hash("parent", self.newest.hash, header.parent_hash)?;
        let (config, env) = (self.rules.config(&header), self.rules.block(&header));
        let mut touched = Touched::default();
        if !config.spec.is_enabled_in(SpecId::PRAGUE) {
            // From then on the hash is in the state, and must not be there before the protocol has put it there.
            self.state.insert_block_hash(header.number - 1, header.parent_hash);
        }
        let before = self.state.clone();
        system::before(&mut self.state, &config, &env, header.parent_hash, header.parent_beacon_block_root)
            .map_err(missing)?;
        let transactions = body.transactions.iter().map(decoded).collect::<Result<Vec<_>, _>>()?;
        let envs: Vec<TxEnv> = transactions.iter().map(|one| env_of(one.envelope(), one.sender())).collect();
        let outcome = agree::execute(&self.state, None, &config, &env, &envs)?;
        let roots = if self.rules.has_status(header.number) {
            let types: Vec<u8> = transactions.iter().map(Transaction::transaction_type).collect();
            Receipts::of(&types, &outcome)?.check(&header)?;
            Vec::new()
        } else {
            let roots = self.roots_between(&header, &envs)?;
            same_hash("receipts root", receipts_root(&outcome, &roots)?, header.receipts_root)?;
            roots
        };
        touched.note(&outcome.changes);
        self.state.apply(&outcome.changes);
        let withdrawals = body.withdrawals.unwrap_or_default().into_inner();
        system::after(&mut self.state, &config, &env, &withdrawals).map_err(missing)?;
        self.reward(&header, &body.ommers).map_err(missing)?;
        // What the protocol itself did is found by looking.
        touched.note(&difference(&before, &self.state));
        same_hash("state root", trie::state_root(&self.state), header.state_root)?;
        let receipts = receipts(&header, &transactions, &outcome)?;
        self.newest = StoredBlock {
            hash: header.hash_slow(),
            header,
            body: BlockBody { transactions, ..BlockBody::default() },
            inbox_cursor: 0,
            inbox_acc: B256::ZERO,
            withdrawals: 0,
        };
        let has_ring = config.spec.is_enabled_in(SpecId::PRAGUE);
        let beside = Beside { ommers: body.ommers, withdrawals, roots, has_ring, ..Beside::default() };
        self.keep(touched, &receipts, beside)
    }

    /// State roots after each transaction.
    fn roots_between(&self, header: &Header, transactions: &[TxEnv]) -> Result<Vec<B256>, Difference> {
        let (config, env) = (self.rules.config(header), self.rules.block(header));
        let mut state = self.state.clone();
        let root = |transaction: &TxEnv| {
            let one = std::slice::from_ref(transaction);
            let outcome = raw::execute(&state, &config, &env, one, Executor::Sequential).map_err(missing)?;
            state.apply(&outcome.changes);
            Ok(trie::state_root(&state))
        };
        transactions.iter().map(root).collect()
    }

    /// What miners get, before the Merge.
    fn reward(&mut self, header: &Header, ommers: &[Header]) -> Result<(), Missing> {
        let Some(reward) = self.rules.reward(header) else { return Ok(()) };
        for ommer in ommers {
            let age = U256::from(8 - (header.number - ommer.number));
            system::credit(&mut self.state, ommer.beneficiary, reward * age / U256::from(8))?;
        }
        let more = reward * U256::from(ommers.len()) / U256::from(32);
        system::credit(&mut self.state, header.beneficiary, reward + more)
    }

    /// Writes the newest block to the store.
    fn keep(&mut self, touched: Touched, receipts: &[Receipt], beside: Beside) -> Result<(), Difference> {
        let header = &self.newest.header;
        let mut changes = touched.changes(&self.state).map_err(missing)?;
        if header.number > 0 {
            // Our chains have all hashes in the ring, from the start.
            note_hash(&mut changes, header.number - 1, header.parent_hash);
        }
        let applied = self.world.advance(changes).map_err(unreadable)?;
        let new = NewBlock {
            block: &self.newest,
            receipts,
            access_list: None,
            updates: &applied.updates,
            undo: &applied.undo,
            codes: &applied.codes,
            forget_undo: 0..0,
        };
        self.store.put_blocks([new]).map_err(unreadable)?;
        self.beside.push(Beside { state: self.state.clone(), ..beside });
        Ok(())
    }
}

fn note_hash(changes: &mut Changes, number: u64, hash: B256) {
    let slot = (U256::from(number % RING), hash.into());
    match changes.accounts.iter_mut().find(|(address, _)| *address == HISTORY_STORAGE_ADDRESS) {
        Some((_, change)) => {
            change.storage.retain(|(other, _)| *other != slot.0);
            change.storage.push(slot);
        }
        None => {
            let change = AccountChange { storage: vec![slot], ..AccountChange::default() };
            changes.accounts.push((HISTORY_STORAGE_ADDRESS, change));
        }
    }
}

/// Which accounts and slots differ; the values are looked up later.
fn difference(before: &MapState, after: &MapState) -> Changes {
    let mut changed: BTreeMap<Address, AccountChange> = BTreeMap::new();
    let accounts = |state: &MapState| state.accounts().map(|(at, account)| (at, *account)).collect::<BTreeMap<_, _>>();
    let slots =
        |state: &MapState| state.slots().map(|(at, slot, value)| ((at, slot), value)).collect::<BTreeMap<_, _>>();
    let (old, new) = (accounts(before), accounts(after));
    for address in old.keys().chain(new.keys()) {
        if old.get(address) != new.get(address) {
            changed.entry(*address).or_default();
        }
    }
    let (old, new) = (slots(before), slots(after));
    for key in old.keys().chain(new.keys()) {
        if old.get(key) != new.get(key) {
            changed.entry(key.0).or_default().storage.push((key.1, U256::ZERO));
        }
    }
    Changes { accounts: changed.into_iter().collect(), codes: Vec::new() }
}

fn decoded(envelope: &Envelope) -> Result<Transaction, Difference> {
    let sender = envelope.recover_signer().map_err(|error| Difference::Undecoded(error.to_string()))?;
    Transaction::with_sender(encode(envelope), sender).map_err(|error| Difference::Undecoded(error.to_string()))
}

/// Before Byzantium.
fn receipts_root(outcome: &Outcome, roots: &[B256]) -> Result<B256, Difference> {
    let (mut cumulative_gas_used, mut encoded) = (0, Vec::new());
    for (at, (result, root)) in outcome.results.iter().zip(roots).enumerate() {
        let executed = result.as_ref().map_err(|reason| Difference::Refused { at, reason: reason.clone() })?;
        cumulative_gas_used += executed.gas_used;
        let (logs, logs_bloom) = (executed.logs.clone(), logs_bloom(&executed.logs));
        let receipt = EthereumReceipt { status: Eip658Value::PostState(*root), cumulative_gas_used, logs };
        let envelope = alloy_consensus::ReceiptEnvelope::Legacy(ReceiptWithBloom { receipt, logs_bloom });
        encoded.push(envelope.encoded_2718());
    }
    Ok(ordered_trie_root_encoded(&encoded))
}

/// As our store has them.
fn receipts(header: &Header, transactions: &[Transaction], outcome: &Outcome) -> Result<Vec<Receipt>, Difference> {
    let mut cumulative_gas_used = 0;
    let mut all = Vec::new();
    for (at, (transaction, result)) in transactions.iter().zip(&outcome.results).enumerate() {
        let executed = result.as_ref().map_err(|reason| Difference::Refused { at, reason: reason.clone() })?;
        cumulative_gas_used += executed.gas_used;
        let envelope = transaction.envelope();
        let created = envelope.kind().is_create().then(|| transaction.sender().create(transaction.nonce()));
        all.push(Receipt {
            transaction_hash: transaction.hash(),
            transaction_type: transaction.transaction_type(),
            from: transaction.sender(),
            to: envelope.to(),
            contract_address: created,
            success: executed.success,
            gas_used: executed.gas_used,
            cumulative_gas_used,
            effective_gas_price: envelope.effective_gas_price(header.base_fee_per_gas),
            logs: executed.logs.clone(),
        });
    }
    if cumulative_gas_used != header.gas_used {
        return Err(Difference::Gas { got: cumulative_gas_used, want: header.gas_used });
    }
    Ok(all)
}
