//! Code by hash, analysed once and shared.
//!
//! The state tree commits to code by its keccak256 hash alone, so code from
//! anywhere is trusted as soon as it is hashed.

use alloy_primitives::map::B256Map;
use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, keccak256};
use revm::bytecode::Bytecode;

use crate::view::Missing;

/// Analysed code; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Codes(B256Map<Bytecode>);

/// Jump table and padding of any bytes, those included that revm's own reading of `0xef01..` refuses.
pub(crate) fn analyse(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

impl Codes {
    pub(crate) fn get(&self, hash: B256) -> Result<Bytecode, Missing> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        self.0.get(&hash).cloned().ok_or(Missing::Code(hash))
    }

    pub(crate) fn insert(&mut self, hash: B256, code: &Bytes) {
        self.0.entry(hash).or_insert_with(|| analyse(code.clone()));
    }
}

impl FromIterator<Bytes> for Codes {
    fn from_iter<I: IntoIterator<Item = Bytes>>(codes: I) -> Self {
        Self(codes.into_iter().map(|code| (keccak256(&code), analyse(code))).collect())
    }
}
