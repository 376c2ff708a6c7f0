//! What the service does not take, with gRPC code and stable reason; nothing of it changes anything.

use bytes::Bytes;
use tonic::Code;
use weft_primitives::{B256, BatchHeader, Signer};
use weft_wire::RemoteError;

use super::rollup::{Rollup, sequencer, transfer};
use super::{Service, config};

#[track_caller]
fn is<T: std::fmt::Debug>(result: Result<T, RemoteError>, code: Code, reason: &str) -> String {
    let error = result.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (code, reason), "{}", error.message);
    error.message
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::without_da().await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.limits.max_subscribers = 1;
    config.chains[0].quotas.max_inbox_queue = 1;
    config.chains[0].quotas.max_pending_commitments = 1;
    let service = Service::start(config).await;
    let client = &service.client;
    let good = rollup.next(client).await;

    type Break = fn(&mut BatchHeader);
    let cases: [(Code, &str, Break); 6] = [
        (Code::InvalidArgument, "WRONG_CHAIN", |header| header.chain_id = 1),
        (Code::InvalidArgument, "WRONG_CONFIG", |header| header.config_hash = B256::ZERO),
        (Code::InvalidArgument, "MALFORMED", |header| header.payload_len = 0),
        (Code::FailedPrecondition, "WRONG_INDEX", |header| header.batch_index = 1),
        (Code::FailedPrecondition, "WRONG_PRE_STATE", |header| header.pre_state_root = B256::ZERO),
        (Code::FailedPrecondition, "UNKNOWN_ANCHOR", |header| header.anchor_seq = u64::MAX),
    ];
    for (code, reason, break_it) in cases {
        let mut header = good.header.clone();
        break_it(&mut header);
        is(client.post(&header.sign(&sequencer())).await, code, reason);
    }
    let stranger = good.header.clone().sign(&Signer::from_bytes([3; 32]).unwrap());
    is(client.post(&stranger).await, Code::PermissionDenied, "UNKNOWN_SIGNER");
    let mut broken = good.clone();
    broken.signature.0[64] = 5;
    is(client.post(&broken).await, Code::InvalidArgument, "BAD_SIGNATURE");
    is(client.submit_inbox(Bytes::from_static(b"junk")).await, Code::InvalidArgument, "BAD_TRANSACTION");
    is(client.submit_inbox(vec![2; 200_000].into()).await, Code::InvalidArgument, "BAD_TRANSACTION");
    is(client.commitment(0).await, Code::NotFound, "NOT_FOUND");
    is(client.commitment_by_hash(B256::ZERO).await, Code::NotFound, "NOT_FOUND");
    is(client.commitments(0, 1_001).await, Code::InvalidArgument, "LIMIT");
    assert_eq!(client.tip().await.unwrap().log.0, 0);

    // Bounds.
    client.submit_inbox(transfer(9).into()).await.unwrap();
    let words = is(client.submit_inbox(transfer(10).into()).await, Code::ResourceExhausted, "INBOX_FULL");
    assert!(words.contains("max_inbox_queue"));
    let _open = client.subscribe_log(1).await.unwrap();
    let second = client.subscribe_log(1).await.map(drop);
    assert!(is(second, Code::ResourceExhausted, "MAX_SUBSCRIBERS").contains("max_subscribers"));

    // The anchor is the empty log, so the item that came later need not be included.
    client.post(&good).await.unwrap();
    let next = rollup.next(client).await;
    let words = is(client.post(&next).await, Code::ResourceExhausted, "TOO_MANY_PENDING");
    assert!(words.contains("max_pending_commitments"));
    // Two claims for one place.
    let rival = BatchHeader { gas_used: 1, ..good.header.clone() }.sign(&sequencer());
    is(client.post(&rival).await, Code::AlreadyExists, "EQUIVOCATION");
    is(client.post(&next).await, Code::PermissionDenied, "POSTING_FROZEN");
    assert!(client.tip().await.unwrap().frozen);
    drop(_open);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rollup = Rollup::without_da().await;
    let service = Service::start(config(folder.path(), &rollup.da_url)).await;
    service.stop().await;
    let mut other = config(folder.path(), &rollup.da_url);
    let mut genesis = other.chains[0].chain.genesis().clone();
    genesis.gas_limit += 1;
    other.chains[0].chain = weft_primitives::ChainConfig::new(genesis).unwrap();
    let ended = crate::run(other, super::listeners().await, weft_service::Shutdown::new()).await;
    let words = ended.unwrap_err().to_string();
    assert!(words.contains("data_dir"), "{words}");
}
