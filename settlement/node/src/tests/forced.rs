//! Forced batches in mode optimistic: made on a witness that anyone brings.

use std::time::Duration;

use alloy_primitives::Bytes;
use tonic::Code;
use weft_execution::World;
use weft_execution::block::Parent;
use weft_execution::forced::{ForcedContext, build, record_forced};
use weft_execution::verify::Checkpoint;
use weft_primitives::{BlockHeader, ChainConfig};
use weft_settlement::{Mode, Status};
use weft_wire::SettlementClient;
use weft_wire::client::ChallengeOutcome;

use super::rollup::{CHAIN_ID, Rollup, alice, transfer};
use super::{Service, config};

const WINDOW_MS: u64 = 1_500;
const DEADLINE_MS: u64 = 300;

fn chain() -> ChainConfig {
    let text = format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0,"osakaTime":0,"weft":{{"minBaseFeePerGas":1000000000,
            "inboxDeadlineMs":{DEADLINE_MS},"inboxGraceMs":{DEADLINE_MS}}}}},
            "gasLimit":"0x1c9c380","difficulty":"0x0","alloc":{{"{}":{{"balance":"0xd3c21bcecceda1000000"}}}}}}"#,
        alice().address()
    );
    ChainConfig::from_json(&text).unwrap()
}

/// The header of block 0 and the witness of a forced batch on it, as of now.
async fn witness(client: &SettlementClient) -> (BlockHeader, Bytes) {
    let chain = chain();
    let (mut world, genesis, _) = World::genesis(&chain).unwrap();
    let checkpoint = Checkpoint::genesis(Parent::new(genesis));
    let (tip, waiting) = (client.tip().await.unwrap(), client.inbox(0, 1_000).await.unwrap());
    let anchor = (tip.log.0, tip.log.1, tip.log_time_ms);
    let log = ForcedContext { waiting: &waiting, anchor, leader_epoch: tip.epoch };
    let forced = build(&chain, &checkpoint, &log, &mut world).unwrap();
    world.revert(&forced.block.applied.undo).unwrap();
    let witness = record_forced(&chain, &checkpoint, &forced.header, &log, &mut world).1;
    (checkpoint.block.header, witness.encode().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mode_optimistic_anyone_brings_a_witness_and_its_window_passes() {
    let folder = tempfile::tempdir().unwrap();
    let rollup = Rollup::start_of(chain()).await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.chains[0].chain = chain();
    config.chains[0].terms.mode = Mode::Optimistic { window_ms: WINDOW_MS };
    let service = Service::start(config).await;
    let client = &service.client;
    let reason = async |(header, witness): &(BlockHeader, Bytes)| {
        let error = client.force_batch_on_witness(header, witness.0.clone()).await.unwrap_err();
        (error.code, error.reason)
    };
    assert_eq!(client.force_batch().await.unwrap_err().reason, "WITNESS_NEEDED");
    let nothing = (BlockHeader::default(), Bytes::new());
    assert_eq!(reason(&nothing).await, (Code::FailedPrecondition, "NOTHING_WAITS".to_owned()));
    client.submit_inbox(transfer(0).into()).await.unwrap();
    let proof = witness(client).await;
    assert_eq!(reason(&proof).await, (Code::FailedPrecondition, "NOT_DUE".to_owned()));
    tokio::time::sleep(Duration::from_millis(2 * DEADLINE_MS)).await;

    let before = client.tip().await.unwrap().log;
    assert_eq!(reason(&nothing).await, (Code::InvalidArgument, "WRONG_PARENT".to_owned()));
    let cut = (proof.0.clone(), proof.1.slice(..proof.1.len() / 2));
    assert_eq!(reason(&cut).await, (Code::FailedPrecondition, "WITNESS_INCOMPLETE".to_owned()));
    assert_eq!(client.tip().await.unwrap().log, before, "nothing of it was written");

    let (commitment, _) = client.force_batch_on_witness(&proof.0, proof.1.0.clone()).await.unwrap();
    let view = client.commitment_by_hash(commitment).await.unwrap();
    assert!(view.signed.is_forced() && view.status == Status::Available, "{view:?}");
    assert_eq!(reason(&proof).await.1, "NOTHING_WAITS");
    // Whoever doubts it may challenge it, and is told.
    let outcome = client.challenge(commitment, &proof.0, proof.1.0.clone()).await.unwrap();
    assert!(matches!(outcome, ChallengeOutcome::Valid { log_seq: Some(_) }), "{outcome:?}");
    let view = service.until(commitment, Status::Finalized).await;
    assert!(view.finalized_ms.unwrap() >= view.available_ms.unwrap() + WINDOW_MS, "{view:?}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mode_verified_no_witness_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let rollup = Rollup::start_of(chain()).await;
    let mut config = config(folder.path(), &rollup.da_url);
    config.chains[0].chain = chain();
    let service = Service::start(config).await;
    let error = service.client.force_batch_on_witness(&BlockHeader::default(), bytes::Bytes::new()).await.unwrap_err();
    assert_eq!(error.reason, "NOT_OPTIMISTIC");
    service.stop().await;
}
