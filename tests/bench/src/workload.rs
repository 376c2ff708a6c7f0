//! Made-up blocks, each of one kind of transaction, or two.

use std::ops::Range;

use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::primitives::hardfork::SpecId;

use crate::map_state::MapState;

/// Gas price of all transactions, and of the block.
const GWEI: u128 = 1_000_000_000;

/// Hashes in one call of the contract that only computes.
const BURN_ROUNDS: u64 = 500;

/// A state, and transactions to execute on it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Stable name.
    pub name: &'static str,
    /// Before the block.
    pub state: MapState,
    /// In order.
    pub transactions: Vec<TxEnv>,
    /// Rules.
    pub config: CfgEnv,
    /// The block.
    pub block: BlockEnv,
}

/// Names of all made-up workloads, in the order in which they are measured.
pub const NAMES: [&str; 11] = [
    "transfer",
    "transfer_hot",
    "transfer_chain",
    "erc20",
    "erc20_new",
    "erc20_hot",
    "pool",
    "pool_hot",
    "mixed",
    "mixed_arranged",
    "compute",
];

impl Workload {
    /// The workload with this name and about `count` transactions; `None` if there is none.
    pub fn new(name: &str, count: u64) -> Option<Self> {
        let name = NAMES.into_iter().find(|known| *known == name)?;
        let mut made = Maker::new(name);
        match name {
            "transfer" => (0..count).for_each(|n| made.pay(n, n, who("to", n), true)),
            "transfer_hot" => (0..count).for_each(|n| made.pay(n, n, who("to", 0), true)),
            "transfer_chain" => (0..count).for_each(|n| made.pay(n, n, who("from", n + 1), false)),
            "erc20" => made.tokens(0..count, |n| who("to", n), true),
            "erc20_new" => made.tokens(0..count, |n| who("to", n), false),
            "erc20_hot" => made.tokens(0..count, |_| who("to", 0), true),
            "pool" => made.swaps(count, |n| who("pool", n)),
            "pool_hot" => made.swaps(count, |_| who("pool", 0)),
            "mixed" => made.mixed(count),
            "mixed_arranged" => made.arranged(count),
            _ => made.burns((count / 20).max(1)),
        }
        Some(made.0)
    }
}

/// A made-up address.
fn who(kind: &str, number: u64) -> Address {
    Address::from_word(keccak256(format!("{kind} {number}")))
}

/// The slot of a mapping at `slot` for an address.
fn mapping(key: Address, slot: u64) -> U256 {
    let mut preimage = [0; 64];
    preimage[12..32].copy_from_slice(key.as_slice());
    preimage[56..].copy_from_slice(&slot.to_be_bytes());
    keccak256(preimage).into()
}

fn runtime(text: &str) -> Bytes {
    hex::decode(text.trim()).unwrap_or_default().into()
}

/// Call data: selector of a signature, then words.
fn call_data(signature: &str, words: &[U256]) -> Bytes {
    let mut data = keccak256(signature)[..4].to_vec();
    words.iter().for_each(|word| data.extend(word.to_be_bytes::<32>()));
    data.into()
}

struct Maker(Workload);

impl Maker {
    fn new(name: &'static str) -> Self {
        let mut config = CfgEnv::new_with_spec(SpecId::OSAKA);
        config.chain_id = 1;
        let block = BlockEnv {
            number: U256::from(1_000),
            timestamp: U256::from(1_800_000_000u64),
            beneficiary: who("beneficiary", 0),
            gas_limit: u64::MAX,
            basefee: GWEI as u64,
            prevrandao: Some(keccak256("randao")),
            ..BlockEnv::default()
        };
        let mut state = MapState::default();
        state.insert(block.beneficiary, 0, U256::from(1), &Bytes::new(), []);
        Self(Workload { name, state, transactions: Vec::new(), config, block })
    }

    fn fund(&mut self, address: Address) {
        self.0.state.insert(address, 0, U256::from(10u64).pow(U256::from(21)), &Bytes::new(), []);
    }

    fn send(&mut self, caller: Address, to: Address, gas_limit: u64, value: u64, data: Bytes) {
        self.fund(caller);
        self.0.transactions.push(TxEnv {
            tx_type: 2,
            caller,
            gas_limit,
            gas_price: 2 * GWEI,
            gas_priority_fee: Some(GWEI),
            kind: TxKind::Call(to),
            value: U256::from(value),
            data,
            nonce: 0,
            chain_id: Some(1),
            ..TxEnv::default()
        });
    }

    fn pay(&mut self, from: u64, value: u64, to: Address, exists: bool) {
        if exists {
            self.fund(to);
        }
        self.send(who("from", from), to, 21_000, value + 1, Bytes::new());
    }

    fn tokens(&mut self, people: Range<u64>, to: impl Fn(u64) -> Address, known: bool) {
        let token = who("token", 0);
        let owners = people.clone().map(|n| who("from", n));
        let holders = owners.chain(people.clone().filter(|_| known).map(&to));
        let storage = holders.map(|holder| (mapping(holder, 0), U256::from(1_000_000)));
        let code = runtime(include_str!("../contracts/Token.hex"));
        self.0.state.insert(token, 1, U256::ZERO, &code, storage);
        for n in people {
            let recipient = U256::from_be_slice(to(n).as_slice());
            let data = call_data("transfer(address,uint256)", &[recipient, U256::from(n % 1_000 + 1)]);
            self.send(who("from", n), token, 100_000, 0, data);
        }
    }

    fn swaps(&mut self, count: u64, pool: impl Fn(u64) -> Address) {
        let code = runtime(include_str!("../contracts/Pool.hex"));
        let reserve = U256::from(10u64).pow(U256::from(24));
        let reserves = reserve | (reserve << 112) | (U256::from(1_700_000_000u64) << 224);
        let mut owners: std::collections::BTreeMap<Address, Vec<Address>> = Default::default();
        for n in 0..count {
            owners.entry(pool(n)).or_default().push(who("from", n));
        }
        for (pool, owners) in owners {
            let balances = owners
                .iter()
                .flat_map(|owner| [0, 1].map(|token| (mapping(*owner, token), U256::from(10u64).pow(U256::from(20)))));
            let storage: Vec<_> = balances.chain([(U256::from(2), reserves)]).collect();
            self.0.state.insert(pool, 1, U256::ZERO, &code, storage);
        }
        for n in 0..count {
            let amount = U256::from(1_000_000_000 + n);
            let data = call_data("swap(uint256,bool)", &[amount, U256::from(n % 2)]);
            self.send(who("from", n), pool(n), 200_000, 0, data);
        }
    }

    /// Half of them change one pool, half have nothing to do with each other; in no order.
    fn mixed(&mut self, count: u64) {
        self.swaps(count / 2, |_| who("pool", 0));
        self.tokens(count / 2..count, |n| who("to", n), true);
        self.0.transactions.sort_by_cached_key(|transaction| keccak256(transaction.caller));
    }

    /// The same, in the order that the sequencer gives them: those that depend on each other come last.
    fn arranged(&mut self, count: u64) {
        self.mixed(count);
        self.0.transactions.sort_by_key(|transaction| transaction.kind == TxKind::Call(who("pool", 0)));
    }

    fn burns(&mut self, count: u64) {
        let contract = who("burn", 0);
        let code = runtime(include_str!("../contracts/Burn.hex"));
        self.0.state.insert(contract, 1, U256::ZERO, &code, []);
        for n in 0..count {
            let data = call_data("burn(uint256,uint256)", &[U256::from(BURN_ROUNDS), U256::from(n + 1)]);
            self.send(who("from", n), contract, 1_000_000, 0, data);
        }
    }
}
