//! Verdicts on blocks, for each thing that a node or a producer can do.

use weft_da::Target;
use weft_da::row::RowFault;
use weft_da::sampling::DEFAULT_SAMPLES;
use weft_light::{OnceTarget, ProgressEvent, Verdict};

use crate::node::{Lies, TestNode};
use crate::setup::{BOTH, client, config, impatient, judge, judge_with, once};
use crate::world::{LARGE, MIDDLE, SMALL, World};

fn honest() -> Lies {
    Lies::default()
}

#[tokio::test]
async fn honest_blocks_are_available() {
    for transport in BOTH {
        for len in [MIDDLE, LARGE] {
            let world = World::honest(&[len]);
            let outcome = judge(&world, &[honest()], transport).await;
            let judgement = outcome.judgement();
            assert_eq!(judgement.verdict, Verdict::Available);
            assert!(judgement.confidence() >= Target::default().confidence());
            assert_eq!(judgement.samples, DEFAULT_SAMPLES);
            let shape = world.at(1).unwrap().header.header.shape;
            assert_eq!(judgement.downloaded_bytes, shape.light_client_bytes(DEFAULT_SAMPLES) + 240);
            assert!(judgement.downloaded_bytes < len as u64 && judgement.linked);
            let good = outcome.events.iter().filter(|event| matches!(event, ProgressEvent::RowOk { .. })).count();
            assert_eq!(good, DEFAULT_SAMPLES as usize);
            assert!(matches!(outcome.events.last(), Some(ProgressEvent::Judged(last)) if last == judgement));
        }
    }
}

#[tokio::test]
async fn small_blocks_are_checked_whole() {
    for transport in BOTH {
        let outcome = judge(&World::honest(&[SMALL]), &[honest()], transport).await;
        assert_eq!(outcome.judgement().verdict, Verdict::Available);
        assert_eq!((outcome.judgement().available, outcome.judgement().encoded), (1.0, 1.0));
    }
}

#[tokio::test]
async fn a_wrong_blob_index_is_caught_in_a_whole_block() {
    let world = World::new();
    world.publish_wrong_index(SMALL);
    for transport in BOTH {
        let outcome = judge(&world, &[honest()], transport).await;
        assert_eq!(outcome.judgement().verdict, Verdict::WrongIndex);
        assert_eq!(outcome.nodes[0].lies, 0);
    }
}

#[tokio::test]
async fn tampered_rows_are_caught_and_healed_by_an_honest_node() {
    for transport in BOTH {
        for len in [SMALL, LARGE] {
            for lie in [
                Lies { flip_rows: true, ..honest() },
                Lies { short_rows: true, ..honest() },
                Lies { other_rows: true, ..honest() },
            ] {
                let world = World::honest(&[len]);
                let alone = judge(&world, std::slice::from_ref(&lie), transport).await;
                let judgement = alone.judgement();
                assert!(!judgement.verdict.is_available(), "{:?}", judgement.verdict);
                assert!(judgement.confidence() < 0.5);
                assert!(alone.nodes[0].lies > 0);

                let healed = judge(&world, &[lie, honest()], transport).await;
                assert_eq!(healed.judgement().verdict, Verdict::Available);
                assert!(healed.judgement().confidence() >= Target::default().confidence());
                assert_eq!(healed.nodes[1].lies, 0);
                assert!(healed.nodes[0].lies > 0, "rows are spread, so the liar was asked");
            }
        }
    }
}

#[tokio::test]
async fn rows_and_digests_of_other_places_are_the_nodes_lie() {
    for transport in BOTH {
        for len in [MIDDLE, LARGE] {
            for lie in [
                Lies { swap_heights: true, ..honest() },
                Lies { shift_rows: true, ..honest() },
                Lies { other_digests: true, ..honest() },
            ] {
                let world = World::honest(&[len, len]);
                let alone = judge(&world, std::slice::from_ref(&lie), transport).await;
                assert!(matches!(alone.judgement().verdict, Verdict::Tampered { .. }), "{lie:?}");
                assert!(alone.nodes[0].lies > 0);
                let healed = judge(&world, &[lie, honest()], transport).await;
                assert_eq!(healed.judgement().verdict, Verdict::Available);
                assert_eq!(healed.nodes[1].lies, 0);
            }
        }
    }
}

#[tokio::test]
async fn rows_spread_over_custody_nodes_are_found_without_asking_everyone() {
    for transport in BOTH {
        let world = World::honest(&[LARGE; 6]);
        // Eight nodes hold a quarter each; one holds all.
        let mut all: Vec<Lies> = (0..8).map(|class| Lies { custody: Some((class, 8, 2)), ..honest() }).collect();
        all.push(honest());
        let nodes: Vec<_> = all.iter().map(|lies| TestNode::new("node", &world, lies.clone())).collect();
        let client = client(config(), &nodes, transport).await;
        let summary = client.until(6, |_| {}).await.unwrap();
        assert_eq!(summary.totals.available, 6);
        let reports = client.nodes().reports();
        assert!(reports.iter().all(|node| node.lies + node.timed_out + node.failed == 0));
        let asked: usize = nodes.iter().map(|node| node.asked_count()).sum();
        // Blindly in turn it would be three and a half times for each row; whoever is known to have all is asked second.
        assert!(asked < 6 * 25 * 3, "{asked} rows asked for");
        assert!(nodes[..8].iter().all(|node| node.asked_count() >= 6), "all are asked, evenly at first");
    }
}

