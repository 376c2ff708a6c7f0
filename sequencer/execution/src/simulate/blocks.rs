//! Made-up blocks on top of a real one: `eth_simulateV1`.
//!
//! The rules are those of the specification in ethereum/execution-apis, and of go-ethereum where that says nothing.
//! Blocks that are left out between two are filled in, empty. All calls together may use as much gas as one
//! `eth_call`.

use alloy_primitives::{Address, B256, Log};
use revm::context::TxEnv;
use revm::context::result::EVMError;
use weft_primitives::block::transactions_root;
use weft_primitives::{BlockHeader, Transaction};

use super::call::ending;
use super::logs::Logs;
use super::overrides::{self, ApplyError};
use super::unsigned::unsigned;
use super::{Call, Ending, Override, OverrideError, Refusal};
use crate::changes::Changes;
use crate::overlay::Overlay;
use crate::past::RootError;
use crate::receipt::{Receipt, receipts_root_and_bloom};
use crate::rules::Rules;
use crate::session::{Session, Waived};
use crate::view::{Missing, StateView};

/// Most blocks after the one that a simulation is based on.
pub const MAX_BLOCKS: u64 = 256;

/// Seconds between blocks whose time is not given.
const BLOCK_TIME: u64 = 12;

/// Gas of one blob (EIP-4844).
const GAS_PER_BLOB: u64 = 131_072;

/// A block to be made up. What is absent is as in the block before, or follows from it.
#[derive(Clone, Debug, Default)]
pub struct BlockCalls {
    /// Number.
    pub number: Option<u64>,
    /// Time in seconds.
    pub timestamp: Option<u64>,
    /// Gas limit.
    pub gas_limit: Option<u64>,
    /// `COINBASE`.
    pub beneficiary: Option<Address>,
    /// `PREVRANDAO`.
    pub mix_hash: Option<B256>,
    /// Wei a gas.
    pub base_fee: Option<u64>,
    /// Wei a blob gas.
    pub blob_base_fee: Option<u128>,
    /// Root of the beacon chain (EIP-4788).
    pub beacon_root: Option<B256>,
    /// State to pretend before its calls.
    pub state: Vec<(Address, Override)>,
    /// Its calls.
    pub calls: Vec<Call>,
}

/// What to make up blocks on.
pub struct Simulation<'a, V: ?Sized> {
    /// Rules.
    pub rules: &'a dyn Rules,
    /// The block below the first.
    pub base: &'a BlockHeader,
    /// The state after it.
    pub view: &'a V,
    /// The root of that state after changes.
    pub root: &'a dyn Fn(&Changes) -> Result<B256, RootError>,
    /// Gas of all calls together.
    pub gas_cap: u64,
    /// Whether nonces must be right and base fees paid.
    pub validation: bool,
    /// Whether moved ether is shown as events.
    pub transfers: bool,
    /// Whether it has taken too long; asked before each call and block.
    pub stop: &'a dyn Fn() -> bool,
}

/// A made-up block.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// Its header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: B256,
    /// Its calls as transactions, with a signature of zeros.
    pub transactions: Vec<Transaction>,
    /// What its calls did.
    pub calls: Vec<Called>,
}

