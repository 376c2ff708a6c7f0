//! What revm reads while a worker executes a transaction, and what it writes down about it.

use alloy_primitives::{Address, B256, U256};
use revm::Database;
use revm::bytecode::Bytecode;
use revm::database_interface::DBErrorMarker;
use revm::state::{AccountId, AccountInfo};

use super::memory::Memory;
use super::outcome::SlotRead;
use super::reads::Reads;
use super::scratch::Scratch;
use super::value::{AccountRead, Need, Value};
use crate::overlay::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use crate::view::{Missing, StateView};

/// A transaction whose nonce is taken for right until it is committed: its sender's earlier ones may be in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) address: Address,
    pub(super) nonce: u64,
}

/// One worker's way into the memory.
pub(super) struct WorkerDb<'a, V: ?Sized> {
    pub(super) memory: &'a Memory<'a, V>,
    pub(super) scratch: Scratch,
    at: u32,
    /// `None`: all before it are committed, so that what is read is certain and need not be written down.
    sender: Option<Sender>,
    pub(super) account_reads: Reads,
    pub(super) slot_reads: Vec<SlotRead>,
    /// Somebody else executes the same transaction.
    pub(super) races: bool,
    /// Nonces were looked at, apart from the sender's.
    pub(super) nonces_matter: bool,
    /// Somebody asks whether transactions depend on what the block has changed.
    pub(super) watches: bool,
    /// This one does, so far as was seen.
    pub(super) depends: bool,
}

impl<'a, V: StateView + ?Sized> WorkerDb<'a, V> {
    pub(super) fn new(memory: &'a Memory<'a, V>, scratch: Scratch) -> Self {
        Self {
            memory,
            scratch,
            at: 0,
            sender: None,
            account_reads: Reads::default(),
            slot_reads: Vec::new(),
            races: false,
            nonces_matter: false,
            watches: false,
            depends: false,
        }
    }

    /// Before a transaction. With a `sender` it is executed ahead of its time.
    pub(super) fn begin(&mut self, at: u32, sender: Option<Sender>, nonces_matter: bool) {
        self.at = at;
        self.sender = sender;
        self.nonces_matter = nonces_matter;
        self.depends = false;
        self.account_reads.clear();
        self.slot_reads.clear();
    }

    pub(super) const fn is_ahead(&self) -> bool {
        self.sender.is_some()
    }

    /// Somebody else has done by now what this worker does.
    pub(super) fn is_late(&self) -> bool {
        self.races && self.memory.window.is_late(self.at)
    }

    fn ahead(&self) -> Option<u32> {
        self.sender.map(|_| self.at)
    }

    /// The number of an account.
    pub(super) fn number(&mut self, address: Address) -> u32 {
        let at = usize::from(address[18]) << 8 | usize::from(address[19]);
        self.scratch.accounts.get(at, address, || self.memory.account(address))
    }

    /// The number of a slot.
    pub(super) fn slot_number(&mut self, account: u32, slot: U256) -> u32 {
        let at = slot.as_limbs()[0] as usize ^ account as usize;
        self.scratch.slots.get(at, (account, slot), || self.memory.slot(account, slot))
    }

    /// An account as a transaction finds it ahead of its time; if everyone finds the same until it changes, how often it
    /// has. One that many transactions look at and none changes is looked up once.
    fn account(&mut self, number: u32) -> Result<(Value, Option<u32>), Missing> {
        let changes = self.memory.account_changes(number);
        if let Some(value) = self.scratch.known(number, changes) {
            return Ok((value.clone(), Some(changes)));
        }
        let (value, lasting) = self.memory.read_account(number, self.at)?;
        if lasting {
            self.scratch.remember(number, changes, value.clone());
        }
        Ok((value, lasting.then_some(changes)))
    }

    /// What was written down about an account that this transaction has read.
    pub(super) fn read_of(&mut self, address: Address) -> Option<&mut AccountRead> {
        let number = self.number(address);
        self.account_reads.of(number)
    }

