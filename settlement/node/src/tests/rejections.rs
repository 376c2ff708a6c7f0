//! False claims, missing data and bad payloads are rejected, and what builds on them falls.

use std::sync::atomic::Ordering;

use weft_primitives::batch::Level;
use weft_primitives::{B256, BatchHeader, Namespace};
use weft_settlement::{RejectReason, Status};

use super::rollup::{CHAIN_ID, Rollup, naming, sequencer};
use super::{Service, config};

/// Posts a false batch 0 and, on top of it, batch 1; expects the reason, and that an honest batch 0 can follow.
async fn falls(reason: RejectReason, lie: impl AsyncFnOnce(&mut Rollup, Vec<u8>, BatchHeader) -> BatchHeader) {
    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::start().await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.chains[0].terms.availability_deadline_ms = 200;
    let service = Service::start(config).await;

    let (batch, header) = rollup.batch(&service.client).await;
    let payload = batch.encode(Level::FASTEST).unwrap();
    let honest = rollup.publish(header.clone(), &payload);
    // What makes the claim false is decided after the honest one was made.
    let false_header = lie(&mut rollup, payload, honest.header.clone()).await;
    let signed = false_header.sign(&sequencer());
    let rejected = service.client.post(&signed).await.unwrap().commitment;
    rollup.advance(&signed);
    let child = rollup.next(&service.client).await;
    let child = BatchHeader { pre_state_root: signed.header.post_state_root, ..child.header }.sign(&sequencer());
    let orphan = service.client.post(&child).await;
    let view = service.until(rejected, Status::Rejected).await;
    assert_eq!(view.reject_reason, reason.as_str());
    // The child may have come after the rejection.
    if let Ok(posted) = orphan {
        service.until(posted.commitment, Status::Orphaned).await;
    }
    let tip = service.client.tip().await.unwrap();
    assert_eq!((tip.tip, tip.finalized_index), (None, None));

    rollup.da.withholds.store(false, Ordering::Relaxed);
    let replacement = service.client.post(&honest.sign()).await.unwrap().commitment;
    service.until(replacement, Status::Finalized).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_state_root() {
    falls(RejectReason::InvalidStf, async |_, _, header| BatchHeader {
        post_state_root: B256::repeat_byte(1),
        ..header
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_no_batch() {
    falls(RejectReason::Undecodable, async |rollup, _, header| rollup.publish(header, b"not a batch").header).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_gets() {
    falls(RejectReason::Unavailable, async |rollup, _, header| {
        rollup.da.withholds.store(true, Ordering::Relaxed);
        BatchHeader { gas_used: header.gas_used + 1, ..header }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matrix_that_is_no_codeword() {
    falls(RejectReason::WrongEncoding, async |rollup, payload, header| {
        let other = [payload, vec![0; 40_000]].concat();
        let place = rollup.da.put_wrongly_encoded(Namespace::for_chain(CHAIN_ID), &other);
        let header = BatchHeader { da_height: place.height, da_data_root: place.data_root, ..header };
        naming(header, &other)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_da_block_that_holds_something_else() {
    falls(RejectReason::NotInDaBlock, async |_, _, header| BatchHeader {
        da_data_root: B256::repeat_byte(1),
        ..header
    })
    .await;
    falls(RejectReason::NotInDaBlock, async |rollup, _, header| {
        let place = rollup.da.put(Namespace([1; 32]), b"another rollup's");
        BatchHeader { da_height: place.height, da_data_root: place.data_root, ..header }
    })
    .await;
}
