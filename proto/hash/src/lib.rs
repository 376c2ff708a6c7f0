//! BLAKE3 of many inputs at once, in the lanes of vector registers.
//!
//! `blake3` itself fills lanes only with the chunks of one input, and what a
//! tree or a matrix hashes is short: nodes of two blocks, rows of a chunk or
//! two. Here each lane has an input of its own. Which [`Lanes`] there are
//! depends on the processor; the hashes do not.
//!
//! Source: the BLAKE3 paper, sections 2.1 to 2.5.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod columns;
#[cfg(target_arch = "x86_64")]
mod compress;
mod flags;
mod keyed;
mod lanes;
mod message;

pub use columns::Columns;
pub use keyed::keyed_many;
pub use lanes::Lanes;
pub use message::{Message, hash_many};

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// Bytes of a block.
#[cfg(target_arch = "x86_64")]
const BLOCK: usize = 64;

/// Writes the hashes whose word `n` stands in `words[n]`, one for each lane, into `hashes`.
#[cfg(target_arch = "x86_64")]
fn write<const LANES: usize>(words: &[[u32; LANES]; 8], hashes: &mut [Hash]) {
    for (lane, hash) in hashes.iter_mut().enumerate() {
        for (bytes, words) in hash.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = words[lane].to_le_bytes();
        }
    }
}
