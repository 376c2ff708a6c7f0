//! Honest batches become final: at once, after a restart, after an outage of DA, with subscribers watching.

use futures::StreamExt;
use tokio::net::TcpListener;
use weft_settlement::{Event, Replay, Status};
use weft_wire::DaClient;

use super::rollup::{Rollup, transfer};
use super::{Service, config, da};

#[tokio::test(flavor = "multi_thread")]
async fn honest_batches_become_final() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = Service::start(config(folder.path(), &rollup.da_url)).await;
    let mut log = service.client.subscribe_log(1).await.unwrap();
    let mut last = None;
    for round in 0..3 {
        if round == 1 {
            let nonce = rollup.next_nonce();
            let receipt = service.client.submit_inbox(transfer(nonce).into()).await.unwrap();
            assert_eq!(receipt.index, 0);
        }
        let signed = rollup.next(&service.client).await;
        let posted = service.client.post(&signed).await.unwrap();
        assert!(!posted.duplicate);
        let again = service.client.post(&signed).await.unwrap();
        assert_eq!((again.log_seq, again.duplicate), (posted.log_seq, true));
        last = Some(posted.commitment);
    }
    let view = service.until(last.unwrap(), Status::Finalized).await;
    assert!(view.finalized_ms.unwrap() >= view.posted_ms);
    let tip = service.client.tip().await.unwrap();
    assert_eq!((tip.tip, tip.finalized_index, tip.finalized_block), (Some((2, last.unwrap())), Some(2), 6));
    assert_eq!(service.client.commitments(1, 10).await.unwrap().len(), 2);
    assert_eq!(service.client.commitment(0).await.unwrap().status, Status::Finalized);

    // The stream has every entry, and the rules give back the same log.
    let rules = rules(&service).await;
    let mut replay = Replay::new(rules);
    for _ in 0..tip.log.0 {
        replay.push(&log.next().await.unwrap().unwrap()).unwrap();
    }
    assert_eq!(replay.chain().head().log_hash, tip.log.1);
    assert!(replay.history().entries().iter().any(|entry| matches!(entry.event, Event::Inbox(_))));
    pages(&service).await;
    drop(log);
    service.stop().await;
}

async fn rules(service: &Service) -> weft_settlement::Rules {
    let info = service.client.info().await.unwrap();
    assert_eq!((info.mode.as_str(), info.stf_version), ("verified", 1));
    crate::chains::rules(&super::settings("http://127.0.0.1:1")).unwrap().0
}

async fn pages(service: &Service) {
    let (code, metrics) = service.get("/metrics").await;
    assert_eq!(code, 200);
    for name in ["weft_settlement_finalized_index", "weft_settlement_commit_seconds", "weft_settlement_posts_total"] {
        assert!(metrics.contains(name), "{name} is missing");
    }
    assert_eq!(service.get("/health/ready").await.0, 200);
    assert!(service.get("/status").await.1.contains("final block"));
    let json = async |path: &str| {
        let (code, text) = service.get(path).await;
        (code, serde_json::from_str::<serde_json::Value>(&text).unwrap())
    };
    let (_, log) = json("/log?last=2").await;
    assert_eq!(log["entries"].as_array().unwrap().len(), 2);
    assert_eq!((&log["entries"][0]["seq"], &log["entries"][0]["kind"]), (&log["newest"], &"finalized".into()));
    let (_, page) = json("/commitments").await;
    let newest = &page["commitments"][0];
    assert_eq!((&newest["batch"], &newest["state"]), (&2.into(), &"FINALIZED".into()));
    for id in ["2", newest["commitment"].as_str().unwrap()] {
        assert_eq!(&json(&format!("/commitments/{id}")).await.1, newest);
    }
    let refused = async |path: &str| {
        let (code, answer) = json(path).await;
        (code, answer["reason"].as_str().unwrap().to_owned())
    };
    assert_eq!(refused("/commitments/3").await, (404, "NOT_FOUND".to_owned()));
    assert_eq!(refused("/commitments/x").await, (400, "MALFORMED".to_owned()));
    assert_eq!(refused("/log?chain=999").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_service_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = Service::start(config(folder.path(), &rollup.da_url)).await;
    let first = rollup.next(&service.client).await;
    let first = service.client.post(&first).await.unwrap().commitment;
    service.until(first, Status::Finalized).await;
    let before = service.client.tip().await.unwrap();
    service.stop().await;

    let service = Service::start(config(folder.path(), &rollup.da_url)).await;
    assert_eq!(service.client.tip().await.unwrap(), before);
    let second = rollup.next(&service.client).await;
    let second = service.client.post(&second).await.unwrap().commitment;
    service.until(second, Status::Finalized).await;
    service.stop().await;
}

/// Nothing is decided while the DA node is away or lies; nothing is lost either.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_da_delays_and_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::without_da().await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.chains[0].terms.availability_deadline_ms = 1;
    let service = Service::start(config).await;
    let signed = rollup.next(&service.client).await;
    let commitment = service.client.post(&signed).await.unwrap().commitment;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(service.client.commitment(0).await.unwrap().status, Status::Posted);
    assert_eq!(service.get("/health/ready").await.0, 200);

    rollup.da.forges_headers.store(true, std::sync::atomic::Ordering::Relaxed);
    let listener = TcpListener::bind(rollup.da_url.strip_prefix("http://").unwrap()).await.unwrap();
    drop(da::serve(rollup.da.clone(), listener, rollup.da_stop.clone()));
    let client = DaClient::new(&rollup.da_url).unwrap();
    service.wait(async || client.header(Some(1)).await.ok()).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(service.client.commitment(0).await.unwrap().status, Status::Posted);

    rollup.da.forges_headers.store(false, std::sync::atomic::Ordering::Relaxed);
    service.until(commitment, Status::Finalized).await;
    service.stop().await;
}
