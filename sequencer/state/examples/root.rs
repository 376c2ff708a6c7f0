//! Prints what a block of 10,000 updates on 1,000,000 leaves costs, and taking one of 2,000 back with a witness:
//! `cargo run --release -p weft-state --example root`.
//!
//! Arguments: leaves, updates. Keys are those of accounts, so they lie as evenly as in a real state.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use alloy_primitives::Address;
use weft_state::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION};
use weft_state::{Access, PartialTree, Schedule, Tree, TreeKey, UpdateBatch, Value};

const ROUNDS: u64 = 15;

/// Accounts that a block of payments changes.
const PAID: u64 = 2_000;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let (leaves, updates) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(10_000));

    let mut all: Vec<(TreeKey, Value)> = (0..leaves).map(|n| (key(n), value(n, 0))).collect();
    all.sort_by_key(|leaf| leaf.0);
    let start = Instant::now();
    let mut tree = Tree::from_leaves(all, Schedule::Parallel).unwrap();
    println!("{leaves} leaves from their sorted list: {:.0} ms, root {}", ms(start.elapsed()), tree.root());

    let mut round = 0;
    for (name, schedule) in [("one thread", Schedule::Sequential), ("rayon", Schedule::Parallel)] {
        for new_percent in [0, 20] {
            let times = (0..ROUNDS).map(|_| {
                round += 1;
                let batch = block(leaves, updates, round, new_percent);
                let start = Instant::now();
                tree.apply(&batch, schedule).unwrap();
                start.elapsed()
            });
            let mut times: Vec<Duration> = times.collect();
            times.sort();
            let (median, best) = (ms(times[times.len() / 2]), ms(times[0]));
            println!("{updates} updates, {new_percent} % new keys, {name}: median {median:.2} ms, best {best:.2} ms");
        }
    }
    witness(&tree, &block(leaves, updates, round + 1, 0));
    for (name, schedule) in [("one thread", Schedule::Sequential), ("rayon", Schedule::Parallel)] {
        taken_back(&mut tree, leaves, name, schedule);
    }
}

/// A block of payments taken back, with and without the witness of what they touch: three leaves of each account.
fn taken_back(tree: &mut Tree, leaves: u64, name: &str, schedule: Schedule) {
    let accounts: Vec<u64> = (0..PAID).map(|n| n * (leaves / PAID).max(1)).collect();
    let updates = UpdateBatch::new(accounts.iter().map(|n| (key(*n), Some(value(*n, u64::MAX)))).collect());
    let (mut alone, mut with_witness) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut access = Access::default();
        access.update(&updates);
        for keys in accounts.iter().map(|n| AccountKeys::new(address(*n))) {
            [BASIC_DATA, CODE_HASH, DELEGATION].into_iter().for_each(|sub| access.read(keys.header(sub)));
        }
        let undo = tree.apply(&updates, schedule).unwrap();
        let start = Instant::now();
        tree.revert(&undo, schedule).unwrap();
        alone.push(start.elapsed());
        let undo = tree.apply(&updates, schedule).unwrap();
        let start = Instant::now();
        let bytes = tree.revert_with_witness(&undo, &access, schedule).unwrap();
        with_witness.push(start.elapsed());
        drop(bytes);
    }
    let [alone, with_witness] = [alone, with_witness].map(|mut times| {
        times.sort();
        ms(times[times.len() / 2])
    });
    println!(
        "{PAID} updates taken back, {name}: {alone:.2} ms, with a witness {with_witness:.2} ms, {:.2} times as long",
        with_witness / alone
    );
}

fn witness(tree: &Tree, batch: &UpdateBatch) {
    let mut access = Access::default();
    access.update(batch);
    let start = Instant::now();
    let bytes = tree.witness(&access, Schedule::Parallel).unwrap().to_vec();
    let made = start.elapsed();
    let start = Instant::now();
    let mut part = PartialTree::decode(&bytes, tree.root(), Schedule::Parallel).unwrap();
    let read = start.elapsed();
    let start = Instant::now();
    part.apply(batch, Schedule::Parallel).unwrap();
    let (made, read, applied) = (ms(made), ms(read), ms(start.elapsed()));
    println!(
        "witness: {} bytes, made in {made:.1} ms, checked in {read:.1} ms, applied in {applied:.1} ms",
        bytes.len()
    );
}

/// Updates of one block: existing leaves drawn evenly, and some new ones.
fn block(leaves: u64, updates: u64, round: u64, new_percent: u64) -> UpdateBatch {
    let drawn = |n: u64| u64::from_be_bytes(value(n, 2 * round)[..8].try_into().unwrap()) % leaves;
    let update = |n: u64| {
        let account = if n % 100 < new_percent { leaves + round * updates + n } else { drawn(n) };
        (key(account), Some(value(n, 2 * round + 1)))
    };
    UpdateBatch::new((0..updates).map(update).collect())
}

fn key(account: u64) -> TreeKey {
    AccountKeys::new(address(account)).header(BASIC_DATA)
}

fn address(account: u64) -> Address {
    let mut address = [0; 20];
    address[12..].copy_from_slice(&account.to_be_bytes());
    address.into()
}

fn value(n: u64, salt: u64) -> Value {
    *blake3::hash(&[n.to_be_bytes(), salt.to_be_bytes()].concat()).as_bytes()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
