//! Many made-up accounts, as leaves, and blocks of updates to them.

use alloy_primitives::{Address, U256};
use weft_state::account::AccountError;
use weft_state::keys::{AccountKeys, BASIC_DATA};
use weft_state::{Account, TreeKey, UpdateBatch, Value};

/// The address of an account; in the tree, where it is hashed, they lie evenly.
pub(super) fn address(account: u64) -> Address {
    let mut address = [0; 20];
    address[12..].copy_from_slice(&account.to_be_bytes());
    address.into()
}

/// Where an account's balance is.
fn key(account: u64) -> TreeKey {
    AccountKeys::new(address(account)).header(BASIC_DATA)
}

/// What an account has after some round, different in each.
fn value(account: u64, round: u64) -> Result<Value, AccountError> {
    let balance = (U256::from(round) << 64) | U256::from(account + 1);
    Account { nonce: round, balance, ..Account::default() }.basic_data()
}

/// The leaves of so many accounts, in key order.
pub fn leaves(accounts: u64) -> Result<Vec<(TreeKey, Value)>, AccountError> {
    let leaf = |account| Ok((key(account), value(account, 0)?));
    let mut leaves = (0..accounts).map(leaf).collect::<Result<Vec<_>, AccountError>>()?;
    leaves.sort_unstable_by_key(|leaf| leaf.0);
    Ok(leaves)
}

/// Updates of so many of the accounts, drawn evenly; others in each round, from 1 on.
pub fn block(accounts: u64, updates: u64, round: u64) -> Result<UpdateBatch, AccountError> {
    // One draw from each of as many parts of the accounts, so that none is drawn twice.
    let part = (accounts / updates).max(1);
    let update = |n: u64| {
        let account = n * part + draw(n, round) % part;
        Ok((key(account), Some(value(account, round)?)))
    };
    Ok(UpdateBatch::new((0..updates.min(accounts)).map(update).collect::<Result<_, AccountError>>()?))
}

/// Noise (SplitMix64).
fn draw(n: u64, round: u64) -> u64 {
    let mut z = (round << 32 | n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
