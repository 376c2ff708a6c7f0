//! Accounts, deposits and claims: who may move what, and that nothing is made or lost.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use proptest::prelude::*;
use weft_primitives::inbox::Content;
use weft_primitives::withdrawal::{Claim, append, prove};
use weft_primitives::{B256, BatchHeader, Deposit, Funding, Withdrawal};

use super::super::*;
use super::fixture::*;
use super::invariants::{check_all, replay_rebuilds, restore_rebuilds};
use crate::log::{Event, RejectReason};

/// A rollup's withdrawals: all of them, and the tree.
#[derive(Clone, Default)]
struct Rollup {
    withdrawals: Vec<Withdrawal>,
    nodes: BTreeMap<(usize, u64), B256>,
}

impl Rollup {
    fn node(&self, level: usize, position: u64) -> Result<B256, ()> {
        self.nodes.get(&(level, position)).copied().ok_or(())
    }

    fn withdraw(&mut self, recipient: Address, amount: u128) {
        let index = self.withdrawals.len() as u64;
        let withdrawal = Withdrawal { index, sender: Address::repeat_byte(5), recipient, amount };
        let complete = append(&withdrawal, |level, position| self.node(level, position)).unwrap();
        self.nodes.extend(complete.into_iter().map(|(level, position, root)| ((level, position), root)));
        self.withdrawals.push(withdrawal);
    }

    fn claim(&self, batch_index: u64, count: u64, index: u64) -> Claim {
        let proof = prove(count, index, |level, position| self.node(level, position)).unwrap();
        Claim { batch_index, withdrawal: self.withdrawals[index as usize], proof }
    }

    fn root(&self, count: u64) -> B256 {
        count.checked_sub(1).map_or(B256::ZERO, |last| {
            self.claim(0, count, last).proof.root(last, self.withdrawals[last as usize].leaf())
        })
    }

    /// The header, committing to all withdrawals so far.
    fn commit(&self, header: BatchHeader) -> BatchHeader {
        let withdrawals_count = self.withdrawals.len() as u64;
        BatchHeader { withdrawals_count, withdrawals_root: self.root(withdrawals_count), ..header }
    }
}

fn post(world: &mut World, rollup: &Rollup) -> B256 {
    let header = rollup.commit(world.next(u64::MAX, rollup.withdrawals.len() as u64));
    world.post(&header.sign(&sequencer())).unwrap().commitment
}

fn finalize(world: &mut World, commitment: B256) {
    world.sampled(commitment, Sampled::Available).unwrap();
    world.judged(commitment, Judgement::Valid).unwrap();
}

/// Funded = accounts + escrow; escrow = deposits - claims; each withdrawal paid at most once.
fn conserved(world: &World) {
    let totals = world.chain.head().bridge;
    let accounts: u128 = world.history.accounts().map(|account| account.balance).sum();
    assert_eq!(totals.funded, accounts + totals.escrow);
    let (mut deposits, mut claims, mut funded) = (0, 0, 0);
    let mut paid = std::collections::BTreeSet::new();
    for entry in world.history.entries() {
        match &entry.event {
            Event::Funding(funding) => funded += funding.amount,
            Event::Inbox(item) => {
                if let Content::Deposit(deposit) = &item.content {
                    deposits += deposit.amount;
                }
            }
            Event::Claim(claim) => {
                claims += claim.withdrawal.amount;
                assert!(paid.insert(claim.withdrawal.index), "paid twice");
                assert_eq!(world.history.paid(claim.withdrawal.index), Some(entry.seq));
            }
            _ => {}
        }
    }
    assert_eq!((totals.funded, totals.deposited, totals.claimed()), (funded, deposits, claims));
    assert_eq!(totals.escrow, deposits - claims);
    assert_eq!(totals.accounts(), accounts);
}

#[test]
fn value_goes_there_and_back() {
    let (alice, bob) = (owner(1), owner(2));
    let (mut world, mut rollup) = (World::new(), Rollup::default());
    assert_eq!(world.fund(alice.address(), 100).unwrap().balance, 100);
    assert_eq!(world.deposit(&alice, 70).unwrap().index, 0);
    assert_eq!(world.history.account(alice.address()), Account { address: alice.address(), balance: 30, nonce: 1 });
    rollup.withdraw(bob.address(), 40);
    let commitment = post(&mut world, &rollup);
    let claim = rollup.claim(0, 1, 0);
    assert_eq!(world.claimed(&claim), Err(BridgeRefusal::NotFinal(0)));
    finalize(&mut world, commitment);
    let paid = world.claimed(&claim).unwrap();
    assert_eq!(paid.balance, 40);
    assert_eq!(world.claimed(&claim), Err(BridgeRefusal::AlreadyClaimed(paid.log_seq)));
    assert_eq!(world.chain.head().bridge, Totals { fundings: 1, funded: 100, deposited: 70, escrow: 30 });
    // Against a later root it is the same withdrawal.
    rollup.withdraw(bob.address(), 31);
    let later = post(&mut world, &rollup);
    finalize(&mut world, later);
    assert_eq!(world.claimed(&rollup.claim(1, 2, 0)), Err(BridgeRefusal::AlreadyClaimed(paid.log_seq)));
    let wanted = BridgeRefusal::InsufficientEscrow { escrow: 30, wanted: 31 };
    assert_eq!(world.claimed(&rollup.claim(1, 2, 1)), Err(wanted));
    world.deposit(&alice, 1).unwrap();
    world.claimed(&rollup.claim(1, 2, 1)).unwrap();
    conserved(&world);
    replay_rebuilds(&world);
    restore_rebuilds(&world);
}

