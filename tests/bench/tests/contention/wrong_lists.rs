//! Lists that are not the block's: a right one, with something changed.

use alloy_primitives::{Address, Bytes, U256};
use rand::Rng;
use rand::rngs::StdRng;
use weft_execution::access::{
    AccountChanges, BalanceChange, BlockAccessIndex, BlockAccessList, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};

/// Ways to change a list.
const WAYS: [&str; 30] = [
    "account left out",
    "read left out",
    "slot left out",
    "write left out",
    "balance left out",
    "nonce left out",
    "code left out",
    "other value",
    "other balance",
    "other nonce",
    "other code",
    "balance moved",
    "value moved",
    "account added",
    "read added",
    "write added",
    "balance added",
    "nonce added",
    "code added",
    "accounts swapped",
    "account twice",
    "reads swapped",
    "read twice",
    "read as written",
    "written as read",
    "cut off",
    "nothing",
    "too large",
    "after the block",
    "all balances huge",
];

/// Lists of a block of `transactions` that differ from the right one, each with what was done to it.
pub(crate) fn of(
    right: &BlockAccessList,
    transactions: usize,
    count: usize,
    random: &mut StdRng,
) -> Vec<(&'static str, BlockAccessList)> {
    let ways = (0..count).map(|_| WAYS[random.random_range(0..WAYS.len())]);
    let ways: Vec<&'static str> = ways.collect();
    let mut wrong = Vec::new();
    for way in ways {
        let mut list = right.clone();
        if changed(&mut list, way, transactions, random).is_some() && list != *right {
            wrong.push((way, list));
        }
    }
    wrong
}

/// A place in something that is not empty.
fn some<T>(all: &[T], random: &mut StdRng) -> Option<usize> {
    (!all.is_empty()).then(|| random.random_range(0..all.len()))
}

/// An account of which this holds.
fn account<'l>(
    list: &'l mut BlockAccessList,
    random: &mut StdRng,
    which: impl Fn(&AccountChanges) -> bool,
) -> Option<&'l mut AccountChanges> {
    let all: Vec<usize> = (0..list.len()).filter(|at| which(&list[*at])).collect();
    let at = all[some(&all, random)?];
    Some(&mut list[at])
}

/// Takes one out.
fn drop_one<T>(all: &mut Vec<T>, random: &mut StdRng) -> Option<()> {
    let at = some(all, random)?;
    all.remove(at);
    Some(())
}

fn index(transactions: usize, random: &mut StdRng) -> BlockAccessIndex {
    BlockAccessIndex::new(random.random_range(0..=transactions as u64 + 1))
}

