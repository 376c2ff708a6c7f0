//! One block of ether transfers on a state of many accounts, as a batch that can be judged with the state or a witness.

use std::time::{Duration, Instant};

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{B256, Signature, TxKind, U256, keccak256};
use weft_execution::parallel::Engine;
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify, verify_recording, verify_stateless};
use weft_execution::{BlockBuilder, Parent, Sealed, World};
use weft_primitives::batch::{Batch, BatchBlock, Level};
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{BatchHeader, BlockHeader, ChainConfig, Signer, Transaction};
use weft_state::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION};
use weft_state::{Access, Account, Schedule, Tree, TreeKey, Undo};

use super::StateError;
use super::accounts::{address, leaves};

/// A chain without any accounts of its own.
const GENESIS: &str = r#"{"config":{"chainId":31337,"pragueTime":0,"osakaTime":0},"gasLimit":"0x5f5e100",
    "difficulty":"0x0","alloc":{}}"#;

/// First byte of the keys of an account's own leaves.
const HEADER_ZONE: u8 = 0;

/// When the block is made, and when its batch is posted.
const TIMESTAMP_S: u64 = 1_800_000_000;

/// Everything that judging the batch takes.
pub(super) struct Transfers {
    chain: ChainConfig,
    /// Before the block.
    world: World,
    /// Its tree, which comes and goes by itself.
    tree: Tree,
    checkpoint: Checkpoint,
    claim: BatchHeader,
    payload: Vec<u8>,
    block: Sealed,
}

impl Transfers {
    /// So many transfers, each from one of so many accounts to another.
    pub(super) fn new(accounts: u64, transfers: u64) -> Result<Self, StateError> {
        let chain = ChainConfig::from_json(GENESIS)?;
        let (_, header, genesis) = World::genesis(&chain)?;
        let signers = (0..transfers).map(|n| Signer::from_bytes(keccak256(format!("weft bench sender {n}")).0));
        let signers: Vec<Signer> = signers.collect::<Result<_, _>>()?;

        let rich = Account { balance: U256::from(10u64).pow(U256::from(21)), ..Account::default() }.basic_data()?;
        let senders = signers.iter().map(|signer| (AccountKeys::new(signer.address()).header(BASIC_DATA), rich));
        let genesis_leaves = genesis.updates.entries().iter().filter_map(|(key, value)| Some((*key, (*value)?)));
        let others = leaves(accounts.saturating_sub(transfers))?;
        let codes = genesis.codes.into_iter().map(|(_, code)| code);
        let mut world = World::load(others.into_iter().chain(senders).chain(genesis_leaves), codes)?;

        let parent = Parent::new(BlockHeader { state_root: world.state_root(), ..header });
        // Recipients lie evenly among the others.
        let step = (accounts / transfers).max(1);
        let transactions = signers.iter().zip(0..).map(|(signer, n)| transfer(signer, n * step, &chain));
        let transactions = transactions.collect::<Result<Vec<_>, _>>()?;
        let builder = BlockBuilder::new(&chain, &parent, TIMESTAMP_S, &world)?;
        let (built, refused) = builder.fill(transactions, &mut Engine::on_all_threads())?;
        if !refused.is_empty() {
            return Err(StateError::Refused);
        }
        let block = built.seal(&chain, &parent, &mut world)?;
        world.revert(&block.applied.undo)?;
        let checkpoint = Checkpoint::genesis(parent);
        let (claim, payload) = publish(&chain, &checkpoint, &block)?;
        let tree = world.tree().clone();
        Ok(Self { chain, world, tree, checkpoint, claim, payload, block })
    }

    /// The witness of the batch, which must have the same verdict.
    pub(super) fn witness(&mut self) -> Result<Vec<u8>, StateError> {
        let Self { chain, world, checkpoint, claim, payload, .. } = self;
        let (verdict, witness) = verify_recording(chain, checkpoint, claim, payload, &log(), world);
        let witness = witness.encode();
        valid(verdict)?;
        self.stateless(&witness)?;
        // The part of the tree that is timed must do as well: no code is run.
        let undo = self.tree.apply(&self.block.applied.updates, Schedule::Parallel)?;
        let part = self.tree.revert_with_witness(&undo, &self.access(), Schedule::Parallel)?;
        self.stateless(&[&[0][..], &part.to_vec()].concat())?;
        Ok(witness)
    }

