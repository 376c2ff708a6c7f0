//! Several chains in one service: each with its own log, key, mode and quotas; one that fails leaves the others alone.

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tonic::Code;
use weft_primitives::Signer;
use weft_settlement::{Mode, Status};
use weft_wire::RemoteError;

use super::rollup::{CHAIN_ID, Rollup, chain_of};
use super::{Service, config, settings};
use crate::Config;

const OTHER_ID: u64 = 8;

#[track_caller]
fn is<T: std::fmt::Debug>(result: Result<T, RemoteError>, code: Code, reason: &str) -> RemoteError {
    let error = result.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (code, reason), "{}", error.message);
    error
}

fn other_key() -> Signer {
    Signer::from_bytes([0x5f; 32]).unwrap()
}

/// Chain 7 in mode verified; chain 8 in mode optimistic with another key and another DA node.
async fn two(folder: &std::path::Path) -> (Config, Rollup, Rollup) {
    let (first, second) = (Rollup::start().await, Rollup::start_of(chain_of(OTHER_ID)).await);
    let mut config = config(folder, &first.da_url);
    let mut other = settings(&second.da_url);
    other.chain = chain_of(OTHER_ID);
    other.terms.sequencer = other_key().address();
    other.terms.mode = Mode::Optimistic { window_ms: 200 };
    config.chains.push(other);
    (config, first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_chain_has_its_own_log_key_mode_and_quotas() {
    let folder = tempfile::tempdir().unwrap();
    let (mut config, mut first, mut second) = two(folder.path()).await;
    config.chains[1].quotas.max_posts_per_minute = 1;
    let service = Service::start_any(config).await;
    is(service.client.info().await, Code::InvalidArgument, "CHAIN_NEEDED");
    is(service.client.clone().for_chain(9).tip().await, Code::NotFound, "UNKNOWN_CHAIN");
    let clients = [CHAIN_ID, OTHER_ID].map(|id| service.client.clone().for_chain(id));
    for (client, mode) in clients.iter().zip(["verified", "optimistic"]) {
        let info = client.info().await.unwrap();
        assert_eq!((info.mode.as_str(), &info.chain_ids[..]), (mode, &[CHAIN_ID, OTHER_ID][..]));
    }
    let here = first.next(&clients[0]).await;
    let there = second.next(&clients[1]).await.header.sign(&other_key());
    // A commitment names its chain itself.
    let here = service.client.post(&here).await.unwrap().commitment;
    let posted = clients[1].post(&there).await.unwrap();
    let next = second.next(&clients[1]).await.header.sign(&other_key());
    let refused = is(clients[1].post(&next).await, Code::ResourceExhausted, "POST_RATE");
    assert!(refused.retry_after.is_some_and(|wait| wait.as_secs() > 30), "{refused:?}");
    assert!(refused.is_retryable() && refused.message.contains("max_posts_per_minute"));
    // A retry of what was taken is answered all the same.
    assert!(clients[1].post(&there).await.unwrap().duplicate);

    let until = async |at: usize, commitment| {
        service
            .wait(async || {
                let view = clients[at].commitment_by_hash(commitment).await.unwrap();
                (view.status == Status::Finalized).then_some(())
            })
            .await;
    };
    until(0, here).await;
    until(1, posted.commitment).await;
    for client in &clients {
        assert_eq!(client.tip().await.unwrap().tip.unwrap().0, 0);
        assert_eq!(client.commitments(0, 10).await.unwrap().len(), 1);
    }
    assert!(service.get("/status").await.1.contains("chain 8"));
    service.stop().await;
}

async fn damage(folder: &std::path::Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join(crate::store::FILE_NAME));
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_fails_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (config, mut first, mut second) = two(folder.path()).await;
    let service = Service::start_any(config).await;
    let clients = [CHAIN_ID, OTHER_ID].map(|id| service.client.clone().for_chain(id));
    damage(folder.path(), "UPDATE checkpoint SET block_header = x'00' WHERE chain_id = 7").await;
    let signed = first.next(&clients[0]).await;
    clients[0].post(&signed).await.unwrap();
    let failed = service.wait(async || clients[0].tip().await.err()).await;
    assert!(failed.message.contains("damaged"), "{failed}");
    let there = second.next(&clients[1]).await.header.sign(&other_key());
    let there = clients[1].post(&there).await.unwrap().commitment;
    service.wait(async || (clients[1].tip().await.unwrap().finalized_index == Some(0)).then_some(())).await;
    assert_eq!(clients[1].commitment_by_hash(there).await.unwrap().status, Status::Finalized);
    assert!(service.get("/metrics").await.1.contains("weft_settlement_chain_failed{chain=\"7\"}"));
    assert_eq!(service.get("/health/ready").await.0, 200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_cannot_be_opened_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (mut config, ..) = two(folder.path()).await;
    Service::start_any(config.clone()).await.stop().await;
    config.chains[1].terms.mode = Mode::Optimistic { window_ms: 1 };
    let service = Service::start_any(config).await;
    let refused = service.client.clone().for_chain(OTHER_ID).tip().await.unwrap_err();
    assert!(refused.message.contains("keeps its terms"), "{refused}");
    assert!(service.client.clone().for_chain(CHAIN_ID).tip().await.is_ok());
    service.stop().await;
}

/// Invariant 16: another mode is refused, and what was posted stays what it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.chains[0].terms.mode = Mode::Optimistic { window_ms: 600_000 };
    let service = Service::start(config.clone()).await;
    let signed = rollup.next(&service.client).await;
    let commitment = service.client.post(&signed).await.unwrap().commitment;
    service.until(commitment, Status::Available).await;
    service.stop().await;
    for mode in [Mode::Verified, Mode::Optimistic { window_ms: 1 }] {
        let mut switched = config.clone();
        switched.chains[0].terms.mode = mode;
        let ended = crate::run(switched, super::listeners().await, weft_service::Shutdown::new()).await;
        let words = ended.unwrap_err().to_string();
        assert!(words.contains("600000 ms") && words.contains("keeps its terms"), "{words}");
    }
    let service = Service::start(config).await;
    assert_eq!(service.client.commitment(0).await.unwrap().status, Status::Available);
    service.stop().await;
}

#[tokio::test]
async fn a_chain_is_configured_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), "http://127.0.0.1:1");
    config.chains.push(config.chains[0].clone());
    let run = async |config| crate::run(config, super::listeners().await, weft_service::Shutdown::new()).await;
    assert!(run(config.clone()).await.unwrap_err().to_string().contains("twice"));
    config.chains.clear();
    assert!(run(config).await.unwrap_err().to_string().contains("no chain"));
}