/// What a call of a made-up block did.
#[derive(Clone, Debug)]
pub struct Called {
    /// How it ended.
    pub ending: Ending,
    /// Gas used.
    pub gas_used: u64,
    /// Gas used before refunds were taken off.
    pub max_used_gas: u64,
    /// Events, with their index in the block.
    pub logs: Vec<(u64, Log)>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Not above the block before.
    #[error("block numbers must be in order: {number} <= {before}")]
    Number {
        /// Asked for.
        number: u64,
        /// Of the block before.
        before: u64,
    },
    /// Not after the block before.
    #[error("block timestamps must be in order: {timestamp} <= {before}")]
    Timestamp {
        /// Asked for.
        timestamp: u64,
        /// Of the block before.
        before: u64,
    },
    /// More than [`MAX_BLOCKS`].
    #[error("too many blocks")]
    TooManyBlocks,
    /// A block's calls ask for more gas than it has.
    #[error("block gas limit reached: remaining: {left}, required: {asked}")]
    BlockGas {
        /// Left in the block.
        left: u64,
        /// Asked for.
        asked: u64,
    },
    /// What is to be pretended cannot be.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// A call breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It took too long.
    #[error("the simulation took too long")]
    Stopped,
    /// State is not there.
    #[error("missing {0}")]
    Missing(#[from] Missing),
    /// The state after a block is none that a chain of this kind can have.
    #[error("state root: {0}")]
    Root(#[from] RootError),
}

impl From<ApplyError> for SimulationError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Missing(missing) => Self::Missing(missing),
            ApplyError::Override(error) => Self::Override(error),
        }
    }
}

