//! Funded accounts of the development genesis, and signed transfers.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use weft_primitives::Signer;
use weft_primitives::transaction::{Envelope, encode};

/// Chain id of `config/genesis.dev.json`.
pub const CHAIN_ID: u64 = 31_337;

/// Secret keys of the first accounts of the mnemonic "test test ... junk".
const KEYS: [&str; 4] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];

/// An account that signs, and its next nonce.
#[derive(Debug, Clone)]
pub struct Account {
    signer: Signer,
    /// Nonce of the next transaction.
    pub nonce: u64,
}

/// The funded accounts, nonces at 0.
pub fn dev_accounts() -> Vec<Account> {
    KEYS.iter().map(|key| Account { signer: Signer::from_hex(key).expect("valid key"), nonce: 0 }).collect()
}

impl Account {
    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// A transfer with the next nonce.
    pub fn transfer(&mut self, to: Address, value: U256) -> Bytes {
        let nonce = self.nonce;
        self.nonce += 1;
        self.sign(TxEip1559 { nonce, to: TxKind::Call(to), value, ..template() })
    }

    /// Any transaction, signed as it is.
    pub fn sign(&self, transaction: TxEip1559) -> Bytes {
        let signature = self.signer.sign(transaction.signature_hash());
        let signature = Signature::from_raw(&signature.0).expect("our own signature");
        encode(&Envelope::from(transaction.into_signed(signature)))
    }
}

/// A plain transfer's fields on the development chain.
pub fn template() -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        ..TxEip1559::default()
    }
}