#[test]
fn only_who_owns_it_moves_it() {
    let (alice, bob) = (owner(1), owner(2));
    let config = rules().config_hash;
    let mut world = World::new();
    let refused = |world: &mut World, funding: Funding| world.funded(&funding).unwrap_err().reason();
    assert_eq!(refused(&mut world, Funding::sign(config, &alice, 0, alice.address(), 5)), "WRONG_SIGNER");
    assert_eq!(refused(&mut world, Funding::sign(B256::ZERO, &admin(), 0, alice.address(), 5)), "WRONG_SIGNER");
    assert_eq!(refused(&mut world, Funding::sign(config, &admin(), 1, alice.address(), 5)), "WRONG_NONCE");
    assert_eq!(refused(&mut world, Funding::sign(config, &admin(), 0, alice.address(), 0)), "NOTHING");
    let honest = Funding::sign(config, &admin(), 0, alice.address(), 5);
    assert_eq!(refused(&mut world, Funding { amount: 6, ..honest }), "WRONG_SIGNER");
    world.funded(&honest).unwrap();
    assert_eq!(world.funded(&honest), Err(BridgeRefusal::WrongNonce { got: 0, next: 1 }));
    assert_eq!(refused(&mut world, Funding::sign(config, &admin(), 1, alice.address(), u128::MAX)), "SUPPLY");

    let refused = |world: &mut World, deposit: Deposit| world.deposited(&deposit).unwrap_err().reason();
    let to = Address::repeat_byte(7);
    let honest = Deposit::sign(config, &alice, 0, to, 5);
    assert_eq!(refused(&mut world, Deposit { account: bob.address(), ..honest }), "WRONG_SIGNER");
    assert_eq!(refused(&mut world, Deposit { to: bob.address(), ..honest }), "WRONG_SIGNER");
    assert_eq!(refused(&mut world, Deposit::sign(B256::ZERO, &alice, 0, to, 5)), "WRONG_SIGNER");
    assert_eq!(refused(&mut world, Deposit::sign(config, &alice, 1, to, 5)), "WRONG_NONCE");
    assert_eq!(refused(&mut world, Deposit::sign(config, &alice, 0, to, 0)), "NOTHING");
    assert_eq!(refused(&mut world, Deposit::sign(config, &alice, 0, to, 6)), "INSUFFICIENT_BALANCE");
    assert_eq!(refused(&mut world, Deposit::sign(config, &bob, 0, to, 1)), "INSUFFICIENT_BALANCE");
    let entries = world.history.entries().len();
    world.deposited(&honest).unwrap();
    assert_eq!(world.deposited(&honest), Err(BridgeRefusal::WrongNonce { got: 0, next: 1 }));
    assert_eq!(world.history.entries().len(), entries + 1);
    let terms = Terms { admin: None, ..rules().terms };
    let mut chain = Chain::new(Rules { terms, ..rules() }, Limits::default());
    let funding = Funding::sign(config, &admin(), 0, to, 1);
    assert_eq!(chain.fund(START_MS, &funding, Account::empty(to), &mut Vec::new()), Err(BridgeRefusal::NoAdmin));
}

#[test]
fn the_supply_stays_below_what_the_state_can_hold() {
    let alice = owner(1);
    let mut world = World::new();
    let most = u128::MAX - rules().genesis_supply;
    world.fund(alice.address(), u128::MAX).unwrap();
    assert_eq!(world.deposit(&alice, most).unwrap_err(), BridgeRefusal::Supply);
    world.deposit(&alice, most - 1).unwrap();
    assert_eq!(world.deposit(&alice, 1).unwrap_err(), BridgeRefusal::Supply);
    conserved(&world);
}

#[test]
fn forged_claims_pay_nobody() {
    let (mut world, mut rollup) = (World::new(), Rollup::default());
    world.fund(owner(1).address(), 100).unwrap();
    world.deposit(&owner(1), 100).unwrap();
    (0..3).for_each(|_| rollup.withdraw(owner(2).address(), 10));
    let commitment = post(&mut world, &rollup);
    finalize(&mut world, commitment);
    let honest = rollup.claim(0, 3, 1);
    let mut sibling = honest;
    sibling.proof.0[3] = B256::ZERO;
    let withdrawal = honest.withdrawal;
    for forged in [
        sibling,
        Claim { withdrawal: Withdrawal { amount: 11, ..withdrawal }, ..honest },
        Claim { withdrawal: Withdrawal { recipient: owner(3).address(), ..withdrawal }, ..honest },
        Claim { withdrawal: Withdrawal { index: 0, ..withdrawal }, ..honest },
        Claim { withdrawal: Withdrawal { index: 1 + (1 << 32), ..withdrawal }, ..honest },
    ] {
        assert_eq!(world.claimed(&forged), Err(BridgeRefusal::WrongProof(0)));
    }
    assert_eq!(world.claimed(&Claim { batch_index: 1, ..honest }), Err(BridgeRefusal::NotFinal(1)));
    world.claimed(&honest).unwrap();
}

