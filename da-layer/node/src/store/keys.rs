//! The schema: one column family for each kind of key. Integers are big-endian, so that keys sort by height.
//!
//! | column family | key | value |
//! |---|---|---|
//! | `header` | height (8) | signed header, canonical bytes |
//! | `originals` | height (8) | the k original rows in one piece |
//! | `digests` | height (8) | k digests of 16 bytes |
//! | `blob` | namespace (32), BLAKE3 of the data (32) | height (8), position in the index (4) |
//! | `index` | height (8) of a block that is not whole | its blob index, canonical bytes |
//! | `kept` | namespace (32), height (8), position (4) of a blob that is kept by itself | length (8), time of its block (8) |
//! | `kept_data` | height (8), position (4) | the blob's bytes |
//! | `usage` | namespace (32) | bytes (8) and number (8) of its kept blobs |
//! | `state` | `first whole`, `archived` | height (8) |

use weft_primitives::{B256, Namespace};

use super::Location;

pub(super) const HEADER: &str = "header";
pub(super) const ORIGINALS: &str = "originals";
pub(super) const DIGESTS: &str = "digests";
pub(super) const BLOB: &str = "blob";
pub(super) const INDEX: &str = "index";
pub(super) const KEPT: &str = "kept";
pub(super) const KEPT_DATA: &str = "kept_data";
pub(super) const USAGE: &str = "usage";
pub(super) const STATE: &str = "state";
pub(super) const ALL: [&str; 9] = [HEADER, ORIGINALS, DIGESTS, BLOB, INDEX, KEPT, KEPT_DATA, USAGE, STATE];

pub(super) const fn height(height: u64) -> [u8; 8] {
    height.to_be_bytes()
}

pub(super) fn blob(namespace: &Namespace, hash: &B256) -> [u8; 64] {
    let mut key = [0; 64];
    key[..32].copy_from_slice(namespace.as_bytes());
    key[32..].copy_from_slice(hash.as_slice());
    key
}

pub(super) fn kept(namespace: &Namespace, location: Location) -> [u8; 44] {
    let mut key = [0; 44];
    key[..32].copy_from_slice(namespace.as_bytes());
    key[32..].copy_from_slice(&location.encode());
    key
}

impl Location {
    pub(super) fn encode(self) -> [u8; 12] {
        let mut value = [0; 12];
        value[..8].copy_from_slice(&self.height.to_be_bytes());
        value[8..].copy_from_slice(&self.position.to_be_bytes());
        value
    }

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (height, position) = value.split_first_chunk::<8>()?;
        Some(Self { height: u64::from_be_bytes(*height), position: u32::from_be_bytes(position.try_into().ok()?) })
    }
}
