//! Blobs: brought back from rows, and verified, whatever single nodes do.

use std::sync::Arc;

use weft_da::limits::EXTENSION;
use weft_da::{BlobProof, rows_of};
use weft_light::blob::ProofSource;
use weft_light::verdict::NotIncluded;
use weft_light::verdict::restore::RestoreFault;
use weft_light::{BlobClaim, BlobError, Client, Config, LightError, Limits, OnceTarget, RestoredBlob, Verdict};
use weft_primitives::{B256, Namespace};

use crate::node::{Lies, TestNode};
use crate::setup::{BOTH, Transport, client, config, impatient};
use crate::world::{LARGE, MIDDLE, SMALL, World};

fn honest() -> Lies {
    Lies::default()
}

/// The blob at a position of a block, and its bytes.
fn blob_of(world: &World, height: u64, position: usize) -> (BlobClaim, Vec<u8>) {
    let block = world.at(height).unwrap().block;
    let entry = block.index().entries()[position];
    let bytes = entry.open(block.rows().payload()).unwrap().to_vec();
    let claim = BlobClaim { namespace: entry.namespace, hash: entry.hash, height: None, offset: None, length: None };
    (claim, bytes)
}

fn nodes(world: &Arc<World>, lies: &[Lies]) -> Vec<Arc<TestNode>> {
    (0..).zip(lies).map(|(at, lies)| TestNode::new(&format!("node{at}"), world, lies.clone())).collect()
}

async fn get(client: &Client, claim: BlobClaim) -> Result<RestoredBlob, BlobError> {
    client.get_blob(claim, |_| {}).await
}

#[tokio::test]
async fn exactly_its_own_rows_are_asked_for() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(5, 100_000);
        let nodes = nodes(&world, &[honest(), honest()]);
        let client = client(config(), &nodes, transport).await;
        for position in [0, 3, 4] {
            let (claim, bytes) = blob_of(&world, 1, position);
            let before: usize = nodes.iter().map(|node| node.asked_count()).sum();
            let blob = get(&client, claim).await.unwrap();
            assert!(blob.bytes == bytes && !blob.rebuilt);
            let asked = nodes.iter().map(|node| node.asked_count()).sum::<usize>() - before;
            assert_eq!((blob.rows_downloaded, asked), (blob.rows, blob.rows));
            let shape = world.at(1).unwrap().header.header.shape;
            assert_eq!(blob.rows, rows_of(&shape, blob.offset, blob.length).len());
            assert!(matches!(blob.proof_source, ProofSource::Node(_)));
        }
        assert!(nodes.iter().all(|node| node.asked_count() > 0), "rows are spread over the nodes");
    }
}

#[tokio::test]
async fn a_quarter_of_the_rows_is_enough() {
    for transport in BOTH {
        for len in [SMALL, MIDDLE, LARGE] {
            // Every original row is withheld.
            let world = World::honest(&[len]);
            let withheld = Lies { withhold_permille: Some(750), ..honest() };
            let client = client(config(), &nodes(&world, &[withheld.clone(), withheld]), transport).await;
            let (claim, bytes) = blob_of(&world, 1, 0);
            let blob = get(&client, claim).await.unwrap();
            assert!(blob.bytes == bytes && blob.rebuilt);
            assert_eq!(blob.rows_downloaded, world.at(1).unwrap().block.shape().k());
        }
    }
}

#[tokio::test]
async fn with_76_percent_withheld_it_says_how_many_rows_are_missing() {
    for transport in BOTH {
        for len in [MIDDLE, LARGE] {
            let world = World::honest(&[len]);
            let withheld = Lies { withhold_permille: Some(760), ..honest() };
            let client = client(config(), &nodes(&world, &[withheld.clone(), withheld]), transport).await;
            let (claim, _) = blob_of(&world, 1, 0);
            let error = get(&client, claim).await.unwrap_err();
            let shape = *world.at(1).unwrap().block.shape();
            let served = shape.rows() - (shape.rows() * 760).div_ceil(1_000);
            let BlobError::Rows { height: 1, why: RestoreFault::TooFewRows { found, needed, .. }, .. } = &error else {
                panic!("{error}")
            };
            assert!(*needed == shape.rows() / EXTENSION && *found <= served, "{found} of {served}");
            assert!(error.to_string().contains("more are missing"), "{error}");
            let judgement = client.once(OnceTarget::Height(1), |_| {}).await.unwrap();
            assert!(matches!(judgement.verdict, Verdict::Unavailable { .. }));
        }
    }
}

