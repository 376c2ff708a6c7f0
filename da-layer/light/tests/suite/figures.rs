//! What judging a block of 8 MiB and restoring a blob of 8 MiB cost, over gRPC on this machine.

use weft_light::{BlobClaim, OnceTarget, Verdict};

use crate::node::{Lies, TestNode};
use crate::setup::{Transport, client, config, once};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn eight_mib() {
    let world = World::honest(&[8 << 20]);
    let nodes = ["one", "two"].map(|name| TestNode::new(name, &world, Lies::default()));
    let client = client(config(), &nodes, Transport::Grpc).await;
    for _ in 0..5 {
        let outcome = once(&client, OnceTarget::Latest).await;
        let judgement = outcome.judgement();
        assert_eq!(judgement.verdict, Verdict::Available);
        assert_eq!(judgement.downloaded_bytes, 127_936 + 240);
        println!("8 MiB: {} bytes, {} ms", judgement.downloaded_bytes, judgement.elapsed_ms);
    }
    assert!(nodes.iter().all(|node| node.asked_count() > 0), "rows are spread");
}

#[tokio::test(flavor = "multi_thread")]
async fn restoring_eight_mib() {
    let world = World::new();
    world.publish_blobs(2, 8 << 20);
    let entry = world.at(1).unwrap().block.index().entries()[1];
    let claim = BlobClaim { namespace: entry.namespace, hash: entry.hash, height: None, offset: None, length: None };
    for withhold_permille in [None, Some(750)] {
        let lies = Lies { withhold_permille, ..Lies::default() };
        let nodes = ["one", "two", "three"].map(|name| TestNode::new(name, &world, lies.clone()));
        let client = client(config(), &nodes, Transport::Grpc).await;
        for _ in 0..3 {
            let blob = client.get_blob(claim, |_| {}).await.unwrap();
            assert_eq!((blob.length, blob.rebuilt), (8 << 20, withhold_permille.is_some()));
            let megabytes_s = blob.length as f64 / 1e3 / blob.elapsed_ms;
            println!(
                "8 MiB of 16, rebuilt: {}: {} rows, {} bytes, {} ms, {megabytes_s:.0} MB/s of the blob",
                blob.rebuilt, blob.rows_downloaded, blob.downloaded_bytes, blob.elapsed_ms
            );
        }
    }
}
