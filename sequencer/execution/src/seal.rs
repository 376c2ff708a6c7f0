//! From an executed block to one with a header: roots, and the state moves on.

use alloy_primitives::B256;
use weft_primitives::block::transactions_root;
use weft_primitives::header::{ExecutionRoots, child_header};
use weft_primitives::withdrawal::Summary;
use weft_primitives::{BlockBody, BlockHeader, ChainConfig};

use crate::access::BlockAccessList;
use crate::block::Parent;
use crate::changes::Changes;
use crate::parallel::Stats;
use crate::receipt::{Receipt, receipts_root_and_bloom};
use crate::state::{Applied, ApplyError, State};
use crate::withdrawals::withdrawals;
use crate::world::World;

/// An executed block whose state root is not known yet.
#[derive(Clone, Debug)]
pub struct Built {
    /// Block time in seconds.
    pub timestamp: u64,
    /// Transactions and inbox use.
    pub body: BlockBody,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    /// Gas used by all.
    pub gas_used: u64,
    /// How it was executed.
    pub stats: Stats,
    /// What it touched, if anyone asked.
    pub access_list: Option<BlockAccessList>,
    pub(crate) changes: Changes,
}

/// A block with its header, and what it did to the state.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: B256,
    /// Transactions and inbox use.
    pub body: BlockBody,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    /// What it did to the state.
    pub applied: Applied,
    /// The withdrawals tree after it.
    pub withdrawals: Summary,
    /// How it was executed.
    pub stats: Stats,
    /// What it touched, if anyone asked.
    pub access_list: Option<BlockAccessList>,
}

impl Built {
    /// Applies the block to the state of its parent and makes its header. On an error the state is as before.
    pub fn seal(self, chain: &ChainConfig, parent: &Parent, world: &mut World) -> Result<Sealed, ApplyError> {
        self.seal_on(chain, parent, world)
    }

    pub(crate) fn seal_on(
        self,
        chain: &ChainConfig,
        parent: &Parent,
        state: &mut (impl State + Send),
    ) -> Result<Sealed, ApplyError> {
        let Self { timestamp, body, receipts, gas_used, stats, access_list, changes } = self;
        let (applied, (transactions_root, (receipts_root, logs_bloom))) = rayon::join(
            || state.apply(changes),
            || rayon::join(|| transactions_root(&body.transactions), || receipts_root_and_bloom(&receipts)),
        );
        let applied = applied?;
        let withdrawals = withdrawals(chain, state)?;
        let (state_root, withdrawals_root) = (applied.state_root, withdrawals.root);
        let roots =
            ExecutionRoots { state_root, transactions_root, receipts_root, logs_bloom, gas_used, withdrawals_root };
        let header = child_header(chain, &parent.header, parent.hash, timestamp, roots);
        Ok(Sealed { hash: header.hash_slow(), header, body, receipts, applied, withdrawals, stats, access_list })
    }
}