#[tokio::test]
async fn lies_and_stalls_cost_only_time() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(3, 200_000);
        world.publish_blobs(4, 150_000);
        let lies = [
            Lies { flip_rows: true, ..honest() },
            Lies { short_rows: true, ..honest() },
            Lies { other_rows: true, ..honest() },
            Lies { swap_heights: true, ..honest() },
            Lies { shift_rows: true, ..honest() },
            Lies { other_digests: true, flip_rows: true, ..honest() },
            Lies { stall_rows: true, ..honest() },
            Lies { stall_after: Some(3), ..honest() },
            Lies { stall_digests: true, break_rows: true, ..honest() },
        ];
        for lie in lies {
            let nodes = nodes(&world, &[lie.clone(), honest()]);
            let client = client(impatient(), &nodes, transport).await;
            let (claim, bytes) = blob_of(&world, 2, 1);
            let blob = get(&client, claim).await.unwrap_or_else(|error| panic!("{lie:?}: {error}"));
            assert!(blob.bytes == bytes && !blob.rebuilt, "{lie:?}");
            assert!(blob.elapsed_ms < 2_500.0, "{lie:?}: {} ms", blob.elapsed_ms);
            let reports = client.nodes().reports();
            assert_eq!((reports[1].lies, reports[1].timed_out), (0, 0), "{lie:?}");
            let faults = reports[0].lies + reports[0].timed_out + reports[0].failed;
            assert!(faults > 0, "{lie:?} was asked and found out");
        }
    }
}

#[tokio::test]
async fn rows_that_lie_on_several_nodes_are_found() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(3, 200_000);
        let custody = |class| Lies { custody: Some((class, 8, 2)), ..honest() };
        let all: Vec<Lies> = (0..8).map(custody).collect();
        let client = client(config(), &nodes(&world, &all), transport).await;
        let judgement = client.once(OnceTarget::Latest, |_| {}).await.unwrap();
        assert_eq!(judgement.verdict, Verdict::Available);
        let (claim, bytes) = blob_of(&world, 1, 2);
        let blob = get(&client, claim).await.unwrap();
        assert!(blob.bytes == bytes && !blob.rebuilt);
        assert!(client.nodes().reports().iter().all(|node| node.lies == 0));
        assert!(client.nodes().reports().iter().any(|node| node.share.is_some_and(|share| share < 0.9)));
    }
}

#[tokio::test]
async fn a_hidden_entry_is_found_in_the_index() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(4, 60_000);
        // Even with the originals, and so the index itself, withheld.
        for withhold_permille in [None, Some(750)] {
            let hiding = Lies { hide_blobs: true, withhold_permille, ..honest() };
            let client = client(config(), &nodes(&world, &[hiding]), transport).await;
            let (claim, bytes) = blob_of(&world, 1, 2);
            assert!(matches!(get(&client, claim).await, Err(BlobError::NotFound { .. })));
            let placed = BlobClaim { height: Some(1), ..claim };
            let blob = get(&client, placed).await.unwrap();
            assert_eq!((blob.bytes == bytes, blob.proof_source), (true, ProofSource::Index));
            let verdict = client.verify_blob(placed, None).await.unwrap();
            assert_eq!(verdict.proof_source, ProofSource::Index);
            assert!(verdict.inclusion.is_ok());
            // What is not there is known not to be there.
            let absent = BlobClaim { hash: B256::repeat_byte(9), ..placed };
            let verdict = client.verify_blob(absent, None).await.unwrap();
            assert_eq!(verdict.inclusion, Err(NotIncluded::Absent));
            let error = get(&client, absent).await.unwrap_err();
            assert!(matches!(error, BlobError::NotIncluded { height: 1, why: NotIncluded::Absent }), "{error}");
        }
    }
}

#[tokio::test]
async fn forged_proofs_are_the_nodes_lie() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(4, 60_000);
        let forger = Lies { forge_proofs: true, ..honest() };
        let alone = client(config(), &nodes(&world, std::slice::from_ref(&forger)), transport).await;
        let (claim, bytes) = blob_of(&world, 1, 3);
        assert!(matches!(get(&alone, claim).await, Err(BlobError::NotFound { .. })));
        assert!(alone.nodes().reports()[0].lies > 0);
        let healed = client(config(), &nodes(&world, &[forger, honest()]), transport).await;
        assert!(get(&healed, claim).await.unwrap().bytes == bytes);
        assert_eq!(healed.nodes().reports()[1].lies, 0);
    }
}

#[tokio::test]
async fn a_second_header_of_one_height_is_a_chain_fault() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE, MIDDLE]);
        let node = TestNode::new("node", &world, honest());
        let client = client(config(), std::slice::from_ref(&node), transport).await;
        client.until(2, |_| {}).await.unwrap();
        node.set_lies(Lies { headers: [(2, world.equivocation(2))].into(), ..honest() });
        let (claim, _) = blob_of(&world, 2, 0);
        for result in [get(&client, claim).await.map(drop), client.verify_blob(claim, None).await.map(drop)] {
            assert!(matches!(result, Err(BlobError::Light(LightError::Fork { .. }))), "{result:?}");
        }
    }
}

