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

/// A copy that shares nothing that is ever written with anyone.
///
/// revm clones and drops the code that it runs several times a transaction.
/// Threads that run the same contract, or merely pay from accounts without
/// code, would all the time take the one count of clones from each other.
pub(crate) fn own(code: &Bytecode) -> Bytecode {
    match code.legacy_jump_table() {
        // SAFETY: all three are those of code that revm has analysed and padded itself.
        Some(jumps) => unsafe { Bytecode::new_analyzed(code.bytes(), code.len(), jumps.clone()) },
        // Of a delegation: only its address is used.
        None => code.clone(),
    }
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
