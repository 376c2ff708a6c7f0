//! Which node is asked for which row.
//!
//! Rows go to the nodes of the best rank, evenly and at random. A node that
//! denied or forged a row is not asked for it again; one that was silent is,
//! a bounded number of times, after all others. So every row ends: with a
//! good answer or with nobody left to ask.

use std::collections::BTreeMap;

use crate::nodes::Nodes;

/// The rows still wanted, and who was asked for them.
pub(super) struct Spread {
    attempts_per_node: u32,
    nodes: usize,
    /// For each open row and node: times asked, or `attempts_per_node` if it is of no use.
    asked: BTreeMap<u32, Vec<u32>>,
}

impl Spread {
    pub(super) fn new(nodes: usize, attempts_per_node: u32) -> Self {
        Self { attempts_per_node, nodes, asked: BTreeMap::new() }
    }

    /// Wants this row too.
    pub(super) fn want(&mut self, row: u32) {
        self.asked.entry(row).or_insert_with(|| vec![0; self.nodes]);
    }

    /// The row is in.
    pub(super) fn done(&mut self, row: u32) {
        self.asked.remove(&row);
    }

    /// The node denied or forged the row.
    pub(super) fn give_up(&mut self, row: u32, node: usize) {
        if let Some(asked) = self.asked.get_mut(&row).and_then(|asked| asked.get_mut(node)) {
            *asked = self.attempts_per_node;
        }
    }

    /// Chooses a node for each of `rows`; rows that nobody is left for come back apart.
    pub(super) fn assign(&mut self, rows: &[u32], nodes: &Nodes) -> (BTreeMap<usize, Vec<u32>>, Vec<u32>) {
        let order = nodes.ranked();
        let mut load = vec![0usize; self.nodes];
        let mut requests: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut hopeless = Vec::new();
        for row in rows {
            let Some(asked) = self.asked.get_mut(row) else { continue };
            let best = order
                .iter()
                .copied()
                .filter(|at| asked.get(*at).is_some_and(|asked| *asked < self.attempts_per_node))
                .min_by_key(|at| (asked[*at], nodes.get(*at).map(crate::nodes::Node::rank), load[*at]));
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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::nodes::FaultKind;
    use crate::source::{Source, WireSource};

    fn nodes(count: usize) -> Nodes {
        let source = |at| WireSource::new(&format!("http://127.0.0.1:{}", at + 1)).expect("a URL");
        Nodes::new((0..count).map(|at| Arc::new(source(at)) as Arc<dyn Source>).collect())
    }

    #[tokio::test]
    async fn rows_are_shared_evenly_by_those_who_never_lied() {
        let nodes = nodes(3);
        nodes.get(1).expect("a node").fault(FaultKind::Lie, "a test");
        let rows: Vec<u32> = (0..20).collect();
        let mut spread = Spread::new(3, 2);
        rows.iter().for_each(|row| spread.want(*row));
        let (requests, hopeless) = spread.assign(&rows, &nodes);
        assert!(hopeless.is_empty());
        assert_eq!(requests.iter().map(|(node, rows)| (*node, rows.len())).collect::<Vec<_>>(), [(0, 10), (2, 10)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Nobody is asked more often than allowed, nor again after a denial, and all are asked before a row is given up.
        #[test]
        fn every_row_ends(count in 1usize..5, attempts in 1u32..4, denials in proptest::collection::vec(any::<bool>(), 20)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let _inside = runtime.enter();
            let nodes = nodes(count);
            let mut spread = Spread::new(count, attempts);
            spread.want(7);
            let mut asked = vec![0u32; count];
            let mut denied = BTreeSet::new();
            for denial in denials {
                let (requests, hopeless) = spread.assign(&[7], &nodes);
                let Some(node) = requests.keys().next().copied() else {
                    prop_assert_eq!(hopeless, [7]);
                    break;
                };
                prop_assert!(!denied.contains(&node));
                asked[node] += 1;
                prop_assert!(asked[node] <= attempts);
                if denial {
                    spread.give_up(7, node);
                    denied.insert(node);
                }
            }
            prop_assert!((0..count).all(|node| denied.contains(&node) || asked[node] == attempts));
            prop_assert!(spread.assign(&[7], &nodes).0.is_empty());
        }
    }
}
