//! Short messages, such as the nodes of a tree, hashed many at a time.
//!
//! A message of 65 to 128 bytes is two blocks of one chunk: two compressions,
//! the first at the chunk's start, the second at its end and the root. Lanes do
//! both for as many messages as they are. Others, and the few left over, are
//! hashed one by one.

use crate::{Hash, Lanes};

/// What is to be hashed, at most [`Message::MAX_LEN`] bytes; zero beyond its end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Message {
    bytes: [u8; Self::MAX_LEN],
    len: usize,
}

impl Message {
    /// Most bytes.
    pub const MAX_LEN: usize = 136;

    /// What `write` makes of zeros, cut to the length that it returns.
    ///
    /// # Panics
    /// If that is more than [`Message::MAX_LEN`], or if there are other bytes than zeros beyond it.
    #[inline]
    pub fn new(write: impl FnOnce(&mut [u8; Self::MAX_LEN]) -> usize) -> Self {
        let mut message = Self::default();
        message.set(write);
        message
    }

    /// Becomes what [`Message::new`] would make, in place.
    #[inline]
    pub fn set(&mut self, write: impl FnOnce(&mut [u8; Self::MAX_LEN]) -> usize) {
        self.bytes = [0; Self::MAX_LEN];
        self.len = write(&mut self.bytes);
        assert!(self.len <= Self::MAX_LEN, "{} bytes", self.len);
        debug_assert!(self.bytes[self.len..].iter().all(|byte| *byte == 0), "zero beyond the end");
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Its hash.
    pub fn hash(&self) -> Hash {
        *blake3::hash(self.as_slice()).as_bytes()
    }

    /// Whether it is two blocks.
    #[cfg(target_arch = "x86_64")]
    fn fits(&self) -> bool {
        (65..=2 * crate::BLOCK).contains(&self.len)
    }
}

impl Default for Message {
    /// No bytes.
    fn default() -> Self {
        Self { bytes: [0; Self::MAX_LEN], len: 0 }
    }
}

/// The hash of each message.
pub fn hash_many(lanes: Lanes, messages: &[Message], hashes: &mut [Hash]) {
    assert_eq!(messages.len(), hashes.len(), "a hash for each message");
    #[cfg(target_arch = "x86_64")]
    if lanes.is_supported() {
        match lanes {
            Lanes::Sixteen => return x86::sixteen(messages, hashes),
            Lanes::Eight => return x86::eight(messages, hashes),
            Lanes::One => {}
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = lanes;
    one_by_one(messages, hashes);
}

fn one_by_one(messages: &[Message], hashes: &mut [Hash]) {
    for (message, hash) in messages.iter().zip(hashes) {
        *hash = message.hash();
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Hash, Message, one_by_one};
    use crate::{avx2, avx512, write};

    /// Bytes from one message to the next.
    const STRIDE: usize = size_of::<Message>();

    /// Groups with fewer messages are not worth filling lanes for.
    const FEW: usize = 4;

    pub(super) fn sixteen(messages: &[Message], hashes: &mut [Hash]) {
        in_groups(messages, hashes, |bytes, lens| {
            // SAFETY: the caller has asked for these instructions.
            unsafe { avx512::two_blocks(bytes, STRIDE, lens) }
        });
    }

    pub(super) fn eight(messages: &[Message], hashes: &mut [Hash]) {
        in_groups(messages, hashes, |bytes, lens| {
            // SAFETY: the caller has asked for these instructions.
            unsafe { avx2::two_blocks(bytes, STRIDE, lens) }
        });
    }

    /// Hashes groups of `LANES` through `two_blocks`, which gets them in one piece, and their lengths in bytes.
    fn in_groups<const LANES: usize>(
        messages: &[Message],
        hashes: &mut [Hash],
        two_blocks: impl Fn(&[u8], &[u32; LANES]) -> [[u32; LANES]; 8],
    ) {
        let mut filled = [Message { bytes: [0; Message::MAX_LEN], len: 65 }; LANES];
        for (messages, hashes) in messages.chunks(LANES).zip(hashes.chunks_mut(LANES)) {
            if messages.len() < FEW {
                one_by_one(messages, hashes);
                continue;
            }
            let group = if messages.len() == LANES {
                messages
            } else {
                filled[..messages.len()].copy_from_slice(messages);
                &filled[..]
            };
            // What does not fit is hashed as if it did, and then again.
            let mut lens = [0; LANES];
            for (len, message) in lens.iter_mut().zip(group) {
                *len = message.len as u32;
            }
            write(&two_blocks(bytes_of(group), &lens), hashes);
            for (message, hash) in messages.iter().zip(hashes).filter(|(message, _)| !message.fits()) {
                *hash = message.hash();
            }
        }
    }

    fn bytes_of(messages: &[Message]) -> &[u8] {
        // SAFETY: a message is bytes and one word after them without a gap, so these are initialised bytes of one borrow.
        unsafe { std::slice::from_raw_parts(messages.as_ptr().cast(), size_of_val(messages)) }
    }

    const _: () = assert!(STRIDE == Message::MAX_LEN + size_of::<usize>(), "no gap");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_lanes_equals_blake3() {
        let messages: Vec<Message> = (0..=Message::MAX_LEN)
            .chain((0..=Message::MAX_LEN).rev())
            .enumerate()
            .map(|(n, len)| {
                Message::new(|bytes| {
                    bytes[..len].iter_mut().enumerate().for_each(|(at, byte)| *byte = (97 * at + 31 * n + 1) as u8);
                    len
                })
            })
            .collect();
        let want: Vec<Hash> = messages.iter().map(Message::hash).collect();
        for lanes in Lanes::ALL.into_iter().filter(|lanes| lanes.is_supported()) {
            for group in [1, 3, 4, 5, 8, 15, 16, 17, 31, 64, messages.len()] {
                let mut hashes = vec![[0; 32]; messages.len()];
                for (messages, hashes) in messages.chunks(group).zip(hashes.chunks_mut(group)) {
                    hash_many(lanes, messages, hashes);
                }
                assert!(hashes == want, "{lanes:?} in groups of {group}");
            }
        }
    }
}
