//! What the leaves were before a block, so that it can be taken back.

use weft_primitives::codec::{DecodeError, Reader};

use crate::Value;
use crate::keys::TreeKey;
use crate::updates::{Update, UpdateBatch};

/// Most entries in one record.
pub const MAX_UNDO_ENTRIES: usize = 1 << 24;

/// The old value of each changed key, in key order; `None` was absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Undo {
    /// Key and old value.
    pub entries: Vec<Update>,
}

impl Undo {
    /// One record that takes back what all of these do, the newest first.
    pub fn joined<'a>(newest_first: impl IntoIterator<Item = &'a Self>) -> Self {
        // Of a key that several blocks changed the oldest value stands.
        let entries = newest_first.into_iter().flat_map(|undo| undo.entries.iter().copied()).collect();
        Self { entries: UpdateBatch::new(entries).into_entries() }
    }

    /// What a key was before, if the block changed it.
    pub fn old(&self, key: &TreeKey) -> Option<Option<Value>> {
        let at = self.entries.binary_search_by(|(entry, _)| entry.cmp(key)).ok()?;
        Some(self.entries[at].1)
    }

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

    /// Inverse of [`Undo::encode`]; demands key order and no zero values, so that one record has one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut entries: Vec<Update> = Vec::new();
        while reader.remaining() > 0 {
            if entries.len() == MAX_UNDO_ENTRIES {
                let limit = MAX_UNDO_ENTRIES as u64;
                return Err(DecodeError::TooLarge { field: "undo entries", value: limit + 1, limit });
            }
            let len = usize::from(reader.u8("key length")?);
            let key = TreeKey::new(reader.take("key", len)?);
            let key = key.map_err(|_| DecodeError::Invalid { field: "key length", why: "must be 1 to 66" })?;
            let value = match reader.u8("value flag")? {
                0 => None,
                1 => Some(reader.array::<32>("value")?),
                _ => return Err(DecodeError::Invalid { field: "value flag", why: "must be 0 or 1" }),
            };
            if value == Some([0; 32]) {
                return Err(DecodeError::Invalid { field: "value", why: "must not be zero" });
            }
            if entries.last().is_some_and(|(last, _)| *last >= key) {
                return Err(DecodeError::Invalid { field: "key", why: "out of order" });
            }
            entries.push((key, value));
        }
        Ok(Self { entries })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use proptest::prelude::*;

    #[test]
    fn golden_bytes() {
        let key = |byte: u8| TreeKey::new(&[byte, 7]).unwrap();
        let undo = Undo { entries: vec![(key(1), None), (key(2), Some([0xaa; 32]))] };
        let bytes = undo.encode();
        assert_eq!(hex::encode(&bytes), format!("0201070002020701{}", "aa".repeat(32)));
        assert_eq!(Undo::decode(&bytes), Ok(undo));
    }

    #[test]
    fn refusals() {
        let record = |parts: &[&[u8]]| Undo::decode(&parts.concat()).unwrap_err();
        let invalid = |field, why| DecodeError::Invalid { field, why };
        assert_eq!(record(&[&[0, 0]]), invalid("key length", "must be 1 to 66"));
        assert_eq!(record(&[&[1, 9, 2]]), invalid("value flag", "must be 0 or 1"));
        assert_eq!(record(&[&[1, 9, 1], &[0; 32]]), invalid("value", "must not be zero"));
        assert_eq!(record(&[&[1, 9, 0], &[1, 9, 0]]), invalid("key", "out of order"));
        assert_eq!(record(&[&[1, 9]]), DecodeError::Truncated { field: "value flag" });
    }

    proptest! {
        #[test]
        fn one_record_has_one_encoding(bytes in proptest::collection::vec(prop_oneof![0u8..3, any::<u8>()], 0..200)) {
            if let Ok(undo) = Undo::decode(&bytes) {
                prop_assert_eq!(undo.encode(), bytes);
            }
        }
    }
}
