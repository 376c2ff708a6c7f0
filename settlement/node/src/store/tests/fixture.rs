//! A chain with a made-up state, its genesis, and transitions on any store.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, Signature};
use weft_execution::block::Parent as Block;
use weft_execution::verify::Checkpoint;
use weft_primitives::limits::{INBOX_DEADLINE_MS, INBOX_GRACE_MS};
use weft_primitives::withdrawal::Claim;
use weft_primitives::{BatchHeader, BlockHeader, Deposit, Funding, SignedBatch, SignedPromise, Signer};
use weft_settlement::{
    BridgeRefusal, BrokenPromise, Chain, Credited, Effect, InboxReceipt, Limits, Mode, Parent, PostReceipt,
    PostRefusal, PromiseReceipt, PromiseRefusal, Rules, Terms,
};
use weft_state::{TreeKey, Value};

use crate::store::{Genesis, StateWrite, Store, StoreError, Write};

pub(super) const CHAIN_ID: u64 = 31337;
pub(super) const START_MS: u64 = 1_700_000_000_000;
const CONFIG_HASH: B256 = B256::repeat_byte(0xc0);

pub(super) fn sequencer() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

pub(super) fn key(number: u8) -> Signer {
    Signer::from_bytes([number; 32]).unwrap()
}

pub(super) fn admin() -> Signer {
    key(0xad)
}

pub(super) fn verifiers() -> [Signer; 2] {
    [key(0xa1), key(0xa2)]
}

pub(super) const WINDOW_MS: u64 = 10_000;

fn terms() -> Terms {
    let deadline = Terms { availability_deadline_ms: 60_000, ..Terms::new(sequencer().address()) };
    Terms { admin: Some(admin().address()), ..deadline }
}

/// Has an account.
pub(super) fn owner() -> Signer {
    key(0x0a)
}

/// The admin credits the owner's account.
pub(super) async fn fund(store: &dyn Store, amount: u128) -> Result<Credited, BridgeRefusal> {
    let number = store.load().await.unwrap().head.bridge.fundings;
    let funding = Funding::sign(CONFIG_HASH, &admin(), number, owner().address(), amount);
    let account = store.account(funding.account).await.unwrap();
    transition(store, None, |chain, out| chain.fund(START_MS, &funding, account, out)).await.unwrap()
}

/// The owner deposits.
pub(super) async fn deposit(store: &dyn Store, amount: u128) -> Result<InboxReceipt, BridgeRefusal> {
    let account = store.account(owner().address()).await.unwrap();
    let deposit = Deposit::sign(CONFIG_HASH, &owner(), account.nonce, Address::repeat_byte(7), amount);
    transition(store, None, |chain, out| chain.deposit(START_MS, &deposit, account, out)).await.unwrap()
}

/// Anyone claims.
pub(super) async fn claim(store: &dyn Store, claim: &Claim) -> Result<Credited, BridgeRefusal> {
    let facts = store.claim_facts(claim).await.unwrap();
    transition(store, None, |chain, out| chain.claim(START_MS, claim, &facts, out)).await.unwrap()
}

/// Anyone reports a promise, against a commitment in which the block has the hash `stands`.
pub(super) async fn report(
    store: &dyn Store,
    promise: SignedPromise,
    commitment: B256,
    stands: B256,
) -> Result<PromiseReceipt, PromiseRefusal> {
    report_of(&rules(), store, promise, commitment, stands).await
}

/// The same for a chain with other rules.
pub(super) async fn report_of(
    rules: &Rules,
    store: &dyn Store,
    promise: SignedPromise,
    commitment: B256,
    stands: B256,
) -> Result<PromiseReceipt, PromiseRefusal> {
    let facts = store.promise_facts(&promise.promise, commitment).await.unwrap();
    let broken = BrokenPromise { promise, commitment, stands };
    transition_of(rules, store, None, |chain, out| chain.report_promise(START_MS, &broken, &facts, out)).await.unwrap()
}

fn rules_with(terms: Terms) -> Rules {
    Rules {
        chain_id: CHAIN_ID,
        config_hash: CONFIG_HASH,
        genesis: Parent::genesis(B256::repeat_byte(0x60), B256::repeat_byte(0x61), START_MS / 1000),
        stf_version: 1,
        terms: terms.checked().unwrap(),
        genesis_supply: 1_000,
        inbox_deadline_ms: INBOX_DEADLINE_MS,
        inbox_grace_ms: INBOX_GRACE_MS,
    }
}

/// Mode verified, with an admin.
pub(super) fn rules() -> Rules {
    rules_with(terms())
}

/// Each mode, with and without a verifier of two.
pub(super) fn all_rules() -> [Rules; 4] {
    let optimistic = Terms { mode: Mode::Optimistic { window_ms: WINDOW_MS }, ..terms() };
    let named = verifiers().map(|verifier| verifier.address()).to_vec();
    let verified = |terms: Terms| Terms { verifiers: named.clone(), verifiers_needed: 1, ..terms };
    [terms(), optimistic.clone(), verified(terms()), verified(optimistic)].map(rules_with)
}

