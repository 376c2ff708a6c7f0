//! Proofs that a key has a value, or has none, for someone who knows only the root.
//!
//! A proof is the way from the root towards the key: at each branch the hash of
//! the other side, and what stands at the end. Bytes and proofs are one to one.
//! Proofs of many keys at once are [`crate::partial`]'s.

use alloy_primitives::B256;
use weft_primitives::codec::{DecodeError, Reader};

use crate::Value;
use weft_hash::Message;

use crate::hash::{self, NodeHash, Prefix};
use crate::keys::{MAX_KEY_BITS, TreeKey};

/// Most branches above one leaf: one for each bit of the longest key.
pub const MAX_PROOF_STEPS: usize = MAX_KEY_BITS as usize;

/// A branch on the way to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The bit in which the branch's two sides differ.
    pub bit: u16,
    /// Hash of the side that the key is not on.
    pub sibling: NodeHash,
}

/// Where the way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The tree is empty.
    Empty,
    /// At a leaf: the key's own, or one that shows that the key is absent.
    Leaf {
        /// The leaf's key.
        key: TreeKey,
        /// The leaf's value.
        value: Value,
    },
    /// At a branch whose prefix the key leaves, or ends in: the key is absent.
    Branch {
        /// The bits that lead to the branch, in whole bytes filled up with zeros.
        path: TreeKey,
        /// The branch's bit.
        bit: u16,
        /// Hashes of its sides.
        children: [NodeHash; 2],
    },
}

/// The way from the root towards one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Branches from the root down.
    pub steps: Vec<Step>,
    /// Where the way ends.
    pub end: End,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum ProofError {
    /// The steps do not go down, or the end does not lie below them.
    #[error("the proof's way does not lead towards the key")]
    Way,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

impl Proof {
    /// The value at `key` under `root`; `None` is proven absence.
    ///
    /// Not verified: that `root` is the root of any real state, and anything
    /// about other keys.
    pub fn verify(&self, root: B256, key: &TreeKey) -> Result<Option<Value>, ProofError> {
        let from = self.steps.last().map_or(0, |step| step.bit + 1);
        if self.steps.windows(2).any(|pair| pair[0].bit >= pair[1].bit) || from > key.bits() {
            return Err(ProofError::Way);
        }
        let (mut hash, value) = self.end_hash(key, from)?;
        for (at, step) in self.steps.iter().enumerate().rev() {
            let above = at.checked_sub(1).map_or(0, |before| self.steps[before].bit + 1);
            let sides = if key.bit(step.bit) { [step.sibling, hash] } else { [hash, step.sibling] };
            hash = branch_hash(key, above, step.bit, &sides);
        }
        if root == B256::from(hash) { Ok(value) } else { Err(ProofError::Root) }
    }

    fn end_hash(&self, key: &TreeKey, from: u16) -> Result<(NodeHash, Option<Value>), ProofError> {
        match &self.end {
            End::Empty if self.steps.is_empty() => Ok(([0; 32], None)),
            End::Empty => Err(ProofError::Way),
            End::Leaf { key: found, value } => {
                if found.common_bits(key) < from {
                    return Err(ProofError::Way);
                }
                Ok((Message::new(hash::leaf(found, value)).hash(), (found == key).then_some(*value)))
            }
            End::Branch { path, bit, children } => {
                let common = path.common_bits(key).min(*bit);
                let absent = common < *bit || key.bits() <= *bit;
                if common < from || from > *bit || *bit > path.bits() || !absent {
                    return Err(ProofError::Way);
                }
                Ok((branch_hash(path, from, *bit, children), None))
            }
        }
    }

    /// `count (2) || count times: bit (2) || sibling (32) || end (1) || ...`, big-endian; after the end's kind
    ///
    /// - 0, empty: nothing;
    /// - 1, leaf: `key length (1) || key || value (32)`;
    /// - 2, branch: `bit (2) || path (as many bytes as hold "bit" bits) || left (32) || right (32)`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = (self.steps.len() as u16).to_be_bytes().to_vec();
        for step in &self.steps {
            out.extend_from_slice(&step.bit.to_be_bytes());
            out.extend_from_slice(&step.sibling);
        }
        match &self.end {
            End::Empty => out.push(0),
            End::Leaf { key, value } => {
                out.push(1);
                put_key(&mut out, key);
                out.extend_from_slice(value);
            }
            End::Branch { path, bit, children } => {
                out.push(2);
                out.extend_from_slice(&bit.to_be_bytes());
                out.extend_from_slice(path.as_slice());
                out.extend_from_slice(children.as_flattened());
            }
        }
        out
    }

    /// Inverse of [`Proof::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let count = usize::from(u16::from_be_bytes(reader.array("steps")?));
        if count > MAX_PROOF_STEPS {
            let (value, limit) = (count as u64, MAX_PROOF_STEPS as u64);
            return Err(DecodeError::TooLarge { field: "steps", value, limit });
        }
        let mut steps = Vec::with_capacity(count);
        for _ in 0..count {
            let bit = u16::from_be_bytes(reader.array("bit")?);
            steps.push(Step { bit, sibling: reader.array("sibling")? });
        }
        if steps.iter().any(|step| usize::from(step.bit) >= MAX_PROOF_STEPS) {
            return Err(DecodeError::Invalid { field: "bit", why: "beyond the longest key" });
        }
        let end = match reader.u8("end")? {
            0 => End::Empty,
            1 => End::Leaf { key: take_key(&mut reader)?, value: reader.array("value")? },
            2 => take_branch(&mut reader)?,
            _ => return Err(DecodeError::Invalid { field: "end", why: "must be 0, 1 or 2" }),
        };
        reader.finish()?;
        Ok(Self { steps, end })
    }
}

fn branch_hash(path: &TreeKey, from: u16, to: u16, children: &[NodeHash; 2]) -> NodeHash {
    Message::new(hash::branch(&Prefix::Key { key: path, from, to }, &children[0], &children[1])).hash()
}

fn put_key(out: &mut Vec<u8>, key: &TreeKey) {
    out.push(key.as_slice().len() as u8);
    out.extend_from_slice(key.as_slice());
}

fn take_key(reader: &mut Reader<'_>) -> Result<TreeKey, DecodeError> {
    let len = usize::from(reader.u8("key length")?);
    TreeKey::new(reader.take("key", len)?)
        .map_err(|_| DecodeError::Invalid { field: "key length", why: "must be 1 to 66" })
}

fn take_branch(reader: &mut Reader<'_>) -> Result<End, DecodeError> {
    let bit = u16::from_be_bytes(reader.array("bit")?);
    if bit >= MAX_KEY_BITS {
        return Err(DecodeError::Invalid { field: "bit", why: "beyond the longest key" });
    }
    let path = TreeKey::new(reader.take("path", usize::from(bit).div_ceil(8))?)
        .map_err(|_| DecodeError::Invalid { field: "path", why: "must not be empty" })?;
    if path != path.truncate(bit) {
        return Err(DecodeError::Invalid { field: "path", why: "must end in zero bits" });
    }
    Ok(End::Branch { path, bit, children: [reader.array("left")?, reader.array("right")?] })
}

#[cfg(test)]
mod tests;
