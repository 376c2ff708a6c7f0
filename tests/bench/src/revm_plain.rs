//! The baseline: revm as it comes, in its fastest sequential form. One `Evm`, `CacheDB`, `transact_commit`.

use alloy_primitives::{Log, U256};
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{ExecuteCommitEvm, MainBuilder, MainContext};
use revm::state::AccountInfo;
use weft_execution::StateView;

use crate::map_state::MapState;

/// A state in revm's own database.
pub type Db = CacheDB<EmptyDB>;

/// Loads a state.
pub fn load(state: &MapState) -> Db {
    let mut db = CacheDB::new(EmptyDB::new());
    for (address, account) in state.accounts() {
        let code = state.code(account.code_hash).ok();
        let (balance, nonce, code_hash) = (account.balance, account.nonce, account.code_hash);
        db.insert_account_info(address, AccountInfo { balance, nonce, code_hash, code, ..AccountInfo::default() });
    }
    for (address, slot, value) in state.slots() {
        // An in-memory database does not fail.
        let _ = db.insert_account_storage(address, slot, value);
    }
    db.cache.block_hashes.extend(state.block_hashes().map(|(number, hash)| (U256::from(number), hash)));
    db
}

/// What a receipt needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whether it did not revert or halt.
    pub success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Events.
    pub logs: Vec<Log>,
}

/// Executes all transactions in order, and keeps what receipts need; `None` for one that cannot be executed.
pub fn execute(db: &mut Db, config: &CfgEnv, block: &BlockEnv, transactions: &[TxEnv]) -> Vec<Option<Kept>> {
    let mut evm = Context::mainnet().with_db(db).with_cfg(config.clone()).with_block(block.clone()).build_mainnet();
    let run = |transaction: &TxEnv| {
        let result = evm.transact_commit(transaction.clone()).ok()?;
        Some(Kept { success: result.is_success(), gas_used: result.tx_gas_used(), logs: result.into_logs() })
    };
    transactions.iter().map(run).collect()
}

/// Executes all transactions in order and drops what comes of them.
pub fn execute_only(db: &mut Db, config: &CfgEnv, block: &BlockEnv, transactions: &[TxEnv]) {
    let mut evm = Context::mainnet().with_db(db).with_cfg(config.clone()).with_block(block.clone()).build_mainnet();
    for transaction in transactions {
        // One that cannot be executed without those before it is left out.
        let _ = evm.transact_commit(transaction.clone());
    }
}
