//! PostgreSQL: two services on one database write one log; a server that is killed delays and loses nothing.

use std::time::Duration;

use weft_settlement::{Replay, Status};

use super::rollup::{Rollup, transfer};
use super::{Service, config};
use crate::store::tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn two_services_share_one_log() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.database_url = Some(server.url("postgres"));
    let services = [Service::start(config.clone()).await, Service::start(config.clone()).await];
    let mut last = None;
    for round in 0..4 {
        let (here, there) = (&services[round % 2], &services[(round + 1) % 2]);
        let nonce = rollup.next_nonce();
        here.client.submit_inbox(transfer(nonce).into()).await.unwrap();
        let signed = rollup.next(&here.client).await;
        let (first, second) = tokio::join!(here.client.post(&signed), there.client.post(&signed));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.log_seq, second.log_seq);
        assert!(first.duplicate != second.duplicate);
        last = Some(first.commitment);
        // The other one has to see what this one wrote.
        there.until(first.commitment, Status::Finalized).await;
        // Either may be the first to know of an entry, so both are asked again.
        let log = async |service: &Service| service.client.tip().await.unwrap().log;
        there.wait(async || (log(there).await == log(here).await).then_some(())).await;
    }
    services[0].until(last.unwrap(), Status::Finalized).await;
    tokio::time::sleep(Duration::from_millis(600)).await;

    let store = crate::store::PostgresStore::connect(&server.url("postgres"), super::rollup::CHAIN_ID).await.unwrap();
    let mut replay = Replay::new(crate::chains::rules(&config.chains[0]).unwrap().0);
    for entry in crate::store::Store::entries(&store, 1, 1_000).await.unwrap() {
        replay.push(&entry).unwrap();
    }
    assert_eq!(replay.chain().head().finalized_index, Some(3));
    for service in services {
        service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_delays_and_loses_nothing() {
    let mut server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.database_url = Some(server.url("postgres"));
    let service = Service::start(config).await;
    let first = rollup.next(&service.client).await;
    let first = service.client.post(&first).await.unwrap();
    let second = rollup.next(&service.client).await;
    server.kill();
    // A server process that has not noticed yet may still commit, durably.
    let error = service.wait(async || service.client.post(&second).await.err()).await;
    assert_eq!((error.code, error.is_retryable()), (tonic::Code::Unavailable, true), "{}", error.message);
    service.wait(async || (service.get("/health/ready").await.0 == 503).then_some(())).await;
    // Many that wait are all told, and none waits for those before it.
    let nonce = rollup.next_nonce();
    let waiting = (0..8).map(|n| service.client.submit_inbox(transfer(nonce + n).into()));
    for answer in futures::future::join_all(waiting).await {
        assert_eq!(answer.unwrap_err().code, tonic::Code::Unavailable);
    }

    server.restart().await;
    let second = service.wait(async || service.client.post(&second).await.ok()).await;
    service.until(second.commitment, Status::Finalized).await;
    service.until(first.commitment, Status::Finalized).await;
    service.wait(async || (service.get("/health/ready").await.0 == 200).then_some(())).await;
    service.stop().await;
}
