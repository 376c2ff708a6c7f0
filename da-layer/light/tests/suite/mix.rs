//! Any mix of nodes: an honest one among them is enough, and nothing short of the data itself makes a block available.

use proptest::prelude::*;
use weft_da::Target;
use weft_light::Verdict;

use crate::node::Lies;
use crate::setup::{Transport, judge};
use crate::world::{LARGE, MIDDLE, SMALL, World};

fn lies() -> impl Strategy<Value = Lies> {
    let share = prop_oneof![Just(None), (0u32..240).prop_map(Some)];
    (any::<[bool; 6]>(), share).prop_map(|(lies, serve_permille)| Lies {
        flip_rows: lies[0],
        flip_digests: lies[1],
        short_rows: lies[2],
        other_rows: lies[3],
        no_digests: lies[4],
        break_rows: lies[5],
        serve_permille,
        ..Lies::default()
    })
}

/// Whether a node gives some good row of every kind that could be drawn.
fn is_honest(lies: &Lies) -> bool {
    !(lies.flip_rows || lies.short_rows || lies.other_rows || lies.break_rows) && lies.serve_permille.is_none()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn one_honest_node_is_enough(
        len in prop_oneof![Just(SMALL), Just(MIDDLE), Just(LARGE)],
        all in proptest::collection::vec(lies(), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(judge(&World::honest(&[len]), &all, Transport::Memory));
        let judgement = outcome.judgement();
        let rows = all.iter().any(is_honest);
        let digests = all.iter().any(|lies| !lies.flip_digests && !lies.no_digests);
        prop_assert_eq!(judgement.verdict.is_available(), rows && digests, "{:?}", judgement.verdict);
        prop_assert_eq!(judgement.confidence() >= Target::default().confidence(), rows && digests);
        let condemned = matches!(judgement.verdict, Verdict::WrongEncoding { .. } | Verdict::WrongIndex);
        prop_assert!(!condemned, "the producer is honest: {:?}", judgement.verdict);
        for (lies, report) in all.iter().zip(&outcome.nodes) {
            let lied = lies.flip_rows || lies.short_rows || lies.other_rows || lies.flip_digests;
            prop_assert!(lied || report.lies == 0, "blamed without guilt: {:?}", report);
        }
    }
}
