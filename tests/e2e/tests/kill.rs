//! kill -9 of each service at random moments under a stream of transactions: nothing confirmed is lost, whether the
//! state is in memory or on the disk alone.
//!
//! `WEFT_KILL_ROUNDS` (20) and `WEFT_KILL_SEED` (from the clock, printed) repeat a run.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
use weft_e2e::{Account, Cluster, Rpc, RpcError, Service, dev_accounts, quantity, verify_all};

/// xorshift64*: the test's own seedable choices.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Transaction hash -> block number, as the client was told.
type Confirmed = BTreeMap<String, u64>;

/// Sends transfers one after the other; after a failure asks what became of the last one before going on.
async fn stream(rpc: Rpc, mut account: Account, stop: Arc<AtomicBool>) -> Confirmed {
    let mut confirmed = Confirmed::new();
    let to = Address::repeat_byte(0x77);
    while !stop.load(Ordering::Relaxed) {
        let raw = account.transfer(to, U256::from(1));
        let hash = alloy_primitives::keccak256(&raw).to_string();
        let receipt = loop {
            match rpc.call("eth_sendRawTransactionSync", json!([raw])).await {
                Ok(receipt) => break receipt,
                // Unanswered, or already in a block: the receipt decides.
                Err(RpcError::Server { .. } | RpcError::Transport(_)) => {}
            }
            match rpc.call("eth_getTransactionReceipt", json!([hash])).await {
                Ok(receipt) if !receipt.is_null() => break receipt,
                _ => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        };
        assert_eq!(receipt["status"], "0x1");
        assert_eq!(receipt["transactionHash"], hash);
        confirmed.insert(hash, quantity(&receipt["blockNumber"]));
    }
    confirmed
}

async fn result(rpc: &Rpc, method: &str, params: Value) -> Value {
    rpc.call(method, params).await.unwrap()
}

/// Every block once, linked; every confirmed transaction once, where the client was told.
async fn check_chain(rpc: &Rpc, confirmed: &Confirmed) {
    let mut seen = BTreeMap::new();
    let mut parent = String::new();
    for number in 0..=rpc.block_number().await.unwrap() {
        let block = result(rpc, "eth_getBlockByNumber", json!([format!("{number:#x}"), false])).await;
        assert_eq!(quantity(&block["number"]), number);
        if number > 0 {
            assert_eq!(block["parentHash"], parent.as_str(), "block {number} does not follow its parent");
        }
        parent = block["hash"].as_str().unwrap().to_owned();
        for hash in block["transactions"].as_array().unwrap() {
            let twice = seen.insert(hash.as_str().unwrap().to_owned(), number);
            assert_eq!(twice, None, "{hash} is in two blocks");
        }
    }
    for (hash, number) in confirmed {
        assert_eq!(seen.get(hash), Some(number), "confirmed transaction {hash}");
    }
}

/// Waits until the newest block is final.
async fn wait_final(rpc: &Rpc, cluster: &mut Cluster) {
    let start = Instant::now();
    loop {
        let latest = rpc.block_number().await.unwrap();
        let block = result(rpc, "eth_getBlockByNumber", json!(["finalized", false])).await;
        if quantity(&block["number"]) == latest {
            return;
        }
        if start.elapsed() > Duration::from_secs(120) {
            let logs: Vec<String> = Service::ALL.map(|service| cluster.process(service).log()).into();
            panic!("block {latest} is not final after 120 s, only {}\n{}", block["number"], logs.join("\n=====\n"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confirmed_is_lost() {
    let rounds = from_env("WEFT_KILL_ROUNDS", 20);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = from_env("WEFT_KILL_SEED", now | 1);
    println!(
        "repeat with: WEFT_KILL_SEED={seed} WEFT_KILL_ROUNDS={rounds} cargo test --release -p weft-e2e --test kill"
    );
    let mut dice = Dice(seed);

    // Of the state none is in memory, or all.
    let memory = ["0", "1000000000"][dice.below(2) as usize];
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "300").option(
        Service::Sequencer,
        "--state-memory",
        memory,
    );
    cluster.start_all().await;
    let stop = Arc::new(AtomicBool::new(false));
    let streams: Vec<_> =
        dev_accounts().into_iter().map(|account| tokio::spawn(stream(cluster.rpc(), account, stop.clone()))).collect();

    let mut killed = BTreeSet::new();
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(50 + dice.below(600))).await;
        // Each service in turn, and sometimes a second one at the same moment.
        let mut victims = vec![Service::ALL[(round % 3) as usize]];
        if dice.below(3) == 0 {
            victims.push(Service::ALL[((round + 1) % 3) as usize]);
        }
        for service in &victims {
            cluster.process(*service).kill();
            killed.insert(*service as u8);
        }
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        victims.iter().for_each(|service| cluster.start(*service));
        for service in victims {
            cluster.ready(service).await;
        }
    }
    assert_eq!(killed.len(), 3);
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let mut confirmed = Confirmed::new();
    for task in streams {
        confirmed.extend(tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap());
    }
    println!("{} transactions confirmed over {rounds} kills", confirmed.len());
    assert!(confirmed.len() as u64 > rounds);

    let rpc = cluster.rpc();
    wait_final(&rpc, &mut cluster).await;
    check_chain(&rpc, &confirmed).await;
    let latest = result(&rpc, "eth_getBlockByNumber", json!(["latest", false])).await;
    let verdict = verify_all(&cluster);
    assert_eq!(verdict["verdict"], "valid");
    assert_eq!(verdict["state_root"], latest["stateRoot"], "sequencer and independent verification disagree");
    assert_eq!(verdict["last_block"].as_u64().unwrap(), quantity(&latest["number"]));
}
