//! revm as a worker uses it: it pays no fees to the beneficiary, and it tells where a balance mattered.
//!
//! The fee is part of the outcome, so that the beneficiary's account is not
//! touched by every transaction. Instructions that look at a balance, or need
//! it to be large enough, say so to the database before they run as they
//! always do.

use alloy_primitives::{Address, U256};
use revm::bytecode::opcode;
use revm::context::result::{EVMError, ExecutionResult, HaltReason};
use revm::context::{BlockEnv, CfgEnv, Context, ContextSetters, JournalTr, TxEnv};
use revm::handler::{FrameResult, Handler, MainBuilder, MainContext, MainnetContext, MainnetEvm};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::InputsTr;
use revm::interpreter::{Instruction, InstructionContext, InstructionExecResult, instruction_table};
use revm::state::EvmState;

use super::database::WorkerDb;
use super::memory::Memory;
use crate::view::{Missing, StateView};

type Ctx<'a, V> = MainnetContext<WorkerDb<'a, V>>;
type Ictx<'i, 'a, V> = InstructionContext<'i, Ctx<'a, V>, EthInterpreter>;

/// One worker's revm, kept for the whole block.
pub(super) struct WorkerEvm<'a, V: StateView + ?Sized>(MainnetEvm<Ctx<'a, V>>);

impl<'a, V: StateView + ?Sized> WorkerEvm<'a, V> {
    pub(super) fn new(memory: &'a Memory<'a, V>, config: CfgEnv, block: BlockEnv) -> Self {
        let context = Context::mainnet().with_db(WorkerDb::new(memory)).with_cfg(config).with_block(block);
        let mut evm = context.build_mainnet();
        let table = evm.instruction.instruction_table_mut();
        table[usize::from(opcode::BALANCE)] = Instruction::new(balance::<V>);
        table[usize::from(opcode::SELFBALANCE)] = Instruction::new(selfbalance::<V>);
        table[usize::from(opcode::SELFDESTRUCT)] = Instruction::new(selfdestruct::<V>);
        table[usize::from(opcode::CALL)] = Instruction::new(call::<V>);
        table[usize::from(opcode::CALLCODE)] = Instruction::new(callcode::<V>);
        table[usize::from(opcode::CREATE)] = Instruction::new(create::<V>);
        table[usize::from(opcode::CREATE2)] = Instruction::new(create2::<V>);
        Self(evm)
    }

    pub(super) fn db(&mut self) -> &mut WorkerDb<'a, V> {
        &mut self.0.ctx.journaled_state.database
    }

    /// Executes a transaction; what it left behind is in the state, whatever the result.
    pub(super) fn execute(&mut self, transaction: TxEnv) -> (Result<ExecutionResult, EVMError<Missing>>, EvmState) {
        self.0.ctx.set_tx(transaction);
        let result = Unrewarded(std::marker::PhantomData).run(&mut self.0);
        (result, self.0.ctx.journaled_state.finalize())
    }
}

/// Ethereum's rules, but for the last step.
struct Unrewarded<E>(std::marker::PhantomData<E>);

impl<'a, V: StateView + ?Sized> Handler for Unrewarded<MainnetEvm<Ctx<'a, V>>> {
    type Evm = MainnetEvm<Ctx<'a, V>>;
    type Error = EVMError<Missing>;
    type HaltReason = HaltReason;

    fn reward_beneficiary(&self, _: &mut Self::Evm, _: &mut FrameResult) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The instruction as revm has it.
fn plain<V: StateView + ?Sized>(code: u8, context: Ictx<'_, '_, V>) -> InstructionExecResult {
    instruction_table::<EthInterpreter, Ctx<'_, V>>()[usize::from(code)].execute(context)
}

fn from_top<V: StateView + ?Sized>(context: &Ictx<'_, '_, V>, place: usize) -> Option<U256> {
    let data = context.interpreter.stack.data();
    data.len().checked_sub(place + 1).map(|at| data[at])
}

fn balance<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    let Some(word) = from_top(&context, 0) else { return plain(opcode::BALANCE, context) };
    let InstructionContext { interpreter, host } = context;
    let result = plain(opcode::BALANCE, InstructionContext { interpreter, host: &mut *host });
    let db = &mut host.journaled_state.database;
    if db.is_ahead() {
        db.saw_balance(Address::from_word(word.into()));
    }
    result
}

fn selfbalance<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    saw_own_balance(&context.interpreter.input.target_address(), context.host);
    plain(opcode::SELFBALANCE, context)
}

fn selfdestruct<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    saw_own_balance(&context.interpreter.input.target_address(), context.host);
    plain(opcode::SELFDESTRUCT, context)
}

fn saw_own_balance<V: StateView + ?Sized>(own: &Address, host: &mut Ctx<'_, V>) {
    let db = &mut host.journaled_state.database;
    if db.is_ahead() {
        db.saw_balance(*own);
    }
}

fn call<V: StateView + ?Sized>(mut context: Ictx<'_, '_, V>) -> InstructionExecResult {
    spends(&mut context, 2);
    plain(opcode::CALL, context)
}

fn callcode<V: StateView + ?Sized>(mut context: Ictx<'_, '_, V>) -> InstructionExecResult {
    spends(&mut context, 2);
    plain(opcode::CALLCODE, context)
}

fn create<V: StateView + ?Sized>(mut context: Ictx<'_, '_, V>) -> InstructionExecResult {
    spends(&mut context, 0);
    context.host.journaled_state.database.nonces_matter = true;
    plain(opcode::CREATE, context)
}

fn create2<V: StateView + ?Sized>(mut context: Ictx<'_, '_, V>) -> InstructionExecResult {
    spends(&mut context, 0);
    context.host.journaled_state.database.nonces_matter = true;
    plain(opcode::CREATE2, context)
}

/// The value at `place` on the stack is about to be taken from the running contract's balance.
fn spends<V: StateView + ?Sized>(context: &mut Ictx<'_, '_, V>, place: usize) {
    if !context.host.journaled_state.database.is_ahead() {
        return;
    }
    let Some(value) = from_top(context, place).filter(|value| !value.is_zero()) else { return };
    let own = context.interpreter.input.target_address();
    let journal = &mut context.host.journaled_state;
    let Some(present) = journal.inner.state.get(&own).map(|account| account.info.balance) else { return };
    journal.database.spent(own, present, value);
}
