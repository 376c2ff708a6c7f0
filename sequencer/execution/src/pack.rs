//! Many transactions into one block, on one thread or several.

use std::collections::HashSet;

use alloy_primitives::Address;
use weft_primitives::Transaction;

use crate::access::Builder;
use crate::begun::Begun;
use crate::executed::Executed;
use crate::parallel::{self, Admission, Engine, Finished, Sink};
use crate::seal::Built;
use crate::skip::SkipReason;
use crate::tally::Tally;
use crate::view::{Missing, StateView};

/// What a transaction that cannot be executed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// It is left out, and so are its sender's later ones.
    LeaveOut,
    /// There is no such block.
    Demand,
}

/// A candidate that could not be executed. It had no effect.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its position among the candidates.
    pub at: usize,
    /// The transaction.
    pub transaction: Transaction,
    /// Why.
    pub reason: SkipReason,
}

/// Executes candidates in order on top of what was done, and ends the block.
pub(crate) fn pack<V: StateView + ?Sized>(
    begun: Begun<'_, V>,
    candidates: Vec<Transaction>,
    policy: Policy,
    engine: &mut Engine,
) -> Result<(Built, Vec<Refusal>), Missing> {
    let Begun { timestamp, ground, tally, list } = begun;
    let packer = Packer::new(&candidates, tally, policy);
    let Finished { changes, sink: packer, stats, list } =
        parallel::run(engine, &ground.setting(), &candidates, packer, list)?;
    let Packer { tally: Tally { gas_used, mut body, receipts, .. }, included, refused, .. } = packer;
    let mut refused = refused.into_iter().peekable();
    let mut refusals = Vec::new();
    for ((at, transaction), included) in candidates.into_iter().enumerate().zip(included) {
        if included {
            body.transactions.push(transaction);
        } else if let Some((at, reason)) = refused.next_if(|(other, _)| *other == at) {
            refusals.push(Refusal { at, transaction, reason });
        }
    }
    let access_list = list.map(Builder::finish);
    Ok((Built { timestamp, body, receipts, gas_used, changes, stats, access_list }, refusals))
}

/// Decides about candidates in their order.
struct Packer<'c> {
    candidates: &'c [Transaction],
    tally: Tally,
    policy: Policy,
    /// Of each candidate, whether it is in the block.
    included: Vec<bool>,
    refused: Vec<(usize, SkipReason)>,
    stuck: HashSet<Address>,
}

impl<'c> Packer<'c> {
    fn new(candidates: &'c [Transaction], tally: Tally, policy: Policy) -> Self {
        let included = vec![false; candidates.len()];
        Self { candidates, tally, policy, included, refused: Vec::new(), stuck: HashSet::new() }
    }
}

impl Sink for Packer<'_> {
    fn admit(&mut self, at: usize) -> Admission {
        let candidate = &self.candidates[at];
        if !self.stuck.is_empty() && self.stuck.contains(&candidate.sender()) {
            return Admission::Skip;
        }
        match self.tally.admit(candidate) {
            Ok(()) => Admission::Execute,
            Err(reason) => self.skip(at, reason),
        }
    }

    fn include(&mut self, at: usize, executed: Executed) {
        self.included[at] = true;
        self.tally.receipt(&self.candidates[at], executed);
    }

    fn skip(&mut self, at: usize, reason: SkipReason) -> Admission {
        self.refused.push((at, reason));
        match self.policy {
            Policy::Demand => Admission::Stop,
            Policy::LeaveOut => {
                self.stuck.insert(self.candidates[at].sender());
                Admission::Skip
            }
        }
    }
}
