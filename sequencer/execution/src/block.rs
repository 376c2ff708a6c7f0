//! Blocks: built from candidates by the sequencer, executed again by everyone else.
//!
//! Both go through [`BlockBuilder`]; they differ only in what a transaction
//! that cannot be executed means: the sequencer leaves it out, for a verifier
//! it makes the batch invalid.
//!
//! The inbox comes first, in order. An item that can be executed in no block
//! where it stands (not a transaction, wrong nonce, too poor) is consumed
//! without effect, so that nothing blocks the queue. One that merely asks for
//! more gas than the block has left is *not* consumed: it is the next block's
//! first, so that nobody can push it out by filling a block before it. A
//! deposit is a credit where it stands: no transaction, no receipt, no gas.

use alloy_primitives::{B256, U256};
use rayon::prelude::*;
use revm::handler::ExecuteEvm;
use weft_primitives::inbox::Content;
use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_primitives::{BlockHeader, ChainConfig, Deposit, InboxItem, Transaction};

use crate::access::{AccountChanges, Builder, ByList, WrongList, transact};
use crate::begun::{Begun, Ground};
use crate::env::{self, Evm};
use crate::overlay::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS, Overlay};
use crate::pack::{Policy, pack};
use crate::parallel::{Engine, Stats};
use crate::raw::refusal;
use crate::tally::Tally;
use crate::view::{Missing, StateView};

pub use crate::pack::Refusal;
pub use crate::seal::{Built, Sealed};
pub use crate::skip::SkipReason;

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

/// A block executed again, or the position of the first transaction that cannot be, and why.
pub type Replayed = Result<Built, (usize, SkipReason)>;

/// An inbox item whose turn has come.
enum Item {
    Transaction(Box<Transaction>),
    Deposit(Deposit),
    /// Nothing that can be executed.
    Nothing,
}

impl Item {
    fn decode(item: &InboxItem, chain_id: u64) -> Self {
        match &item.content {
            Content::Deposit(deposit) => Self::Deposit(*deposit),
            Content::Transaction(raw) => Transaction::decode(raw.clone(), chain_id)
                .map_or(Self::Nothing, |transaction| Self::Transaction(Box::new(transaction))),
        }
    }
}

/// A block in the making. After [`Missing`] it is good for nothing.
pub struct BlockBuilder<'a, V: StateView + ?Sized> {
    chain_id: u64,
    timestamp: u64,
    /// Of the state before the block.
    state_root: B256,
    /// Slot and value that were written before the transactions, in the history contract.
    history: (U256, U256),
    evm: Evm<'a, V>,
    tally: Tally,
    list: Option<Builder>,
    inbox_open: bool,
}

impl<'a, V: StateView + ?Sized> BlockBuilder<'a, V> {
    /// Starts the block on top of `parent`, whose state is `view`.
    ///
    /// The parent's hash goes where Ethereum's system call puts it at the start of a block (EIP-2935).
    pub fn new(chain: &ChainConfig, parent: &Parent, timestamp: u64, view: &'a V) -> Result<Self, Missing> {
        let mut overlay = Overlay::new(view);
        let slot = U256::from(parent.header.number % HISTORY_SERVE_WINDOW);
        let history = (slot, parent.hash.into());
        overlay.set_storage(HISTORY_STORAGE_ADDRESS, history.0, history.1)?;
        let block = env::next_block(chain, &parent.header, parent.hash, timestamp);
        let most = env::max_transaction_gas(chain, timestamp);
        let tally = Tally::new(block.gas_limit, most, block.basefee);
        let evm = env::evm(overlay, env::config(chain, timestamp), block);
        let state_root = parent.header.state_root;
        let (chain_id, list) = (chain.chain_id(), None);
        Ok(Self { chain_id, timestamp, state_root, history, evm, tally, list, inbox_open: true })
    }

    /// The block comes with a list of what it touches. To be called before any transaction.
    pub fn with_access_list(mut self) -> Self {
        let mut list = Builder::default();
        list.account(HISTORY_STORAGE_ADDRESS).write(self.history.0, self.history.1);
        self.list = Some(list);
        self
    }

    /// Consumes the next inbox items, as many of them as fit; how many did.
    ///
    /// After one that does not fit, and after the first of the sequencer's own transactions, none does.
    pub fn inbox(&mut self, items: &[InboxItem]) -> Result<usize, Missing> {
        let room = MAX_BLOCK_INBOX_ITEMS.saturating_sub(self.tally.body.inbox_count as usize);
        let room = if self.inbox_open { room } else { 0 };
        let decoded: Vec<Item> = items.par_iter().take(room).map(|item| Item::decode(item, self.chain_id)).collect();
        let mut consumed = 0;
        for item in decoded {
            if !self.consume(item)? {
                break;
            }
            consumed += 1;
        }
        Ok(consumed)
    }

    /// [`BlockBuilder::inbox`] for one item. Look at the body's `inbox_count` for whether it was consumed.
    pub fn inbox_item(&mut self, item: &InboxItem) -> Result<(), Missing> {
        self.inbox(std::slice::from_ref(item)).map(drop)
    }

