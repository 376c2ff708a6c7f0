//! A chain of DA blocks, honest or not, as a producer would publish it.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use weft_da::blob::BLOB_ENTRY_BYTES;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::{Blob, ChainPosition, EncodedBlock, Header, Packed, Schedule, SignedHeader, adversary};
use weft_primitives::{B256, Namespace, Signer};

pub const NETWORK: u64 = 31337;

/// Payload lengths: downloaded whole; sampled over GF(2^8); sampled over GF(2^16).
pub const SMALL: usize = 2_000;
pub const MIDDLE: usize = 50_000;
pub const LARGE: usize = 100_000;

pub fn signer() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

/// A block's payload of exactly `len` bytes, different for each seed.
pub fn packed(len: usize, seed: u8) -> Packed {
    let data = noise(len - BLOB_ENTRY_BYTES, seed);
    Packed::new(&[Blob::new(Namespace([seed; 32]), &data)], MAX_PAYLOAD_BYTES).unwrap()
}

fn noise(len: usize, seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(next).collect()
}

#[derive(Clone)]
pub struct Published {
    pub block: Arc<EncodedBlock>,
    pub header: SignedHeader,
}

/// What all nodes of a test serve. New blocks wake subscribers.
pub struct World {
    published: Mutex<Vec<Published>>,
    height: watch::Sender<u64>,
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { published: Mutex::new(Vec::new()), height: watch::Sender::new(0) })
    }

    /// A chain of honest blocks with payloads of these lengths.
    pub fn honest(lens: &[usize]) -> Arc<Self> {
        let world = Self::new();
        lens.iter().for_each(|len| world.publish(*len));
        world
    }

    pub fn publish(&self, len: usize) {
        let packed = packed(len, self.latest() as u8);
        self.push(EncodedBlock::encode(packed, Schedule::Parallel));
    }

    /// A block of which just above 3/8 of the rows are not those of the code.
    pub fn publish_wrong_encoding(&self, len: usize) {
        let packed = packed(len, self.latest() as u8);
        let rows = packed.shape().rows() as u32;
        let wrong: Vec<u32> = (0..rows).filter(|row| row % 8 < 3 || *row == 7).collect();
        self.push(adversary::wrong_encoding(packed, &wrong));
    }

    /// A block of several blobs, all of `len` bytes, each in a namespace of its own.
    pub fn publish_blobs(&self, count: u8, len: usize) {
        let data: Vec<Vec<u8>> = (0..count).map(|seed| noise(len, seed)).collect();
        let blobs: Vec<Blob<'_>> =
            (0..).zip(&data).map(|(name, data)| Blob::new(Namespace([name; 32]), data)).collect();
        self.push(EncodedBlock::encode(Packed::new(&blobs, MAX_PAYLOAD_BYTES).unwrap(), Schedule::Parallel));
    }

    /// A block whose rows are all one place off.
    pub fn publish_shifted(&self, len: usize) {
        self.push(adversary::shifted(packed(len, self.latest() as u8)));
    }

    pub fn publish_wrong_digests(&self, len: usize) {
        self.push(adversary::wrong_digests(packed(len, self.latest() as u8)));
    }

    /// An honest matrix whose header names another blob index.
    pub fn publish_wrong_index(&self, len: usize) {
        let block = EncodedBlock::encode(packed(len, self.latest() as u8), Schedule::Parallel);
        let header = Header { blob_index_root: B256::repeat_byte(3), ..self.next_header(&block) };
        self.push_signed(block, SignedHeader::sign(header, &signer()));
    }

    fn push(&self, block: EncodedBlock) {
        let header = self.next_header(&block);
        self.push_signed(block, SignedHeader::sign(header, &signer()));
    }

    fn push_signed(&self, block: EncodedBlock, header: SignedHeader) {
        self.published.lock().unwrap().push(Published { block: Arc::new(block), header });
        self.height.send_replace(header.header.height);
    }

    fn next_header(&self, block: &EncodedBlock) -> Header {
        let height = self.latest() + 1;
        let prev_hash = self.at(height - 1).map_or(B256::ZERO, |parent| parent.header.header.hash());
        block.header(ChainPosition { network_id: NETWORK, height, prev_hash, time_ms: 1_700_000_000_000 + height })
    }

    pub fn at(&self, height: u64) -> Option<Published> {
        let at = usize::try_from(height.checked_sub(1)?).ok()?;
        self.published.lock().unwrap().get(at).cloned()
    }

    pub fn latest(&self) -> u64 {
        *self.height.borrow()
    }

    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.height.subscribe()
    }

    /// Another header of this height by the same signer, well linked.
    pub fn equivocation(&self, height: u64) -> SignedHeader {
        let ours = self.at(height).unwrap().header.header;
        SignedHeader::sign(Header { time_ms: ours.time_ms + 1, ..ours }, &signer())
    }

    /// A header of this height by the same signer that links to nothing.
    pub fn broken_link(&self, height: u64) -> SignedHeader {
        let ours = self.at(height).unwrap().header.header;
        SignedHeader::sign(Header { prev_hash: B256::repeat_byte(0xee), ..ours }, &signer())
    }

    /// The header of this height, signed by somebody else.
    pub fn forged(&self, height: u64) -> SignedHeader {
        SignedHeader::sign(self.at(height).unwrap().header.header, &Signer::from_bytes([2; 32]).unwrap())
    }
}
