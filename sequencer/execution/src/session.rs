//! Transactions one after the other in one block, watched: what simulations and traces are made on.
//!
//! By revm alone, the oracle of the parallel executor, whose speed nobody who watches would notice.

use alloy_primitives::{B256, U256};
use revm::context::result::{EVMError, ResultAndState};
use revm::context::{Context, Evm, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::handler::instructions::EthInstructions;
use revm::handler::{EthFrame, ExecuteEvm, MainContext, MainnetContext, SystemCallEvm};
use revm::inspector::InspectEvm;
use revm::interpreter::interpreter::EthInterpreter;
use revm::state::EvmState;
use revm::{DatabaseCommit, Inspector};
use weft_primitives::BlockHeader;

use crate::changes::Changes;
use crate::overlay::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS, Overlay};
use crate::precompiles::Precompiles;
use crate::rules::Rules;
use crate::view::{Missing, StateView};

/// What inspectors are shown.
pub(crate) type SessionContext<'a, V> = MainnetContext<Overlay<'a, V>>;

type SessionEvm<'a, V, I> = Evm<
    SessionContext<'a, V>,
    I,
    EthInstructions<EthInterpreter, SessionContext<'a, V>>,
    Precompiles,
    EthFrame<EthInterpreter>,
>;

/// What binds transactions; a simulation waives some of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waived {
    /// A call that names no price pays none.
    pub(crate) base_fee: bool,
    /// Any nonce will do.
    pub(crate) nonce: bool,
    /// The gas limits of block and protocol, and that the sender has no code.
    pub(crate) limits: bool,
}

/// A block in the making, or made once more.
pub(crate) struct Session<'a, V: StateView + ?Sized, I> {
    evm: SessionEvm<'a, V, I>,
}

impl<'a, V: StateView + ?Sized, I: Inspector<SessionContext<'a, V>>> Session<'a, V, I> {
    /// In the block with `header`, of which only what is known before it is executed counts.
    pub(crate) fn new(
        rules: &dyn Rules,
        header: &BlockHeader,
        db: Overlay<'a, V>,
        waived: Waived,
        inspector: I,
    ) -> Self {
        let mut config = rules.config(header);
        config.disable_base_fee = waived.base_fee;
        config.disable_nonce_check = waived.nonce;
        if waived.limits {
            config.disable_block_gas_limit = true;
            config.disable_eip3607 = true;
            config.tx_gas_limit_cap = Some(u64::MAX);
        }
        let spec = config.spec;
        let context = Context::mainnet().with_db(db).with_cfg(config).with_block(rules.block(header));
        let instructions = EthInstructions::new_mainnet_with_spec(spec);
        Self { evm: Evm::new_with_inspector(context, inspector, instructions, Precompiles::new(spec)) }
    }

    /// Does what the protocol does before a block's transactions.
    pub(crate) fn begin(&mut self, rules: &dyn Rules, header: &BlockHeader) -> Result<(), Missing> {
        self.note_parent(header.number, header.parent_hash)?;
        for (contract, data) in rules.calls_before(header) {
            match self.evm.system_call(contract, data) {
                Ok(done) => self.commit(done.state),
                Err(EVMError::Database(missing)) => return Err(missing),
                // A chain without the contract goes on without it (EIP-4788).
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// The parent's hash goes to the ring from which `BLOCKHASH` answers (EIP-2935).
    fn note_parent(&mut self, number: u64, hash: B256) -> Result<(), Missing> {
        let Some(parent) = number.checked_sub(1) else { return Ok(()) };
        let slot = U256::from(parent % HISTORY_SERVE_WINDOW);
        self.db().set_storage(HISTORY_STORAGE_ADDRESS, slot, hash.into())
    }

    /// Executes a transaction; its effects wait for [`Session::commit`].
    pub(crate) fn run(&mut self, transaction: TxEnv) -> Result<ResultAndState, EVMError<Missing>> {
        self.evm.inspect_tx(transaction)
    }

    /// The same with nobody watching, which is faster.
    pub(crate) fn run_unwatched(&mut self, transaction: TxEnv) -> Result<ResultAndState, EVMError<Missing>> {
        self.evm.transact(transaction)
    }

    /// Makes the effects of a transaction part of the state.
    pub(crate) fn commit(&mut self, effects: EvmState) {
        self.db().commit(effects);
    }

    /// What the protocol pays after a block's transactions.
    pub(crate) fn end(&mut self, rules: &dyn Rules, header: &BlockHeader) -> Result<(), Missing> {
        match rules.reward(header) {
            Some(reward) => self.db().edit_info(header.beneficiary, |info| info.balance += reward),
            None => Ok(()),
        }
    }

    /// The state so far.
    pub(crate) fn db(&mut self) -> &mut Overlay<'a, V> {
        &mut self.evm.ctx.journaled_state.database
    }

    /// The state so far, and its precompiled contracts.
    pub(crate) fn db_and_precompiles(&mut self) -> (&mut Overlay<'a, V>, &mut Precompiles) {
        (&mut self.evm.ctx.journaled_state.database, &mut self.evm.precompiles)
    }

    /// Who watches.
    pub(crate) fn inspector(&mut self) -> &mut I {
        &mut self.evm.inspector
    }

    /// Blob gas costs this much, in wei.
    pub(crate) fn price_blobs(&mut self, price: u128) {
        let excess_blob_gas = self.evm.ctx.block.blob_excess_gas_and_price.map_or(0, |blob| blob.excess_blob_gas);
        let price = BlobExcessGasAndPrice { excess_blob_gas, blob_gasprice: price };
        self.evm.ctx.block.blob_excess_gas_and_price = Some(price);
    }

    /// What was changed so far.
    pub(crate) fn changes(&mut self) -> Changes {
        self.db().clone().into_changes()
    }

    /// Ends the block; the state goes on to the next.
    pub(crate) fn into_db(self) -> Overlay<'a, V> {
        self.evm.ctx.journaled_state.database
    }
}