pub(super) fn leaf_key(index: u32) -> TreeKey {
    let mut bytes = [7; 34];
    bytes[..4].copy_from_slice(&index.to_be_bytes());
    TreeKey::new(&bytes).unwrap()
}

pub(super) fn state(next_batch: u64, leaves: Vec<(TreeKey, Option<Value>)>) -> StateWrite {
    let header = BlockHeader { number: next_batch, ..Default::default() };
    let mut checkpoint = Checkpoint::genesis(Block { hash: header.hash_slow(), header });
    checkpoint.next_batch = next_batch;
    checkpoint.inbox_acc = B256::repeat_byte(next_batch as u8);
    let code = Bytes::from(vec![next_batch as u8; 5]);
    StateWrite { checkpoint, leaves, codes: vec![(alloy_primitives::keccak256(&code), code)] }
}

pub(super) fn genesis() -> Genesis {
    genesis_of(&rules())
}

pub(super) fn genesis_of(rules: &Rules) -> Genesis {
    let leaves = vec![(leaf_key(0), Some([1; 32])), (leaf_key(1), Some([2; 32]))];
    Genesis { config_hash: CONFIG_HASH, terms: rules.terms.clone(), state: state(0, leaves) }
}

pub(super) fn transaction(nonce: u64) -> Bytes {
    let unsigned = TxEip1559 { chain_id: CHAIN_ID, nonce, gas_limit: 21_000, ..Default::default() };
    let signature = Signature::from_raw(&sequencer().sign(unsigned.signature_hash()).0).unwrap();
    weft_primitives::transaction::encode(&unsigned.into_signed(signature).into())
}

/// Loads the chain, lets `act` decide, commits. `None` when it did nothing.
pub(super) async fn transition<T>(
    store: &dyn Store,
    state: Option<StateWrite>,
    act: impl FnOnce(&mut Chain, &mut Vec<Effect>) -> T,
) -> Result<T, StoreError> {
    transition_of(&rules(), store, state, act).await
}

/// The same for a chain with other rules.
pub(super) async fn transition_of<T>(
    rules: &Rules,
    store: &dyn Store,
    state: Option<StateWrite>,
    act: impl FnOnce(&mut Chain, &mut Vec<Effect>) -> T,
) -> Result<T, StoreError> {
    let loaded = store.load().await?;
    let version = loaded.version;
    let mut chain = loaded.restore(rules.clone(), Limits::default()).unwrap();
    let mut effects = Vec::new();
    let result = act(&mut chain, &mut effects);
    if !effects.is_empty() {
        store.commit(&Write { version, head: chain.head().clone(), effects, state }).await?;
    }
    Ok(result)
}

/// Posts with facts from the store, again and again while others move the chain.
pub(super) async fn post(store: &dyn Store, signed: &SignedBatch) -> Result<PostReceipt, PostRefusal> {
    post_of(&rules(), store, signed).await
}

/// The same for a chain with other rules.
pub(super) async fn post_of(
    rules: &Rules,
    store: &dyn Store,
    signed: &SignedBatch,
) -> Result<PostReceipt, PostRefusal> {
    loop {
        let version = store.version().await.unwrap();
        let facts = store.facts(signed).await.unwrap();
        let loaded = store.load().await.unwrap();
        if loaded.version != version {
            continue;
        }
        let mut chain = loaded.restore(rules.clone(), Limits::default()).unwrap();
        let mut effects = Vec::new();
        let result = chain.post(START_MS, signed, &facts, &mut effects);
        if effects.is_empty() {
            return result;
        }
        match store.commit(&Write { version, head: chain.head().clone(), effects, state: None }).await {
            Ok(()) => return result,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// An honest next commitment; consumes the whole inbox.
pub(super) async fn next(store: &dyn Store, salt: u8) -> BatchHeader {
    next_of(&rules(), store, salt).await
}

/// The same for a chain with other rules.
pub(super) async fn next_of(rules: &Rules, store: &dyn Store, salt: u8) -> BatchHeader {
    let loaded = store.load().await.unwrap();
    next_after(rules, &loaded.restore(rules.clone(), Limits::default()).unwrap(), salt)
}

/// The same on a chain that was loaded.
pub(super) fn next_after(rules: &Rules, chain: &Chain, salt: u8) -> BatchHeader {
    let (parent, head) = (chain.parent(), chain.head());
    BatchHeader {
        version: 1,
        chain_id: CHAIN_ID,
        config_hash: rules.config_hash,
        batch_index: parent.next_index,
        parent_commitment: parent.commitment,
        first_block: parent.block + 1,
        last_block: parent.block + 2,
        first_timestamp: parent.timestamp,
        last_timestamp: parent.timestamp,
        pre_state_root: parent.state_root,
        post_state_root: alloy_primitives::keccak256([parent.state_root.0, B256::with_last_byte(salt).0].concat()),
        payload_len: 1,
        da_height: 1,
        inbox_from: parent.inbox_cursor,
        inbox_to: head.inbox_len,
        inbox_acc: head.inbox_acc,
        anchor_seq: head.log_seq,
        anchor_hash: head.log_hash,
        leader_epoch: head.epoch,
        withdrawals_root: parent.withdrawals.root,
        withdrawals_count: parent.withdrawals.count,
        ..Default::default()
    }
}
