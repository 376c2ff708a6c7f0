//! Accounts as leaves (EIP-8297): basic data, code hash, delegation.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};

use crate::Value;

/// Begins an EIP-7702 delegation indicator, followed by the address.
const DELEGATION_PREFIX: [u8; 3] = [0xef, 0x01, 0x00];

/// What the tree holds of an account, its storage aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// In wei; below 2^128.
    pub balance: U256,
    /// keccak256 of the code; of nothing for an account without code.
    pub code_hash: B256,
    /// Length of the code in bytes.
    pub code_size: u32,
}

impl Default for Account {
    fn default() -> Self {
        Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY, code_size: 0 }
    }
}

/// Why an account cannot be put into the tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum AccountError {
    /// The tree has 16 bytes for a balance.
    #[error("balance {0} is not below 2^128")]
    Balance(U256),
}

/// The basic data leaf holds something else.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("basic data leaf has version {0}, only 0 is known")]
pub struct UnknownVersion(pub u8);

impl Account {
    /// Whether EIP-161 calls it empty: such accounts have no leaves.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }

    /// `version (1) || reserved (3) || code size (4) || nonce (8) || balance (16)`, big-endian.
    pub fn basic_data(&self) -> Result<Value, AccountError> {
        let balance = u128::try_from(self.balance).map_err(|_| AccountError::Balance(self.balance))?;
        let mut value = [0; 32];
        value[4..8].copy_from_slice(&self.code_size.to_be_bytes());
        value[8..16].copy_from_slice(&self.nonce.to_be_bytes());
        value[16..].copy_from_slice(&balance.to_be_bytes());
        Ok(value)
    }

    /// Inverse of [`Account::basic_data`], given the code hash that the other leaves tell.
    pub fn from_leaves(basic_data: &Value, code_hash: B256) -> Result<Self, UnknownVersion> {
        if basic_data[0] != 0 {
            return Err(UnknownVersion(basic_data[0]));
        }
        let field = |from: usize, to: usize| U256::from_be_slice(&basic_data[from..to]);
        Ok(Self { code_size: field(4, 8).to(), nonce: field(8, 16).to(), balance: field(16, 32), code_hash })
    }
}

/// The delegation leaf: indicator and nine zero bytes.
pub fn delegation_leaf(target: Address) -> Value {
    let mut value = [0; 32];
    value[..23].copy_from_slice(&delegation_code(target));
    value
}

/// The code of a delegated account: `ef0100 || address` (EIP-7702).
pub fn delegation_code(target: Address) -> [u8; 23] {
    let mut code = [0; 23];
    code[..3].copy_from_slice(&DELEGATION_PREFIX);
    code[3..].copy_from_slice(target.as_slice());
    code
}

/// The target of a delegation leaf, or of a delegated account's code.
pub fn delegation_target(bytes: &[u8]) -> Option<Address> {
    let rest = bytes.strip_prefix(&DELEGATION_PREFIX)?;
    let (address, padding) = rest.split_at_checked(20)?;
    padding.iter().all(|byte| *byte == 0).then(|| Address::from_slice(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_data_round_trip() {
        let account =
            Account { nonce: 7, balance: U256::from(u128::MAX), code_hash: B256::repeat_byte(1), code_size: 24_576 };
        let value = account.basic_data().expect("fits");
        assert_eq!(Account::from_leaves(&value, account.code_hash), Ok(account));
        let rich = Account { balance: U256::ONE << 128, ..account };
        assert_eq!(rich.basic_data(), Err(AccountError::Balance(rich.balance)));
        assert_eq!(Account::from_leaves(&[1; 32], B256::ZERO), Err(UnknownVersion(1)));
    }

    #[test]
    fn delegations() {
        let target = Address::repeat_byte(0xab);
        assert_eq!(delegation_target(&delegation_leaf(target)), Some(target));
        assert_eq!(delegation_target(&delegation_code(target)), Some(target));
        assert_eq!(delegation_target(&[0xef, 1, 0]), None);
    }
}