/// The tree only grows, and changes only as it grows.
#[test]
fn commitments_do_not_take_withdrawals_back() {
    let (mut world, mut rollup) = (World::new(), Rollup::default());
    rollup.withdraw(owner(2).address(), 10);
    post(&mut world, &rollup);
    for (count, root) in [(0, B256::ZERO), (1, B256::repeat_byte(9))] {
        let header = BatchHeader { withdrawals_count: count, withdrawals_root: root, ..world.next(0, 9) };
        assert_eq!(world.post(&header.sign(&sequencer())).unwrap_err().reason(), "WRONG_WITHDRAWALS");
    }
    post(&mut world, &rollup);
}

#[derive(Clone, Debug)]
enum Op {
    Fund { whom: u8, amount: u64 },
    Deposit { who: u8, amount: u64 },
    Withdraw { whom: u8, amount: u64 },
    Post,
    Judge { valid: bool },
    Claim { which: prop::sample::Index, batch: prop::sample::Index },
}

fn op() -> impl Strategy<Value = Op> {
    use prop::sample::Index;
    prop_oneof![
        2 => (0..3u8, 0..100u64).prop_map(|(whom, amount)| Op::Fund { whom, amount }),
        3 => (0..3u8, 0..60u64).prop_map(|(who, amount)| Op::Deposit { who, amount }),
        2 => (0..3u8, 1..40u64).prop_map(|(whom, amount)| Op::Withdraw { whom, amount }),
        3 => Just(Op::Post),
        4 => prop::bool::weighted(0.8).prop_map(|valid| Op::Judge { valid }),
        5 => (any::<Index>(), any::<Index>()).prop_map(|(which, batch)| Op::Claim { which, batch }),
    ]
}

/// The rollup after each canonical batch: what a rejection takes back.
type Histories = BTreeMap<u64, Rollup>;

fn apply(world: &mut World, rollup: &mut Rollup, histories: &mut Histories, op: Op) {
    match op {
        Op::Fund { whom, amount } => drop(world.fund(owner(whom).address(), amount.into())),
        Op::Deposit { who, amount } => drop(world.deposit(&owner(who), amount.into())),
        Op::Withdraw { whom, amount } => rollup.withdraw(owner(whom).address(), amount.into()),
        Op::Post => {
            let index = world.chain.parent().next_index;
            post(world, rollup);
            histories.insert(index, rollup.clone());
        }
        Op::Judge { valid } => {
            let Some(record) = world.chain.pending().next().cloned() else { return };
            world.sampled(record.commitment, Sampled::Available).unwrap();
            if valid {
                return world.judged(record.commitment, Judgement::Valid).unwrap();
            }
            let reason = RejectReason::InvalidStf;
            world.judged(record.commitment, Judgement::Invalid { reason, block: None }).unwrap();
            let index = record.signed.header.batch_index;
            histories.split_off(&index);
            *rollup = index.checked_sub(1).map(|before| histories[&before].clone()).unwrap_or_default();
        }
        Op::Claim { which, batch } => {
            let next = world.chain.parent().next_index;
            if next == 0 || rollup.withdrawals.is_empty() {
                return;
            }
            let (batch, which) = (batch.index(next as usize) as u64, which.index(rollup.withdrawals.len()) as u64);
            let count = histories[&batch].withdrawals.len() as u64;
            if which >= count {
                return;
            }
            let claim = histories[&batch].claim(batch, count, which);
            let (is_final, paid) = (world.chain.head().finalized_index >= Some(batch), world.history.paid(which));
            let (escrow, wanted) = (world.chain.head().bridge.escrow, claim.withdrawal.amount);
            let want = match paid {
                _ if !is_final => Err("NOT_FINAL"),
                Some(_) => Err("ALREADY_CLAIMED"),
                None if wanted > escrow => Err("INSUFFICIENT_ESCROW"),
                None => Ok(()),
            };
            assert_eq!(world.claimed(&claim).map(drop).map_err(|refusal| refusal.reason()), want);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Also over rejections: a deposit in a batch that fell is due again, a withdrawal in one was never final.
    #[test]
    fn nothing_is_made_or_lost(ops in prop::collection::vec(op(), 1..60)) {
        let (mut world, mut rollup, mut histories) = (World::new(), Rollup::default(), Histories::new());
        for op in ops {
            let before = world.clone();
            apply(&mut world, &mut rollup, &mut histories, op);
            check_all(&before, &world);
            conserved(&world);
        }
        replay_rebuilds(&world);
        restore_rebuilds(&world);
    }
}
