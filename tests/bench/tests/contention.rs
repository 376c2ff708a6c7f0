//! Parallel equals sequential, on made-up blocks in which everything depends on everything.
//!
//! So is what blocks touch, and what comes of executing them by lists, right and wrong ones.
//!
//! `WEFT_SEEDS` says how many blocks (default 1,500); a failure prints the command that repeats it.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use revm::context::either::Either;
use revm::context::transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::primitives::hardfork::SpecId;
use weft_bench::MapState;
use weft_execution::access::{BlockAccessList, WrongList, decode, encode};
use weft_execution::parallel::Engine;
use weft_execution::raw::{Executor, Outcome, execute_by_list_on, execute_listing, execute_listing_on, execute_on};

#[path = "contention/wrong_lists.rs"]
mod wrong_lists;

/// Blocks that follow each other with one seed.
const BLOCKS: usize = 3;

const GWEI: u128 = 1_000_000_000;

fn who(kind: &str, number: u64) -> Address {
    Address::from_word(keccak256(format!("{kind} {number}")))
}

/// What contracts do with the two words of their call data, `a` and `b`.
fn contracts() -> Vec<(Address, Vec<u8>)> {
    // Runtime: sstore(0, sload(0) + 1).
    let counter = vec![0x5f, 0x54, 0x60, 1, 0x01, 0x5f, 0x55, 0x00];
    // Returns the counter as its runtime.
    let mut init = vec![0x67];
    init.extend(&counter);
    init.extend([0x5f, 0x52, 0x60, 8, 0x60, 24, 0xf3]);
    let codes: Vec<Vec<u8>> = vec![
        counter,
        // sstore(a, b)
        vec![0x60, 32, 0x35, 0x5f, 0x35, 0x55, 0x00],
        // sstore(b, sload(a))
        vec![0x5f, 0x35, 0x54, 0x60, 32, 0x35, 0x55, 0x00],
        // sstore(7, call(a, value b))
        vec![0x5f, 0x5f, 0x5f, 0x5f, 0x60, 32, 0x35, 0x5f, 0x35, 0x5a, 0xf1, 0x60, 7, 0x55, 0x00],
        // sstore(1, balance(a))
        vec![0x5f, 0x35, 0x31, 0x60, 1, 0x55, 0x00],
        // sstore(2, selfbalance)
        vec![0x47, 0x60, 2, 0x55, 0x00],
        // selfdestruct(a)
        vec![0x5f, 0x35, 0xff],
        // sstore(4, extcodehash(a))
        vec![0x5f, 0x35, 0x3f, 0x60, 4, 0x55, 0x00],
        // sstore(5, 5), then revert
        vec![0x60, 5, 0x60, 5, 0x55, 0x5f, 0x5f, 0xfd],
        // until out of gas
        vec![0x5b, 0x5f, 0x56],
        // log1(sload(0), a)
        vec![0x5f, 0x54, 0x5f, 0x52, 0x5f, 0x35, 0x60, 32, 0x5f, 0xa1, 0x00],
        // x = create2(value, the counter, salt b % 2); call(x, nothing); sstore(3, x)
        creator(&init, true),
        // x = create(value, code that destroys itself in favour of its creator)
        creator(&[0x33, 0xff], false),
        // sload(a) without end of it: sstore(a, sload(a) + b)
        vec![0x5f, 0x35, 0x54, 0x60, 32, 0x35, 0x01, 0x5f, 0x35, 0x55, 0x00],
    ];
    codes.into_iter().enumerate().map(|(n, code)| (who("contract", n as u64), code)).collect()
}

fn creator(init: &[u8], salted: bool) -> Vec<u8> {
    let len = init.len() as u8;
    let mut code = Vec::new();
    let body = |at: u8| {
        let mut code = vec![0x60, len, 0x60, at, 0x5f, 0x39];
        if salted {
            code.extend([0x60, 1, 0x60, 32, 0x35, 0x16]);
        }
        code.extend([0x60, len, 0x5f, 0x34, if salted { 0xf5 } else { 0xf0 }]);
        code.extend([0x80, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x85, 0x5a, 0xf1, 0x50, 0x60, 3, 0x55, 0x00]);
        code
    };
    let len_of_body = body(0).len() as u8;
    code.extend(body(len_of_body));
    code.extend(init);
    code
}

