//! Reading a file into a new store.

use std::path::Path;

use weft_execution::{Parent, World, withdrawals_frontier};
use weft_primitives::{Address, ChainConfig};
use weft_settlement::{Replay, Status};

use super::head::FileHead;
use super::read::{Content, begin};
use super::{SnapshotError, Summary};
use crate::store::{BatchRecord, BatchStage, ChainStore, Imported, StoredBlock};

/// Where a file may come from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The settlement log up to its end.
    pub log: &'a Replay,
    /// Who must have made it; anyone if `None`.
    pub maker: Option<Address>,
}

/// Checks a file and writes what is in it to `store`, which must be empty. Until the last write the store counts as
/// empty; one that was cut off is to be removed.
pub fn import(
    chain: &ChainConfig,
    store: &ChainStore,
    path: &Path,
    origin: Origin<'_>,
) -> Result<Summary, SnapshotError> {
    if !store.is_empty()? {
        return Err(SnapshotError::NotEmpty);
    }
    let (head, rest) = begin(chain, path)?;
    final_in(origin.log, &head)?;
    let content = rest.read(head, path)?;
    if origin.maker.is_some_and(|wanted| wanted != content.maker) {
        return Err(SnapshotError::Wrong("it is signed by another key"));
    }
    let world = content.world()?;
    let Content { head, leaves, codes, maker } = content;
    let claim = &head.signed.header;
    let withdrawals = withdrawals_frontier(&world, head.block.withdrawals)
        .map_err(|_| SnapshotError::Wrong("the state of the withdrawals contract is not in it"))?;
    let genesis = Parent::new(World::genesis(chain).map_err(|error| SnapshotError::Chain(error.into()))?.1);
    let genesis = StoredBlock {
        header: genesis.header,
        hash: genesis.hash,
        body: Default::default(),
        inbox_cursor: 0,
        inbox_acc: Default::default(),
        withdrawals: 0,
    };
    let batch = BatchRecord { stage: BatchStage::Finalized, header: claim.clone(), signed: Some(head.signed.clone()) };
    let (block, receipts) = (&head.block, &head.receipts[..]);
    let (batch, leaves, codes, withdrawals) = (&batch, &leaves[..], &codes[..], &withdrawals[..]);
    store.import(&Imported { genesis: &genesis, block, receipts, batch, leaves, codes, withdrawals })?;
    Ok(Summary {
        batch: claim.batch_index,
        commitment: claim.hash(),
        block: claim.last_block,
        state_root: claim.post_state_root,
        leaves: head.leaves,
        codes: head.codes,
        maker,
    })
}

/// The log must have the commitment, and as final.
fn final_in(log: &Replay, head: &FileHead) -> Result<(), SnapshotError> {
    let (batch, commitment) = (head.signed.header.batch_index, head.signed.header.hash());
    let found = log.history().canonical(batch);
    match found.filter(|record| record.commitment == commitment && record.status == Status::Finalized) {
        Some(_) => Ok(()),
        None => Err(SnapshotError::NotFinal { batch, commitment }),
    }
}
