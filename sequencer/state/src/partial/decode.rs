//! Reading a witness from bytes that nobody vouches for.
//!
//! Bytes and partial trees are one to one. Memory stays within a small multiple
//! of the input, whatever it holds: ways end at the longest key, so at most 528
//! branches can stand open.

use alloy_primitives::B256;
use weft_primitives::codec::{DecodeError, Reader};

use super::{PartialTree, TO_BE_HASHED, tag};
use crate::arena::{Arena, Dirty, NodeId, Place, Schedule, rehash};
use crate::hash::NodeHash;
use crate::keys::{MAX_KEY_BITS, MAX_KEY_BYTES, TreeKey};

/// Longest witness that is read, in bytes.
pub const MAX_WITNESS_BYTES: usize = 256 << 20;

/// Why bytes are no part of the tree with the root asked for. Says nothing about any block.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum WitnessError {
    /// They are no partial tree at all.
    #[error("the witness does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// They are part of another tree.
    #[error("the witness hashes to the root {found}, not {wanted}")]
    Root {
        /// Asked for.
        wanted: B256,
        /// Of the bytes.
        found: B256,
    },
}

/// Where the next node hangs.
struct Open {
    /// The branch above and the side; `None` for the root.
    above: Option<(usize, usize)>,
    /// The bits that lead there, filled up with zeros.
    path: TreeKey,
    /// How many.
    from: u16,
}

struct Decoder<'a> {
    reader: Reader<'a>,
    arena: Arena,
    open: Vec<Open>,
}

impl PartialTree {
    /// From the bytes of a witness; demands that the nodes hash to `root`.
    pub fn decode(bytes: &[u8], root: B256, schedule: Schedule) -> Result<Self, WitnessError> {
        let mut tree = Self { arena: nodes(bytes)? };
        tree.hash_all(schedule);
        if tree.root() != root {
            return Err(WitnessError::Root { wanted: root, found: tree.root() });
        }
        Ok(tree)
    }

    fn hash_all(&mut self, schedule: Schedule) {
        let mut dirty = Dirty::default();
        self.arena.mark_all(&mut dirty);
        rehash(&mut [&mut self.arena], &dirty, schedule);
    }
}

fn nodes(bytes: &[u8]) -> Result<Arena, DecodeError> {
    if bytes.len() > MAX_WITNESS_BYTES {
        let (value, limit) = (bytes.len() as u64, MAX_WITNESS_BYTES as u64);
        return Err(DecodeError::TooLarge { field: "witness bytes", value, limit });
    }
    let mut decoder = Decoder { reader: Reader::new(bytes), arena: Arena::default(), open: Vec::new() };
    if !bytes.is_empty() {
        decoder.open.push(Open { above: None, path: TreeKey::zeros(), from: 0 });
    }
    while let Some(open) = decoder.open.pop() {
        let (node, hash) = match decoder.reader.u8("node kind")? {
            tag::HIDDEN => (decoder.arena.add_hidden(&open.path, open.from), decoder.reader.array("hash")?),
            tag::BRANCH => (decoder.branch(&open)?, TO_BE_HASHED),
            tag::LEAF => (decoder.leaf(&open)?, TO_BE_HASHED),
            _ => return Err(DecodeError::Invalid { field: "node kind", why: "must be 0, 1 or 2" }),
        };
        decoder.hang(&open, node, hash);
    }
    decoder.reader.finish()?;
    Ok(decoder.arena)
}

impl Decoder<'_> {
    fn branch(&mut self, open: &Open) -> Result<NodeId, DecodeError> {
        let len = u16::from_be_bytes(self.reader.array("prefix length")?);
        let bit = open.from.saturating_add(len);
        if bit >= MAX_KEY_BITS {
            return Err(DecodeError::Invalid { field: "prefix length", why: "goes beyond the longest key" });
        }
        let prefix = self.reader.take("prefix", usize::from(len).div_ceil(8))?;
        if len % 8 != 0 && prefix.last().is_some_and(|last| last << (len % 8) != 0) {
            return Err(DecodeError::Invalid { field: "prefix", why: "must end in zero bits" });
        }
        let mut path = open.path;
        path.put_bits(open.from, prefix);
        // Children of zero stand in until the real ones are read, which is before anything else looks.
        let id = self.arena.add_branch(&path, bit, [NodeId::PENDING; 2], [TO_BE_HASHED; 2]);
        if let Place::Branch(at) = id.place() {
            for side in [1, 0] {
                self.open.push(Open { above: Some((at, side)), path: path.fork(bit, side == 1), from: bit + 1 });
            }
        }
        Ok(id)
    }

    fn leaf(&mut self, open: &Open) -> Result<NodeId, DecodeError> {
        let len = usize::from(self.reader.u8("key length")?);
        let given = usize::from(open.from / 8);
        if len == 0 || len > MAX_KEY_BYTES || len * 8 < usize::from(open.from) {
            return Err(DecodeError::Invalid { field: "key length", why: "must be 1 to 66, and reach the leaf" });
        }
        let rest = self.reader.take("key", len - given)?;
        let key = TreeKey::new(&[&open.path.as_slice()[..given], rest].concat())
            .map_err(|_| DecodeError::Invalid { field: "key length", why: "must be 1 to 66" })?;
        if key.common_bits(&open.path) < open.from {
            return Err(DecodeError::Invalid { field: "key", why: "leaves the way to the leaf" });
        }
        let value = self.reader.array("value")?;
        if value == [0; 32] {
            return Err(DecodeError::Invalid { field: "value", why: "must not be zero" });
        }
        Ok(self.arena.add_leaf(key, value))
    }

    fn hang(&mut self, open: &Open, node: NodeId, hash: NodeHash) {
        match open.above {
            None => self.arena.set_root(node, hash),
            Some((parent, side)) => self.arena.hang(parent, side, node, hash),
        }
    }
}
