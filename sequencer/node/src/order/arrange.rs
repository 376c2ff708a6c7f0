//! Puts those together that are expected to depend on each other.

use std::collections::HashMap;
use std::ops::Range;

use alloy_consensus::Transaction as _;
use weft_primitives::{Address, Transaction};

use super::Heat;

/// Transactions from which on it is worth while: fewer are done before a second thread has come.
const LEAST: usize = 64;

/// What a transaction is put together with, by number; `None`: nothing, it goes first.
type Group = Option<usize>;

/// Arranges a block's candidates, which come in the order of the rule with arrival between equals, without breaking
/// the rule: only transactions in a row that pay alike change places, and a sender's never among themselves.
///
/// Of those, the ones that call no hot contract go first, in the order of arrival; then each hot contract's callers in
/// theirs, small groups before large ones. The large ones last: after many conflicts the executor looks ahead no more
/// for a while, and nothing that could be done meanwhile is to follow then.
pub fn arrange(candidates: Vec<Transaction>, base_fee: u64, heat: &Heat) -> Vec<Transaction> {
    if candidates.len() < LEAST || heat.is_cool() {
        return candidates;
    }
    let tips: Vec<u128> =
        candidates.iter().map(|t| t.envelope().effective_tip_per_gas(base_fee).unwrap_or_default()).collect();
    let mut places: Vec<usize> = Vec::with_capacity(candidates.len());
    while places.len() < candidates.len() {
        let equals = equals(&tips, places.len());
        let groups = groups(&candidates[equals.clone()], heat);
        places.extend(by_group(&groups).into_iter().map(|at| equals.start + at));
    }
    let mut candidates: Vec<Option<Transaction>> = candidates.into_iter().map(Some).collect();
    places.into_iter().filter_map(|at| candidates[at].take()).collect()
}

/// Transactions in a row that pay alike, from `start` on.
///
/// If a better paying one comes after them it has waited for the last of them, its sender's: that one stays where it
/// is, a row of its own, or the better one would run later than it could.
fn equals(tips: &[u128], start: usize) -> Range<usize> {
    let tip = tips[start];
    let end = start + tips[start..].iter().take_while(|other| **other == tip).count();
    let awaited = tips.get(end).is_some_and(|next| *next > tip);
    start..if awaited { (end - 1).max(start + 1) } else { end }
}

/// The group of each transaction.
///
/// What a sender does after having called a hot contract goes with that call, so that it stays after it; by that, the
/// callers of two hot contracts may become one group.
fn groups(transactions: &[Transaction], heat: &Heat) -> Vec<Group> {
    let mut numbers: HashMap<Address, usize> = HashMap::new();
    // Of each group, the one it has become part of; itself, if it is still its own.
    let mut part_of: Vec<usize> = Vec::new();
    let mut of_sender: HashMap<Address, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let called = transaction.envelope().to().filter(|to| heat.is_hot(*to)).map(|to| {
            *numbers.entry(to).or_insert_with(|| {
                part_of.push(part_of.len());
                part_of.len() - 1
            })
        });
        let before = if of_sender.is_empty() { None } else { of_sender.get(&transaction.sender()).copied() };
        if let (Some(one), Some(other)) = (called, before) {
            let (one, other) = (whole(&part_of, one), whole(&part_of, other));
            part_of[one.max(other)] = one.min(other);
        }
        let group = called.or(before);
        if let Some(group) = group {
            of_sender.insert(transaction.sender(), group);
        }
        groups.push(group);
    }
    groups.into_iter().map(|group| group.map(|group| whole(&part_of, group))).collect()
}

/// The group that this one is part of in the end.
fn whole(part_of: &[usize], mut group: usize) -> usize {
    while part_of[group] != group {
        group = part_of[group];
    }
    group
}

/// Positions in the order in which they are to run.
fn by_group(groups: &[Group]) -> Vec<usize> {
    let mut sizes: Vec<usize> = vec![0; groups.iter().flatten().max().map_or(0, |last| last + 1)];
    groups.iter().flatten().for_each(|group| sizes[*group] += 1);
    let mut positions: Vec<usize> = (0..groups.len()).collect();
    // Stable: arrival decides within a group. Groups have numbers by their first arrival.
    positions.sort_by_key(|at| groups[*at].map(|group| (sizes[group], group)));
    positions
}
