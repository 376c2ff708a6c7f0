//! The daemon: catching up, following, healing, and what it serves.

use serde_json::Value;
use weft_light::Config;

use crate::node::{Lies, TestNode};
use crate::running::Daemon;
use crate::setup::{BOTH, config};
use crate::world::{MIDDLE, SMALL, World};

#[tokio::test]
async fn catches_up_and_follows() {
    for transport in BOTH {
        let world = World::honest(&[SMALL, MIDDLE, SMALL, MIDDLE, SMALL, MIDDLE]);
        let nodes = ["one", "two"].map(|name| TestNode::new(name, &world, Lies::default()));
        let daemon = Daemon::start(config(), &nodes, transport).await;
        daemon.wait(|status| status["judged_height"] == 6).await;
        world.publish(MIDDLE);
        world.publish(SMALL);
        let status = daemon.wait(|status| status["judged_height"] == 8).await;
        assert_eq!((&status["available"], &status["open"], &status["wrong"]), (&8.into(), &0.into(), &0.into()));
        assert_eq!((&status["overall"], &status["header_height"]), (&"all available".into(), &8.into()));
        assert!(status["lowest_confidence"].as_f64().unwrap() >= 0.99999);
        assert_eq!(status["recent"][0]["height"], 8);

        assert_eq!(daemon.get("/health/ready").await.0, 200);
        assert!(daemon.get("/metrics").await.1.contains("weft_light_judged_height"));
        let services: Value = serde_json::from_str(&daemon.get("/services").await.1).unwrap();
        assert_eq!(services["self"], "light client");
        let all: Vec<Value> = serde_json::from_str(&daemon.get("/judgements?last=3").await.1).unwrap();
        assert_eq!(all.iter().map(|one| one["height"].as_u64().unwrap()).collect::<Vec<_>>(), [8, 7, 6]);
        let one: Value = serde_json::from_str(&daemon.get("/judgements/2").await.1).unwrap();
        assert_eq!((&one["verdict"], &one["samples"]), (&"available".into(), &25.into()));
        assert_eq!(daemon.get("/judgements/9").await.0, 404);
        let block: Value = serde_json::from_str(&daemon.get("/blocks/2").await.1).unwrap();
        assert_eq!((&block["judgement"], block["sampled_rows"].as_array().unwrap().len()), (&one, 25));
        let (code, nothing) = daemon.get("/blocks/9").await;
        let wanted = serde_json::json!({ "height": 9, "judgement": null, "sampled_rows": null });
        assert_eq!((code, serde_json::from_str::<Value>(&nothing).unwrap()), (200, wanted));
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_withheld_block_is_reported_and_healed() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE]);
        let node = TestNode::new("one", &world, Lies { serve_permille: Some(100), ..Lies::default() });
        let daemon = Daemon::start(config(), std::slice::from_ref(&node), transport).await;
        let status = daemon.wait(|status| status["open"] == 1).await;
        assert_eq!(status["recent"][0]["verdict"], "unavailable");
        node.set_lies(Lies::default());
        daemon.wait(|status| status["available"] == 1 && status["open"] == 0).await;
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_contradiction_makes_it_not_ready() {
    for transport in BOTH {
        let world = World::honest(&[SMALL, SMALL]);
        let node = TestNode::new("one", &world, Lies::default());
        let daemon = Daemon::start(config(), std::slice::from_ref(&node), transport).await;
        daemon.wait(|status| status["judged_height"] == 2).await;
        assert_eq!(daemon.get("/health/ready").await.0, 200);
        // The signer shows another header of a height that was judged.
        let theirs = world.equivocation(2);
        node.set_lies(Lies { headers: [(2, theirs)].into(), ..Lies::default() });
        let status = daemon.wait(|status| !status["chain_fault"].is_null()).await;
        assert!(status["chain_fault"].as_str().unwrap().contains(&theirs.header.hash().to_string()));
        let (code, text) = daemon.get("/health/ready").await;
        assert!(code == 503 && text.contains("contradicts itself"), "{text}");
        daemon.stop().await;
    }
}

#[tokio::test]
async fn waits_for_its_nodes() {
    let nobody = Config { network_id: None, da_urls: vec!["http://127.0.0.1:1".to_owned()], ..config() };
    let daemon = Daemon::of(weft_light::Client::connect(nobody).unwrap()).await;
    let (code, text) = daemon.get("/health/ready").await;
    assert!(code == 503 && text.contains("trust"), "{text}");
    daemon.stop().await;
}
