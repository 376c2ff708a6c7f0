//! Blocks: built from candidates by the sequencer, executed again by everyone else.
//!
//! Both go through [`BlockBuilder`]; they differ only in what a transaction
//! that cannot be executed means: the sequencer leaves it out, for a verifier
//! it makes the batch invalid. Inbox items come first; one that cannot be
//! executed is consumed without effect, so that nothing blocks the queue.

use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, U256};
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::handler::{ExecuteCommitEvm, MainBuilder, MainContext, MainnetContext, MainnetEvm};
use weft_primitives::block::transactions_root;
use weft_primitives::header::{ExecutionRoots, child_header};
use weft_primitives::{BlockBody, BlockHeader, ChainConfig, InboxItem, Transaction};

use crate::env;
use crate::overlay::{Changes, HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS, Overlay};
use crate::receipt::{Receipt, logs_bloom, receipts_root};
use crate::view::{Missing, StateView};
use crate::world::{Applied, ApplyError, World};

/// The block on which another is built.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: B256,
}

impl Parent {
    /// Hashes the header.
    pub fn new(header: BlockHeader) -> Self {
        let hash = header.hash_slow();
        Self { header, hash }
    }
}

/// Why a transaction was not executed. It had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Its nonce was used before.
    #[error("nonce too low: transaction has {transaction}, account has {state}")]
    NonceTooLow {
        /// In the transaction.
        transaction: u64,
        /// Of the account.
        state: u64,
    },
    /// An earlier nonce is missing.
    #[error("nonce too high: transaction has {transaction}, account has {state}")]
    NonceTooHigh {
        /// In the transaction.
        transaction: u64,
        /// Of the account.
        state: u64,
    },
    /// The sender cannot pay.
    #[error("insufficient funds for gas * price + value")]
    InsufficientFunds,
    /// The fee cap is below the base fee.
    #[error("max fee per gas less than block base fee")]
    FeeBelowBaseFee,
    /// The block has not enough gas left; a later one may.
    #[error("the block has {left} gas left, the transaction asks for {wanted}")]
    BlockFull {
        /// Gas left in the block.
        left: u64,
        /// Its gas limit.
        wanted: u64,
    },
    /// It can never be executed.
    #[error("{0}")]
    Invalid(String),
}

impl SkipReason {
    fn of(error: InvalidTransaction) -> Self {
        match error {
            InvalidTransaction::NonceTooLow { tx, state } => Self::NonceTooLow { transaction: tx, state },
            InvalidTransaction::NonceTooHigh { tx, state } => Self::NonceTooHigh { transaction: tx, state },
            InvalidTransaction::LackOfFundForMaxFee { .. } => Self::InsufficientFunds,
            InvalidTransaction::GasPriceLessThanBasefee => Self::FeeBelowBaseFee,
            other => Self::Invalid(other.to_string()),
        }
    }

    /// Whether the transaction may be executable in a later block.
    pub const fn may_heal(&self) -> bool {
        matches!(self, Self::NonceTooHigh { .. } | Self::BlockFull { .. } | Self::FeeBelowBaseFee)
    }
}

type Evm<'a, V> = MainnetEvm<MainnetContext<Overlay<'a, V>>>;

/// A block in the making.
pub struct BlockBuilder<'a, V: StateView + ?Sized> {
    chain: &'a ChainConfig,
    timestamp: u64,
    evm: Evm<'a, V>,
    gas_limit: u64,
    base_fee: u64,
    gas_used: u64,
    body: BlockBody,
    receipts: Vec<Receipt>,
}

/// An executed block whose state root is not known yet.
#[derive(Clone, Debug)]
pub struct Built {
    /// Block time in seconds.
    pub timestamp: u64,
    /// Transactions and inbox use.
    pub body: BlockBody,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    /// Gas used by all.
    pub gas_used: u64,
    changes: Changes,
}

/// A block with its header, and what it did to the state.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: B256,
    /// Transactions and inbox use.
    pub body: BlockBody,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    /// What it did to the state.
    pub applied: Applied,
}

pub(crate) fn evm<'a, V: StateView + ?Sized>(db: Overlay<'a, V>, config: CfgEnv, block: BlockEnv) -> Evm<'a, V> {
    Context::mainnet().with_db(db).with_cfg(config).with_block(block).build_mainnet()
}

