//! Mode optimistic over gRPC: windows, challenges that succeed, fail, decide nothing, come late or are nonsense.

use std::time::Duration;

use bytes::Bytes;
use tonic::Code;
use weft_primitives::{B256, BatchHeader, BlockHeader, SignedBatch};
use weft_settlement::{Mode, Status};
use weft_wire::client::ChallengeOutcome;
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::{RemoteError, SettlementClient};

use super::challenger::witness;
use super::rollup::{Rollup, sequencer, transfer};
use super::{Service, config};

const LONG_MS: u64 = 600_000;

async fn start(folder: &std::path::Path, rollup: &Rollup, window_ms: u64) -> Service {
    let mut config = config(folder, &rollup.da_url);
    config.chains[0].terms.mode = Mode::Optimistic { window_ms };
    config.limits.max_witness_bytes = 1 << 20;
    Service::start(config).await
}

/// The next batch with a false state root; the rollup goes on behind it.
async fn next_false(rollup: &mut Rollup, client: &SettlementClient) -> (SignedBatch, SignedBatch) {
    let (batch, header) = rollup.batch(client).await;
    let honest = rollup.publish(header, &batch.encode(weft_primitives::batch::Level::FASTEST).unwrap()).header;
    let lie = BatchHeader { post_state_root: B256::repeat_byte(9), ..honest.clone() }.sign(&sequencer());
    rollup.advance(&lie);
    (honest.sign(&sequencer()), lie)
}

