//! Proofs that a run of neighbouring leaves is exactly that part of a tree.
//!
//! The proof is the hashes of the greatest subtrees outside the run, from left
//! to right: one for each side and level at most. The verifier walks the same
//! way and must use up every hash, so a run has one proof.

use std::ops::Range;

use alloy_primitives::B256;

use super::{Domain, Tree};

/// Hashes of the subtrees beside the leaves of `run`, left to right; `run` is not empty and within the tree.
pub(crate) fn prove(tree: &Tree, run: &Range<usize>) -> Vec<B256> {
    let mut outside = Vec::new();
    collect(tree, 1, 0..tree.width(), run, &mut outside);
    outside
}

fn collect(tree: &Tree, node: usize, span: Range<usize>, run: &Range<usize>, outside: &mut Vec<B256>) {
    if span.end <= run.start || run.end <= span.start {
        outside.push(tree.nodes[node]);
    } else if run.start > span.start || span.end > run.end {
        let middle = span.start + span.len() / 2;
        collect(tree, 2 * node, span.start..middle, run, outside);
        collect(tree, 2 * node + 1, middle..span.end, run, outside);
    }
}

/// The root of a tree of `width` leaves whose leaves from `first` on are
/// `leaves` and whose other subtrees are `outside`. `None` if these do not fit together.
pub(crate) fn root(domain: Domain, width: usize, first: usize, leaves: &[B256], outside: &[B256]) -> Option<B256> {
    let end = first.checked_add(leaves.len())?;
    if leaves.is_empty() || end > width || !width.is_power_of_two() {
        return None;
    }
    let mut walk = Walk { domain, first, end, leaves, outside };
    let root = walk.hash(0..width)?;
    walk.outside.is_empty().then_some(root)
}

struct Walk<'a> {
    domain: Domain,
    first: usize,
    end: usize,
    leaves: &'a [B256],
    outside: &'a [B256],
}

impl Walk<'_> {
    fn hash(&mut self, span: Range<usize>) -> Option<B256> {
        if span.end <= self.first || self.end <= span.start {
            let (hash, rest) = self.outside.split_first()?;
            self.outside = rest;
            return Some(*hash);
        }
        if span.len() == 1 {
            return self.leaves.get(span.start - self.first).copied();
        }
        let middle = span.start + span.len() / 2;
        let left = self.hash(span.start..middle)?;
        let right = self.hash(middle..span.end)?;
        Some(self.domain.node(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn runs_are_proved(count in 1usize..70, a: prop::sample::Index, b: prop::sample::Index, bad: prop::sample::Index) {
            let leaves: Vec<B256> = (0..count).map(|at| Domain::Index.leaf(&[at as u8])).collect();
            let tree = Tree::from_leaves(Domain::Index, &leaves, Schedule::Sequential);
            let (a, b) = (a.index(count), b.index(count));
            let run = a.min(b)..a.max(b) + 1;
            let proof = prove(&tree, &run);
            prop_assert!(proof.len() <= 2 * 7);
            let check = |first, leaves: &[B256], proof: &[B256]| root(Domain::Index, tree.width(), first, leaves, proof);
            prop_assert_eq!(check(run.start, &leaves[run.clone()], &proof), Some(tree.root()));
            prop_assert_ne!(check(run.start + 1, &leaves[run.clone()], &proof), Some(tree.root()));
            let mut longer = proof.clone();
            longer.push(B256::ZERO);
            prop_assert_eq!(check(run.start, &leaves[run.clone()], &longer), None);
            if !proof.is_empty() {
                prop_assert_eq!(check(run.start, &leaves[run.clone()], &proof[1..]), None);
                let mut wrong = proof.clone();
                wrong[bad.index(proof.len())].0[0] ^= 1;
                prop_assert_ne!(check(run.start, &leaves[run], &wrong), Some(tree.root()));
            }
        }
    }
}
