//! What a daemon serves over gRPC, through the typed client, and the same over HTTP.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tonic::Code;
use weft_light::{BlobClaim, Config, Limits, Verdict};
use weft_primitives::B256;

use crate::node::{Lies, TestNode};
use crate::running::Daemon;
use crate::setup::{BOTH, Transport, client, config};
use crate::world::{MIDDLE, NETWORK, SMALL, World, signer};

#[tokio::test]
async fn status_judgements_and_confidence() {
    for transport in BOTH {
        let world = World::honest(&[SMALL, MIDDLE, MIDDLE, MIDDLE, SMALL]);
        let node = TestNode::new("one", &world, Lies::default());
        let daemon = Daemon::start(config(), &[node], transport).await;
        daemon.wait(|status| status["judged_height"] == 5).await;
        let light = daemon.light();
        let status = light.status().await.unwrap();
        assert_eq!(status.trusted, Some((signer().address(), NETWORK)));
        assert_eq!((status.header_height, status.judged_height), (5, Some(5)));
        assert_eq!((status.nodes.len(), status.chain_fault), (1, None));
        let chain = status.chain.unwrap();
        assert_eq!((chain.from_height, chain.to_height, chain.available, chain.exceptions), (1, 5, 5, 0));
        // Two small blocks are known whole; three are sampled, each with a risk below 10^-5.
        let lowest = chain.lowest.unwrap().confidence;
        assert!((0.99999..1.0).contains(&lowest));
        assert!((chain.joint - (1.0 - 3.0 * (1.0 - lowest))).abs() < 1e-12, "{chain:?}");

        let part = light.confidence(1, 2).await.unwrap();
        assert_eq!((part.to_height, part.lowest.map(|lowest| lowest.height)), (2, Some(2)));
        assert_eq!(light.confidence(9, 12).await.unwrap_err().code, Code::NotFound);
        assert_eq!(light.confidence(3, 2).await.unwrap_err().reason, "RANGE");

        let second = light.judgement(2).await.unwrap();
        assert_eq!((second.verdict.clone(), second.samples, second.linked), (Verdict::Available, 25, true));
        assert_eq!(light.judgement(6).await.unwrap_err().code, Code::NotFound);
        let listed = light.judgements(2, 3).await.unwrap();
        assert_eq!(listed.iter().map(|one| one.height).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(listed[0], second);
        assert_eq!(light.judgements(1, 1_001).await.unwrap_err().reason, "LIMIT");

        let over_http: Value = serde_json::from_str(&daemon.get("/confidence?from=1&to=2").await.1).unwrap();
        assert_eq!(over_http, json!(part));
        assert_eq!(daemon.get("/confidence?from=7").await.0, 404);
        assert_eq!(daemon.status().await["chain"], json!(chain));
        assert!(daemon.get("/metrics").await.1.contains("weft_light_chain_confidence"));
        daemon.stop().await;
    }
}

#[tokio::test]
async fn subscriptions_have_no_gap_and_nothing_twice() {
    for transport in BOTH {
        let world = World::honest(&[SMALL; 130]);
        let node = TestNode::new("one", &world, Lies::default());
        let daemon = Daemon::start(config(), &[node], transport).await;
        let light = daemon.light();
        // Begun while the client still catches up; more than one page.
        let mut from_first = light.subscribe_judgements(Some(1)).await.unwrap();
        let later = world.clone();
        let publishing = tokio::spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                later.publish(SMALL);
            }
        });
        for height in 1..=150 {
            let judgement = from_first.next().await.unwrap().unwrap();
            assert_eq!(judgement.height, height);
        }
        publishing.await.unwrap();
        let mut new_ones = light.subscribe_judgements(None).await.unwrap();
        world.publish(SMALL);
        assert_eq!(new_ones.next().await.unwrap().unwrap().height, 151);
        assert_eq!(from_first.next().await.unwrap().unwrap().height, 151);
        let silence = tokio::time::timeout(Duration::from_millis(100), from_first.next()).await;
        assert!(silence.is_err(), "{silence:?}");
        daemon.stop().await;
    }
}