    /// Whether the item was consumed.
    fn consume(&mut self, item: Item) -> Result<bool, Missing> {
        let included = match item {
            Item::Nothing => false,
            Item::Deposit(deposit) => {
                self.credit(&deposit)?;
                false
            }
            Item::Transaction(transaction) => match self.execute(*transaction)? {
                Ok(()) => true,
                Err(SkipReason::BlockFull { .. }) => {
                    self.inbox_open = false;
                    return Ok(false);
                }
                Err(_) => false,
            },
        };
        self.tally.body.inbox_count += 1;
        self.tally.body.inbox_included += u32::from(included);
        Ok(true)
    }

    /// Credits the recipient. Where an account would hold more than the state can, which the supply of no chain
    /// allows, nothing is done. In the block's access list a deposit has an index of its own.
    fn credit(&mut self, deposit: &Deposit) -> Result<(), Missing> {
        // A transaction that was refused has left what it loaded behind, with the balances of before.
        drop(self.evm.finalize());
        let overlay = &mut self.evm.ctx.journaled_state.database;
        if let (Some(balance), Some(list)) = (overlay.credit(deposit.to, deposit.amount)?, &mut self.list) {
            list.next();
            list.account(deposit.to).balance(balance);
        }
        Ok(())
    }

    /// Executes a transaction, or says why it cannot be.
    pub fn transaction(&mut self, transaction: Transaction) -> Result<Result<(), SkipReason>, Missing> {
        self.inbox_open = false;
        self.execute(transaction)
    }

    fn execute(&mut self, transaction: Transaction) -> Result<Result<(), SkipReason>, Missing> {
        if let Err(reason) = self.tally.admit(&transaction) {
            return Ok(Err(reason));
        }
        match transact(&mut self.evm, env::transaction(&transaction), self.list.as_mut()) {
            Ok(result) => {
                self.tally.include(transaction, result.into());
                Ok(Ok(()))
            }
            Err(error) => refusal(error).map(Err),
        }
    }

    /// Gas that the block has left.
    pub const fn gas_left(&self) -> u64 {
        self.tally.gas_left()
    }

    /// Transactions included so far.
    pub const fn len(&self) -> usize {
        self.tally.body.transactions.len()
    }

    /// Whether nothing was included so far.
    pub const fn is_empty(&self) -> bool {
        self.tally.body.transactions.is_empty()
    }

    /// Inbox items consumed so far, those without effect included.
    pub const fn inbox_count(&self) -> u32 {
        self.tally.body.inbox_count
    }

    /// Executes the sequencer's own candidates in order and ends the block; also returns those that were left out.
    ///
    /// After one of a sender fails its later ones are left for another block, without a reason. The result is the same
    /// for any number of threads.
    pub fn fill(self, candidates: Vec<Transaction>, engine: &mut Engine) -> Result<(Built, Vec<Refusal>), Missing> {
        pack(self.begun(), candidates, Policy::LeaveOut, engine)
    }

    /// Executes transactions that all have to be executable where they stand, and ends the block. Otherwise the
    /// position of the first that is not, and why. The result is the same for any number of threads.
    pub fn replay(self, transactions: Vec<Transaction>, engine: &mut Engine) -> Result<Replayed, Missing> {
        replay(self.begun(), transactions, engine)
    }

    /// [`BlockBuilder::replay`] by the block's list, each transaction on its own; of a builder
    /// [`BlockBuilder::with_access_list`]. Where the list is not the block's, the block is executed without it, with the
    /// same outcome as ever; and why the list is wrong.
    pub fn replay_by_list(
        self,
        transactions: Vec<Transaction>,
        list: &[AccountChanges],
        engine: &mut Engine,
    ) -> Result<(Replayed, Result<(), WrongList>), Missing> {
        let begun = self.begun();
        match begun.by_list(&transactions, list, engine) {
            Ok(done) => Ok((Ok(include_all(begun, transactions, done, list)), Ok(()))),
            Err(wrong) => Ok((replay(begun, transactions, engine)?, Err(wrong))),
        }
    }

    fn begun(self) -> Begun<'a, V> {
        let Self { timestamp, state_root, evm, tally, list, .. } = self;
        Begun { timestamp, ground: Ground::new(evm, state_root), tally, list }
    }

    /// Ends the block.
    pub fn finish(self) -> Built {
        let changes = self.evm.ctx.journaled_state.database.into_changes();
        let Tally { gas_used, body, receipts, .. } = self.tally;
        let (timestamp, access_list) = (self.timestamp, self.list.map(Builder::finish));
        Built { timestamp, body, receipts, gas_used, changes, stats: Stats::default(), access_list }
    }
}

fn replay<V: StateView + ?Sized>(
    begun: Begun<'_, V>,
    transactions: Vec<Transaction>,
    engine: &mut Engine,
) -> Result<Replayed, Missing> {
    let (built, refused) = pack(begun, transactions, Policy::Demand, engine)?;
    Ok(refused.into_iter().next().map_or(Ok(built), |refusal| Err((refusal.at, refusal.reason))))
}

/// The whole block, whose transactions were executed by its list.
fn include_all<V: ?Sized>(
    begun: Begun<'_, V>,
    transactions: Vec<Transaction>,
    done: ByList,
    list: &[AccountChanges],
) -> Built {
    let Begun { timestamp, mut tally, .. } = begun;
    let ByList { results, changes, stats } = done;
    transactions.into_iter().zip(results).for_each(|(transaction, executed)| tally.include(transaction, executed));
    let Tally { gas_used, body, receipts, .. } = tally;
    Built { timestamp, body, receipts, gas_used, changes, stats, access_list: Some(list.to_vec()) }
}
