//! Faults that no kill makes: a database from an old backup, a DA node that answers wrong bytes, clocks that go back.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use weft_e2e::{
    Account, Cluster, Lying, Service, copy, dev_accounts, final_block, pay, quantity, until, until_final, verify_all,
    weft_binary,
};
use weft_wire::SettlementClient;

/// How long something is looked at that must not happen.
const LOOK: Duration = Duration::from_secs(3);

/// Of Debian's package `faketime`.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

async fn is_ready(cluster: &Cluster, service: Service) -> (bool, String) {
    let answer = reqwest::get(format!("{}/health/ready", cluster.http(service))).await.unwrap();
    (answer.status().is_success(), answer.text().await.unwrap())
}

/// Another payment becomes final for all, and an auditor agrees.
async fn goes_on(cluster: &Cluster, account: &mut Account) {
    let number = pay(&cluster.rpc(), account).await;
    until_final(&cluster.rpc_of(Service::Sequencer), number).await;
    until_final(&cluster.rpc_of(Service::Node), number).await;
    assert_eq!(verify_all(cluster)["last_block"], cluster.rpc().block_number().await.unwrap());
}

/// Settlement's database comes from a backup: its log is shorter than what others have seen, so nobody follows it, and
/// nobody signs anything for a place that was signed before. With the right database all goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_of_settlement_is_followed_by_nobody() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "200");
    cluster.start_all().await;
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let mut account = dev_accounts().remove(0);
    let first = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc_of(Service::Node), first).await;
    let (data, backup, newest) = (
        cluster.data(Service::Settlement),
        cluster.folder().join("settlement.backup"),
        cluster.folder().join("settlement.newest"),
    );
    cluster.process(Service::Settlement).terminate();
    copy(&data, &backup);
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    let second = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc_of(Service::Sequencer), second).await;
    until_final(&cluster.rpc_of(Service::Node), second).await;

    cluster.process(Service::Settlement).terminate();
    std::fs::rename(&data, &newest).unwrap();
    copy(&backup, &data);
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    for service in [Service::Sequencer, Service::Node] {
        until("told of the other log", async || {
            let (ready, why) = is_ready(&cluster, service).await;
            !ready && why.contains("settlement")
        })
        .await;
    }
    let client = SettlementClient::new(&cluster.grpc(Service::Settlement)).unwrap();
    let tip = client.tip().await.unwrap().tip;
    // What was confirmed stays so, and what is confirmed now waits.
    let third = pay(&cluster.rpc(), &mut account).await;
    tokio::time::sleep(LOOK).await;
    assert_eq!(client.tip().await.unwrap().tip, tip, "nothing is posted to the old log");
    for service in [Service::Sequencer, Service::Node] {
        assert!((second..third).contains(&final_block(&cluster.rpc_of(service)).await));
    }
    // Killed, the sequencer does not forget what it has seen.
    cluster.process(Service::Sequencer).kill();
    cluster.start(Service::Sequencer);
    tokio::time::sleep(LOOK).await;
    assert_eq!(client.tip().await.unwrap().tip, tip);

    cluster.process(Service::Settlement).terminate();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&newest, &data).unwrap();
    cluster.start(Service::Settlement);
    for service in [Service::Settlement, Service::Sequencer, Service::Node] {
        cluster.ready(service).await;
    }
    goes_on(&cluster, &mut account).await;
}

