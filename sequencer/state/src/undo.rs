//! What the leaves were before a block, so that it can be taken back.

use weft_primitives::codec::{DecodeError, Reader};

use crate::Value;
use crate::keys::{MAX_KEY_BYTES, TreeKey};
use crate::updates::UpdateBatch;

/// Most entries in one record.
pub const MAX_UNDO_ENTRIES: usize = 1 << 24;

/// The old value of each changed key, in key order; `None` was absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Undo {
    /// Key and old value.
    pub entries: Vec<(TreeKey, Option<Value>)>,
}

impl Undo {
    /// The updates that take the block back.
    pub fn inverse(&self) -> UpdateBatch {
        UpdateBatch::new(self.entries.clone())
    }

    /// For each entry `key length (1) || key || present (1) || value (32 if present)`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len() * 68);
        for (key, value) in &self.entries {
            out.push(key.as_slice().len() as u8);
            out.extend_from_slice(key.as_slice());
            out.push(u8::from(value.is_some()));
            out.extend_from_slice(value.as_ref().map_or(&[], |value| &value[..]));
        }
        out
    }

    /// Inverse of [`Undo::encode`]; demands key order and no zero values.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut entries: Vec<(TreeKey, Option<Value>)> = Vec::new();
        while reader.remaining() > 0 {
            if entries.len() == MAX_UNDO_ENTRIES {
                let limit = MAX_UNDO_ENTRIES as u64;
                return Err(DecodeError::TooLarge { field: "undo entries", value: limit + 1, limit });
            }
            let len = usize::from(reader.u8("key length")?);
            let key = TreeKey::new(reader.take("key", len)?);
            let key = key.map_err(|_| DecodeError::Invalid { field: "key length", why: "must be 1 to 66" })?;
            debug_assert!(len <= MAX_KEY_BYTES);
            let value = match reader.u8("value flag")? {
                0 => None,
                1 => Some(reader.array::<32>("value")?).filter(|value| *value != [0; 32]),
                _ => return Err(DecodeError::Invalid { field: "value flag", why: "must be 0 or 1" }),
            };
            if entries.last().is_some_and(|(last, _)| *last >= key) {
                return Err(DecodeError::Invalid { field: "key", why: "out of order" });
            }
            entries.push((key, value));
        }
        Ok(Self { entries })
    }
}
