//! States older than undo records reach: the blocks of a store executed again, from genesis or from a file.
//!
//! Nothing is believed: the file's state must have the root of a block in the store, and each block that is executed
//! must come out as it is stored.

use std::path::Path;

use weft_execution::parallel::Engine;
use weft_execution::{BlockBuilder, Missing, Parent, Sealed, World};
use weft_primitives::{B256, ChainConfig};

use super::SnapshotError;
use super::read::begin;
use crate::store::{ChainStore, StoreError, StoredBlock};

/// Why a state of the past cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Genesis.
    #[error("genesis: {0}")]
    Genesis(#[from] weft_execution::world::ApplyError),
    /// The block, or one on the way to it, is not in the store.
    #[error("block {0} is not here; where a node began with a snapshot, a snapshot of that age or later is needed")]
    NoBlock(u64),
    /// The file begins after the block.
    #[error("the snapshot is of block {snapshot}, after block {block}: an older one is needed, or none")]
    TooNew {
        /// Block of the file's state.
        snapshot: u64,
        /// The one asked for.
        block: u64,
    },
    /// The file is of a chain that went another way.
    #[error("the snapshot has another block {0} than this chain")]
    OtherBlock(u64),
    /// The genesis file is another chain's.
    #[error("the genesis file is not this chain's: its state root is {got}, block 0 has {want}")]
    OtherGenesis {
        /// The file's.
        got: B256,
        /// In the store.
        want: B256,
    },
    /// Executing a block does not give what is stored.
    #[error("block {0} does not come out as it is stored: {1}")]
    Differs(u64, String),
}

/// The state after block `to`: that of genesis, or of the snapshot at `file`, with the blocks of the store executed on
/// it. `done` is told each number. Takes memory for the whole state.
pub fn replay(
    chain: &ChainConfig,
    store: &ChainStore,
    file: Option<&Path>,
    to: u64,
    mut done: impl FnMut(u64),
) -> Result<(World, StoredBlock), ReplayError> {
    let block = |number| store.block(number)?.ok_or(ReplayError::NoBlock(number));
    let (mut world, mut last) = match file {
        None => (World::genesis(chain)?.0, block(0)?),
        Some(path) => {
            let (head, rest) = begin(chain, path)?;
            let snapshot = head.block.header.number;
            if snapshot > to {
                return Err(ReplayError::TooNew { snapshot, block: to });
            }
            let last = block(snapshot)?;
            if last.hash != head.block.hash {
                return Err(ReplayError::OtherBlock(snapshot));
            }
            (rest.read(head, path)?.world()?, last)
        }
    };
    let (got, want) = (world.state_root(), last.header.state_root);
    if got != want {
        // A file's state has the root that its commitment names.
        return Err(match file {
            None => ReplayError::OtherGenesis { got, want },
            Some(_) => ReplayError::OtherBlock(last.header.number),
        });
    }
    let mut engine = Engine::on_all_threads();
    for number in last.header.number + 1..=to {
        let next = block(number)?;
        let sealed = execute(chain, store, &last, &next, &mut world, &mut engine)?;
        if sealed.hash != next.hash {
            return Err(ReplayError::Differs(number, format!("its hash is {}", sealed.hash)));
        }
        last = next;
        done(number);
    }
    Ok((world, last))
}

fn execute(
    chain: &ChainConfig,
    store: &ChainStore,
    last: &StoredBlock,
    next: &StoredBlock,
    world: &mut World,
    engine: &mut Engine,
) -> Result<Sealed, ReplayError> {
    let number = next.header.number;
    let differs = |why: &dyn std::fmt::Display| ReplayError::Differs(number, why.to_string());
    let missing = |missing: Missing| differs(&missing);
    let parent = Parent { header: last.header.clone(), hash: last.hash };
    let count = next.body.inbox_count as usize;
    let items = store.inbox(last.inbox_cursor, count)?;
    let mut builder = BlockBuilder::new(chain, &parent, next.header.timestamp, &*world).map_err(missing)?;
    if builder.inbox(&items).map_err(missing)? != count {
        return Err(differs(&"not all of its inbox items fit"));
    }
    let built = builder.replay(next.body.sequenced().to_vec(), engine).map_err(missing)?;
    let built = built.map_err(|(at, why)| differs(&format_args!("transaction {at}: {why}")))?;
    let sealed = built.seal(chain, &parent, world).map_err(|error| differs(&error))?;
    engine.applied(sealed.header.state_root);
    Ok(sealed)
}
