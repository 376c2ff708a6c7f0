//! The schema: one column family for each kind of key. Integers are big-endian, so that keys sort by height.
//!
//! | column family | key | value |
//! |---|---|---|
//! | `header` | height (8) | signed header, canonical bytes |
//! | `originals` | height (8) | the k original rows in one piece |
//! | `digests` | height (8) | k digests of 16 bytes |
//! | `blob` | namespace (32), BLAKE3 of the data (32) | height (8), position in the index (4) |
//! | `index` | height (8) | the blob index, canonical bytes |
//! | `usage` | namespace (32) | bytes (8) and number (8) of its blobs that are here |
//! | `kept` | namespace (32), height (8), position (4) of a blob that is kept by itself | length (8), time of its block (8) |
//! | `kept_data` | height (8), position (4) | the blob's bytes |
//! | `kept_usage` | namespace (32) | bytes (8) and number (8) of its kept blobs |
//! | `rows` | height (8), row (4) | length of the path (1), path (32 each), row; where a node has its share of a block |
//! | `certificate` | height (8) | certificate, canonical bytes |
//! | `state` | `first whole`, `archived`, `certified` | height (8) |
//! | `state` | `complete` | hash of the members (32), height (8) up to which the node's whole share is here |

use weft_primitives::{B256, Namespace};

use super::Location;

pub(super) const HEADER: &str = "header";
pub(super) const ORIGINALS: &str = "originals";
pub(super) const DIGESTS: &str = "digests";
pub(super) const BLOB: &str = "blob";
pub(super) const INDEX: &str = "index";
pub(super) const USAGE: &str = "usage";
pub(super) const KEPT: &str = "kept";
pub(super) const KEPT_DATA: &str = "kept_data";
pub(super) const KEPT_USAGE: &str = "kept_usage";
pub(super) const ROWS: &str = "rows";
pub(super) const CERTIFICATE: &str = "certificate";
pub(super) const STATE: &str = "state";
pub(super) const ALL: [&str; 12] =
    [HEADER, ORIGINALS, DIGESTS, BLOB, INDEX, USAGE, KEPT, KEPT_DATA, KEPT_USAGE, ROWS, CERTIFICATE, STATE];

pub(super) const FIRST_WHOLE: &[u8] = b"first whole";
pub(super) const ARCHIVED: &[u8] = b"archived";
pub(super) const CERTIFIED: &[u8] = b"certified";
pub(super) const COMPLETE: &[u8] = b"complete";

pub(super) const fn height(height: u64) -> [u8; 8] {
    height.to_be_bytes()
}

pub(super) fn row(height: u64, index: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&height.to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
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
