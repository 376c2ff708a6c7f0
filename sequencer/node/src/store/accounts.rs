//! An index by account: the transactions that each account has to do with.
//!
//! A row has those of one account in one block, so that a busy account costs a block one row. Block numbers are turned
//! around in the keys: an account's newest row is its first. All of a block's rows follow from its receipts, so
//! whatever takes the block back finds them.
//!
//! Blocks come with their rows in one write. Those from before the index was there get them later, from the newest to
//! the oldest ([`ChainStore::fill_accounts`]); a mark says from which block on it is complete, and without the mark
//! there is no index.
//!
//! Deliberately absent: accounts that are reached within a call alone (only a trace shows them), and deposits, which
//! are no transactions.

use std::sync::PoisonError;

use alloy_primitives::{Log, b256};
use weft_execution::Receipt;
use weft_primitives::codec::{Reader, put_uvarint};
use weft_primitives::{Address, B256};

use super::chain::{number_key, number_of, put};
use super::keys::ACCOUNTS;
use super::{ChainStore, Family, StoreError, Write};

/// keccak256 of `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// What is indexed in one write afterwards: so many blocks, and the one with which it is so many transactions.
const FILLED_BLOCKS: u64 = 256;
const FILLED_TRANSACTIONS: usize = 10_000;

/// Rows read at once: what lies behind an account's last row is another's.
const ROWS: usize = 32;

/// Bits of a number in a row that are kinds.
const KIND_BITS: u32 = 4;

/// What an account has to do with a transaction: one or more of the constants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kinds(u8);

impl Kinds {
    /// It sent it.
    pub const SENT: Self = Self(1);
    /// It was sent to it.
    pub const RECEIVED: Self = Self(2);
    /// It is the contract that was created.
    pub const CREATED: Self = Self(4);
    /// A `Transfer` event, as ERC-20 and ERC-721 have it, names it as giver or taker.
    pub const TOKEN: Self = Self(8);

    /// Whether it has all of these.
    pub const fn has(self, kinds: Self) -> bool {
        self.0 & kinds.0 == kinds.0
    }

    /// Both together.
    pub const fn with(self, kinds: Self) -> Self {
        Self(self.0 | kinds.0)
    }
}

/// The place of a transaction in the chain. What comes later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its block.
    pub number: u64,
    /// Its position there.
    pub index: u32,
}

/// Transactions of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTransactions {
    /// The newest first.
    pub found: Vec<(Place, Kinds)>,
    /// All blocks from this one on were looked at.
    pub complete_from: u64,
}

fn key(address: &Address, number: u64) -> Vec<u8> {
    [address.as_slice(), &number_key(!number)].concat()
}

/// The block of a row, if it is this account's.
fn block_of(address: &Address, key: &[u8]) -> Result<Option<u64>, StoreError> {
    key.strip_prefix(address.as_slice()).map(|number| number_of(number).map(|number| !number)).transpose()
}

/// Givers and takers of a token. Nobody is the zero address, which stands for what is made or destroyed.
fn holders(log: &Log) -> impl Iterator<Item = Address> + '_ {
    let topics = log.topics();
    let transfer = topics.len() >= 3 && topics[0] == TRANSFER;
    topics.iter().skip(1).take(if transfer { 2 } else { 0 }).filter_map(|topic| {
        let address = Address::from_word(*topic);
        (address.into_word() == *topic && !address.is_zero()).then_some(address)
    })
}

/// Who has to do with a transaction, and why; some more than once.
fn parties(receipt: &Receipt) -> impl Iterator<Item = (Address, Kinds)> + '_ {
    // That of a creation which came to nothing is nobody's.
    let created = receipt.contract_address.filter(|_| receipt.success);
    std::iter::once((receipt.from, Kinds::SENT))
        .chain(receipt.to.map(|to| (to, Kinds::RECEIVED)))
        .chain(created.map(|contract| (contract, Kinds::CREATED)))
        .chain(receipt.logs.iter().flat_map(holders).map(|holder| (holder, Kinds::TOKEN)))
}

/// The rows of a block.
fn rows(number: u64, receipts: &[Receipt]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all: Vec<(Address, u32, Kinds)> = Vec::with_capacity(2 * receipts.len());
    for (index, receipt) in (0..).zip(receipts) {
        all.extend(parties(receipt).map(|(address, kinds)| (address, index, kinds)));
    }
    all.sort_unstable();
    let of_one = all.chunk_by(|one, next| one.0 == next.0);
    of_one.map(|entries| (key(&entries[0].0, number), encode(entries))).collect()
}