impl<V: StateView + ?Sized> Simulation<'_, V> {
    /// Makes up blocks.
    pub fn run(&self, blocks: Vec<BlockCalls>) -> Result<Vec<Simulated>, SimulationError> {
        let blocks = self.in_order(blocks)?;
        let mut db = Overlay::new(self.view);
        let mut budget = self.gas_cap;
        let mut done: Vec<Simulated> = Vec::with_capacity(blocks.len());
        for block in blocks {
            self.check_time()?;
            let last = done.last();
            let (parent, hash) = last.map_or((self.base, self.base.hash_slow()), |last| (&last.header, last.hash));
            let header = self.header(parent, hash, &block);
            let (simulated, after) = self.block(header, block, db, &mut budget)?;
            db = after;
            done.push(simulated);
        }
        Ok(done)
    }

    fn check_time(&self) -> Result<(), SimulationError> {
        if (self.stop)() { Err(SimulationError::Stopped) } else { Ok(()) }
    }

    /// The blocks with those that are left out between them, each with number and time.
    fn in_order(&self, blocks: Vec<BlockCalls>) -> Result<Vec<BlockCalls>, SimulationError> {
        let (mut number, mut timestamp) = (self.base.number, self.base.timestamp);
        let mut all = Vec::new();
        for block in blocks {
            let wanted = block.number.unwrap_or(number.saturating_add(1));
            if wanted <= number {
                return Err(SimulationError::Number { number: wanted, before: number });
            }
            if wanted - self.base.number > MAX_BLOCKS {
                return Err(SimulationError::TooManyBlocks);
            }
            for filler in number + 1..wanted {
                timestamp = timestamp.saturating_add(BLOCK_TIME);
                let (number, timestamp) = (Some(filler), Some(timestamp));
                all.push(BlockCalls { number, timestamp, ..BlockCalls::default() });
            }
            let at = block.timestamp.unwrap_or(timestamp.saturating_add(BLOCK_TIME));
            if at <= timestamp {
                return Err(SimulationError::Timestamp { timestamp: at, before: timestamp });
            }
            (number, timestamp) = (wanted, at);
            all.push(BlockCalls { number: Some(number), timestamp: Some(timestamp), ..block });
        }
        Ok(all)
    }

    /// What is known of a block before its calls.
    fn header(&self, parent: &BlockHeader, parent_hash: B256, block: &BlockCalls) -> BlockHeader {
        let timestamp = block.timestamp.unwrap_or(parent.timestamp);
        let mut header = self.rules.child(parent, parent_hash, timestamp);
        header.gas_limit = block.gas_limit.unwrap_or(parent.gas_limit);
        header.beneficiary = block.beneficiary.unwrap_or(parent.beneficiary);
        header.mix_hash = block.mix_hash.unwrap_or(header.mix_hash);
        // Without validation nothing has to be paid for, so that calls which name no price can be made.
        let base_fee = header.base_fee_per_gas.map(|fee| if self.validation { fee } else { 0 });
        header.base_fee_per_gas = block.base_fee.or(base_fee);
        header.parent_beacon_block_root = header.parent_beacon_block_root.map(|root| block.beacon_root.unwrap_or(root));
        header
    }

    fn block<'a>(
        &'a self,
        mut header: BlockHeader,
        block: BlockCalls,
        db: Overlay<'a, V>,
        budget: &mut u64,
    ) -> Result<(Simulated, Overlay<'a, V>), SimulationError> {
        let waived = Waived { base_fee: !self.validation, nonce: !self.validation, limits: true };
        let mut session = Session::new(self.rules, &header, db, waived, Logs::new(self.transfers));
        if let Some(price) = block.blob_base_fee {
            session.price_blobs(price);
        }
        let (db, precompiles) = session.db_and_precompiles();
        overrides::apply(db, precompiles, &block.state)?;
        session.begin(self.rules, &header)?;
        let (mut transactions, mut receipts, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gas_used, mut blobs) = (0u64, 0);
        for call in block.calls {
            self.check_time()?;
            let left = header.gas_limit.saturating_sub(gas_used);
            let asked = call.gas.unwrap_or(left);
            if asked > left {
                return Err(SimulationError::BlockGas { left, asked });
            }
            let env = self.transaction(&header, &call, asked.min(*budget), session.db())?;
            let transaction = unsigned(&env)?;
            let base_fee = header.base_fee_per_gas.unwrap_or_default();
            let done = session.run(env.clone()).map_err(|error| refused(error, &env, base_fee))?;
            session.commit(done.state);
            let result = done.result;
            let (used, max_used_gas) = (result.tx_gas_used(), result.gas().total_gas_spent().max(result.tx_gas_used()));
            *budget = budget.saturating_sub(used);
            gas_used += used;
            blobs += env.blob_hashes.len() as u64;
            receipts.push(Receipt {
                transaction_hash: transaction.hash(),
                transaction_type: env.tx_type,
                from: env.caller,
                to: call.to,
                contract_address: None,
                success: result.is_success(),
                gas_used: used,
                cumulative_gas_used: gas_used,
                effective_gas_price: env.gas_price,
                logs: result.logs().to_vec(),
            });
            let logs = session.inspector().take();
            calls.push(Called { ending: ending(result).0, gas_used: used, max_used_gas, logs });
            transactions.push(transaction);
        }
        session.end(self.rules, &header)?;
        header.gas_used = gas_used;
        header.transactions_root = transactions_root(&transactions);
        (header.receipts_root, header.logs_bloom) = receipts_root_and_bloom(&receipts);
        header.blob_gas_used = header.blob_gas_used.map(|_| blobs * GAS_PER_BLOB);
        header.state_root = (self.root)(&session.changes())?;
        Ok((Simulated { hash: header.hash_slow(), header, transactions, calls }, session.into_db()))
    }

    /// A call as a transaction of its block.
    fn transaction(
        &self,
        header: &BlockHeader,
        call: &Call,
        gas_limit: u64,
        db: &Overlay<'_, V>,
    ) -> Result<TxEnv, Missing> {
        let sender = call.from.unwrap_or_default();
        let nonce = match call.nonce {
            Some(nonce) => nonce,
            None => db.account_now(sender)?.map_or(0, |info| info.nonce),
        };
        // What names no kind is an EIP-1559 transaction, where there are such.
        let legacy = call.legacy || header.base_fee_per_gas.is_none();
        let priority_fee = (!legacy).then(|| call.priority_fee.unwrap_or_default());
        let call = Call { nonce: Some(nonce), priority_fee, legacy, ..call.clone() };
        Ok(call.transaction(self.rules.chain_id(), gas_limit))
    }
}

fn refused(error: EVMError<Missing>, transaction: &TxEnv, base_fee: u64) -> SimulationError {
    match error {
        EVMError::Database(missing) => missing.into(),
        EVMError::Transaction(error) => Refusal::of(&error, transaction, base_fee).into(),
        other => Refusal { code: Refusal::OTHER, message: other.to_string() }.into(),
    }
}
