//! The way in past the sequencer, and value there and back, with real processes that are paused and killed.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256, keccak256};
use serde_json::{Value, json};
use weft_e2e::{Cluster, Service, dev_accounts, pay, quantity, send, verify_all, weft_binary};

/// Short enough for a test: milliseconds until an item is overdue, and until it may be forced after that.
const DEADLINE_MS: u64 = 1_500;
const GRACE_MS: u64 = 1_500;

/// The chain's admin: the first development account.
const ADMIN: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// Exit code, standard output as JSON (null if it is none), standard error.
fn weft(args: &[&str]) -> (Option<i32>, Value, String) {
    let output = Command::new(weft_binary()).args(args).output().unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), value, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn cluster(batch_age_ms: &str) -> Cluster {
    Cluster::new()
        .parameters(&json!({ "inboxDeadlineMs": DEADLINE_MS, "inboxGraceMs": GRACE_MS }))
        .option(Service::Sequencer, "--batch-max-age-ms", batch_age_ms)
        .option(Service::Settlement, "--admin-address", ADMIN)
}

/// Asks again and again until there is an answer.
async fn until<T>(cluster: &mut Cluster, what: &str, mut ask: impl AsyncFnMut(&Cluster) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask(cluster).await {
            return answer;
        }
        if start.elapsed() > Duration::from_secs(90) {
            let logs: Vec<String> = Service::ALL.map(|service| cluster.process(service).log()).into();
            panic!("{what} did not happen within 90 s\n{}", logs.join("\n=====\n"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn wait_final(cluster: &mut Cluster, number: u64) {
    until(cluster, "finality", async |cluster| {
        let block = cluster.rpc().call("eth_getBlockByNumber", json!(["finalized", false])).await.ok()?;
        (quantity(&block["number"]) >= number).then_some(())
    })
    .await;
}

/// A sequencer that is paused, or dead, for longer than a forced transaction's deadline and grace: the chain goes on
/// without it, and then with it again. What it had confirmed and not posted comes again.
async fn goes_on_without_the_sequencer(dead: bool, mode: &str) {
    // Batches are cut late, so that there is something that was never posted.
    let mut cluster = cluster("2000").option(Service::Settlement, "--mode", mode).option(
        Service::Settlement,
        "--challenge-window",
        "2s",
    );
    cluster.start_all().await;
    let mut accounts = dev_accounts();
    let (mut alice, mut bob, mut carol) = (accounts.remove(0), accounts.remove(0), accounts.remove(0));
    let first = pay(&cluster.rpc(), &mut alice).await;
    wait_final(&mut cluster, first).await;
    let confirmed = send(&cluster.rpc(), &mut bob).await["transactionHash"].clone();
    if dead {
        cluster.process(Service::Sequencer).kill();
    } else {
        cluster.process(Service::Sequencer).signal("STOP");
    }

    let to = Address::repeat_byte(0x66);
    let raw = alice.transfer(to, U256::from(77));
    let settlement = cluster.grpc(Service::Settlement);
    let at_settlement = ["--settlement-url", &settlement, "--json"];
    let (genesis, da) = (cluster.genesis().to_owned(), cluster.grpc(Service::Da));
    let force = ["settlement", "force-batch", "--genesis", &genesis, "--da-url", &da];
    let (code, _, errors) = weft(&[&force[..], &at_settlement].concat());
    assert_eq!(code, Some(1), "nothing waits: {errors}");
    let hexadecimal = raw.to_string();
    if dead {
        let (code, item, errors) = weft(&[&["tx", "force", &hexadecimal], &at_settlement[..]].concat());
        assert_eq!((code, &item["inbox_index"]), (Some(0), &json!(0)), "{errors}");
        let (code, _, errors) = weft(&[&force[..], &at_settlement].concat());
        assert_eq!(code, Some(1), "too early");
        assert!(errors.contains("the sequencer has until then"), "{errors}");
        tokio::time::sleep(Duration::from_millis(DEADLINE_MS + GRACE_MS)).await;
        let (code, forced, errors) = weft(&[&force[..], &at_settlement].concat());
        assert_eq!(code, Some(0), "{forced}\n{errors}");
        check_forced(&forced);
    } else {
        let (code, forced, errors) =
            weft(&[&["tx", "force", &hexadecimal, "--wait", "--timeout-s", "60"], &at_settlement[..]].concat());
        assert_eq!(code, Some(0), "{forced}\n{errors}");
        assert!(errors.contains("missed the deadline"), "{errors}");
        check_forced(&forced);
    }
    let verdict = verify_all(&cluster);
    assert_eq!(verdict["batches"], 2);

    if dead {
        cluster.start(Service::Sequencer);
    } else {
        cluster.process(Service::Sequencer).signal("CONT");
    }
    // A sequencer that wakes may include it itself for a moment, before it has read that it was forced.
    let (hash, included) = (keccak256(&raw).to_string(), verdict["last_block"].as_u64().unwrap());
    until(&mut cluster, "the forced transaction in its block", async |cluster| {
        let receipt = cluster.rpc().call("eth_getTransactionReceipt", json!([hash])).await.ok()?;
        (!receipt.is_null() && quantity(&receipt["blockNumber"]) == included).then_some(())
    })
    .await;
    let item = cluster.rpc().call("weft_inboxItem", json!([0])).await.unwrap();
    assert_eq!((&item["kind"], &item["executed"]), (&json!("transaction"), &json!(true)));
    assert_eq!(quantity(&item["blockNumber"]), included);
    // What was confirmed is in another block now.
    let again = until(&mut cluster, "the confirmed transaction", async |cluster| {
        let receipt = cluster.rpc().call("eth_getTransactionReceipt", json!([confirmed])).await.ok()?;
        (!receipt.is_null()).then(|| quantity(&receipt["blockNumber"]))
    })
    .await;
    assert!(again > included);
    let newest = until(&mut cluster, "new transactions", async |cluster| {
        let raw = carol.transfer(to, U256::from(1));
        let sent = cluster.rpc().call("eth_sendRawTransactionSync", json!([raw])).await;
        if sent.is_err() {
            carol.nonce -= 1;
        }
        sent.ok().map(|receipt| quantity(&receipt["blockNumber"]))
    })
    .await;
    wait_final(&mut cluster, newest.max(again)).await;
    let balance = cluster.rpc().call("eth_getBalance", json!([to, "latest"])).await.unwrap();
    assert_eq!(balance, "0x4e");
    let (latest, verdict) = (cluster.rpc().block_number().await.unwrap(), verify_all(&cluster));
    assert_eq!(verdict["last_block"], latest);
    let block = cluster.rpc().call("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    assert_eq!(verdict["last_block_hash"], block["hash"]);

    // Whoever comes later derives the same, without the sequencer's word.
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let node = cluster.rpc_of(Service::Node);
    until(&mut cluster, "a follower behind the forced batch", async |_| {
        (node.block_number().await.ok()? >= latest).then_some(())
    })
    .await;
    let theirs = node.call("eth_getBlockByHash", json!([block["hash"], false])).await.unwrap();
    assert_eq!(theirs["stateRoot"], block["stateRoot"]);
    let (settlement, da, witnesses) =
        (cluster.grpc(Service::Settlement), cluster.grpc(Service::Da), cluster.grpc(Service::Node));
    let urls = ["--settlement-url", &settlement, "--da-url", &da, "--witness-url", &witnesses];
    let stateless = ["verify", "--stateless", "1", "--json", "--genesis", cluster.genesis()];
    let (code, verdict, errors) = weft(&[&stateless[..], &urls].concat());
    assert_eq!((code, &verdict["verdict"]), (Some(0), &json!("valid")), "{errors}");
    // So does the sequencer itself, if its folder is gone.
    cluster.process(Service::Sequencer).kill();
    std::fs::remove_dir_all(cluster.data(Service::Sequencer)).unwrap();
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let again = cluster.rpc().call("eth_getBlockByHash", json!([block["hash"], false])).await.unwrap();
    assert_eq!(again["stateRoot"], block["stateRoot"]);
}

fn check_forced(forced: &Value) {
    assert_eq!((&forced["final"], &forced["forced"]), (&json!(true), &json!(true)), "{forced}");
    assert_eq!((&forced["batch"], &forced["inbox_index"]), (&json!(1), &json!(0)), "{forced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sequencer_does_not_stop_a_forced_transaction() {
    goes_on_without_the_sequencer(false, "verified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_sequencer_does_not_stop_a_forced_transaction() {
    goes_on_without_the_sequencer(true, "verified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mode_optimistic_a_dead_sequencer_does_not_stop_a_forced_transaction() {
    goes_on_without_the_sequencer(true, "optimistic").await;
}

async fn holds(cluster: &Cluster, address: &str, wei: &str) -> Option<()> {
    let balance = cluster.rpc().call("eth_getBalance", json!([address, "latest"])).await.ok()?;
    (balance == wei).then_some(())
}

/// Wei that an account has at settlement, and the sums over all.
fn account(settlement: &str, address: &str) -> (u128, Value) {
    let (code, value, errors) = weft(&["settlement", "account", address, "--settlement-url", settlement, "--json"]);
    assert_eq!(code, Some(0), "{errors}");
    let wei = |value: &Value| value.as_str().unwrap().parse::<u128>().unwrap();
    let totals = &value["totals"];
    assert_eq!(wei(&totals["funded"]), wei(&totals["accounts"]) + wei(&totals["escrow"]));
    assert_eq!(wei(&totals["escrow"]), wei(&totals["deposited"]) - wei(&totals["claimed"]));
    (wei(&value["balance"]), totals.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn value_goes_to_the_rollup_and_back_though_everything_is_killed() {
    let mut cluster = cluster("200");
    cluster.start_all().await;
    let settlement = cluster.grpc(Service::Settlement);
    let at_settlement = ["--settlement-url", &settlement, "--json"];
    let (code, funded, errors) =
        weft(&[&["settlement", "fund", "--to", ADMIN, "--value", "10ether"], &at_settlement[..]].concat());
    assert_eq!((code, &funded["balance"]), (Some(0), &json!("10000000000000000000")), "{errors}");
    let (code, _, errors) =
        weft(&[&["settlement", "fund", "--from", "1", "--to", ADMIN, "--value", "1"], &at_settlement[..]].concat());
    assert_eq!(code, Some(1), "not the admin: {errors}");

    // A deposit that the sequencer sees only when it is back; then killed again as soon as it is credited.
    cluster.process(Service::Sequencer).kill();
    let to = "0x6666666666666666666666666666666666666666";
    let (code, item, errors) = weft(&[&["deposit", "--to", to, "--value", "4ether"], &at_settlement[..]].concat());
    assert_eq!(code, Some(0), "{item}\n{errors}");
    cluster.start(Service::Sequencer);
    let four = format!("{:#x}", 4 * 10u128.pow(18));
    until(&mut cluster, "the credit", async |cluster| holds(cluster, to, &four).await).await;
    cluster.process(Service::Sequencer).kill();
    cluster.process(Service::Settlement).kill();
    cluster.start(Service::Settlement);
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Settlement).await;
    cluster.ready(Service::Sequencer).await;
    until(&mut cluster, "the credit, once", async |cluster| holds(cluster, to, &four).await).await;
    let item = cluster.rpc().call("weft_inboxItem", json!([0])).await.unwrap();
    assert_eq!((&item["kind"], &item["amount"]), (&json!("deposit"), &json!(four)));

    let rpc_url = cluster.rpc_url();
    let at_both = ["--rpc-url", &rpc_url, "--json"];
    let (code, withdrawn, errors) = weft(&[&["withdraw", "--value", "3ether"], &at_both[..]].concat());
    assert_eq!((code, &withdrawn["index"]), (Some(0), &json!(0)), "{withdrawn}\n{errors}");
    let hash = withdrawn["hash"].as_str().unwrap().to_owned();
    let claim = ["claim", &hash, "--wait", "--timeout-s", "60", "--settlement-url", &settlement];
    let (code, paid, errors) = weft(&[&claim[..], &at_both].concat());
    assert_eq!((code, &paid["paid"]), (Some(0), &json!(true)), "{paid}\n{errors}");
    let (code, _, errors) = weft(&[&claim[..], &at_both].concat());
    assert_eq!(code, Some(1), "once");
    assert!(errors.contains("paid before"), "{errors}");
    cluster.process(Service::Settlement).kill();
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    let (balance, totals) = account(&settlement, ADMIN);
    assert_eq!(balance, 9 * 10u128.pow(18));
    assert_eq!(totals["escrow"], "1000000000000000000");

    // More than escrow holds has to wait.
    let (code, _, errors) = weft(&[&["withdraw", "--value", "2ether"], &at_both[..]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let claim = ["claim", "1", "--wait", "--timeout-s", "60", "--settlement-url", &settlement];
    let (code, _, errors) = weft(&[&claim[..], &at_both].concat());
    assert_eq!(code, Some(1));
    assert!(errors.contains("escrow holds"), "{errors}");
    let latest = cluster.rpc().block_number().await.unwrap();
    wait_final(&mut cluster, latest).await;
    let verdict = verify_all(&cluster);
    let block = cluster.rpc().call("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    assert_eq!(verdict["last_block_hash"], block["hash"]);
}
