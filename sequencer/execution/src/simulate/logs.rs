//! Events as a simulation shows them: with moved ether as events of a made-up token, if asked for.
//!
//! The token's address and event are those of ERC-7528 and ERC-20. It is only in what is told of a call: the block's
//! receipts have what contracts emitted alone.

use alloy_primitives::{Address, B256, Log, LogData, U256, address, b256};
use revm::Inspector;
use revm::context_interface::{ContextTr, JournalTr};
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome};

/// Stands for ether (ERC-7528).
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");

/// `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Keeps events by open call, so that those of a call that fails go with it.
#[derive(Debug)]
pub(super) struct Logs {
    transfers: bool,
    /// Of all calls so far, of failed ones too.
    count: u64,
    /// Index in the block and event; the last are of the innermost open call.
    open: Vec<Vec<(u64, Log)>>,
}

impl Logs {
    /// For one block.
    pub(super) fn new(transfers: bool) -> Self {
        Self { transfers, count: 0, open: vec![Vec::new()] }
    }

    /// The events of the transaction that has just ended.
    pub(super) fn take(&mut self) -> Vec<(u64, Log)> {
        let taken = self.open.drain(..).next().unwrap_or_default();
        self.open.push(Vec::new());
        taken
    }

    fn add(&mut self, log: Log) {
        if let Some(innermost) = self.open.last_mut() {
            innermost.push((self.count, log));
            self.count += 1;
        }
    }

    fn moved(&mut self, from: Address, to: Address, value: U256) {
        if self.transfers && !value.is_zero() {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            self.add(Log { address: ETHER, data: LogData::new_unchecked(topics, B256::from(value).into()) });
        }
    }

    fn end(&mut self, good: bool) {
        let Some(ended) = self.open.pop() else { return };
        if good && let Some(outer) = self.open.last_mut() {
            outer.extend(ended);
        }
    }
}

impl<C: ContextTr> Inspector<C> for Logs {
    fn log(&mut self, _: &mut C, log: Log) {
        self.add(log);
    }

    fn call(&mut self, _: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.open.push(Vec::new());
        if let Some(value) = inputs.transfer_value() {
            self.moved(inputs.transfer_from(), inputs.transfer_to(), value);
        }
        None
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(outcome.result.result.is_ok());
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.open.push(Vec::new());
        if !inputs.value().is_zero()
            && let Ok(sender) = context.journal_mut().load_account(inputs.caller())
        {
            let created = inputs.created_address(sender.data.info.nonce);
            self.moved(inputs.caller(), created, inputs.value());
        }
        None
    }

    fn create_end(&mut self, _: &mut C, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(outcome.result.result.is_ok());
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.moved(contract, target, value);
    }
}
