//! What judging a block of 8 MiB costs, over gRPC on this machine.

use weft_light::{OnceTarget, Verdict};

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
