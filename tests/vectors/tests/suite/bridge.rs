//! Withdrawals: the tree that the contract keeps, and claims against it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, hex};
use serde_json::{Value, json};
use weft_primitives::Withdrawal;
use weft_primitives::withdrawal::{Claim, EMPTY, Summary, append, frontier, prove};
use weft_vectors::golden;

use crate::fields;

/// A rollup's withdrawals: all of them, and the complete subtrees of their tree.
#[derive(Clone, Default)]
pub struct Rollup {
    pub withdrawals: Vec<Withdrawal>,
    nodes: BTreeMap<(usize, u64), B256>,
}

impl Rollup {
    /// Five withdrawals, the largest among them.
    pub fn sample() -> Self {
        let mut rollup = Self::default();
        for (seed, amount) in (0..).zip([1_000, 1, u128::MAX, 10u128.pow(18), 7]) {
            rollup.withdraw(Address::repeat_byte(0x52 + seed), amount);
        }
        rollup
    }

    pub fn withdraw(&mut self, recipient: Address, amount: u128) {
        let index = self.withdrawals.len() as u64;
        let withdrawal = Withdrawal { index, sender: Address::repeat_byte(0x51), recipient, amount };
        let complete = append(&withdrawal, |level, position| self.node(level, position)).unwrap();
        self.nodes.extend(complete.into_iter().map(|(level, position, root)| ((level, position), root)));
        self.withdrawals.push(withdrawal);
    }

    fn node(&self, level: usize, position: u64) -> Result<B256, ()> {
        self.nodes.get(&(level, position)).copied().ok_or(())
    }

    /// A claim of a withdrawal, proved in the tree of the first `count`.
    pub fn claim(&self, batch_index: u64, count: u64, index: u64) -> Claim {
        let proof = prove(count, index, |level, position| self.node(level, position)).unwrap();
        Claim { batch_index, withdrawal: self.withdrawals[index as usize], proof }
    }

    /// The tree of the first `count`, as a commitment has it.
    pub fn summary(&self, count: u64) -> Summary {
        let root = count.checked_sub(1).map_or(B256::ZERO, |last| {
            let claim = self.claim(0, count, last);
            claim.proof.root(last, claim.withdrawal.leaf())
        });
        Summary { count, root }
    }

    /// The storage of the contract from slot 2 on that later withdrawals need: level and node.
    fn frontier(&self, count: u64) -> Vec<(usize, B256)> {
        frontier(count).map(|(level, position)| (level, self.node(level, position).unwrap())).collect()
    }
}

fn tree(rollup: &Rollup, count: u64) -> Value {
    let Summary { count, root } = rollup.summary(count);
    let frontier = rollup.frontier(count);
    json!({
        "check": "tree",
        "name": format!("{count} withdrawals"),
        "withdrawals": rollup.withdrawals[..count as usize].iter().map(fields::withdrawal).collect::<Vec<_>>(),
        "leaves": rollup.withdrawals[..count as usize].iter().map(|each| hex::encode(each.leaf())).collect::<Vec<_>>(),
        "root": hex::encode(root),
        "frontier": frontier.iter().map(|(level, node)| json!([level, hex::encode(node)])).collect::<Vec<_>>(),
    })
}

/// Whether a claim holds in the tree that a commitment has.
fn claim(name: &str, claim: &Claim, tree: Summary) -> Value {
    json!({
        "check": "claim",
        "name": name,
        "claim": hex::encode(claim.encode()),
        "withdrawals_count": tree.count,
        "withdrawals_root": hex::encode(tree.root),
        "holds": claim.holds(tree),
    })
}

#[test]
fn withdrawals() {
    let mut rollup = Rollup::sample();
    (5..40).for_each(|index| rollup.withdraw(Address::repeat_byte(9), 100 + index));
    let mut vectors = vec![json!({ "check": "empty", "name": "the empty tree", "root": hex::encode(EMPTY[32]) })];
    vectors.extend([1, 2, 3, 4, 5, 8, 31, 32, 40].map(|count| tree(&rollup, count)));
    for (count, index) in [(1, 0), (5, 0), (5, 4), (40, 0), (40, 31), (40, 39)] {
        let name = format!("number {index} of {count}");
        vectors.push(claim(&name, &rollup.claim(3, count, index), rollup.summary(count)));
    }
    let good = rollup.claim(3, 40, 20);
    let with = |edit: &dyn Fn(&mut Claim)| {
        let mut claim = good;
        edit(&mut claim);
        claim
    };
    let (tree, wrong) = (rollup.summary(40), |name: &str, edit: &dyn Fn(&mut Claim)| {
        let claimed = with(edit);
        assert!(!claimed.holds(rollup.summary(40)), "{name}");
        claim(name, &claimed, rollup.summary(40))
    });
    vectors.extend([
        wrong("another amount", &|claim| claim.withdrawal.amount += 1),
        wrong("another recipient", &|claim| claim.withdrawal.recipient = Address::ZERO),
        wrong("another sender", &|claim| claim.withdrawal.sender = Address::ZERO),
        wrong("another index", &|claim| claim.withdrawal.index ^= 1),
        wrong("an index of 2^32 more", &|claim| claim.withdrawal.index |= 1 << 32),
        wrong("another leaf's sibling", &|claim| claim.proof.0[0] = claim.withdrawal.leaf()),
        wrong("another topmost sibling", &|claim| claim.proof.0[31] = B256::ZERO),
        claim("a tree that ends before it", &good, rollup.summary(20)),
        claim("a larger tree", &rollup.claim(3, 39, 20), tree),
        claim("a root alone", &good, Summary { count: 20, ..tree }),
        claim("no withdrawals", &good, Summary::default()),
    ]);
    golden("bridge", "withdrawals", "The withdrawals tree, and what is proved in it.", vectors);
}
