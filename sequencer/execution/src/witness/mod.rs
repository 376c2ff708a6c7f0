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

use alloy_primitives::Bytes;
use weft_primitives::codec::put_uvarint;
use weft_state::WitnessBytes;

pub(crate) use partial::PartialWorld;
pub(crate) use record::Recorder;

/// A part of a state, in bytes as it is made.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    tree: WitnessBytes,
    codes: Vec<Bytes>,
}

impl Witness {
    /// The bytes to hand to [`crate::verify::verify_stateless`].
    pub fn encode(&self) -> Vec<u8> {
        // A code's length takes three bytes at most.
        let codes = self.codes.iter().map(|code| code.len() + 3);
        let mut out = Vec::with_capacity(self.tree.len() + codes.sum::<usize>() + 5);
        put_uvarint(&mut out, self.codes.len() as u64);
        for code in &self.codes {
            put_uvarint(&mut out, code.len() as u64);
            out.extend_from_slice(code);
        }
        self.tree.put(&mut out);
        out
    }
}