#[tokio::test]
async fn subscriptions_are_bounded_and_end_at_what_is_not_kept() {
    let world = World::honest(&[SMALL; 12]);
    let node = TestNode::new("one", &world, Lies::default());
    let limits = Limits { max_subscribers: 1, kept_judgements: 4, ..config().limits };
    let daemon = Daemon::start(Config { limits, ..config() }, &[node], Transport::Memory).await;
    let status = daemon.wait(|status| status["judged_height"] == 12).await;
    assert_eq!((&status["judged"], &status["chain"]["available"]), (&json!(4), &json!(12)));
    let light = daemon.light();
    let forgotten = light.subscribe_judgements(Some(3)).await.err().unwrap();
    assert_eq!((forgotten.code, forgotten.reason.as_str()), (Code::OutOfRange, "NOT_KEPT"));
    let mut first = light.subscribe_judgements(Some(9)).await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap().height, 9);
    let second = light.subscribe_judgements(Some(9)).await.err().unwrap();
    assert_eq!((second.code, second.reason.as_str()), (Code::ResourceExhausted, "MAX_SUBSCRIBERS"));
    drop(first);
    for _ in 0..200 {
        if light.subscribe_judgements(Some(12)).await.is_ok() {
            return daemon.stop().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a subscription that ended makes no room");
}

#[tokio::test]
async fn third_parties_verify_and_get_blobs() {
    for transport in BOTH {
        let world = World::new();
        world.publish_blobs(3, 700_000);
        let node = TestNode::new("one", &world, Lies { withhold_permille: Some(750), ..Lies::default() });
        let daemon = Daemon::start(config(), &[node], transport).await;
        let light = daemon.light();
        let block = world.at(1).unwrap().block;
        let entry = block.index().entries()[1];
        let claim =
            BlobClaim { namespace: entry.namespace, hash: entry.hash, height: None, offset: None, length: None };
        let verified = light.verify_blob(&claim, None).await.unwrap();
        let proof = verified.inclusion.unwrap();
        assert_eq!((proof.entry, verified.header), (entry, world.at(1).unwrap().header));
        let placed = BlobClaim { height: Some(1), offset: Some(entry.offset), length: Some(entry.length), ..claim };
        assert!(light.verify_blob(&placed, Some(&proof)).await.unwrap().inclusion.is_ok());
        let longer = BlobClaim { length: Some(entry.length + 1), ..placed };
        let (reason, _) = light.verify_blob(&longer, Some(&proof)).await.unwrap().inclusion.unwrap_err();
        assert_eq!(reason, "PROOF");
        assert_eq!(light.verify_blob(&claim, Some(&proof)).await.unwrap_err().reason, "PROOF_WITHOUT_PLACE");

        let restored = light.get_blob(&claim).await.unwrap();
        let bytes = entry.open(block.rows().payload()).unwrap();
        assert!(restored.bytes == bytes && restored.how.rebuilt);
        let unknown = BlobClaim { hash: B256::repeat_byte(1), ..claim };
        assert_eq!(light.get_blob(&unknown).await.unwrap_err().reason, "NOT_FOUND");
        let absent = BlobClaim { height: Some(1), ..unknown };
        assert_eq!(light.get_blob(&absent).await.unwrap_err().reason, "NOT_INCLUDED");

        let path = format!("/blobs/{}/{}", entry.namespace, entry.hash);
        let answer = reqwest::get(format!("{}{path}", daemon.url)).await.unwrap();
        assert_eq!(answer.headers()["weft-da-height"], "1");
        assert!(answer.bytes().await.unwrap() == bytes);
        let verdict: Value = serde_json::from_str(&daemon.get(&format!("{path}/verdict")).await.1).unwrap();
        assert_eq!((&verdict["included"], &verdict["proof"]["offset"]), (&json!(true), &json!(entry.offset)));
        assert_eq!(verdict["judgement"]["height"], 1);
        let mut given = json!({
            "height": 1, "index": proof.position, "offset": entry.offset, "length": entry.length, "path": proof.path,
        });
        let post = async |proof: &Value| -> Value {
            let client = reqwest::Client::new();
            let answer = client.post(format!("{}{path}/verdict", daemon.url)).json(proof).send().await.unwrap();
            answer.json().await.unwrap()
        };
        assert_eq!(post(&given).await["included"], true);
        given["index"] = json!(0);
        let refused = post(&given).await;
        assert_eq!((&refused["included"], &refused["reason"]), (&json!(false), &json!("PROOF")));
        let (code, text) = daemon.get("/blobs/00/00").await;
        assert!(code == 400 && text.contains("MALFORMED"), "{text}");
        assert_eq!(daemon.get(&format!("/blobs/{}/{}", entry.namespace, B256::ZERO)).await.0, 404);
        daemon.stop().await;
    }
}

#[tokio::test]
async fn the_confidence_survives_restarts_and_what_is_forgotten() {
    let world = World::honest(&[MIDDLE; 14]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, Lies::default());
    let limits = Limits { kept_judgements: 3, ..config().limits };
    let short = Config { limits, data_dir: Some(dir.path().to_owned()), ..config() };
    let mut risk = 0.0;
    for height in 1..=14 {
        if height == 5 {
            node.set_lies(Lies { serve_permille: Some(100), ..Lies::default() });
        }
        let client = client(short.clone(), std::slice::from_ref(&node), Transport::Memory).await;
        let summary = client.until(height, |_| {}).await.unwrap();
        node.set_lies(Lies::default());
        // Height 5 is open at first, and healed when it is looked at again.
        let open = u64::from(height == 5);
        let last = client.store().get(height).unwrap().judgement;
        if open == 0 {
            risk += (1.0 - last.confidence()) * if height == 6 { 2.0 } else { 1.0 };
        }
        let chain = summary.confidence.unwrap();
        assert_eq!((chain.from_height, chain.to_height), (1, height));
        assert_eq!((chain.available, chain.exceptions), (height - open, open), "height {height}");
        assert!((chain.joint - (1.0 - risk)).abs() < 1e-12, "height {height}: {} {}", chain.joint, 1.0 - risk);
    }
}