    /// Time of judging with the state.
    pub(super) fn stateful(&mut self) -> Result<Duration, StateError> {
        let Self { chain, world, checkpoint, claim, payload, .. } = self;
        let start = Instant::now();
        let verdict = verify(chain, checkpoint, claim, payload, &log(), world);
        let took = start.elapsed();
        valid(verdict)?.iter().try_for_each(|undo| self.world.revert(undo))?;
        Ok(took)
    }

    /// Time of judging with a witness.
    pub(super) fn stateless(&self, witness: &[u8]) -> Result<Duration, StateError> {
        let Self { chain, checkpoint, claim, payload, .. } = self;
        let start = Instant::now();
        let verdict = verify_stateless(chain, checkpoint, claim, payload, &log(), witness);
        let took = start.elapsed();
        valid(verdict)?;
        Ok(took)
    }

    /// Time of the root from which the block began, found by taking it back, and if so asked, of the block's witness.
    pub(super) fn root(&mut self, with_witness: bool) -> Result<Duration, StateError> {
        let access = self.access();
        let undo = self.tree.apply(&self.block.applied.updates, Schedule::Parallel)?;
        let start = Instant::now();
        let witness = with_witness.then(|| self.tree.revert_with_witness(&undo, &access, Schedule::Parallel));
        if witness.transpose()?.is_none() {
            self.tree.revert(&undo, Schedule::Parallel)?;
        }
        Ok(start.elapsed())
    }

    /// Bytes of a proof by itself for each account that the block changes.
    pub(super) fn proof_bytes(&self) -> Result<usize, StateError> {
        let keys = self.block.applied.updates.entries().iter().map(|(key, _)| key);
        let bytes = |key| Ok(self.tree.prove(key)?.encode().len());
        keys.map(bytes).sum()
    }

    /// What executing the block touches: of each account its three leaves, there or not.
    fn access(&self) -> Access {
        let mut access = Access::default();
        access.update(&self.block.applied.updates);
        for (key, _) in self.block.applied.updates.entries() {
            // Zone, hash of the address, the rest.
            let stem = [&[HEADER_ZONE], &key.as_slice()[1..33]].concat();
            for sub in [BASIC_DATA, CODE_HASH, DELEGATION] {
                access.read(TreeKey::new(&[&stem[..], &[sub]].concat()).expect("34 bytes"));
            }
        }
        access
    }
}

fn transfer(from: &Signer, to: u64, chain: &ChainConfig) -> Result<Transaction, StateError> {
    let fields = TxEip1559 {
        chain_id: chain.chain_id(),
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(address(to)),
        value: U256::from(to + 1),
        ..TxEip1559::default()
    };
    let signature = Signature::from_raw(&from.sign(fields.signature_hash()).0)?;
    let raw = encode(&Envelope::from(fields.into_signed(signature)));
    Ok(Transaction::decode(raw, chain.chain_id())?)
}

/// The true claim about the block, and its batch.
fn publish(chain: &ChainConfig, checkpoint: &Checkpoint, block: &Sealed) -> Result<(BatchHeader, Vec<u8>), StateError> {
    let (header, body) = (&block.header, &block.body);
    let transactions = body.sequenced().iter().map(|transaction| transaction.raw().clone()).collect();
    let batch = Batch {
        chain_id: chain.chain_id(),
        first_block: header.number,
        inbox_from: 0,
        blocks: vec![BatchBlock { timestamp: header.timestamp, inbox_count: 0, transactions }],
    };
    let payload = batch.encode(Level::FASTEST)?;
    let claim = BatchHeader {
        version: weft_primitives::commitment::VERSION,
        chain_id: chain.chain_id(),
        config_hash: chain.hash(),
        first_block: header.number,
        last_block: header.number,
        last_block_hash: block.hash,
        first_timestamp: header.timestamp,
        last_timestamp: header.timestamp,
        pre_state_root: checkpoint.block.header.state_root,
        post_state_root: header.state_root,
        payload_hash: B256::from(*blake3::hash(&payload).as_bytes()),
        payload_len: payload.len() as u64,
        tx_count: body.transactions.len() as u64,
        gas_used: header.gas_used,
        ..BatchHeader::default()
    };
    Ok((claim, payload))
}

fn log() -> LogContext<'static> {
    LogContext { posted_ms: TIMESTAMP_S * 1_000, ..LogContext::default() }
}

/// What takes the blocks back, the newest first.
fn valid(verdict: Verdict) -> Result<Vec<Undo>, StateError> {
    match verdict {
        Verdict::Valid(valid) => Ok(valid.blocks.into_iter().rev().map(|block| block.applied.undo).collect()),
        _ => Err(StateError::Different("stateless_over_stateful".to_owned())),
    }
}
