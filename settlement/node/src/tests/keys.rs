//! Key changes over gRPC: hand-over, idempotence, and posting that only the admin opens again.

use tonic::Code;
use weft_primitives::{B256, BatchHeader, Evidence, Promise, SignedPromise, Signer};
use weft_settlement::{KeyChange, Status};
use weft_wire::RemoteError;

use super::rollup::{CHAIN_ID, Rollup, chain, sequencer};
use super::{Service, config};

fn key(number: u8) -> Signer {
    Signer::from_bytes([number; 32]).unwrap()
}

fn change(new_key: &Signer, epoch: u64) -> KeyChange {
    KeyChange { chain_id: CHAIN_ID, config_hash: chain().hash(), new_key: new_key.address(), epoch }
}

#[track_caller]
fn is<T: std::fmt::Debug>(result: Result<T, RemoteError>, code: Code, reason: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (code, reason), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_goes_on_with_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let mut config = config(folder.path(), &rollup.da_url);
    let (admin, new_key, third) = (key(0xad), key(0x4e), key(0x4f));
    config.chains[0].terms.admin = Some(admin.address());
    let service = Service::start(config.clone()).await;
    let first = rollup.next(&service.client).await;
    service.client.post(&first).await.unwrap();

    is(service.client.change_key(&change(&new_key, 1).sign(&new_key)).await, Code::PermissionDenied, "UNKNOWN_SIGNER");
    is(
        service.client.change_key(&change(&new_key, 0).sign(&sequencer())).await,
        Code::FailedPrecondition,
        "STALE_EPOCH",
    );
    let wrong = KeyChange { config_hash: B256::ZERO, ..change(&new_key, 1) };
    is(service.client.change_key(&wrong.sign(&sequencer())).await, Code::InvalidArgument, "WRONG_CONFIG");
    let signed = change(&new_key, 1).sign(&sequencer());
    let made = service.client.change_key(&signed).await.unwrap();
    let again = service.client.change_key(&signed).await.unwrap();
    assert_eq!((made.duplicate, again.duplicate, again.log_seq), (false, true, made.log_seq));
    service.stop().await;

    let service = Service::start(config).await;
    let client = &service.client;
    let tip = client.tip().await.unwrap();
    assert_eq!((tip.posting_key, tip.epoch, tip.frozen), (new_key.address(), 1, false));
    assert!(client.post(&first).await.unwrap().duplicate);
    rollup.epoch = 1;
    let second = rollup.next(client).await.header;
    is(client.post(&second.clone().sign(&sequencer())).await, Code::PermissionDenied, "UNKNOWN_SIGNER");
    let posted = client.post(&second.clone().sign(&new_key)).await.unwrap().commitment;
    // The new key is used for a fork.
    let rival = BatchHeader { gas_used: 1, ..second }.sign(&new_key);
    is(client.post(&rival).await, Code::AlreadyExists, "EQUIVOCATION");
    is(client.change_key(&change(&third, 2).sign(&new_key)).await, Code::PermissionDenied, "ADMIN_NEEDED");
    let unfreeze = change(&third, 2).sign(&admin);
    client.change_key(&unfreeze).await.unwrap();
    rollup.epoch = 2;
    let last = rollup.next(client).await.header.sign(&third);
    let last = client.post(&last).await.unwrap().commitment;
    service.until(posted, Status::Finalized).await;
    service.until(last, Status::Finalized).await;
    assert!(service.get("/metrics").await.1.contains("weft_settlement_epoch{chain=\"7\"}"));
    service.stop().await;
}

/// Of the last block of a batch the commitment alone says which it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_promise_is_broken_by_what_is_posted() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = Service::start(config(folder.path(), &rollup.da_url)).await;
    let client = &service.client;
    let first = rollup.next(client).await;
    let base = client.post(&first).await.unwrap().commitment;
    let second = rollup.next(client).await;
    let (number, stands) = (second.header.last_block, second.header.last_block_hash);
    let promise = |block_hash| Promise { chain_id: CHAIN_ID, config_hash: chain().hash(), base, number, block_hash };
    let commitment = second.header.hash();
    let evidence = |promise: SignedPromise| Evidence { promise, commitment, headers: Vec::new() };
    let lie = promise(B256::repeat_byte(0x11));
    let good = evidence(lie.sign(&sequencer()));
    is(client.report_promise(&good).await, Code::FailedPrecondition, "UNKNOWN_COMMITMENT");
    client.post(&second).await.unwrap();
    let kept = evidence(promise(stands).sign(&sequencer()));
    is(client.report_promise(&kept).await, Code::FailedPrecondition, "KEPT");
    is(client.report_promise(&evidence(lie.sign(&key(2)))).await, Code::PermissionDenied, "UNKNOWN_SIGNER");
    let more = Evidence { headers: vec![vec![0xc0].into()], ..good.clone() };
    is(client.report_promise(&more).await, Code::InvalidArgument, "UNLINKED");
    let early = Promise { number: number - 1, ..lie }.sign(&sequencer());
    let reason = if second.header.first_block == number { "OUTSIDE_BATCH" } else { "UNLINKED" };
    is(client.report_promise(&evidence(early)).await, Code::InvalidArgument, reason);
    assert!(!client.tip().await.unwrap().frozen);
    let made = client.report_promise(&good).await.unwrap();
    let again = client.report_promise(&good).await.unwrap();
    assert_eq!((made.duplicate, again.duplicate, again.log_seq), (false, true, made.log_seq));
    assert!(client.tip().await.unwrap().frozen);
    is(client.report_promise(&evidence(early)).await, Code::FailedPrecondition, "POSTING_FROZEN");
    let reports = "weft_settlement_promise_reports_total{chain=\"7\",outcome=\"accepted\"} 1";
    assert!(service.get("/metrics").await.1.contains(reports));
    service.stop().await;
}
