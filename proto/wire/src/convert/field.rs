//! Single fields.

use alloy_primitives::{Address, B256, U256};
use bytes::Bytes;
use tonic::{Code, Status};
use weft_primitives::Signature;

use crate::status::{Reason, status};

/// A field of a message is not what the protocol says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct WireError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl WireError {
    pub(crate) fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

impl Reason for WireError {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        "MALFORMED"
    }
}

impl From<WireError> for Status {
    fn from(error: WireError) -> Self {
        status(&error)
    }
}

fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], WireError> {
    bytes.try_into().map_err(|_| WireError::new(field, format!("must be {N} bytes, not {}", bytes.len())))
}

/// A 32-byte hash.
pub fn hash(field: &'static str, bytes: &[u8]) -> Result<B256, WireError> {
    array(field, bytes).map(B256::new)
}

/// Several 32-byte hashes.
pub fn hashes(field: &'static str, all: &[Bytes]) -> Result<Vec<B256>, WireError> {
    all.iter().map(|bytes| hash(field, bytes)).collect()
}

/// A 20-byte address.
pub fn address(field: &'static str, bytes: &[u8]) -> Result<Address, WireError> {
    array(field, bytes).map(Address::new)
}

/// A 65-byte signature; whose it is, is not judged here.
pub fn signature(field: &'static str, bytes: &[u8]) -> Result<Signature, WireError> {
    array(field, bytes).map(Signature)
}

/// A message that must be there.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or_else(|| WireError::new(field, "is missing"))
}

/// An amount: big-endian, no leading zero byte, at most 32 bytes.
pub fn u256(field: &'static str, bytes: &[u8]) -> Result<U256, WireError> {
    if bytes.first() == Some(&0) {
        return Err(WireError::new(field, "has a leading zero byte"));
    }
    U256::try_from_be_slice(bytes).ok_or_else(|| WireError::new(field, "is longer than 32 bytes"))
}

/// An amount below 2^128.
pub fn u128(field: &'static str, bytes: &[u8]) -> Result<u128, WireError> {
    u256(field, bytes)?.try_into().map_err(|_| WireError::new(field, "is 2^128 or more"))
}

/// An amount as the wire has it.
pub fn wei(value: U256) -> Bytes {
    value.to_be_bytes_trimmed_vec().into()
}

pub(crate) fn bytes(array: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(array.as_ref())
}