/// `None` where a list has nothing that can be changed like this.
fn changed(list: &mut BlockAccessList, way: &str, transactions: usize, random: &mut StdRng) -> Option<()> {
    let at = index(transactions, random);
    match way {
        "account left out" => drop_one(list, random),
        "read left out" => {
            let account = account(list, random, |account| !account.storage_reads.is_empty())?;
            drop_one(&mut account.storage_reads, random)
        }
        "slot left out" => {
            let account = account(list, random, |account| !account.storage_changes.is_empty())?;
            drop_one(&mut account.storage_changes, random)
        }
        "write left out" => {
            let account = account(list, random, |account| !account.storage_changes.is_empty())?;
            let slot = some(&account.storage_changes, random)?;
            drop_one(&mut account.storage_changes[slot].changes, random)
        }
        "balance left out" => {
            let account = account(list, random, |account| !account.balance_changes.is_empty())?;
            drop_one(&mut account.balance_changes, random)
        }
        "nonce left out" => {
            let account = account(list, random, |account| !account.nonce_changes.is_empty())?;
            drop_one(&mut account.nonce_changes, random)
        }
        "code left out" => {
            let account = account(list, random, |account| !account.code_changes.is_empty())?;
            drop_one(&mut account.code_changes, random)
        }
        "other value" | "value moved" => {
            let account = account(list, random, |account| !account.storage_changes.is_empty())?;
            let slot = some(&account.storage_changes, random)?;
            let changes = &mut account.storage_changes[slot].changes;
            let change = some(changes, random)?;
            match way {
                "other value" => changes[change].new_value = U256::from(random.random_range(0..4u64)),
                _ => changes[change].block_access_index = at,
            }
            Some(())
        }
        "other balance" | "balance moved" => {
            let account = account(list, random, |account| !account.balance_changes.is_empty())?;
            let change = some(&account.balance_changes, random)?;
            let change = &mut account.balance_changes[change];
            match (way, random.random_range(0..3)) {
                ("other balance", 0) => change.post_balance = U256::MAX,
                ("other balance", 1) => change.post_balance = U256::ZERO,
                ("other balance", _) => change.post_balance = change.post_balance.wrapping_add(U256::from(1)),
                _ => change.block_access_index = at,
            }
            Some(())
        }
        "other nonce" => {
            let account = account(list, random, |account| !account.nonce_changes.is_empty())?;
            let change = some(&account.nonce_changes, random)?;
            account.nonce_changes[change].new_nonce ^= 1 << random.random_range(0..64);
            Some(())
        }
        "other code" => {
            let account = account(list, random, |account| !account.code_changes.is_empty())?;
            let change = some(&account.code_changes, random)?;
            account.code_changes[change].new_code = code(random);
            Some(())
        }
        "account added" => {
            let mut address = Address::ZERO;
            random.fill(&mut address.0[..]);
            list.push(AccountChanges::new(address));
            list.sort_by_key(|account| account.address);
            Some(())
        }
        "read added" => {
            let account = account(list, random, |_| true)?;
            let slot = U256::from(random.random_range(0..9u64));
            let known = account.storage_slots().any(|known| known == slot);
            account.storage_reads.push(slot);
            account.storage_reads.sort_unstable();
            (!known).then_some(())
        }
        "write added" => {
            let account = account(list, random, |_| true)?;
            let slot = U256::from(random.random_range(0..9u64));
            let change = StorageChange::new(at, U256::from(random.random_range(0..4u64)));
            account.storage_reads.retain(|read| *read != slot);
            match account.storage_changes.iter_mut().find(|changes| changes.slot == slot) {
                Some(changes) => changes.push(change),
                None => account.storage_changes.push(SlotChanges::new(slot, vec![change])),
            }
            account.sort();
            Some(())
        }
        "balance added" => {
            let account = account(list, random, |_| true)?;
            account.balance_changes.push(BalanceChange::new(at, U256::from(random.random_range(0..100u64))));
            account.sort();
            Some(())
        }
        "nonce added" => {
            let account = account(list, random, |_| true)?;
            account.nonce_changes.push(NonceChange::new(at, random.random_range(0..4)));
            account.sort();
            Some(())
        }
        "code added" => {
            let account = account(list, random, |_| true)?;
            account.code_changes.push(CodeChange::new(at, code(random)));
            account.sort();
            Some(())
        }
        "accounts swapped" => {
            let (one, other) = (some(list, random)?, some(list, random)?);
            list.swap(one, other);
            Some(())
        }
        "account twice" => {
            let one = some(list, random)?;
            list.insert(one, list[one].clone());
            Some(())
        }
        "reads swapped" => {
            let account = account(list, random, |account| account.storage_reads.len() > 1)?;
            account.storage_reads.reverse();
            Some(())
        }
        "read twice" => {
            let account = account(list, random, |account| !account.storage_reads.is_empty())?;
            account.storage_reads.insert(0, account.storage_reads[0]);
            Some(())
        }
        "read as written" => {
            let account = account(list, random, |account| !account.storage_reads.is_empty())?;
            let slot = some(&account.storage_reads, random)?;
            let slot = account.storage_reads.remove(slot);
            account.storage_changes.push(SlotChanges::new(slot, vec![StorageChange::new(at, U256::from(1))]));
            account.sort();
            Some(())
        }
        "written as read" => {
            let account = account(list, random, |account| !account.storage_changes.is_empty())?;
            let slot = some(&account.storage_changes, random)?;
            let slot = account.storage_changes.remove(slot);
            account.storage_reads.push(slot.slot);
            account.sort();
            Some(())
        }
        "cut off" => {
            let len = some(list, random)?;
            list.truncate(len);
            Some(())
        }
        "nothing" => {
            list.clear();
            Some(())
        }
        "too large" => {
            // Not often, because it takes long.
            random.random_bool(0.02).then_some(())?;
            let address = list.last()?.address;
            list.resize_with(500_001, || AccountChanges::new(address));
            Some(())
        }
        "after the block" => {
            let account = account(list, random, |account| !account.balance_changes.is_empty())?;
            let beyond = BlockAccessIndex::new(transactions as u64 + random.random_range(1..3));
            account.balance_changes.push(BalanceChange::new(beyond, U256::from(7)));
            Some(())
        }
        _ => {
            let changes = list.iter_mut().flat_map(|account| &mut account.balance_changes);
            changes.for_each(|change| change.post_balance = U256::MAX);
            Some(())
        }
    }
}

fn code(random: &mut StdRng) -> Bytes {
    match random.random_range(0..4) {
        0 => Bytes::new(),
        1 => vec![0xef, 0x01, 0x00].into(),
        2 => [&[0xef, 0x01, 0x00][..], &[7; 20]].concat().into(),
        _ => vec![0x60, 9, 0x5f, 0x55, 0x00].into(),
    }
}
