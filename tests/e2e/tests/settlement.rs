//! Modes, keys and verifiers of settlement, with real processes that are killed.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, U256};
use serde_json::json;
use weft_e2e::{
    Cluster, Process, Service, answer, at_settlement, config, dev_accounts, new_key, pay, until, until_final,
};
use weft_primitives::{BatchHeader, Signer};
use weft_wire::SettlementClient;

/// The posting key is stolen and used for a fork: posting freezes, the admin gives it to another key, the sequencer goes
/// on with that.
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_is_replaced() {
    let keys = tempfile::tempdir().unwrap();
    let (admin_file, admin) = new_key(keys.path(), "admin.key");
    let (new_file, new) = new_key(keys.path(), "new.key");
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "200").option(
        Service::Settlement,
        "--admin-address",
        &admin.address().to_string(),
    );
    cluster.start_all().await;
    let mut account = dev_accounts().remove(0);
    let first = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc(), first).await;

    let client = SettlementClient::new(&cluster.grpc(Service::Settlement)).unwrap();
    let stands = client.commitment(0).await.unwrap();
    let thief = Signer::from_hex(&std::fs::read_to_string(config("dev-keys/sequencer.key")).unwrap()).unwrap();
    let fork = BatchHeader { gas_used: 1, ..stands.signed.header.clone() };
    assert_eq!(client.post(&fork.sign(&thief)).await.unwrap_err().reason, "EQUIVOCATION");
    let readiness = format!("{}/health/ready", cluster.http(Service::Sequencer));
    until("halted", async || reqwest::get(&readiness).await.unwrap().status() == 503).await;
    let raw = account.transfer(Address::repeat_byte(9), U256::from(5));
    let refused = cluster.rpc().call("eth_sendRawTransactionSync", json!([raw])).await.unwrap_err();
    assert!(format!("{refused:?}").contains("frozen"), "{refused:?}");

    let rotate = |key: &str| {
        let new = new_file.display().to_string();
        at_settlement(&cluster, &["settlement", "rotate-key", "--key-file", key, "--new-key-file", &new])
    };
    let by_thief = rotate(&config("dev-keys/sequencer.key"));
    assert_eq!(by_thief.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&by_thief.stderr).contains("ADMIN_NEEDED"));
    let changed = answer(&rotate(&admin_file.display().to_string()));
    assert_eq!((&changed["epoch"], &changed["new_key"]), (&json!(1), &json!(new.address())));

    // Killed in the middle of it all, and started with the new key.
    cluster.process(Service::Sequencer).kill();
    cluster.process(Service::Settlement).kill();
    cluster.set_sequencer_key(&new_file);
    for service in [Service::Settlement, Service::Sequencer] {
        cluster.start(service);
        cluster.ready(service).await;
    }
    let mut account = dev_accounts().remove(1);
    let second = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc(), second).await;
    let status = answer(&at_settlement(&cluster, &["settlement", "status"]));
    assert_eq!((&status["posting_key"], &status["frozen"]), (&json!(new.address()), &json!(false)));
    let newest = client.commitment(status["tip_index"].as_u64().unwrap()).await.unwrap().signed;
    assert_eq!((newest.signer(), newest.header.leader_epoch), (Ok(new.address()), 1));
    // An auditor follows the keys as the log changes them.
    let da = cluster.grpc(Service::Da);
    let verified =
        at_settlement(&cluster, &["verify", "--all", "--da-url", &da, "--genesis", &config("genesis.dev.json")]);
    assert_eq!(answer(&verified)["verdict"], "valid");
}

/// Final only with the verifier's word; it is killed and says everything again.
#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_is_killed_goes_on() {
    let keys = tempfile::tempdir().unwrap();
    let (file, verifier) = new_key(keys.path(), "verifier.key");
    let mut cluster = Cluster::new()
        .option(Service::Sequencer, "--batch-max-age-ms", "200")
        .option(Service::Settlement, "--verifiers", &verifier.address().to_string())
        .option(Service::Settlement, "--verifiers-needed", "1");
    cluster.start_all().await;
    let mut account = dev_accounts().remove(0);
    let first = pay(&cluster.rpc(), &mut account).await;
    let client = SettlementClient::new(&cluster.grpc(Service::Settlement)).unwrap();
    until("verified by settlement", async || {
        client.commitment(0).await.is_ok_and(|view| view.status.as_str() == "VERIFIED")
    })
    .await;
    let (settlement, da) = (cluster.grpc(Service::Settlement), cluster.grpc(Service::Da));
    let start = || {
        let args = ["verify", "--watch", "--submit", "--key-file"].map(str::to_owned).into_iter();
        let place = ["--settlement-url", &settlement, "--da-url", &da, "--genesis", &config("genesis.dev.json")];
        let args = args.chain([file.display().to_string()]).chain(place.map(str::to_owned));
        Process::spawn(&keys.path().join("verifier.log"), args)
    };
    let mut daemon = start();
    until_final(&cluster.rpc(), first).await;
    daemon.kill();
    let second = pay(&cluster.rpc(), &mut account).await;
    let mut daemon = start();
    until_final(&cluster.rpc(), second).await;
    let votes = client.commitment(0).await.unwrap().votes;
    assert_eq!(votes.iter().map(|vote| (vote.verifier, vote.valid)).collect::<Vec<_>>(), [(verifier.address(), true)]);
    daemon.kill();
}

/// The command makes a witness that settlement can judge by; the window goes on over a kill -9.
#[tokio::test(flavor = "multi_thread")]
async fn challenged_in_vain_and_final_after_the_window() {
    let mut cluster = Cluster::new()
        .option(Service::Sequencer, "--batch-max-age-ms", "200")
        .option(Service::Settlement, "--mode", "optimistic")
        .option(Service::Settlement, "--challenge-window", "20s");
    cluster.start_all().await;
    let first = pay(&cluster.rpc(), &mut dev_accounts().remove(0)).await;
    let client = SettlementClient::new(&cluster.grpc(Service::Settlement)).unwrap();
    until("available", async || client.commitment(0).await.is_ok_and(|view| view.available_ms.is_some())).await;
    let da = cluster.grpc(Service::Da);
    let genesis = config("genesis.dev.json");
    let challenge = |more: &[&str]| {
        at_settlement(
            &cluster,
            &[&["settlement", "challenge", "0", "--da-url", &da, "--genesis", &genesis], more].concat(),
        )
    };
    let own = challenge(&[]);
    assert_eq!((own.status.code(), &answer(&own)["challenged"]), (Some(0), &json!(false)));
    let judged = challenge(&["--force"]);
    assert_eq!((judged.status.code(), &answer(&judged)["verdict"]), (Some(0), &json!("valid")));
    assert_eq!(client.commitment(0).await.unwrap().status.as_str(), "VERIFIED");
    cluster.process(Service::Settlement).kill();
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    until_final(&cluster.rpc(), first).await;
    let view = client.commitment(0).await.unwrap();
    assert!(view.finalized_ms.unwrap() >= view.available_ms.unwrap() + 20_000);
    let late =
        at_settlement(&cluster, &["settlement", "challenge", "0", "--force", "--da-url", &da, "--genesis", &genesis]);
    assert_eq!(late.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&late.stderr).contains("NOT_PENDING"));
}
