//! A block as far as it was made one transaction after the other, before the rest is executed.

use alloy_primitives::B256;
use revm::context::{BlockEnv, CfgEnv};
use weft_primitives::Transaction;

use crate::access::{AccountChanges, Builder, ByList, Prior, WrongList, by_list};
use crate::changes::Changes;
use crate::env::Evm;
use crate::parallel::{Engine, Setting};
use crate::tally::Tally;
use crate::view::StateView;

/// What the rest of the block is built on.
pub(crate) struct Begun<'a, V: ?Sized> {
    pub(crate) timestamp: u64,
    pub(crate) ground: Ground<'a, V>,
    pub(crate) tally: Tally,
    /// What was touched so far, if anyone asked.
    pub(crate) list: Option<Builder>,
}

/// The state that the rest of the block finds, and its rules.
pub(crate) struct Ground<'a, V: ?Sized> {
    /// Before the block.
    view: &'a V,
    state_root: B256,
    config: CfgEnv,
    block: BlockEnv,
    /// What was changed so far.
    before: Changes,
}

impl<'a, V: StateView + ?Sized> Ground<'a, V> {
    /// What `evm` has left; `state_root` is that of the state before the block.
    pub(crate) fn new(evm: Evm<'a, V>, state_root: B256) -> Self {
        let (config, block) = (evm.ctx.cfg, evm.ctx.block);
        let overlay = evm.ctx.journaled_state.database;
        Self { view: overlay.view(), state_root, config, block, before: overlay.into_changes() }
    }

    pub(crate) fn setting(&self) -> Setting<'_, V> {
        let Self { view, state_root, config, block, before } = self;
        Setting { view, state_root: Some(*state_root), config, block, before }
    }
}

impl<V: StateView + ?Sized> Begun<'_, V> {
    /// Executes all that is left of the block by its list.
    pub(crate) fn by_list(
        &self,
        transactions: &[Transaction],
        list: &[AccountChanges],
        engine: &mut Engine,
    ) -> Result<ByList, WrongList> {
        let prior = Prior::new(self.list.clone().ok_or(WrongList::Before)?);
        let done = by_list(engine, &self.ground.setting(), &prior, transactions, list)?;
        let mut gas_used = self.tally.gas_used;
        for (at, (transaction, executed)) in transactions.iter().zip(&done.results).enumerate() {
            self.tally.admit_after(gas_used, transaction).map_err(|_| WrongList::Impossible { at })?;
            gas_used += executed.gas_used;
        }
        Ok(done)
    }
}
