//! Witnesses: what of a state a batch touches, so that it can be judged without the rest.
//!
//! A part of the state tree ([`weft_state::partial`]) and the code that is run.
//! Nothing in it has to be trusted: the tree hashes to the state root, code to
//! the hashes in it. Made by [`crate::verify::verify_recording`].
//!
//! ```text
//! uvarint number of codes | for each: uvarint length, bytes | partial tree, to the end
//! ```

mod partial;
mod record;

use alloy_primitives::{B256, Bytes};
use weft_primitives::codec::{DecodeError, Reader, put_uvarint};
use weft_state::partial::WitnessError;
use weft_state::{PartialTree, Schedule};

pub(crate) use partial::PartialWorld;
pub(crate) use record::Recorder;

/// A part of a state.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    tree: PartialTree,
    codes: Vec<Bytes>,
}

impl Witness {
    /// The bytes to hand to [`crate::verify::verify_stateless`].
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_uvarint(&mut out, self.codes.len() as u64);
        for code in &self.codes {
            put_uvarint(&mut out, code.len() as u64);
            out.extend_from_slice(code);
        }
        out.extend_from_slice(&self.tree.encode());
        out
    }

    /// Inverse of [`Witness::encode`]; demands that the tree hashes to `root`. Codes may be any.
    pub fn decode(bytes: &[u8], root: B256) -> Result<Self, WitnessError> {
        let mut reader = Reader::new(bytes);
        let count = reader.uvarint("codes")?;
        let mut codes = Vec::new();
        for _ in 0..count {
            codes.push(take_code(&mut reader)?);
        }
        let len = reader.remaining();
        let tree = PartialTree::decode(reader.take("tree", len)?, root, Schedule::Parallel)?;
        Ok(Self { tree, codes })
    }
}

fn take_code(reader: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let len = usize::try_from(reader.uvarint("code length")?).unwrap_or(usize::MAX);
    if len == 0 {
        // Else a few bytes of input could stand for any number of codes.
        return Err(DecodeError::Invalid { field: "code length", why: "must not be 0" });
    }
    reader.take("code", len).map(Bytes::copy_from_slice)
}
