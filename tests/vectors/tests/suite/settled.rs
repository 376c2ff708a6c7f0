//! A chain of settlement with its tables, and those who write its log.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, Signature, keccak256};
use weft_primitives::transaction::encode;
use weft_primitives::withdrawal::{Claim, Summary};
use weft_primitives::{BatchHeader, Deposit, Funding, Promise, SignedBatch};
use weft_settlement::{
    BrokenPromise, Chain, Effect, ExecutionVerdict, History, Judgement, KeyChange, Limits, Mode, Parent, Rules,
    Sampled, Terms,
};

use crate::commitment::signer;

pub const CHAIN_ID: u64 = 31_337;
pub const START_MS: u64 = 1_800_000_000_000;
pub const WINDOW_MS: u64 = 30_000;

/// The keys: who posts, who administers, who verifies.
pub const POSTING: u8 = 1;
pub const ADMIN: u8 = 2;
pub const VERIFIERS: [u8; 3] = [11, 12, 13];

/// Mode verified, an admin, short deadlines.
pub fn rules() -> Rules {
    Rules {
        chain_id: CHAIN_ID,
        config_hash: B256::repeat_byte(0xc0),
        genesis: Parent::genesis(B256::repeat_byte(0x60), B256::repeat_byte(0x61), START_MS / 1000),
        stf_version: 1,
        terms: Terms {
            admin: Some(signer(ADMIN).address()),
            availability_deadline_ms: 60_000,
            ..Terms::new(signer(POSTING).address())
        },
        genesis_supply: 1_000,
        inbox_deadline_ms: 20_000,
        inbox_grace_ms: 10_000,
    }
}

pub fn optimistic() -> Rules {
    let terms = Terms { mode: Mode::Optimistic { window_ms: WINDOW_MS }, ..rules().terms };
    Rules { terms, ..rules() }
}

/// The same, final only with two of three verifiers.
pub fn with_verifiers(rules: Rules) -> Rules {
    let verifiers = VERIFIERS.map(|seed| signer(seed).address()).to_vec();
    let terms = Terms { verifiers, verifiers_needed: 2, ..rules.terms }.checked().unwrap();
    Rules { terms, ..rules }
}

/// A signed transaction of the chain.
pub fn transaction(nonce: u64) -> Bytes {
    let unsigned = TxEip1559 { chain_id: CHAIN_ID, nonce, gas_limit: 21_000, ..Default::default() };
    let signature = Signature::from_raw(&signer(5).sign(unsigned.signature_hash()).0).unwrap();
    encode(&unsigned.into_signed(signature).into())
}

/// The machine and all that it said.
pub struct Settled {
    pub chain: Chain,
    pub history: History,
    pub now_ms: u64,
    /// The key that signs commitments.
    pub posting: u8,
    /// What the next commitments say of withdrawals.
    pub withdrawals: Summary,
}

impl Settled {
    pub fn new(rules: Rules) -> Self {
        let (chain, history) = (Chain::new(rules, Limits::default()), History::default());
        Self { chain, history, now_ms: START_MS, posting: POSTING, withdrawals: Summary::default() }
    }

    /// Lets time pass.
    pub fn wait(&mut self, ms: u64) -> &mut Self {
        self.now_ms += ms;
        self
    }

    /// Does something, and keeps what comes of it.
    fn run<T>(&mut self, act: impl FnOnce(&mut Chain, u64, &History, &mut Vec<Effect>) -> T) -> T {
        let mut effects = Vec::new();
        let result = act(&mut self.chain, self.now_ms, &self.history, &mut effects);
        effects.iter().for_each(|effect| self.history.absorb(effect));
        result
    }

    pub fn post(&mut self, signed: &SignedBatch) -> B256 {
        self.run(|chain, now, history, out| chain.post(now, signed, &history.facts(signed), out)).unwrap().commitment
    }

    /// Posts what is refused, and leaves evidence.
    pub fn equivocate(&mut self, signed: &SignedBatch) {
        self.run(|chain, now, history, out| chain.post(now, signed, &history.facts(signed), out)).unwrap_err();
    }

    /// Posts the next commitment, which consumes `items` of the inbox.
    pub fn post_next(&mut self, items: u64, salt: u64) -> B256 {
        let signed = self.next(items, salt).sign(&signer(self.posting));
        self.post(&signed)
    }

    pub fn submit(&mut self) {
        self.submit_raw(transaction(self.chain.head().inbox_len));
    }

    pub fn submit_raw(&mut self, raw: Bytes) {
        self.run(|chain, now, _, out| chain.submit_inbox(now, raw, out)).unwrap();
    }

    pub fn sampled(&mut self, commitment: B256, sampled: Sampled) {
        self.run(|chain, now, _, out| chain.judge_availability(now, commitment, sampled, out)).unwrap();
    }

    pub fn judged(&mut self, commitment: B256, judgement: Judgement) {
        self.run(|chain, now, _, out| chain.judge_execution(now, commitment, 1, judgement, out)).unwrap();
    }