impl<'a, V: StateView + ?Sized> BlockBuilder<'a, V> {
    /// Starts the block on top of `parent`. Its hash goes into the ring of EIP-2935.
    pub fn new(chain: &'a ChainConfig, parent: &Parent, timestamp: u64, view: &'a V) -> Result<Self, Missing> {
        let mut overlay = Overlay::new(view);
        let slot = U256::from(parent.header.number % HISTORY_SERVE_WINDOW);
        overlay.set_storage(HISTORY_STORAGE_ADDRESS, slot, parent.hash.into())?;
        let block = env::next_block(chain, &parent.header, parent.hash, timestamp);
        let (gas_limit, base_fee) = (block.gas_limit, block.basefee);
        Ok(Self {
            chain,
            timestamp,
            evm: evm(overlay, env::config(chain, timestamp), block),
            gas_limit,
            base_fee,
            gas_used: 0,
            body: BlockBody::default(),
            receipts: Vec::new(),
        })
    }

    /// Consumes the next inbox item; before any other transaction.
    pub fn inbox_item(&mut self, item: &InboxItem) -> Result<(), Missing> {
        debug_assert_eq!(self.body.inbox_included as usize, self.body.transactions.len());
        self.body.inbox_count += 1;
        if let Ok(transaction) = Transaction::decode(item.transaction.clone(), self.chain.chain_id())
            && self.transaction(transaction)?.is_ok()
        {
            self.body.inbox_included += 1;
        }
        Ok(())
    }

    /// Executes a transaction, or says why it cannot be.
    pub fn transaction(&mut self, transaction: Transaction) -> Result<Result<(), SkipReason>, Missing> {
        let (wanted, left) = (transaction.envelope().gas_limit(), self.gas_left());
        if wanted > left {
            return Ok(Err(SkipReason::BlockFull { left, wanted }));
        }
        let environment: TxEnv = env::transaction(&transaction);
        match self.evm.transact_commit(environment) {
            Ok(result) => {
                self.include(transaction, result);
                Ok(Ok(()))
            }
            Err(EVMError::Transaction(error)) => Ok(Err(SkipReason::of(error))),
            Err(EVMError::Database(missing)) => Err(missing),
            Err(other) => Ok(Err(SkipReason::Invalid(other.to_string()))),
        }
    }

    fn include(&mut self, transaction: Transaction, result: ExecutionResult) {
        let gas_used = result.tx_gas_used();
        self.gas_used += gas_used;
        let envelope = transaction.envelope();
        self.receipts.push(Receipt {
            transaction_hash: transaction.hash(),
            transaction_type: transaction.transaction_type(),
            from: transaction.sender(),
            to: envelope.to(),
            contract_address: envelope.to().is_none().then(|| transaction.sender().create(envelope.nonce())),
            success: result.is_success(),
            gas_used,
            cumulative_gas_used: self.gas_used,
            effective_gas_price: envelope.effective_gas_price(Some(self.base_fee)),
            logs: result.into_logs(),
        });
        self.body.transactions.push(transaction);
    }

    /// Gas that the block has left.
    pub const fn gas_left(&self) -> u64 {
        self.gas_limit - self.gas_used
    }

    /// Transactions included so far.
    pub const fn len(&self) -> usize {
        self.body.transactions.len()
    }

    /// Whether nothing was included so far.
    pub const fn is_empty(&self) -> bool {
        self.body.transactions.is_empty()
    }

    /// Ends the block.
    pub fn finish(self) -> Built {
        let changes = self.evm.ctx.journaled_state.database.into_changes();
        let Self { timestamp, body, receipts, gas_used, .. } = self;
        Built { timestamp, body, receipts, gas_used, changes }
    }
}

impl Built {
    /// Applies the block to the state of its parent and makes its header.
    pub fn seal(self, chain: &ChainConfig, parent: &Parent, world: &mut World) -> Result<Sealed, ApplyError> {
        let (transactions_root, (receipts_root, logs_bloom)) = rayon::join(
            || transactions_root(&self.body.transactions),
            || (receipts_root(&self.receipts), logs_bloom(&self.receipts)),
        );
        let applied = world.apply(self.changes)?;
        let roots = ExecutionRoots {
            state_root: applied.state_root,
            transactions_root,
            receipts_root,
            logs_bloom,
            gas_used: self.gas_used,
        };
        let header = child_header(chain, &parent.header, parent.hash, self.timestamp, roots);
        Ok(Sealed { hash: header.hash_slow(), header, body: self.body, receipts: self.receipts, applied })
    }
}
