//! Random blocks, checked against what must hold of any.

use std::sync::Arc;

use alloy_primitives::{Address, KECCAK256_EMPTY, TxKind, U256};
use proptest::prelude::*;
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext};
use revm::state::AccountInfo;
use revm::state::bal::{Bal, BlockAccessIndex};

use super::batches::{digest, publish};
use super::*;
use crate::access::BlockAccessList;
use crate::env;
use crate::overlay::HISTORY_STORAGE_ADDRESS;
use crate::parallel::Engine;
use crate::seal::Built;
use crate::verify::{Checkpoint, Verdict};

#[derive(Clone, Debug)]
enum Act {
    Transfer { to: u8, value: u64 },
    Call { contract: u8, slot: u64, value: u64 },
    Deploy { len: u8 },
    Flash,
    Live { value: u64 },
    Delegate { target: u8 },
}

/// A transaction: who, what, and how far off the nonce is.
#[derive(Clone, Debug)]
struct Step {
    from: u8,
    act: Act,
    nonce_off: u64,
    rich: bool,
}

fn act() -> impl Strategy<Value = Act> {
    let slot = prop_oneof![0u64..4, 62u64..66, (0u64..16).prop_map(|group| 1_000 + 256 * group)];
    prop_oneof![
        3 => (1u8..12, 0u64..3).prop_map(|(to, value)| Act::Transfer { to, value }),
        4 => (0u8..6, slot, 0u64..3).prop_map(|(contract, slot, value)| Act::Call { contract, slot, value }),
        1 => (1u8..40).prop_map(|len| Act::Deploy { len }),
        1 => Just(Act::Flash),
        1 => (0u64..2).prop_map(|value| Act::Live { value }),
        2 => (0u8..8).prop_map(|target| Act::Delegate { target }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let nonce_off = prop_oneof![9 => Just(0u64), 1 => 1u64..3];
    (1u8..9, act(), nonce_off, prop::bool::weighted(0.95)).prop_map(|(from, act, nonce_off, rich)| Step {
        from,
        act,
        nonce_off,
        rich,
    })
}

fn person(seed: u8) -> Address {
    if seed < 9 { signer(seed).address() } else { Address::repeat_byte(seed) }
}

/// See `an_address_can_live_twice_in_a_block`.
const LIVE: [u8; 19] =
    [0x34, 0x60, 0x0c, 0x57, 0x60, 2, 0x80, 0x55, 0x60, 1, 0x5f, 0xf3, 0x5b, 0x60, 1, 0x80, 0x55, 0x33, 0xff];

impl Step {
    fn transaction(&self, nonce: u64) -> Transaction {
        let from = signer(self.from);
        let nonce = nonce + self.nonce_off;
        let too_much = U256::from(10).pow(U256::from(25));
        let base = |to| TxEip1559 { value: if self.rich { U256::ZERO } else { too_much }, ..fields(nonce, to) };
        match &self.act {
            Act::Transfer { to, value } => {
                let fields = base(TxKind::Call(person(*to)));
                let value = fields.value + U256::from(*value);
                sign(
                    &from,
                    TxEip1559 { value, gas_limit: 21_000 + 100_000 * (value % U256::from(2)).to::<u64>(), ..fields },
                )
            }
            Act::Call { contract, slot, value } => {
                let to = contracts::ALL[usize::from(*contract)].0;
                sign(&from, TxEip1559 { input: words(*slot, *value), ..base(TxKind::Call(to)) })
            }
            Act::Deploy { len } => {
                let runtime = vec![0x00; usize::from(*len)];
                sign(&from, TxEip1559 { input: deployment(&runtime), ..base(TxKind::Create) })
            }
            Act::Flash => {
                let input = vec![0x60, 1, 0x60, 1, 0x55, 0x33, 0xff].into();
                sign(&from, TxEip1559 { input, ..base(TxKind::Create) })
            }
            Act::Live { value } => {
                let fields = base(TxKind::Call(contracts::FACTORY.0));
                let value = fields.value + U256::from(*value);
                sign(&from, TxEip1559 { input: LIVE.to_vec().into(), value, ..fields })
            }
            Act::Delegate { target } => {
                let target = match usize::from(*target) {
                    at if at < 6 => contracts::ALL[at].0,
                    6 => Address::ZERO,
                    _ => person(1),
                };
                delegate(&from, nonce, target)
            }
        }
    }
}

/// A block of these steps, each with the nonce that its sender has by then.
fn make(node: &mut Node, steps: &[Step]) -> Sealed {
    let builder = || BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap().with_access_list();
    let again = builder();
    let mut builder = builder();
    let mut nonces = [0; 9].map(|_: u64| None::<u64>);
    for step in steps {
        let known = &mut nonces[usize::from(step.from)];
        let stored = || node.world.account(person(step.from)).unwrap().map_or(0, |stored| stored.account.nonce);
        let nonce = known.get_or_insert_with(stored);
        if builder.transaction(step.transaction(*nonce)).unwrap().is_ok() {
            *nonce += if matches!(step.act, Act::Delegate { .. }) { 2 } else { 1 };
        }
    }
    let built = builder.finish();
    by_list(again, &built);
    let sealed = built.seal(&node.chain, &node.head, &mut node.world).unwrap();
    node.head = Parent { header: sealed.header.clone(), hash: sealed.hash };
    sealed
}

/// All wei, read off the leaves: the last 16 bytes of every basic data leaf.
fn supply(world: &World) -> U256 {
    let basic_data = |key: &TreeKey| key.as_slice().len() == 34 && key.as_slice()[33] == 0;
    leaves(world).iter().filter(|(key, _)| basic_data(key)).map(|(_, value)| U256::from_be_slice(&value[16..])).sum()
}

/// revm's own in-memory database, filled with the genesis state.
fn reference(node: &Node) -> CacheDB<EmptyDB> {
    let mut db = CacheDB::new(EmptyDB::new());
    for address in (1..9).map(person).chain(contracts::ALL.map(|(address, _)| address)) {
        let account = node.world.account(address).unwrap().unwrap().account;
        let code = Some(node.world.code(account.code_hash).unwrap());
        let (balance, nonce, code_hash) = (account.balance, account.nonce, account.code_hash);
        db.insert_account_info(address, AccountInfo { balance, nonce, code_hash, code, ..AccountInfo::default() });
    }
    for slot in contracts::slots().map(U256::from) {
        db.insert_account_storage(contracts::STORE.0, slot, U256::from(3)).unwrap();
    }
    db
}

/// The block once more, by its list.
fn by_list(builder: BlockBuilder<'_, World>, built: &Built) {
    let list = built.access_list.as_ref().unwrap();
    let mut engine = Engine::new(2);
    let (same, verdict) = builder.replay_by_list(built.body.transactions.clone(), list, &mut engine).unwrap();
    let same = same.unwrap();
    assert_eq!(verdict, Ok(()));
    assert_eq!((&same.receipts, &same.changes), (&built.receipts, &built.changes));
    assert_eq!(same.access_list, built.access_list);
}

/// Executes a block's transactions on the reference; all must be executable. What they touch, as revm writes it down.
fn replay(db: &mut CacheDB<EmptyDB>, node: &Node, parent: &Parent, block: &Sealed) -> BlockAccessList {
    let environment = env::next_block(&node.chain, &parent.header, parent.hash, block.header.timestamp);
    let config = env::config(&node.chain, block.header.timestamp);
    let mut evm = revm::Context::mainnet().with_db(db).with_cfg(config).with_block(environment).build_mainnet();
    let mut list = Bal::new();
    for ((transaction, receipt), index) in block.body.transactions.iter().zip(&block.receipts).zip(1..) {
        let done = evm.transact(env::transaction(transaction)).unwrap();
        for (address, account) in &done.state {
            list.update_account(BlockAccessIndex::new(index), *address, account);
        }
        evm.commit(done.state);
        let result = done.result;
        assert_eq!((result.is_success(), result.tx_gas_used()), (receipt.success, receipt.gas_used));
        assert_eq!(result.into_logs(), receipt.logs);
    }
    list.into_alloy_bal()
}

fn compare(db: &CacheDB<EmptyDB>, world: &World) {
    for (address, theirs) in &db.cache.accounts {
        let ours = world.account(*address).unwrap();
        let info = &theirs.info;
        let account = ours.map(|stored| stored.account).unwrap_or_default();
        assert_eq!((account.balance, account.nonce, account.code_hash), (info.balance, info.nonce, info.code_hash));
        assert_eq!(ours.is_none(), info.is_empty(), "{address}");
        if info.code_hash != KECCAK256_EMPTY {
            let code = info.code.clone().unwrap_or_else(|| db.cache.contracts[&info.code_hash].clone());
            assert_eq!(account.code_size as usize, code.len());
            match ours.unwrap().delegation {
                Some(target) => assert_eq!(code.eip7702_address(), Some(target)),
                None => assert_eq!(world.code(account.code_hash).unwrap().original_bytes(), code.original_bytes()),
            }
        }
        for (slot, value) in &theirs.storage {
            assert_eq!(world.storage(*address, *slot), Ok(*value), "{address} {slot}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_must_hold_of_any_blocks(
        blocks in proptest::collection::vec(proptest::collection::vec(step(), 0..12), 1..5),
    ) {
        let mut node = Node::new();
        let genesis = (node.world.clone(), Checkpoint::genesis(node.head.clone()));
        let mut wei = supply(&node.world);
        let mut db = reference(&node);
        let mut before = Vec::new();
        let mut sealed = Vec::new();
        for steps in &blocks {
            before.push(leaves(&node.world));
            let parent = node.head.clone();
            let block = make(&mut node, steps);
            // The root is a function of the state alone.
            prop_assert_eq!(block.header.state_root, rebuilt_root(&node.world));
            // Nothing is made or lost but the burnt base fee.
            let burnt = U256::from(block.header.gas_used) * U256::from(block.header.base_fee_per_gas.unwrap());
            prop_assert_eq!(supply(&node.world) + burnt, wei);
            wei -= burnt;
            // revm over its own database says the same.
            let mut list = replay(&mut db, &node, &parent, &block);
            list.extend(block.access_list.iter().flatten().find(|account| account.address == HISTORY_STORAGE_ADDRESS).cloned());
            list.sort_by_key(|account| account.address);
            prop_assert_eq!(block.access_list.as_ref(), Some(&list));
            compare(&db, &node.world);
            sealed.push(block);
        }
        // The past, seen from now, is what it was; and it comes back.
        let undos: Vec<_> = sealed.iter().map(|block| Arc::new(block.applied.undo.clone())).collect();
        for (first, leaves) in before.iter().enumerate() {
            let past = node.world.past(&undos[first..]);
            let then = World::load(leaves.clone(), []).unwrap();
            for address in (1..12).map(person).chain(contracts::ALL.map(|(address, _)| address)) {
                prop_assert_eq!(past.account(address), then.account(address));
                for slot in [0, 1, 2, 3, 62, 63, 64, 65, 1_000].map(U256::from) {
                    prop_assert_eq!(past.storage(address, slot), then.storage(address, slot));
                }
            }
        }
        let mut back = node.world.clone();
        for (undo, leaves) in undos.iter().zip(&before).rev() {
            back.revert(undo).unwrap();
            prop_assert_eq!(&super::leaves(&back), leaves);
        }
        // Others come to the same, with the state or a witness, on any number of threads.
        let case = publish(&node.chain, &genesis.1, &sealed, &[]);
        let (verdict, witness) = case.record(&mut back);
        prop_assert!(matches!(verdict, Verdict::Valid(_)), "{}", digest(&verdict));
        let witness = witness.encode();
        prop_assert_eq!(digest(&case.judge_stateless(&witness)), digest(&verdict));
        for threads in 1..=3 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut world = genesis.0.clone();
            prop_assert_eq!(digest(&pool.install(|| case.judge(&mut world))), digest(&verdict));
            prop_assert_eq!(leaves(&world), leaves(&node.world));
        }
    }
}
