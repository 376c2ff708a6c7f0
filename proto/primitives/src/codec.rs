//! Bounded reading of fixed-width big-endian fields: the base of every canonical encoding.
//!
//! A [`Reader`] never panics and never reads past its input; `finish` demands
//! that every byte was used, so that one value has one encoding.

use alloy_primitives::{Address, B256};

/// Why bytes are not the canonical encoding of anything.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum DecodeError {
    /// The input ended inside a field.
    #[error("input ends inside {field}")]
    Truncated {
        /// The field being read.
        field: &'static str,
    },
    /// Bytes follow the last field.
    #[error("{0} bytes follow the last field")]
    Trailing(usize),
    /// A field holds a value that the format does not allow.
    #[error("{field}: {why}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A length or count is above its limit.
    #[error("{field} is {value}, above the limit of {limit}")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// What the input says.
        value: u64,
        /// The limit.
        limit: u64,
    },
}

/// Reads fields from the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated { field })?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated { field })?;
        self.rest = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(field)?[0])
    }

    /// A 4-byte big-endian integer.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// An 8-byte big-endian integer.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// A 32-byte hash.
    pub fn b256(&mut self, field: &'static str) -> Result<B256, DecodeError> {
        self.array(field).map(B256::new)
    }

    /// A 20-byte address.
    pub fn address(&mut self, field: &'static str) -> Result<Address, DecodeError> {
        self.array(field).map(Address::new)
    }

    /// A canonical LEB128 integer: at most ten bytes, no superfluous zero byte.
    pub fn uvarint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.u8(field)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(DecodeError::Invalid { field, why: "varint above 64 bits" });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift != 0 {
                    return Err(DecodeError::Invalid { field, why: "varint is not the shortest" });
                }
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid { field, why: "varint above 64 bits" })
    }

    /// Demands that everything was read.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(DecodeError::Trailing(extra)),
        }
    }
}

/// Appends the canonical LEB128 form of `value`.
pub fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn uvarint_round_trip(value: u64) {
            let mut bytes = Vec::new();
            put_uvarint(&mut bytes, value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.uvarint("value"), Ok(value));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn uvarint_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.uvarint("value") {
                let used = bytes.len() - reader.remaining();
                let mut again = Vec::new();
                put_uvarint(&mut again, value);
                prop_assert_eq!(&bytes[..used], &again[..]);
            }
        }
    }
}
