//! Somebody who re-executes everything from genesis, and notes what one batch touches.

use alloy_primitives::Bytes;
use weft_execution::block::Parent;
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify, verify_recording};
use weft_execution::{Witness, World};
use weft_primitives::{BlockHeader, SignedBatch};
use weft_wire::SettlementClient;

use super::rollup::{Rollup, chain};

/// The header before the last of `batches` and the witness for it.
pub(super) async fn witness(
    rollup: &Rollup,
    client: &SettlementClient,
    batches: &[&SignedBatch],
) -> (BlockHeader, Bytes) {
    let chain = chain();
    let (mut world, genesis, _) = World::genesis(&chain).unwrap();
    let mut checkpoint = Checkpoint::genesis(Parent::new(genesis));
    let inbox = client.inbox(0, 1_000).await.unwrap();
    let mut recorded = Witness::default();
    for (at, signed) in batches.iter().enumerate() {
        let claim = &signed.header;
        let payload = rollup.da.payload(claim.payload_hash);
        let items = &inbox[claim.inbox_from as usize..claim.inbox_to as usize];
        let log = LogContext { inbox: items, posted_ms: u64::MAX / 2, ..LogContext::default() };
        if at + 1 == batches.len() {
            recorded = verify_recording(&chain, &checkpoint, claim, &payload, &log, &mut world).1;
            break;
        }
        match verify(&chain, &checkpoint, claim, &payload, &log, &mut world) {
            Verdict::Valid(valid) => checkpoint = valid.checkpoint,
            other => panic!("{other:?}"),
        }
    }
    (checkpoint.block.header, recorded.encode().into())
}