#[tokio::test]
async fn a_block_with_all_rows_one_place_off_is_condemned() {
    for transport in BOTH {
        for len in [SMALL, MIDDLE, LARGE] {
            let world = World::new();
            world.publish_shifted(len);
            let client = client(config(), &nodes(&world, &[honest()]), transport).await;
            let judgement = client.once(OnceTarget::Latest, |_| {}).await.unwrap();
            assert!(matches!(judgement.verdict, Verdict::WrongEncoding { .. }), "{:?}", judgement.verdict);
            assert_eq!(client.nodes().reports()[0].lies, 0, "the node is honest");
            // The bytes at the entry's place are others: it is void, and nothing is handed out.
            let block = world.at(1).unwrap().block;
            let entry = block.index().entries()[0];
            let claim =
                BlobClaim { namespace: entry.namespace, hash: entry.hash, height: Some(1), offset: None, length: None };
            assert!(matches!(get(&client, claim).await, Err(BlobError::Void { .. })));
        }
    }
}

#[tokio::test]
async fn rows_kept_from_sampling_are_not_asked_for_again() {
    let world = World::honest(&[LARGE]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, honest());
    let limits = Limits { kept_sample_bytes: 1 << 20, ..config().limits };
    let keeping = Config { limits, data_dir: Some(dir.path().to_owned()), ..config() };
    let client = client(keeping, std::slice::from_ref(&node), Transport::Grpc).await;
    client.until(1, |_| {}).await.unwrap();
    let kept = node.asked(1);
    let (claim, bytes) = blob_of(&world, 1, 0);
    node.set_lies(Lies { withhold_permille: Some(750), ..honest() });
    let before = node.asked_count();
    let blob = get(&client, claim).await.unwrap();
    assert!(blob.bytes == bytes && blob.rebuilt);
    let k = world.at(1).unwrap().block.shape().k();
    assert_eq!((blob.rows_kept, blob.rows_downloaded), (kept.len(), k - kept.len()));
    assert!(node.asked_count() - before >= k - kept.len());
}

#[tokio::test]
async fn claims_are_judged_with_their_block() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(4, 60_000);
        world.publish_blobs(2, 60_000);
        let node = TestNode::new("node", &world, honest());
        let client = client(config(), std::slice::from_ref(&node), transport).await;
        let (claim, _) = blob_of(&world, 2, 1);
        let verdict = client.verify_blob(claim, None).await.unwrap();
        let proof: BlobProof = verdict.inclusion.clone().unwrap();
        assert!(verdict.is_good() && verdict.judgement.height == 1, "the first block has it too");
        assert_eq!(verdict.header, world.at(1).unwrap().header);
        // The block was judged for this, and is not judged again.
        assert!(client.store().get(1).is_some());
        let asked = node.asked_count();
        let entry = proof.entry;
        let placed = BlobClaim { height: Some(1), offset: Some(entry.offset), length: Some(entry.length), ..claim };
        let given = client.verify_blob(placed, Some(proof.clone())).await.unwrap();
        assert_eq!((given.is_good(), given.proof_source), (true, ProofSource::Given));
        assert_eq!(node.asked_count(), asked);

        let elsewhere = BlobClaim { offset: Some(entry.offset + 1), ..placed };
        let refused = client.verify_blob(elsewhere, Some(proof.clone())).await.unwrap().inclusion;
        assert!(matches!(refused, Err(NotIncluded::OtherPlace { .. })), "{refused:?}");
        let in_second = BlobClaim { height: Some(2), ..placed };
        let refused = client.verify_blob(in_second, Some(proof.clone())).await.unwrap();
        assert!(matches!(refused.inclusion, Err(NotIncluded::Proof(_))) && !refused.is_good());
        let other = BlobClaim { namespace: Namespace([9; 32]), ..placed };
        let refused = client.verify_blob(other, Some(proof.clone())).await.unwrap().inclusion;
        assert!(matches!(refused, Err(NotIncluded::OtherBlob { .. })), "{refused:?}");
        let nowhere = client.verify_blob(claim, Some(proof)).await.unwrap_err();
        assert!(matches!(nowhere, BlobError::ProofWithoutPlace));
        let beyond = client.verify_blob(BlobClaim { height: Some(9), hash: B256::ZERO, ..claim }, None).await;
        assert!(matches!(beyond, Err(BlobError::NoHeader { height: 9, .. })), "{beyond:?}");
    }
}

#[tokio::test]
async fn blob_calls_are_bounded() {
    let world = World::honest(&[MIDDLE]);
    let stalling = Lies { stall_digests: true, ..honest() };
    let limits = Limits { max_blob_calls: 1, ..impatient().limits };
    let client = client(Config { limits, ..impatient() }, &nodes(&world, &[stalling]), Transport::Memory).await;
    let (claim, _) = blob_of(&world, 1, 0);
    let (first, second) = tokio::join!(get(&client, claim), async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        client.verify_blob(claim, None).await
    });
    assert!(matches!(first, Err(BlobError::NoDigests { .. })), "{first:?}");
    assert!(matches!(second, Err(BlobError::Busy { limit: 1 })), "{second:?}");
}
