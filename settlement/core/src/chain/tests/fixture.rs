//! A chain with its tables, and a sequencer that makes commitments for it.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, Signature};
use weft_primitives::limits::{INBOX_DEADLINE_MS, INBOX_GRACE_MS};
use weft_primitives::withdrawal::Claim;
use weft_primitives::{BatchHeader, Deposit, Funding, Promise, SignedBatch, SignedPromise, Signer};

use super::super::*;
use crate::log::{BrokenPromise, Event, ExecutionVerdict};
use crate::statement::{KeyChange, SignedKeyChange, SignedVerdict};

pub(super) const CHAIN_ID: u64 = 31337;
pub(super) const START_MS: u64 = 1_700_000_000_000;
pub(super) const DEADLINE_MS: u64 = 60_000;

/// A signed transaction of the chain.
pub(super) fn transaction(nonce: u64) -> Bytes {
    let unsigned = TxEip1559 { chain_id: CHAIN_ID, nonce, gas_limit: 21_000, ..Default::default() };
    let signature = sequencer().sign(unsigned.signature_hash());
    let signature = Signature::from_raw(&signature.0).unwrap();
    weft_primitives::transaction::encode(&unsigned.into_signed(signature).into())
}

pub(super) const WINDOW_MS: u64 = 30_000;

pub(super) fn key(number: u8) -> Signer {
    Signer::from_bytes([number; 32]).unwrap()
}

pub(super) fn sequencer() -> Signer {
    key(1)
}

pub(super) fn admin() -> Signer {
    key(0xad)
}

/// Keys that the posting key may be changed to.
pub(super) const SPARE_KEYS: std::ops::Range<u8> = 10..14;

/// Owners of accounts.
pub(super) fn owner(number: u8) -> Signer {
    Signer::from_bytes([0xb0 + number; 32]).unwrap()
}

/// Mode verified, with an admin.
pub(super) fn rules() -> Rules {
    Rules {
        chain_id: CHAIN_ID,
        config_hash: B256::repeat_byte(0xc0),
        genesis: Parent::genesis(B256::repeat_byte(0x60), B256::repeat_byte(0x61), START_MS / 1000),
        stf_version: 1,
        terms: Terms {
            admin: Some(admin().address()),
            availability_deadline_ms: DEADLINE_MS,
            ..Terms::new(sequencer().address())
        },
        genesis_supply: 1_000,
        inbox_deadline_ms: INBOX_DEADLINE_MS,
        inbox_grace_ms: INBOX_GRACE_MS,
    }
}

pub(super) fn optimistic() -> Rules {
    let terms = Terms { mode: Mode::Optimistic { window_ms: WINDOW_MS }, ..rules().terms };
    Rules { terms, ..rules() }
}

pub(super) fn verifiers() -> [Signer; 3] {
    [0xa1, 0xa2, 0xa3].map(key)
}

/// The same, final only with two of three verifiers.
pub(super) fn with_verifiers(rules: Rules) -> Rules {
    let verifiers = verifiers().map(|verifier| verifier.address()).to_vec();
    let terms = Terms { verifiers, verifiers_needed: 2, ..rules.terms }.checked().unwrap();
    Rules { terms, ..rules }
}

/// Every mode, with and without verifiers.
pub(super) fn all_rules() -> [Rules; 4] {
    [rules(), optimistic(), with_verifiers(rules()), with_verifiers(optimistic())]
}

