//! Independent verifiers over gRPC: no finality without them, and settlement goes on judging meanwhile.

use tonic::Code;
use weft_primitives::Signer;
use weft_settlement::{ExecutionVerdict, Status};

use super::rollup::Rollup;
use super::{Service, config};

#[tokio::test(flavor = "multi_thread")]
async fn final_once_enough_verifiers_agree() {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let mut config = config(folder.path(), &rollup.da_url);
    let keys = [0xa1, 0xa2, 0xa3].map(|number| Signer::from_bytes([number; 32]).unwrap());
    config.chains[0].terms.verifiers = keys.iter().map(Signer::address).collect();
    config.chains[0].terms.verifiers_needed = 2;
    let service = Service::start(config.clone()).await;
    let mut commitments = Vec::new();
    for _ in 0..3 {
        let signed = rollup.next(&service.client).await;
        commitments.push(service.client.post(&signed).await.unwrap().commitment);
    }
    // Each on the state of the one before, though none is final.
    service.until(commitments[2], Status::Verified).await;
    assert_eq!(service.client.tip().await.unwrap().finalized_index, None);
    let verdict = |index: usize, valid, signer: &Signer| {
        let (batch_index, commitment) = (index as u64, commitments[index]);
        ExecutionVerdict { batch_index, commitment, valid, stf_version: 1 }.sign(signer)
    };
    service.client.submit_verdict(&verdict(0, true, &keys[0])).await.unwrap();
    // Interrupted: what was said is kept, the state too.
    service.stop().await;
    let service = Service::start(config).await;
    let client = &service.client;
    let again = client.submit_verdict(&verdict(0, true, &keys[0])).await.unwrap();
    assert!(again.duplicate);
    let stranger = client.submit_verdict(&verdict(0, true, &Signer::from_bytes([2; 32]).unwrap())).await.unwrap_err();
    assert_eq!((stranger.code, stranger.reason.as_str()), (Code::PermissionDenied, "UNKNOWN_VERIFIER"));
    let contradiction = client.submit_verdict(&verdict(0, false, &keys[0])).await.unwrap_err();
    assert_eq!((contradiction.code, contradiction.reason.as_str()), (Code::AlreadyExists, "CONTRADICTION"));
    // Settlement has judged for itself: one who says otherwise rejects nothing.
    client.submit_verdict(&verdict(0, false, &keys[2])).await.unwrap();
    client.submit_verdict(&verdict(0, true, &keys[1])).await.unwrap();
    let view = service.until(commitments[0], Status::Finalized).await;
    assert_eq!(view.votes.iter().map(|vote| vote.valid).collect::<Vec<_>>(), [true, false, true]);
    let late = client.submit_verdict(&verdict(0, true, &keys[1])).await.unwrap_err();
    assert_eq!((late.code, late.reason.as_str()), (Code::FailedPrecondition, "NOT_PENDING"));
    for index in [1, 2] {
        for key in &keys[..2] {
            client.submit_verdict(&verdict(index, true, key)).await.unwrap();
        }
    }
    service.until(commitments[2], Status::Finalized).await;
    // A new commitment is judged on the state that was kept over the restart.
    let signed = rollup.next(client).await;
    let fourth = client.post(&signed).await.unwrap().commitment;
    service.until(fourth, Status::Verified).await;
    service.stop().await;
}