    /// The transaction has seen this account's balance.
    pub(super) fn saw_balance(&mut self, address: Address) {
        self.saw(address);
        if self.is_ahead()
            && let Some(read) = self.read_of(address)
        {
            read.need = Need::Exactly;
        }
    }

    /// The transaction has made a contract, with this account's nonce.
    pub(super) fn saw_nonce(&mut self, address: Address) {
        self.nonces_matter = true;
        self.saw(address);
    }

    fn saw(&mut self, address: Address) {
        if self.watches {
            let number = self.number(address);
            self.depends |= self.memory.has_changed(number);
        }
    }

    /// The transaction had `value` taken from this account, which held `present` by then.
    pub(super) fn spent(&mut self, address: Address, present: U256, value: U256) {
        let Some(read) = self.read_of(address) else { return };
        let Some(spare) = present.checked_sub(value) else {
            read.need = Need::Exactly;
            return;
        };
        if let Need::AtLeast(least) = &mut read.need {
            // So much less, and it would not have been there.
            *least = (*least).max(read.balance.saturating_sub(spare));
        }
    }
}

/// What revm is told of what is missing. A pointer: revm hands results, with room for an error, from function to function
/// all the time.
pub(super) type Failure = Box<Missing>;

impl DBErrorMarker for Failure {}

impl<V: StateView + ?Sized> Database for WorkerDb<'_, V> {
    type Error = Failure;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Failure> {
        if self.is_late() {
            // Nobody will see it.
            return Err(Box::new(Missing::Code(B256::ZERO)));
        }
        let number = self.number(address);
        let Some(sender) = self.sender else {
            let no_code = &self.scratch.no_code;
            return self.memory.committed(number, |value| info(number, value, no_code)).map_err(Box::new);
        };
        let (mut value, mut changes) = self.account(number).map_err(Box::new)?;
        let is_sender = sender.address == address;
        if is_sender && value.nonce != sender.nonce {
            (value.nonce, changes) = (sender.nonce, None);
        }
        self.account_reads.push(AccountRead {
            cell: number,
            changes,
            code_hash: value.code_hash(),
            balance: value.balance,
            need: Need::AtLeast(U256::ZERO),
            nonce: value.nonce,
            nonce_matters: is_sender,
            presence: Some((value.exists, value.is_empty())),
        });
        Ok(info(number, &value, &self.scratch.no_code))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Failure> {
        self.scratch.code(hash, || self.memory.code(hash)).map_err(Box::new)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Failure> {
        let account = self.number(address);
        self.slot_of(account, address, slot)
    }

    fn storage_by_account_id(&mut self, address: Address, account: AccountId, slot: U256) -> Result<U256, Failure> {
        self.slot_of(account.get() as u32, address, slot)
    }

    /// From the ring in state, so that a stateless verifier can answer too. revm asks for the last 256 only.
    fn block_hash(&mut self, number: u64) -> Result<B256, Failure> {
        self.storage(HISTORY_STORAGE_ADDRESS, U256::from(number % HISTORY_SERVE_WINDOW)).map(B256::from)
    }
}

impl<V: StateView + ?Sized> WorkerDb<'_, V> {
    fn slot_of(&mut self, account: u32, address: Address, slot: U256) -> Result<U256, Failure> {
        let cell = self.slot_number(account, slot);
        let (value, changed) = self.memory.read_slot(cell, (account, address), slot, self.ahead())?;
        self.depends |= changed;
        if self.is_ahead() {
            self.slot_reads.push(SlotRead { cell, value });
        }
        Ok(value)
    }
}

/// An account as revm has it, with its number.
fn info(number: u32, value: &Value, no_code: &Bytecode) -> Option<AccountInfo> {
    value.exists.then(|| AccountInfo {
        balance: value.balance,
        nonce: value.nonce,
        code_hash: value.code_hash(),
        account_id: AccountId::new(number as usize),
        code: if value.code.is_none() { Some(no_code.clone()) } else { value.delegation().cloned() },
    })
}
