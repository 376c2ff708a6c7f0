//! Which node is asked for which row.
//!
//! Two ways. *Sampling* ([`Spread::assign`]) sends its few rows all at once, to
//! the nodes of the best rank, evenly and in an order that the caller draws,
//! so that no node sees them all. *Restoring* ([`Spread::take`]) lets each free
//! node take a few of very many rows, so that a fast one takes more and a slow
//! one holds up only what it has.
//!
//! A node that denied or forged a row is not asked for it again; one that was
//! silent is, a bounded number of times, after all others. So every row ends:
//! with a good answer or with nobody left to ask. Nodes need not hold all rows:
//! how many of those asked for each had ([`Share`]) decides who is asked for
//! what another did not have.

use std::collections::{BTreeMap, BTreeSet};

/// How well a node has done. Less is better: liars last, then the silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Whether it ever sent something that did not check.
    pub lied: bool,
    /// Requests without an answer since its last one, up to a bound.
    pub silent: u64,
}

/// Answers after which older ones count half.
const FADE_AFTER: u32 = 1_024;

/// Answers before which a share says nothing.
const FEW: u32 = 4;

/// How many of the rows asked for a node had, lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    given: u32,
    denied: u32,
}

impl Share {
    /// One more answer.
    pub const fn count(&mut self, given: bool) {
        if self.given + self.denied >= FADE_AFTER {
            self.given /= 2;
            self.denied /= 2;
        }
        if given { self.given += 1 } else { self.denied += 1 }
    }

    /// The part that it had, 0 to 1; `None` while that is not known.
    pub fn part(&self) -> Option<f64> {
        let answers = self.given + self.denied;
        (answers >= FEW).then(|| f64::from(self.given) / f64::from(answers))
    }

    /// Quarters of the rows that it did not have, 0 for none or not known, 4 for nearly all.
    const fn lack(&self) -> u32 {
        let answers = self.given + self.denied;
        if answers < FEW { 0 } else { (4 * self.denied).div_ceil(answers) }
    }
}

/// The rows still wanted, and who was asked for them.
#[derive(Clone, Debug)]
pub struct Spread {
    attempts_per_node: u32,
    shares: Vec<Share>,
    /// For each open row and node: times asked, or `attempts_per_node` if it is of no use.
    asked: BTreeMap<u32, Vec<u32>>,
}

impl Spread {
    /// Over as many nodes as there are `shares`, each asked for a row at most `attempts_per_node` times.
    pub const fn new(shares: Vec<Share>, attempts_per_node: u32) -> Self {
        Self { attempts_per_node, shares, asked: BTreeMap::new() }
    }

    /// Wants this row too.
    pub fn want(&mut self, row: u32) {
        self.asked.entry(row).or_insert_with(|| vec![0; self.shares.len()]);
    }

    /// The row is in, or given up.
    pub fn done(&mut self, row: u32) {
        self.asked.remove(&row);
    }

    /// The node gave a good row.
    pub fn gave(&mut self, row: u32, node: usize) {
        self.count(node, true);
        self.done(row);
    }

    /// The node says that it does not have the row.
    pub fn denied(&mut self, row: u32, node: usize) {
        self.count(node, false);
        self.give_up(row, node);
    }

    fn count(&mut self, node: usize, given: bool) {
        if let Some(share) = self.shares.get_mut(node) {
            share.count(given);
        }
    }

    /// The node is of no use for the row.
    pub fn give_up(&mut self, row: u32, node: usize) {
        if let Some(asked) = self.asked.get_mut(&row).and_then(|asked| asked.get_mut(node)) {
            *asked = self.attempts_per_node;
        }
    }

    /// Whether nobody is left to ask for an open row.
    pub fn is_hopeless(&self, row: u32) -> bool {
        self.asked.get(&row).is_some_and(|asked| asked.iter().all(|asked| *asked >= self.attempts_per_node))
    }

    /// Chooses a node for each of `rows`; rows that nobody is left for come back apart. `order` names all nodes once;
    /// those that are as good as each other are chosen in it.
    pub fn assign(&mut self, rows: &[u32], order: &[usize], ranks: &[Rank]) -> (BTreeMap<usize, Vec<u32>>, Vec<u32>) {
        let mut load = vec![0usize; self.shares.len()];
        let mut requests: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut hopeless = Vec::new();
        for row in rows {
            let Some(asked) = self.asked.get_mut(row) else { continue };
            // At first evenly, whatever a node is known to hold: who sees all rows could serve just these.
            let again = asked.iter().any(|asked| *asked > 0);
            let lack = |at: usize| if again { self.shares[at].lack() } else { 0 };
            let usable =
                order.iter().copied().filter(|at| asked.get(*at).is_some_and(|asked| *asked < self.attempts_per_node));
            let best = usable.min_by_key(|at| (asked[*at], ranks.get(*at), lack(*at), load[*at]));
            let Some(node) = best else {
                hopeless.push(*row);
                continue;
            };
            asked[node] += 1;
            load[node] += 1;
            requests.entry(node).or_default().push(*row);
        }
        (requests, hopeless)
    }