#[tokio::test]
async fn a_flipped_byte_is_named() {
    for transport in BOTH {
        let outcome = judge(&World::honest(&[LARGE]), &[Lies { flip_rows: true, ..honest() }], transport).await;
        assert!(matches!(outcome.judgement().verdict, Verdict::Tampered { row: Some(_) }));
        let named = |event: &ProgressEvent| matches!(event, ProgressEvent::RowBad { fault: RowFault::BadPath, .. });
        assert!(outcome.events.iter().any(named));
    }
}

#[tokio::test]
async fn withheld_blocks_are_unavailable() {
    for transport in BOTH {
        for len in [SMALL, LARGE] {
            // Just below a quarter (62 rows of 256): not enough to rebuild.
            let lies = Lies { serve_permille: Some(240), ..honest() };
            let outcome = judge(&World::honest(&[len]), &[lies.clone(), lies], transport).await;
            let judgement = outcome.judgement();
            match &judgement.verdict {
                Verdict::Unavailable { missing_rows, missing_digests: false } => assert!(!missing_rows.is_empty()),
                other => panic!("{other:?}"),
            }
            assert!(judgement.confidence() < Target::default().confidence());
        }
    }
}

#[tokio::test]
async fn what_one_node_lacks_another_gives() {
    for transport in BOTH {
        let lacking = Lies { serve_permille: Some(100), no_digests: true, ..honest() };
        let outcome = judge(&World::honest(&[LARGE]), &[lacking, honest()], transport).await;
        assert_eq!(outcome.judgement().verdict, Verdict::Available);
        assert_eq!((outcome.nodes[0].lies, outcome.nodes[1].lies), (0, 0));
    }
}

#[tokio::test]
async fn wrong_encoding_is_caught() {
    for transport in BOTH {
        for len in [SMALL, MIDDLE, LARGE] {
            let world = World::new();
            world.publish_wrong_encoding(len);
            world.publish_wrong_digests(len);
            for height in [1, 2] {
                let node = TestNode::new("node", &world, honest());
                let client = client(config(), &[node], transport).await;
                let outcome = once(&client, OnceTarget::Height(height)).await;
                let judgement = outcome.judgement();
                assert!(matches!(judgement.verdict, Verdict::WrongEncoding { .. }), "{:?}", judgement.verdict);
                assert_eq!(judgement.encoded, 0.0);
                assert_eq!(outcome.nodes[0].lies, 0, "the node is honest, the producer is not");
            }
        }
    }
}

#[tokio::test]
async fn digests_that_do_not_match_are_the_nodes_lie() {
    for transport in BOTH {
        let world = World::honest(&[LARGE]);
        let lie = Lies { flip_digests: true, ..honest() };
        let alone = judge(&world, std::slice::from_ref(&lie), transport).await;
        assert_eq!(alone.judgement().verdict, Verdict::Tampered { row: None });
        assert!(alone.nodes[0].lies > 0);
        let healed = judge(&world, &[lie, honest()], transport).await;
        assert_eq!(healed.judgement().verdict, Verdict::Available);
    }
}

#[tokio::test]
async fn blocks_without_digests_are_unavailable() {
    for transport in BOTH {
        let outcome = judge(&World::honest(&[LARGE]), &[Lies { no_digests: true, ..honest() }], transport).await;
        let expected = Verdict::Unavailable { missing_rows: Vec::new(), missing_digests: true };
        assert_eq!(outcome.judgement().verdict, expected);
    }
}

#[tokio::test]
async fn stalls_end_and_are_healed() {
    for transport in BOTH {
        let world = World::honest(&[LARGE]);
        let stall = Lies { stall_rows: true, ..honest() };
        let alone = judge_with(impatient(), &world, std::slice::from_ref(&stall), transport).await;
        assert!(
            matches!(&alone.judgement().verdict, Verdict::Unavailable { missing_rows, .. } if missing_rows.len() == 25)
        );
        assert!(alone.judgement().elapsed_ms < 3_500.0, "bounded");
        assert!(alone.nodes[0].timed_out > 0 && alone.nodes[0].lies == 0);

        for stall in [stall, Lies { stall_digests: true, ..honest() }, Lies { stall_headers: true, ..honest() }] {
            let healed = judge_with(impatient(), &world, &[stall, honest()], transport).await;
            assert_eq!(healed.judgement().verdict, Verdict::Available);
            assert!(healed.judgement().elapsed_ms < 2_500.0);
        }
    }
}

#[tokio::test]
async fn broken_connections_are_not_held_against_the_block() {
    for transport in BOTH {
        let world = World::honest(&[LARGE]);
        let broken = Lies { break_rows: true, ..honest() };
        let healed = judge(&world, &[broken, honest()], transport).await;
        assert_eq!(healed.judgement().verdict, Verdict::Available);
        assert!(healed.nodes[0].lies == 0);
    }
}