struct World {
    random: StdRng,
    state: MapState,
    nonces: Vec<u64>,
    contracts: Vec<Address>,
    config: CfgEnv,
    beneficiary: Address,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut state = MapState::default();
        let people = random.random_range(2..12);
        let coins = U256::from(10u64).pow(U256::from(18));
        for n in 0..people {
            // Some are poor.
            let balance = if random.random_bool(0.1) { U256::from(GWEI * 90_000) } else { coins };
            state.insert(who("person", n), 0, balance, &Bytes::new(), []);
        }
        // Some are so rich that little more fits.
        for (rich, room) in [(who("new", 1), 60), (who("beneficiary", 0), (GWEI * 100_000) as u64)] {
            if random.random_bool(0.2) {
                state.insert(rich, 0, U256::MAX - U256::from(room), &Bytes::new(), []);
            }
        }
        let contracts = contracts();
        for (address, code) in &contracts {
            let balance = U256::from(random.random_range(0..200u64));
            let storage = [0, 1, 5].map(|slot| (U256::from(slot), U256::from(random.random_range(0..3u64))));
            state.insert(*address, 1, balance, &code.clone().into(), storage);
        }
        let specs = [SpecId::BERLIN, SpecId::LONDON, SpecId::SHANGHAI, SpecId::CANCUN, SpecId::PRAGUE, SpecId::OSAKA];
        let mut config = CfgEnv::new_with_spec(specs.choose(&mut random).copied().unwrap_or(SpecId::OSAKA));
        config.chain_id = 1;
        let beneficiary = match random.random_range(0..6) {
            0 => who("person", 0),
            1 => contracts[5].0,
            _ => who("beneficiary", 0),
        };
        let contracts = contracts.into_iter().map(|(address, _)| address).collect();
        Self { random, state, nonces: vec![0; people as usize], contracts, config, beneficiary }
    }

    fn anyone(&mut self) -> Address {
        let random = &mut self.random;
        match random.random_range(0..10) {
            0..4 => who("person", random.random_range(0..self.nonces.len() as u64)),
            4..8 => self.contracts.choose(random).copied().unwrap_or_default(),
            8 => who("new", random.random_range(0..4)),
            _ => self.beneficiary,
        }
    }

    fn transaction(&mut self) -> TxEnv {
        let from = self.random.random_range(0..self.nonces.len());
        let to = self.anyone();
        let nonce = self.nonces[from];
        let london = self.config.spec.is_enabled_in(SpecId::LONDON);
        let mut transaction = TxEnv {
            caller: who("person", from as u64),
            gas_limit: 100_000,
            gas_price: self.random.random_range(2..4) * GWEI,
            kind: TxKind::Call(to),
            value: U256::from(self.random.random_range(0..50u64)),
            nonce,
            chain_id: Some(1),
            ..TxEnv::default()
        };
        if london && self.random.random_bool(0.7) {
            transaction.tx_type = 2;
            transaction.gas_priority_fee = Some(self.random.random_range(0..2) * GWEI);
        }
        match self.random.random_range(0..20) {
            // A payment.
            0..6 => transaction.gas_limit = if self.random.random_bool(0.95) { 21_000 } else { 20_999 },
            6 => {
                transaction.kind = TxKind::Create;
                transaction.data = vec![0x60, 1, 0x5f, 0x55, 0x5f, 0x5f, 0xf3].into();
            }
            7 if self.config.spec.is_enabled_in(SpecId::PRAGUE) => self.delegate(&mut transaction),
            _ => {
                let contract = self.contracts.choose(&mut self.random).copied().unwrap_or_default();
                transaction.kind = TxKind::Call(contract);
                let (a, b) = (self.word(), U256::from(self.random.random_range(0..60u64)));
                transaction.data = [a.to_be_bytes::<32>(), b.to_be_bytes::<32>()].concat().into();
            }
        }
        match self.random.random_range(0..40) {
            0 => transaction.nonce += 1,
            1 => transaction.nonce = transaction.nonce.saturating_sub(1),
            2 => transaction.value = U256::MAX,
            3 => transaction.gas_price = GWEI / 2,
            _ => self.nonces[from] += 1,
        }
        transaction
    }

    fn word(&mut self) -> U256 {
        if self.random.random_bool(0.5) {
            return U256::from(self.random.random_range(0..4u64));
        }
        U256::from_be_slice(self.anyone().as_slice())
    }

    fn delegate(&mut self, transaction: &mut TxEnv) {
        let who_delegates = self.random.random_range(0..self.nonces.len());
        let target = match self.random.random_bool(0.3) {
            true => Address::ZERO,
            false => self.contracts.choose(&mut self.random).copied().unwrap_or_default(),
        };
        let own = transaction.caller == who("person", who_delegates as u64);
        let nonce = self.nonces[who_delegates] + u64::from(own);
        let authorization = Authorization { chain_id: U256::from(1), address: target, nonce };
        let authority = RecoveredAuthority::Valid(who("person", who_delegates as u64));
        transaction.tx_type = 4;
        transaction.gas_priority_fee = Some(GWEI);
        transaction.authorization_list =
            vec![Either::Right(RecoveredAuthorization::new_unchecked(authorization, authority))];
        if self.random.random_bool(0.9) {
            self.nonces[who_delegates] += 1;
        }
    }
}