    /// Up to `limit` open rows for a node that is free, lowest first, without those on the way to another and those
    /// that are better left to another.
    pub fn take(&mut self, node: usize, ranks: &[Rank], on_the_way: &BTreeSet<u32>, limit: usize) -> Vec<u32> {
        let attempts = self.attempts_per_node;
        let mut taken = Vec::new();
        for (row, asked) in self.asked.iter_mut().filter(|(row, _)| !on_the_way.contains(row)) {
            if taken.len() == limit {
                break;
            }
            let Some(times) = asked.get(node).copied().filter(|times| *times < attempts) else { continue };
            let mine = (ranks.get(node), times);
            let better = |(at, times): (usize, &u32)| *times < attempts && (ranks.get(at), *times) < mine;
            if !asked.iter().enumerate().any(better) {
                asked[node] += 1;
                taken.push(*row);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIAR: Rank = Rank { lied: true, silent: 0 };
    const GOOD: Rank = Rank { lied: false, silent: 0 };

    fn spread(nodes: usize, attempts: u32, rows: std::ops::Range<u32>) -> Spread {
        let mut spread = Spread::new(vec![Share::default(); nodes], attempts);
        rows.for_each(|row| spread.want(row));
        spread
    }

    #[test]
    fn rows_are_shared_evenly_by_those_who_never_lied() {
        let rows: Vec<u32> = (0..20).collect();
        let (requests, hopeless) = spread(3, 2, 0..20).assign(&rows, &[2, 0, 1], &[GOOD, LIAR, GOOD]);
        assert!(hopeless.is_empty());
        assert_eq!(requests.iter().map(|(node, rows)| (*node, rows.len())).collect::<Vec<_>>(), [(0, 10), (2, 10)]);
    }

    #[test]
    fn what_one_lacks_is_asked_of_those_who_hold_more() {
        let rows: Vec<u32> = (0..12).collect();
        let mut spread = spread(3, 2, 0..40);
        let ranks = [GOOD; 3];
        // Node 1 holds nothing, node 2 everything; node 0 has not been asked much.
        (20..30).for_each(|row| spread.denied(row, 1));
        (30..40).for_each(|row| spread.gave(row, 2));
        let (requests, _) = spread.assign(&rows, &[0, 1, 2], &ranks);
        assert!(requests.values().all(|rows| rows.len() == 4), "evenly at first: {requests:?}");
        requests[&0].iter().for_each(|row| spread.denied(*row, 0));
        requests[&1].iter().for_each(|row| spread.denied(*row, 1));
        let again: Vec<u32> = requests[&0].iter().chain(&requests[&1]).copied().collect();
        let (again, _) = spread.assign(&again, &[0, 1, 2], &ranks);
        assert_eq!(again.into_iter().map(|(node, rows)| (node, rows.len())).collect::<Vec<_>>(), [(2, 8)]);
    }

    #[test]
    fn a_free_node_takes_what_is_not_better_left() {
        let mut spread = spread(2, 2, 0..6);
        let ranks = [GOOD, LIAR];
        assert!(spread.take(1, &ranks, &BTreeSet::new(), 9).is_empty(), "all is better left to the other");
        let first = spread.take(0, &ranks, &BTreeSet::new(), 4);
        assert_eq!(first, [0, 1, 2, 3]);
        let on_the_way: BTreeSet<u32> = first.into_iter().collect();
        assert_eq!(spread.take(0, &ranks, &on_the_way, 9), [4, 5]);
        spread.denied(2, 0);
        assert_eq!(spread.take(1, &ranks, &BTreeSet::new(), 9), [2]);
        spread.denied(2, 1);
        assert!(spread.is_hopeless(2) && !spread.is_hopeless(0));
    }

    #[test]
    fn shares_fade() {
        let mut share = Share::default();
        assert_eq!(share.part(), None);
        (0..2_000).for_each(|_| share.count(false));
        (0..4_000).for_each(|_| share.count(true));
        assert!(share.part().is_some_and(|part| part > 0.9), "{share:?}");
    }

    proptest! {
        /// Nobody is asked more often than allowed, nor again after a denial, and all are asked before a row is given up.
        #[test]
        fn every_row_ends(
            count in 1usize..5,
            attempts in 1u32..4,
            take: bool,
            answers in proptest::collection::vec((any::<bool>(), 0usize..5), 20)
        ) {
            let mut spread = spread(count, attempts, 7..8);
            let mut ranks = vec![GOOD; count];
            let order: Vec<usize> = (0..count).collect();
            let mut asked = vec![0u32; count];
            let mut denied = BTreeSet::new();
            for (denial, worse) in answers {
                ranks[worse % count].silent += 1;
                let node = if take {
                    let hopeless = spread.is_hopeless(7);
                    let taker = order.iter().find(|node| !spread.take(**node, &ranks, &BTreeSet::new(), 1).is_empty());
                    prop_assert_eq!(taker.is_none(), hopeless);
                    taker.copied()
                } else {
                    let (requests, hopeless) = spread.assign(&[7], &order, &ranks);
                    prop_assert_eq!(requests.is_empty(), hopeless == [7]);
                    requests.keys().next().copied()
                };
                let Some(node) = node else { break };
                prop_assert!(!denied.contains(&node));
                asked[node] += 1;
                prop_assert!(asked[node] <= attempts);
                if denial {
                    spread.denied(7, node);
                    denied.insert(node);
                }
            }
            prop_assert!((0..count).all(|node| denied.contains(&node) || asked[node] == attempts));
            prop_assert!(spread.assign(&[7], &order, &ranks).0.is_empty());
        }
    }
}