/// For each transaction, in order: how far it is behind the one before (or the block's first), above what its kinds
/// are.
fn encode(entries: &[(Address, u32, Kinds)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut before = 0;
    for same in entries.chunk_by(|one, next| one.1 == next.1) {
        let index = same[0].1;
        let kinds = same.iter().fold(Kinds::default(), |kinds, (_, _, more)| kinds.with(*more));
        put_uvarint(&mut out, u64::from(index - before) << KIND_BITS | u64::from(kinds.0));
        before = index;
    }
    out
}

fn decode(row: &[u8]) -> Result<Vec<(u32, Kinds)>, StoreError> {
    let damaged = || StoreError::Damaged { what: "row of the index by account" };
    let mut reader = Reader::new(row);
    let mut entries = Vec::new();
    let mut before = 0_u32;
    while reader.remaining() > 0 {
        let entry = reader.uvarint("transaction").map_err(|_| damaged())?;
        let step = u32::try_from(entry >> KIND_BITS).map_err(|_| damaged())?;
        before = before.checked_add(step).ok_or_else(damaged)?;
        entries.push((before, Kinds((entry & ((1 << KIND_BITS) - 1)) as u8)));
    }
    Ok(entries)
}

/// What has to be written with a block.
pub(super) fn add(number: u64, receipts: &[Receipt], writes: &mut Vec<Write>) {
    writes.extend(rows(number, receipts).into_iter().map(|(key, row)| put(Family::Account, key, row)));
}

impl ChainStore {
    /// With the index by account, or without. Where it was not kept before, it begins with the next block.
    pub fn index_accounts(mut self, kept: bool) -> Result<Self, StoreError> {
        match (kept, self.accounts_from()?) {
            (true, None) => {
                let next = self.head()?.map_or(0, |head| head.number + 1);
                self.kv.write(vec![put(Family::Meta, ACCOUNTS, number_key(next).to_vec())], false)?;
            }
            (false, Some(_)) => self.kv.write(vec![Self::no_accounts()], false)?,
            (true, Some(_)) | (false, None) => {}
        }
        self.accounts_kept = kept;
        Ok(self)
    }

    /// The block from which on the index by account is complete; `None`: there is none.
    pub fn accounts_from(&self) -> Result<Option<u64>, StoreError> {
        self.kv.get(Family::Meta, ACCOUNTS)?.map(|bytes| number_of(&bytes)).transpose()
    }

    /// What ends the index; rows that are there are of no meaning without the mark.
    pub(super) fn no_accounts() -> Write {
        Write { family: Family::Meta, key: ACCOUNTS.to_vec(), value: None }
    }

    /// What has to be written when the blocks from `first` to `last` are taken back. Nothing may be filled in until it
    /// is written: hold on to `filling`.
    pub(super) fn forget_accounts(&self, first: u64, last: u64, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        for number in first..=last {
            let receipts = self.receipts(number)?.ok_or(StoreError::Damaged { what: "receipts" })?;
            let gone = |(key, _)| Write { family: Family::Account, key, value: None };
            writes.extend(rows(number, &receipts).into_iter().map(gone));
        }
        if self.accounts_from()?.is_some_and(|from| from > first) {
            writes.push(put(Family::Meta, ACCOUNTS, number_key(first).to_vec()));
        }
        Ok(())
    }

    /// Indexes some of the blocks from before the index: the block from which on it is complete then. `None`: there is
    /// no more to do, because all are in it, those before are not here, or it is not kept.
    pub fn fill_accounts(&self) -> Result<Option<u64>, StoreError> {
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(from) = self.accounts_from()?.filter(|_| self.accounts_kept) else { return Ok(None) };
        let (mut writes, mut next, mut transactions) = (Vec::new(), from, 0);
        while next > 0 && from - next < FILLED_BLOCKS && transactions < FILLED_TRANSACTIONS {
            let Some(receipts) = self.receipts(next - 1)? else { break };
            next -= 1;
            add(next, &receipts, &mut writes);
            transactions += receipts.len();
        }
        if next == from {
            return Ok(None);
        }
        writes.push(put(Family::Meta, ACCOUNTS, number_key(next).to_vec()));
        // Synced with the next block; what is lost until then is filled in again.
        self.kv.write(writes, false)?;
        Ok(Some(next))
    }

    /// The newest transactions of an account that come before a place, at most `limit`; `None` without the index.
    pub fn account_transactions(
        &self,
        address: &Address,
        before: Place,
        limit: usize,
    ) -> Result<Option<AccountTransactions>, StoreError> {
        // Read first: what is filled in meanwhile may be found, or not.
        let Some(complete_from) = self.accounts_from()? else { return Ok(None) };
        let mut all = AccountTransactions { found: Vec::new(), complete_from };
        let mut from = key(address, before.number);
        loop {
            let page = self.kv.scan(Family::Account, &from, ROWS)?;
            let full = page.len() == ROWS;
            for (key, row) in page {
                let Some(number) = block_of(address, &key)? else { return Ok(Some(all)) };
                let places = decode(&row)?.into_iter().rev().map(|(index, kinds)| (Place { number, index }, kinds));
                let wanted = places.filter(|(place, _)| *place < before);
                all.found.extend(wanted.take(limit - all.found.len()));
                if all.found.len() == limit {
                    return Ok(Some(all));
                }
                from = key;
            }
            if !full {
                return Ok(Some(all));
            }
            // The least key after the last one read.
            from.push(0);
        }
    }
}

#[cfg(test)]
mod tests;