async fn challenge(
    client: &SettlementClient,
    signed: &SignedBatch,
    (header, witness): &(BlockHeader, alloy_primitives::Bytes),
) -> Result<ChallengeOutcome, RemoteError> {
    client.challenge(signed.header.hash(), header, witness.0.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_challenges_becomes_final_after_its_window() {
    const WINDOW_MS: u64 = 1_500;
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = start(folder.path(), &rollup, WINDOW_MS).await;
    let info = service.client.info().await.unwrap();
    assert_eq!((info.mode.as_str(), info.challenge_window_ms), ("optimistic", WINDOW_MS));
    let mut last = None;
    for _ in 0..3 {
        let signed = rollup.next(&service.client).await;
        last = Some(service.client.post(&signed).await.unwrap().commitment);
    }
    service.until(last.unwrap(), Status::Available).await;
    // Nothing was re-executed, and the service may be started again meanwhile.
    service.stop().await;
    let service = start(folder.path(), &rollup, WINDOW_MS).await;
    for index in 0..3 {
        let commitment = service.client.commitment(index).await.unwrap().commitment;
        let view = service.until(commitment, Status::Finalized).await;
        assert!(view.finalized_ms.unwrap() >= view.available_ms.unwrap() + WINDOW_MS, "{view:?}");
    }
    let late = witness(&rollup, &service.client, &[&service.client.commitment(0).await.unwrap().signed]).await;
    let error = service.client.challenge(last.unwrap(), &late.0, late.1.0).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::FailedPrecondition, "NOT_PENDING"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_commitment_falls_to_a_challenge_with_all_that_follows() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = start(folder.path(), &rollup, LONG_MS).await;
    let client = &service.client;
    let first = rollup.next(client).await;
    let kept = client.post(&first).await.unwrap().commitment;
    let nonce = rollup.next_nonce();
    client.submit_inbox(transfer(nonce).into()).await.unwrap();
    let (honest, lie) = next_false(&mut rollup, client).await;
    let rejected = client.post(&lie).await.unwrap().commitment;
    let child = rollup.next(client).await;
    let child = BatchHeader { pre_state_root: lie.header.post_state_root, ..child.header }.sign(&sequencer());
    let orphan = client.post(&child).await.unwrap().commitment;
    service.until(orphan, Status::Available).await;

    let proof = witness(&rollup, client, &[&first, &lie]).await;
    let before = client.tip().await.unwrap().log;
    undecided(client, &lie, &proof).await;
    assert_eq!(client.tip().await.unwrap().log, before);

    let outcome = challenge(client, &lie, &proof).await.unwrap();
    let ChallengeOutcome::Invalid { reason, log_seq, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((reason.as_str(), log_seq), ("INVALID_STF", before.0 + 1));
    for (commitment, status) in [(kept, Status::Available), (rejected, Status::Rejected), (orphan, Status::Orphaned)] {
        assert_eq!(client.commitment_by_hash(commitment).await.unwrap().status, status);
    }
    assert_eq!(client.tip().await.unwrap().tip, Some((0, kept)));
    let error = challenge(client, &lie, &proof).await.unwrap_err();
    assert_eq!(error.reason, "NOT_PENDING");
    // The place is free again, and the inbox item has come back: the honest batch consumes it.
    let replacement = client.post(&honest).await.unwrap().commitment;
    service.until(replacement, Status::Available).await;

    // A challenge of what is true fails, once and for all.
    let proof = witness(&rollup, client, &[&first]).await;
    assert!(matches!(challenge(client, &first, &proof).await, Ok(ChallengeOutcome::Valid { log_seq: Some(_) })));
    assert_eq!(client.commitment_by_hash(kept).await.unwrap().status, Status::Verified);
    assert_eq!(challenge(client, &first, &proof).await.unwrap(), ChallengeOutcome::Valid { log_seq: None });
    service.stop().await;
}

/// Whatever is wrong with a witness, it decides nothing.
async fn undecided(client: &SettlementClient, lie: &SignedBatch, proof: &(BlockHeader, alloy_primitives::Bytes)) {
    let whole = proof.1.0.clone();
    let mut flipped = whole.to_vec();
    flipped[whole.len() / 2] ^= 1;
    for wrong in [Bytes::new(), Bytes::from_static(b"junk"), whole.slice(..whole.len() - 1), flipped.into()] {
        let outcome = client.challenge(lie.header.hash(), &proof.0, wrong).await.unwrap();
        assert!(matches!(outcome, ChallengeOutcome::Undecided { .. }), "{outcome:?}");
    }
    let is = |result: Result<ChallengeOutcome, RemoteError>, reason: &str| {
        assert_eq!(result.unwrap_err().reason, reason);
    };
    let other = BlockHeader { number: 77, ..proof.0.clone() };
    is(client.challenge(lie.header.hash(), &other, whole.clone()).await, "WRONG_PARENT");
    is(client.challenge(B256::ZERO, &proof.0, whole.clone()).await, "NOT_PENDING");
    is(client.challenge(lie.header.hash(), &proof.0, vec![0; (1 << 20) + 1].into()).await, "WITNESS_TOO_LARGE");
}

/// A challenge that came in time is judged, however slowly its witness comes; one that comes later is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_on_its_way_holds_up_finality() {
    const WINDOW_MS: u64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = start(folder.path(), &rollup, WINDOW_MS).await;
    let (_, lie) = next_false(&mut rollup, &service.client).await;
    let commitment = service.client.post(&lie).await.unwrap().commitment;
    let proof = witness(&rollup, &service.client, &[&lie]).await;
    service.until(commitment, Status::Available).await;

    use pb::challenge_request::Part;
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let send = async |part| sender.send(pb::ChallengeRequest { part: Some(part) }).await.unwrap();
    send(Part::Start(pb::ChallengeStart {
        chain_id: 0,
        commitment_hash: Bytes::copy_from_slice(commitment.as_slice()),
        parent_header: alloy_rlp::encode(&proof.0).into(),
        witness_len: proof.1.len() as u64,
    }))
    .await;
    let url = format!("http://{}", service.handle.grpc);
    let mut raw = pb::settlement_client::SettlementClient::connect(url).await.unwrap();
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let slow = tokio::spawn(async move { raw.challenge(stream).await });
    tokio::time::sleep(Duration::from_millis(2 * WINDOW_MS)).await;
    assert_eq!(service.client.commitment(0).await.unwrap().status, Status::Available);
    let late = challenge(&service.client, &lie, &proof).await.unwrap_err();
    assert_eq!(late.reason, "TOO_LATE", "{late}");
    send(Part::Chunk(proof.1.0.clone())).await;
    drop(sender);
    let outcome = slow.await.unwrap().unwrap().into_inner().outcome.unwrap();
    assert!(matches!(outcome, pb::challenge_response::Outcome::Invalid(_)), "{outcome:?}");
    service.until(commitment, Status::Rejected).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_no_challenges() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let service = Service::start(config(folder.path(), &rollup.da_url)).await;
    let signed = rollup.next(&service.client).await;
    let commitment = service.client.post(&signed).await.unwrap().commitment;
    let proof = witness(&rollup, &service.client, &[&signed]).await;
    let error = challenge(&service.client, &signed, &proof).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::FailedPrecondition, "NOT_OPTIMISTIC"));
    service.stop().await;

    let folder = tempfile::tempdir().unwrap();
    let service = start(folder.path(), &rollup, LONG_MS).await;
    use pb::challenge_request::Part;
    let url = format!("http://{}", service.handle.grpc);
    let mut raw = pb::settlement_client::SettlementClient::connect(url).await.unwrap();
    let chunk = || pb::ChallengeRequest { part: Some(Part::Chunk(Bytes::from_static(b"x"))) };
    let start = |witness_len| pb::ChallengeStart {
        commitment_hash: Bytes::copy_from_slice(commitment.as_slice()),
        witness_len,
        ..Default::default()
    };
    service.client.post(&signed).await.unwrap();
    service.until(commitment, Status::Available).await;
    let part = |part| pb::ChallengeRequest { part: Some(part) };
    let endless = pb::ChallengeStart { parent_header: vec![0; 5_000].into(), ..start(1) };
    for parts in [
        vec![],
        vec![chunk()],
        vec![pb::ChallengeRequest { part: None }],
        vec![part(Part::Start(start(2))), chunk()],
        vec![part(Part::Start(start(1))), chunk(), chunk()],
        vec![part(Part::Start(start(1))), part(Part::Start(start(1)))],
        vec![part(Part::Start(endless)), chunk()],
    ] {
        let error = raw.challenge(futures::stream::iter(parts)).await.unwrap_err();
        assert_eq!(RemoteError::from(error).reason, "MALFORMED");
    }
    assert_eq!(service.client.commitment(0).await.unwrap().status, Status::Available);
    service.stop().await;
}