fn block(number: u64, world: &World) -> BlockEnv {
    BlockEnv {
        number: U256::from(number),
        timestamp: U256::from(1_800_000_000u64),
        beneficiary: world.beneficiary,
        gas_limit: 1_000_000_000,
        basefee: GWEI as u64,
        prevrandao: Some(B256::repeat_byte(7)),
        ..BlockEnv::default()
    }
}

/// Executes the blocks of a seed every way there is; what differs, if anything.
fn run(seed: u64) -> Option<String> {
    let mut world = World::new(seed);
    let mut engines: Vec<Engine> = [1, 2, 4, 8].map(Engine::new).into();
    for number in 1..=BLOCKS as u64 {
        // Half of the blocks are executed as they are when nobody asks for lists.
        let lists = seed.wrapping_add(number).is_multiple_of(2);
        let count = world.random.random_range(1..120);
        let transactions: Vec<TxEnv> = (0..count).map(|_| world.transaction()).collect();
        let block = block(number, &world);
        let (state, config) = (&world.state, &world.config);
        let (oracle, list) = match execute_listing(state, config, &block, &transactions, Executor::Sequential) {
            Ok(done) => done,
            Err(missing) => return Some(format!("sequential: missing {missing}")),
        };
        for engine in &mut engines {
            let root = B256::with_last_byte(number as u8);
            let executed = match lists {
                true => execute_listing_on(engine, state, Some(root), config, &block, &transactions),
                false => execute_on(engine, state, Some(root), config, &block, &transactions)
                    .map(|outcome| (outcome, list.clone())),
            };
            let (ours, our_list) = match executed {
                Ok(done) => done,
                Err(missing) => return Some(format!("parallel: missing {missing}")),
            };
            if our_list != list {
                return Some(format!(
                    "block {number} on {} threads: list {our_list:?}, not {list:?}",
                    engine.threads()
                ));
            }
            if let Some(difference) = difference(&oracle, &ours) {
                return Some(format!("block {number} on {} threads: {difference}", engine.threads()));
            }
            engine.applied(B256::with_last_byte(number as u8 + 1));
        }
        world.state.apply(&oracle.changes);
    }
    None
}

fn difference(oracle: &Outcome, ours: &Outcome) -> Option<String> {
    for (at, (left, right)) in oracle.results.iter().zip(&ours.results).enumerate() {
        if left != right {
            return Some(format!("transaction {at}: {left:?}, not {right:?}"));
        }
    }
    let [left, right] = [oracle, ours].map(|outcome| outcome.changes.clone().in_order().accounts);
    for (one, other) in left.iter().zip(&right) {
        if one != other {
            return Some(format!("change {one:?}, not {other:?}"));
        }
    }
    (!oracle.same(ours)).then(|| format!("{} changes, not {}; or code", left.len(), right.len()))
}