    /// Available and valid.
    pub fn approve(&mut self, commitment: B256) {
        self.sampled(commitment, Sampled::Available);
        self.judged(commitment, Judgement::Valid);
    }

    pub fn challenged(&mut self, commitment: B256, judgement: Judgement) {
        let witness = B256::repeat_byte(0x3e);
        self.run(|chain, now, _, out| chain.challenge(now, commitment, witness, 1, judgement, out)).unwrap();
    }

    pub fn finalize(&mut self) {
        self.run(|chain, now, _, out| chain.finalize_due(now, out));
    }

    pub fn voted(&mut self, commitment: B256, valid: bool, verifier: u8) {
        let batch_index = self.history.record(commitment).unwrap().signed.header.batch_index;
        let verdict = ExecutionVerdict { batch_index, commitment, valid, stf_version: 1 }.sign(&signer(verifier));
        self.run(|chain, now, _, out| chain.vote(now, &verdict, out)).unwrap();
    }

    /// Changes the posting key to that of `seed`, on the word of the key `by`.
    pub fn change_key(&mut self, seed: u8, by: u8) {
        let rules = self.chain.rules();
        let (new_key, epoch) = (signer(seed).address(), self.chain.head().epoch + 1);
        let change = KeyChange { chain_id: CHAIN_ID, config_hash: rules.config_hash, new_key, epoch }.sign(&signer(by));
        self.run(|chain, now, _, out| chain.change_key(now, &change, None, out)).unwrap();
        self.posting = seed;
    }

    pub fn fund(&mut self, account: Address, amount: u128) {
        let (config, number) = (self.chain.rules().config_hash, self.chain.head().bridge.fundings);
        let funding = Funding::sign(config, &signer(ADMIN), number, account, amount);
        self.run(|chain, now, history, out| chain.fund(now, &funding, history.account(account), out)).unwrap();
    }

    /// Deposits from the account of the key `seed`.
    pub fn deposit(&mut self, seed: u8, to: Address, amount: u128) {
        let account = self.history.account(signer(seed).address());
        let deposit = Deposit::sign(self.chain.rules().config_hash, &signer(seed), account.nonce, to, amount);
        self.run(|chain, now, _, out| chain.deposit(now, &deposit, account, out)).unwrap();
    }

    pub fn claim(&mut self, claim: &Claim) {
        self.run(|chain, now, history, out| chain.claim(now, claim, &history.claim_facts(claim), out)).unwrap();
    }

    /// Reports that block `number` was promised on `base`, and is another in the batch of `commitment`.
    pub fn report_promise(&mut self, base: B256, number: u64, commitment: B256) {
        let (config_hash, block_hash) = (self.chain.rules().config_hash, B256::repeat_byte(0xb1));
        let promise = Promise { chain_id: CHAIN_ID, config_hash, base, number, block_hash }.sign(&signer(self.posting));
        let stands = self.history.record(commitment).unwrap().signed.header.last_block_hash;
        let broken = BrokenPromise { promise, commitment, stands };
        let facts = |history: &History| history.promise_facts(&promise.promise, commitment);
        self.run(|chain, now, history, out| chain.report_promise(now, &broken, &facts(history), out)).unwrap();
    }

    /// Appends the forced batch that takes all that waits.
    pub fn force(&mut self) -> B256 {
        let (parent, head) = (self.chain.parent(), self.chain.head());
        let time = parent.timestamp.max(head.log_time_ms / 1000);
        let header = BatchHeader {
            last_block: parent.block + 1,
            first_timestamp: time,
            last_timestamp: time,
            payload_len: 0,
            da_height: 0,
            tx_count: 0,
            withdrawals_root: parent.withdrawals.root,
            withdrawals_count: parent.withdrawals.count,
            ..self.next(u64::MAX, u64::MAX)
        };
        self.force_with(&header)
    }

    pub fn force_with(&mut self, header: &BatchHeader) -> B256 {
        let forced = header.clone().forced();
        self.run(|chain, now, history, out| chain.force(now, header, &history.facts(&forced), out)).unwrap().commitment
    }

    /// An honest next commitment, as far as settlement can tell; `salt` makes it one of its kind.
    pub fn next(&self, items: u64, salt: u64) -> BatchHeader {
        let (parent, head) = (self.chain.parent(), self.chain.head());
        let inbox_to = parent.inbox_cursor.saturating_add(items).min(head.inbox_len);
        let post_state_root = keccak256(format!("state {}/{salt}", parent.state_root));
        BatchHeader {
            version: 1,
            chain_id: CHAIN_ID,
            config_hash: self.chain.rules().config_hash,
            batch_index: parent.next_index,
            parent_commitment: parent.commitment,
            first_block: parent.block + 1,
            last_block: parent.block + 3,
            last_block_hash: keccak256(format!("block {}/{salt}", parent.block_hash)),
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
            withdrawals_root: self.withdrawals.root,
            withdrawals_count: self.withdrawals.count,
            leader_epoch: head.epoch,
            tx_count: 3,
            gas_used: 63_000,
            ..Default::default()
        }
    }
}
