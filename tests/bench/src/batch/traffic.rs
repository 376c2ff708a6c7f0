//! A synthetic day on a rollup, the same on every machine.
//!
//! Recipients, senders, tokens and fees follow Zipf's law; one recipient in
//! ten is new; amounts are round; signatures are noise. All of it comes from
//! one seed.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, Bytes, Signature, U256};
use weft_primitives::batch::{Batch, BatchBlock};
use weft_primitives::transaction::encode;

/// A chain id that takes three bytes, as most do.
const CHAIN_ID: u64 = 71_717;

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain transfers of ether.
    Eth,
    /// `transfer` of one of 30 tokens.
    Erc20,
}

const KNOWN_ACCOUNTS: usize = 20_000;
const TOKENS: usize = 30;
const FEES: usize = 60;

/// SplitMix64: noise enough for sizes, and no dependency's stream to change.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// In [0, 1).
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn word(&mut self) -> [u8; 32] {
        let mut word = [0; 32];
        word.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.next().to_be_bytes()));
        word
    }

    fn address(&mut self) -> Address {
        Address::from_slice(&self.word()[..20])
    }
}

/// Picks index `i` with probability proportional to `1 / (i + 1)^s`.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(len: usize, s: f64) -> Self {
        let mut sum = 0.0;
        Self(
            (0..len)
                .map(|i| {
                    sum += ((i + 1) as f64).powf(-s);
                    sum
                })
                .collect(),
        )
    }

    fn pick(&self, noise: &mut Noise) -> usize {
        let at = noise.fraction() * self.0[self.0.len() - 1];
        self.0.partition_point(|sum| *sum <= at).min(self.0.len() - 1)
    }
}

/// `count` transactions in blocks of 100.
pub fn batch(kind: Kind, count: usize) -> Batch {
    let mut noise = Noise(7);
    let accounts: Vec<_> = (0..KNOWN_ACCOUNTS).map(|_| noise.address()).collect();
    let tokens: Vec<_> = (0..TOKENS).map(|_| noise.address()).collect();
    let fees: Vec<_> = (0..FEES).map(|_| fee(&mut noise)).collect();
    let (of_accounts, of_tokens, of_fees) =
        (Zipf::new(KNOWN_ACCOUNTS, 0.6), Zipf::new(TOKENS, 1.2), Zipf::new(FEES, 0.9));
    let mut nonces = std::collections::HashMap::new();
    let transactions: Vec<Bytes> = (0..count)
        .map(|_| {
            let recipient = match noise.below(10) {
                0 => noise.address(),
                _ => accounts[of_accounts.pick(&mut noise)],
            };
            let sender = of_accounts.pick(&mut noise);
            let nonce = nonces.entry(sender).or_insert_with(|| first_nonce(&mut noise));
            *nonce += 1;
            let (priority, max) = fees[of_fees.pick(&mut noise)];
            let token = tokens[of_tokens.pick(&mut noise)];
            transaction(kind, &mut noise, recipient, token, *nonce, priority, max)
        })
        .collect();
    let blocks = transactions.chunks(100).enumerate().map(|(index, transactions)| BatchBlock {
        timestamp: 1_700_000_000 + index as u64 / 5,
        inbox_count: 0,
        transactions: transactions.to_vec(),
    });
    Batch { chain_id: CHAIN_ID, first_block: 1_000_000, inbox_from: 12, blocks: blocks.collect() }
}

fn first_nonce(noise: &mut Noise) -> u64 {
    // Pareto with shape 0.7: most accounts are young, some are bots.
    (1.0 - noise.fraction()).powf(-1.0 / 0.7) as u64 % 5000
}

fn fee(noise: &mut Noise) -> (u64, u64) {
    let priority = noise.pick(&[0, 1, 1_000_000, 100_000_000, 1_500_000_000]);
    let odd = if noise.below(2) == 0 { 0 } else { noise.below(1_000_000) };
    (priority, priority + noise.pick(&[10_000_000, 20_000_000, 100_000_000, 1_000_000_000]) + odd)
}

fn transaction(
    kind: Kind,
    noise: &mut Noise,
    recipient: Address,
    token: Address,
    nonce: u64,
    priority: u64,
    max: u64,
) -> Bytes {
    let digits = noise.pick(&[2u32, 3, 4, 6]);
    let mantissa = U256::from(1 + noise.below(10u64.pow(digits) - 1));
    let scaled = |decimals: u32| mantissa * U256::from(10).pow(U256::from(decimals.saturating_sub(digits)));
    let (to, value, input, gas_limit) = match kind {
        Kind::Eth => {
            let gas = if noise.below(20) < 17 { 21_000 } else { noise.pick(&[25_200, 31_500, 50_000]) };
            (recipient, scaled(18), vec![], gas)
        }
        Kind::Erc20 => {
            let amount = if noise.below(5) < 4 { scaled(6) } else { scaled(18) };
            let words = [recipient.into_word().0, amount.to_be_bytes::<32>()].concat();
            let input = [&[0xa9, 0x05, 0x9c, 0xbb][..], &words].concat();
            (token, U256::ZERO, input, noise.pick(&[65_000, 60_000, 52_000, 48_212, 51_234, 63_000, 100_000]))
        }
    };
    let transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit,
        max_fee_per_gas: max.into(),
        max_priority_fee_per_gas: priority.into(),
        to: to.into(),
        value,
        access_list: Default::default(),
        input: input.into(),
    };
    let (r, s) = (U256::from_be_bytes(noise.word()), U256::from_be_bytes(noise.word()) >> 1);
    encode(&transaction.into_signed(Signature::new(r, s, noise.below(2) == 0)).into())
}