/// Wrong lists tried for each block.
const WRONG_LISTS: usize = 12;

/// Executes the blocks of a seed by list, by right ones and wrong ones; what differs, if anything.
fn run_by_lists(seed: u64) -> Option<String> {
    let mut world = World::new(seed);
    let mut engines: Vec<Engine> = [1, 4].map(Engine::new).into();
    for number in 1..=BLOCKS as u64 {
        let count = world.random.random_range(1..60);
        let candidates: Vec<TxEnv> = (0..count).map(|_| world.transaction()).collect();
        let block = block(number, &world);
        let refusing = match execute_listing(&world.state, &world.config, &block, &candidates, Executor::Sequential) {
            Ok((outcome, _)) => outcome,
            Err(missing) => return Some(format!("sequential: missing {missing}")),
        };
        let executable = candidates.iter().zip(&refusing.results).filter(|(_, result)| result.is_ok());
        let transactions: Vec<TxEnv> = executable.map(|(transaction, _)| transaction.clone()).collect();
        let oracle = execute_listing(&world.state, &world.config, &block, &transactions, Executor::Sequential);
        let Ok((oracle, list)) = oracle else { return Some("sequential: missing".into()) };
        if decode(&encode(&list)).as_ref() != Ok(&list) {
            return Some(format!("block {number}: {list:?} is not what its bytes are"));
        }
        // By older rules all lists are wrong.
        let lists = world.config.spec.is_enabled_in(SpecId::CANCUN);
        let count = if lists { WRONG_LISTS } else { 1 };
        let wrong = wrong_lists::of(&list, transactions.len(), count, &mut world.random);
        let mut by_list = |what: &str, oracle: &Outcome, transactions: &[TxEnv], list: &BlockAccessList| {
            let mut verdicts = Vec::new();
            for engine in &mut engines {
                let (state, config) = (&world.state, &world.config);
                let (ours, verdict) = execute_by_list_on(engine, state, None, config, &block, transactions, list)
                    .map_err(|missing| format!("{what}: missing {missing}"))?;
                if let Some(difference) = difference(oracle, &ours) {
                    return Err(format!(
                        "block {number}, {what}, {verdict:?}, {} threads: {difference}",
                        engine.threads()
                    ));
                }
                verdicts.push(verdict);
            }
            if verdicts[0] != verdicts[1] {
                return Err(format!("block {number}, {what}: {verdicts:?}"));
            }
            Ok(verdicts.swap_remove(0))
        };
        let check = |what: &str, verdict: Result<Result<(), WrongList>, String>, right: bool| match verdict {
            Err(difference) => Some(difference),
            Ok(verdict) => (verdict.is_ok() != right).then(|| format!("block {number}, {what}: {verdict:?}")),
        };
        let verdict = by_list("right", &oracle, &transactions, &list);
        if let Some(difference) = check("right", verdict, lists) {
            return Some(difference);
        }
        if transactions.len() < candidates.len()
            && let Some(difference) = check("refusing", by_list("refusing", &refusing, &candidates, &list), false)
        {
            return Some(difference);
        }
        for (what, list) in wrong {
            if let Some(difference) = check(what, by_list(what, &oracle, &transactions, &list), false) {
                return Some(format!("{difference}\n{list:?}"));
            }
        }
        world.state.apply(&oracle.changes);
    }
    None
}

#[test]
fn parallel_is_sequential() {
    each_seed(1_500, run);
}

#[test]
fn lists_are_right_or_found_out() {
    each_seed(800, run_by_lists);
}

fn each_seed(default: u64, run: impl Fn(u64) -> Option<String>) {
    let from_environment = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match from_environment("WEFT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("WEFT_SEEDS").unwrap_or(default),
    };
    for seed in seeds {
        if let Some(difference) = run(seed) {
            panic!(
                "seed {seed}: {difference}\nrepeat with: WEFT_SEED={seed} cargo test --release -p weft-bench --test contention"
            );
        }
    }
}