/// Settlement's database comes from a backup, and it knows who has kept its log: it takes back what is missing, and all
/// goes on without anyone's hand. With the follower alone, with the sequencer alone, and while it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_of_settlement_is_restored_from_those_who_kept_the_log() {
    let cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "200");
    let mirrors = [Service::Sequencer, Service::Node].map(|service| cluster.grpc(service)).join(",");
    let mut cluster = cluster.option(Service::Settlement, "--mirrors", &mirrors);
    cluster.start_all().await;
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let mut account = dev_accounts().remove(0);
    let first = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc_of(Service::Node), first).await;
    let (data, backup) = (cluster.data(Service::Settlement), cluster.folder().join("settlement.backup"));
    cluster.process(Service::Settlement).terminate();
    copy(&data, &backup);
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    let client = SettlementClient::new(&cluster.grpc(Service::Settlement)).unwrap();
    for away in [Some(Service::Sequencer), Some(Service::Node), None] {
        let number = pay(&cluster.rpc(), &mut account).await;
        until_final(&cluster.rpc_of(Service::Sequencer), number).await;
        until_final(&cluster.rpc_of(Service::Node), number).await;
        let newest = client.tip().await.unwrap().log;
        cluster.process(Service::Settlement).kill();
        std::fs::remove_dir_all(&data).unwrap();
        copy(&backup, &data);
        if let Some(away) = away {
            cluster.process(away).kill();
        }
        cluster.start(Service::Settlement);
        if away.is_none() {
            // In the midst of it, perhaps: it begins where it was, or where it had come to.
            tokio::time::sleep(Duration::from_millis(300)).await;
            cluster.process(Service::Settlement).kill();
            cluster.start(Service::Settlement);
        }
        cluster.ready(Service::Settlement).await;
        until("restored", async || client.tip().await.is_ok_and(|tip| tip.log == newest || tip.log.0 > newest.0)).await;
        if let Some(away) = away {
            cluster.start(away);
        }
        for service in [Service::Sequencer, Service::Node] {
            cluster.ready(service).await;
        }
    }
    goes_on(&cluster, &mut account).await;
}

/// A DA node whose answers are wrong on their way, for settlement, the follower and the light client: nothing becomes
/// final, nothing is rejected, and all goes on when the answers are right again.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_from_da_make_nothing_final() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "200");
    let da = Lying::before(cluster.grpc(Service::Da).trim_start_matches("http://").to_owned()).await;
    for service in [Service::Settlement, Service::Node] {
        cluster.set_da_url(service, da.url());
    }
    cluster.start_all().await;
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let mut account = dev_accounts().remove(0);
    let first = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc_of(Service::Node), first).await;

    da.lie(true);
    let mut second = 0;
    for _ in 0..20 {
        second = pay(&cluster.rpc(), &mut account).await;
    }
    until("lied to", async || da.told() > 3).await;
    tokio::time::sleep(LOOK).await;
    for service in [Service::Sequencer, Service::Node] {
        assert!(final_block(&cluster.rpc_of(service)).await < second);
    }
    let light = |timeout: &str| {
        let data = cluster.folder().join("light").display().to_string();
        let args =
            ["light", "--once", "latest", "--json", "--data-dir", &data, "--da-url", &da.url()].map(str::to_owned);
        Command::new("timeout").arg(timeout).arg(weft_binary()).args(args).output().unwrap()
    };
    assert!(!light("10").status.success(), "a light client takes wrong samples for right ones");

    da.lie(false);
    until_final(&cluster.rpc_of(Service::Sequencer), second).await;
    until_final(&cluster.rpc_of(Service::Node), second).await;
    let seen = light("60");
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
    assert_eq!(verify_all(&cluster)["last_block"], cluster.rpc().block_number().await.unwrap());
}

/// Every clock goes back by an hour while the processes are away: the times of blocks and of the log do not.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_go_back_stop_nothing() {
    assert!(Path::new(FAKETIME).exists(), "{FAKETIME} is missing: run ./setup.sh test");
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "200");
    cluster.start_all().await;
    let mut account = dev_accounts().remove(0);
    let first = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc_of(Service::Sequencer), first).await;
    for back in [&Service::ALL[..], &[Service::Settlement], &[Service::Sequencer], &[Service::Da]] {
        for service in Service::ALL {
            cluster.process(service).kill();
            let fake = [("LD_PRELOAD", FAKETIME), ("FAKETIME", "-1h"), ("DONT_FAKE_MONOTONIC", "1")];
            cluster.set_env(service, if back.contains(&service) { &fake } else { &[] });
        }
        cluster.start_all().await;
        let number = pay(&cluster.rpc(), &mut account).await;
        until_final(&cluster.rpc_of(Service::Sequencer), number).await;
    }
    let latest = cluster.rpc().block_number().await.unwrap();
    let mut before = 0;
    for number in 0..=latest {
        let tag = json!(format!("{number:#x}"));
        let block = cluster.rpc().call("eth_getBlockByNumber", json!([tag, false])).await.unwrap();
        let time = quantity(&block["timestamp"]);
        assert!(time >= before, "block {number}");
        before = time;
    }
    assert_eq!(verify_all(&cluster)["last_block"], latest);
}