/// The machine and all that it said.
#[derive(Clone)]
pub(super) struct World {
    pub chain: Chain,
    pub history: History,
    pub recent: Recent,
    pub now_ms: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(rules())
    }

    pub(super) fn of(rules: Rules) -> Self {
        Self {
            chain: Chain::new(rules, Limits::default()),
            history: History::default(),
            recent: Recent::default(),
            now_ms: START_MS,
        }
    }

    pub(super) fn with_limits(limits: Limits) -> Self {
        Self { chain: Chain::new(rules(), limits), ..Self::new() }
    }

    /// Whose commitments are taken now.
    pub(super) fn signer(&self) -> Signer {
        let mut keys = SPARE_KEYS.chain([1]).map(key);
        keys.find(|key| key.address() == self.chain.posting_key()).unwrap()
    }

    fn absorb(&mut self, effects: &[Effect]) {
        effects.iter().for_each(|effect| self.history.absorb(effect));
        effects.iter().for_each(|effect| self.recent.absorb(effect));
    }

    pub(super) fn post(&mut self, signed: &SignedBatch) -> Result<PostReceipt, PostRefusal> {
        let mut out = Vec::new();
        let facts = self.history.facts(signed);
        // What is known without the tables is what they say.
        for recent in [&self.recent, &Recent::default()] {
            assert!(recent.facts(&self.chain, signed).is_none_or(|known| known == facts));
        }
        let result = self.chain.post(self.now_ms, signed, &facts, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn submit(&mut self) -> Result<InboxReceipt, InboxRefusal> {
        let mut out = Vec::new();
        let result = self.chain.submit_inbox(self.now_ms, transaction(self.chain.head().inbox_len), &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn sampled(&mut self, commitment: B256, sampled: Sampled) -> Result<(), VerdictRefusal> {
        let mut out = Vec::new();
        let result = self.chain.judge_availability(self.now_ms, commitment, sampled, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn judged(&mut self, commitment: B256, judgement: Judgement) -> Result<(), VerdictRefusal> {
        let mut out = Vec::new();
        let result = self.chain.judge_execution(self.now_ms, commitment, 1, judgement, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn challenged(&mut self, commitment: B256, judgement: Judgement) -> Result<u64, ChallengeRefusal> {
        let mut out = Vec::new();
        let witness = B256::repeat_byte(0x3e);
        let result = self.chain.challenge(self.now_ms, commitment, witness, 1, judgement, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn tick(&mut self) {
        let mut out = Vec::new();
        self.chain.finalize_due(self.now_ms, &mut out);
        self.absorb(&out);
    }

    pub(super) fn voted(&mut self, signed: &SignedVerdict) -> Result<VoteReceipt, VoteRefusal> {
        let mut out = Vec::new();
        let result = self.chain.vote(self.now_ms, signed, &mut out);
        self.absorb(&out);
        result
    }

    /// A verifier's verdict on a commitment that was posted.
    pub(super) fn verdict(&self, commitment: B256, valid: bool, verifier: &Signer) -> SignedVerdict {
        let batch_index = self.history.record(commitment).map_or(0, |record| record.signed.header.batch_index);
        ExecutionVerdict { batch_index, commitment, valid, stf_version: 1 }.sign(verifier)
    }

    /// A change to the key with this number, one epoch on.
    pub(super) fn change(&self, number: u8) -> KeyChange {
        let (new_key, epoch) = (key(number).address(), self.chain.head().epoch + 1);
        KeyChange { chain_id: CHAIN_ID, config_hash: rules().config_hash, new_key, epoch }
    }

    pub(super) fn changed(&mut self, signed: &SignedKeyChange) -> Result<KeyReceipt, KeyRefusal> {
        let known = self.history.key_change(signed.change.epoch).filter(|(_, before)| before == signed);
        let mut out = Vec::new();
        let result = self.chain.change_key(self.now_ms, signed, known.map(|(seq, _)| seq), &mut out);
        self.absorb(&out);
        result
    }

    /// Funds an account with the next number.
    pub(super) fn fund(&mut self, account: Address, amount: u128) -> Result<Credited, BridgeRefusal> {
        let number = self.chain.head().bridge.fundings;
        self.funded(&Funding::sign(rules().config_hash, &admin(), number, account, amount))
    }

    pub(super) fn funded(&mut self, funding: &Funding) -> Result<Credited, BridgeRefusal> {
        let mut out = Vec::new();
        let account = self.history.account(funding.account);
        let result = self.chain.fund(self.now_ms, funding, account, &mut out);
        self.absorb(&out);
        result
    }

    /// Deposits with the account's next nonce.
    pub(super) fn deposit(&mut self, owner: &Signer, amount: u128) -> Result<InboxReceipt, BridgeRefusal> {
        let nonce = self.history.account(owner.address()).nonce;
        self.deposited(&Deposit::sign(rules().config_hash, owner, nonce, Address::repeat_byte(0x77), amount))
    }

    pub(super) fn deposited(&mut self, deposit: &Deposit) -> Result<InboxReceipt, BridgeRefusal> {
        let mut out = Vec::new();
        let account = self.history.account(deposit.account);
        let result = self.chain.deposit(self.now_ms, deposit, account, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn claimed(&mut self, claim: &Claim) -> Result<Credited, BridgeRefusal> {
        let mut out = Vec::new();
        let facts = self.history.claim_facts(claim);
        let result = self.chain.claim(self.now_ms, claim, &facts, &mut out);
        self.absorb(&out);
        result
    }

    /// What the posting key promises of a block on the tip.
    pub(super) fn promise(&self, number: u64, block_hash: B256) -> SignedPromise {
        let base = self.chain.parent().commitment;
        let promise = Promise { chain_id: CHAIN_ID, config_hash: rules().config_hash, base, number, block_hash };
        promise.sign(&self.signer())
    }

    /// Reports a promise against a commitment in which the block has the hash `stands`.
    pub(super) fn reported(
        &mut self,
        promise: SignedPromise,
        commitment: B256,
        stands: B256,
    ) -> Result<PromiseReceipt, PromiseRefusal> {
        let mut out = Vec::new();
        let facts = self.history.promise_facts(&promise.promise, commitment);
        let broken = BrokenPromise { promise, commitment, stands };
        let result = self.chain.report_promise(self.now_ms, &broken, &facts, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn forced(&mut self, header: &BatchHeader) -> Result<PostReceipt, ForceRefusal> {
        let mut out = Vec::new();
        let facts = self.history.facts(&header.clone().forced());
        let result = self.chain.force(self.now_ms, header, &facts, &mut out);
        self.absorb(&out);
        result
    }

    /// The forced batch that takes `items` of the inbox.
    pub(super) fn next_forced(&self, items: u64) -> BatchHeader {
        let (parent, head) = (self.chain.parent(), self.chain.head());
        let time = parent.timestamp.max(head.log_time_ms / 1000);
        BatchHeader {
            last_block: parent.block + 1,
            first_timestamp: time,
            last_timestamp: time,
            payload_len: 0,
            da_height: 0,
            ..self.next(items, u64::MAX)
        }
    }

    /// An honest next commitment that consumes `items` of the inbox. `salt` makes it one of its kind.
    pub(super) fn next(&self, items: u64, salt: u64) -> BatchHeader {
        let (parent, head) = (self.chain.parent(), self.chain.head());
        let inbox_to = parent.inbox_cursor.saturating_add(items).min(head.inbox_len);
        let post_state_root = alloy_primitives::keccak256(format!("{}/{salt}", parent.state_root));
        BatchHeader {
            version: 1,
            chain_id: CHAIN_ID,
            config_hash: rules().config_hash,
            batch_index: parent.next_index,
            parent_commitment: parent.commitment,
            first_block: parent.block + 1,
            last_block: parent.block + 3,
            first_timestamp: parent.timestamp,
            last_timestamp: parent.timestamp.max(self.now_ms / 1000),
            pre_state_root: parent.state_root,
            post_state_root,
            payload_len: 100,
            da_height: 1,
            inbox_from: parent.inbox_cursor,
            inbox_to,
            inbox_acc: inbox_to.checked_sub(1).map_or(B256::ZERO, |at| self.history.inbox_row(at).unwrap().acc),
            anchor_seq: head.log_seq,
            anchor_hash: head.log_hash,
            withdrawals_root: parent.withdrawals.root,
            withdrawals_count: parent.withdrawals.count,
            leader_epoch: head.epoch,
            ..Default::default()
        }
    }

    /// Posts an honest commitment.
    pub(super) fn post_next(&mut self, salt: u64) -> B256 {
        let signed = self.next(u64::MAX, salt).sign(&self.signer());
        self.post(&signed).unwrap().commitment
    }

    pub(super) fn status(&self, commitment: B256) -> Status {
        self.history.record(commitment).unwrap().status
    }

    pub(super) fn last_event(&self) -> &Event {
        &self.history.entries().last().unwrap().event
    }
}
