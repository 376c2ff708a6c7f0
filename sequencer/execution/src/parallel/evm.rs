//! revm as a worker uses it: it pays no fees to the beneficiary, it tells where a balance mattered, and it does not
//! hash the same words twice.
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
use revm::interpreter::interpreter_types::{InputsTr, MemoryTr};
use revm::interpreter::{
    Host, Instruction, InstructionContext, InstructionExecResult, InstructionResult, instruction_table,
};
use revm::state::EvmState;

use super::database::{Failure, WorkerDb};
use super::hashes::Pair;
use crate::view::StateView;

type Ctx<'a, V> = MainnetContext<WorkerDb<'a, V>>;
type Ictx<'i, 'a, V> = InstructionContext<'i, Ctx<'a, V>, EthInterpreter>;

/// Accounts that a state has room for to be used again, at most: larger ones take long to clear.
const MOST_RECYCLED: usize = 64;

/// One worker's revm, kept for the whole block.
pub(super) struct WorkerEvm<'a, V: StateView + ?Sized>(MainnetEvm<Ctx<'a, V>>);

impl<'a, V: StateView + ?Sized> WorkerEvm<'a, V> {
    pub(super) fn new(db: WorkerDb<'a, V>, config: CfgEnv, block: BlockEnv) -> Self {
        let context = Context::mainnet().with_db(db).with_cfg(config).with_block(block);
        let mut evm = context.build_mainnet();
        let table = evm.instruction.instruction_table_mut();
        table[usize::from(opcode::BALANCE)] = Instruction::new(balance::<V>);
        table[usize::from(opcode::SELFBALANCE)] = Instruction::new(selfbalance::<V>);
        table[usize::from(opcode::SELFDESTRUCT)] = Instruction::new(selfdestruct::<V>);
        table[usize::from(opcode::CALL)] = Instruction::new(call::<V>);
        table[usize::from(opcode::CALLCODE)] = Instruction::new(callcode::<V>);
        table[usize::from(opcode::CREATE)] = Instruction::new(create::<V>);
        table[usize::from(opcode::CREATE2)] = Instruction::new(create2::<V>);
        table[usize::from(opcode::KECCAK256)] = Instruction::new(keccak256::<V>);
        Self(evm)
    }

    pub(super) fn db(&mut self) -> &mut WorkerDb<'a, V> {
        &mut self.0.ctx.journaled_state.database
    }

    /// Whether to give up as soon as the transaction is ready without this worker.
    pub(super) fn races(&mut self, races: bool) {
        self.db().races = races;
        let table = self.0.instruction.instruction_table_mut();
        let usual = instruction_table::<EthInterpreter, Ctx<'a, V>>();
        let jumps = [opcode::JUMP, opcode::JUMPI].map(usize::from);
        let racing = [Instruction::new(jump::<V>), Instruction::new(jumpi::<V>)];
        for (code, racing) in jumps.into_iter().zip(racing) {
            table[code] = if races { racing } else { usual[code] };
        }
    }

    pub(super) fn into_db(self) -> WorkerDb<'a, V> {
        self.0.ctx.journaled_state.database
    }

    /// Executes a transaction; what it left behind is in the state, whatever the result.
    pub(super) fn execute(&mut self, transaction: TxEnv) -> (Result<ExecutionResult, EVMError<Failure>>, EvmState) {
        self.0.ctx.set_tx(transaction);
        let result = Unrewarded(std::marker::PhantomData).run(&mut self.0);
        (result, self.0.ctx.journaled_state.finalize())
    }

    /// The transaction that was executed last.
    pub(super) fn transaction(&self) -> &TxEnv {
        &self.0.ctx.tx
    }

    /// Gives a state back that was looked through, for the next transaction to use its memory.
    pub(super) fn recycle(&mut self, mut state: EvmState) {
        if state.capacity() <= MOST_RECYCLED {
            state.clear();
            self.0.ctx.journaled_state.inner.state = state;
        }
    }
}

/// Ethereum's rules, but for the last step.
struct Unrewarded<E>(std::marker::PhantomData<E>);

impl<'a, V: StateView + ?Sized> Handler for Unrewarded<MainnetEvm<Ctx<'a, V>>> {
    type Evm = MainnetEvm<Ctx<'a, V>>;
    type Error = EVMError<Failure>;
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
    host.journaled_state.database.saw_balance(Address::from_word(word.into()));
    result
}

fn selfbalance<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    let own = context.interpreter.input.target_address();
    context.host.journaled_state.database.saw_balance(own);
    plain(opcode::SELFBALANCE, context)
}

fn selfdestruct<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    let own = context.interpreter.input.target_address();
    context.host.journaled_state.database.saw_balance(own);
    plain(opcode::SELFDESTRUCT, context)
}

fn jump<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    in_time(&context)?;
    plain(opcode::JUMP, context)
}

fn jumpi<V: StateView + ?Sized>(context: Ictx<'_, '_, V>) -> InstructionExecResult {
    in_time(&context)?;
    plain(opcode::JUMPI, context)
}

/// No loop goes on that nobody waits for; how it ends does not matter.
fn in_time<V: StateView + ?Sized>(context: &Ictx<'_, '_, V>) -> InstructionExecResult {
    if context.host.journaled_state.database.is_late() { Err(InstructionResult::OutOfGas) } else { Ok(()) }
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
    let own = context.interpreter.input.target_address();
    context.host.journaled_state.database.saw_nonce(own);
    plain(opcode::CREATE, context)
}

fn create2<V: StateView + ?Sized>(mut context: Ictx<'_, '_, V>) -> InstructionExecResult {
    spends(&mut context, 0);
    let own = context.interpreter.input.target_address();
    context.host.journaled_state.database.saw_nonce(own);
    plain(opcode::CREATE2, context)
}

fn keccak256<V: StateView + ?Sized>(mut context: Ictx<'_, '_, V>) -> InstructionExecResult {
    let Some(pair) = two_words(&context) else { return plain(opcode::KECCAK256, context) };
    let cost = context.host.gas_params().keccak256_cost(pair.len());
    let known = context.host.journaled_state.database.scratch.hashes.get(&pair);
    if let Some(hash) = known
        && context.interpreter.gas.remaining() >= cost
        && context.interpreter.gas.record_regular_cost(cost)
    {
        let _offset = context.interpreter.stack.pop();
        if let Some(top) = context.interpreter.stack.top() {
            *top = hash.into();
        }
        return Ok(());
    }
    let InstructionContext { interpreter, host } = &mut context;
    let result = plain(opcode::KECCAK256, InstructionContext { interpreter, host: &mut **host });
    if result.is_ok()
        && let Some(hash) = interpreter.stack.top()
    {
        host.journaled_state.database.scratch.hashes.insert(pair, (*hash).into());
    }
    result
}

/// What is to be hashed, if it is two words that lie in memory already.
fn two_words<V: StateView + ?Sized>(context: &Ictx<'_, '_, V>) -> Option<Pair> {
    let (offset, len) = (from_top(context, 0)?, from_top(context, 1)?);
    if len != U256::from(size_of::<Pair>()) {
        return None;
    }
    let memory = &context.interpreter.memory;
    let start =
        usize::try_from(offset).ok().filter(|start| start.checked_add(size_of::<Pair>()) <= Some(memory.size()))?;
    memory.slice_len(start, size_of::<Pair>()).as_ref().try_into().ok()
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
