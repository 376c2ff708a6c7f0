//! Promises about blocks, and the evidence that one is false.
//!
//! A sequencer streams a block long before a commitment holds it. With it goes
//! a promise: on top of *this* commitment the block with *this* number is *this*
//! one. If a later commitment of the same key has another, both signatures
//! together prove it to anyone who has the settlement log, by hashes alone.
//! Whether a promise was void (a forced batch or a key change came between)
//! only the log can tell: that is settlement's to judge.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_rlp::Decodable;

use crate::codec::{DecodeError, Reader};
use crate::commitment::BatchHeader;
use crate::header::BlockHeader;
use crate::limits::MAX_BATCH_BLOCKS;
use crate::signer::{Signature, SignatureError, Signer};

/// Domain separation of the hash that is signed.
const DOMAIN: &[u8] = b"weft/promise/v1";

/// The only version of the encoding.
pub const VERSION: u32 = 1;

/// Longest header in evidence, in bytes of its RLP form: twice what a header of Prague can take.
const MAX_HEADER_BYTES: usize = 2_048;

/// Which block has a number, if the chain goes on from a commitment undisturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Promise {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// [`crate::ChainConfig::hash`].
    pub config_hash: B256,
    /// Hash of the newest commitment before the block that the sequencer builds on; zero before the first.
    pub base: B256,
    /// Number of the block.
    pub number: u64,
    /// Hash of the block.
    pub block_hash: B256,
}

impl Promise {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = 4 + 8 + 32 + 32 + 8 + 32;

    /// The version and all fields in order, fixed width, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SignedPromise::ENCODED_LEN);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.chain_id.to_be_bytes());
        out.extend_from_slice(self.config_hash.as_slice());
        out.extend_from_slice(self.base.as_slice());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(self.block_hash.as_slice());
        out
    }

    /// What is signed.
    pub fn hash(&self) -> B256 {
        keccak256([DOMAIN, &self.encode()].concat())
    }

    /// Signs with the posting key.
    pub fn sign(self, signer: &Signer) -> SignedPromise {
        SignedPromise { promise: self, signature: signer.sign(self.hash()) }
    }
}

/// A promise and the sequencer's signature over its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedPromise {
    /// What is promised.
    pub promise: Promise,
    /// Over [`Promise::hash`].
    pub signature: Signature,
}

impl SignedPromise {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = Promise::ENCODED_LEN + 65;

    /// The encoded promise followed by the 65 signature bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.promise.encode();
        out.extend_from_slice(&self.signature.0);
        out
    }

    /// Inverse of [`SignedPromise::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let signed = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(signed)
    }

    /// Reads one from the front of longer bytes.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u32("version")? != VERSION {
            return Err(DecodeError::Invalid { field: "version", why: "unknown promise version" });
        }
        let promise = Promise {
            chain_id: reader.u64("chain_id")?,
            config_hash: reader.b256("config_hash")?,
            base: reader.b256("base")?,
            number: reader.u64("number")?,
            block_hash: reader.b256("block_hash")?,
        };
        Ok(Self { promise, signature: Signature(reader.array("signature")?) })
    }

    /// Who signed it.
    pub fn signer(&self) -> Result<Address, SignatureError> {
        self.signature.recover(self.promise.hash())
    }
}

/// A promise, and what shows that a commitment has another block in its place. Whose signatures they are, and whether
/// the promise held at all, is judged with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was promised.
    pub promise: SignedPromise,
    /// Hash of the commitment whose batch has the block.
    pub commitment: B256,
    /// RLP of the headers from the batch's last block back to the one after the promised block; none if that is the last.
    pub headers: Vec<Bytes>,
}

/// Why evidence shows nothing about a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// The commitment's batch does not have the block.
    #[error("block {number} is not in the commitment's batch, which has blocks {first} to {last}")]
    OutsideBatch {
        /// Promised.
        number: u64,
        /// First in the batch.
        first: u64,
        /// Last in the batch.
        last: u64,
    },
    /// Headers are missing.
    #[error("{left} headers are missing between the batch's last block and the promised one")]
    Short {
        /// So many.
        left: u64,
    },
    /// A header is none, or not that of its block, or one too many.
    #[error("the header that should be that of block {0} is not, or not needed")]
    Unlinked(u64),
}

impl Evidence {
    /// The signed promise, the commitment's hash, then each header behind its length (4 bytes, big-endian). This is
    /// what a file of evidence holds.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.promise.encode();
        out.extend_from_slice(self.commitment.as_slice());
        for header in &self.headers {
            out.extend_from_slice(&(header.len() as u32).to_be_bytes());
            out.extend_from_slice(header);
        }
        out
    }

    /// Inverse of [`Evidence::encode`]. Of the headers only the lengths are judged here.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let promise = SignedPromise::read(&mut reader)?;
        let commitment = reader.b256("commitment")?;
        let mut headers = Vec::new();
        while reader.remaining() > 0 {
            let len = reader.u32("header length")?;
            headers.push(Bytes::copy_from_slice(reader.take("header", len as usize)?));
        }
        Self { promise, commitment, headers }.bounded()
    }

    /// Itself, if it is within the limits: headers for the largest batch, of the size that headers can have.
    pub fn bounded(self) -> Result<Self, DecodeError> {
        let check = |field, value: usize, limit: usize| {
            let (value, limit) = (value as u64, limit as u64);
            if value > limit { Err(DecodeError::TooLarge { field, value, limit }) } else { Ok(()) }
        };
        check("headers", self.headers.len(), MAX_BATCH_BLOCKS - 1)?;
        self.headers.iter().try_for_each(|header| check("header", header.len(), MAX_HEADER_BYTES))?;
        Ok(self)
    }

    /// The hash that the promised number has in the batch of `claim`.
    pub fn stands(&self, claim: &BatchHeader) -> Result<B256, EvidenceFault> {
        let mut trail = Trail::new(self.promise.promise.number, claim)?;
        self.headers.iter().try_for_each(|header| trail.follow(header))?;
        trail.end()
    }
}

/// The way from a batch's last block, whose hash the commitment has, back to the hash of a block in it. It needs one
/// header at a time, and finds a wrong one at once.
#[derive(Clone, Copy, Debug)]
pub struct Trail {
    /// Where it leads to.
    number: u64,
    /// The block that it has come to.
    at: u64,
    /// Its hash.
    hash: B256,
}

impl Trail {
    /// To a block of the batch of `claim`.
    pub fn new(number: u64, claim: &BatchHeader) -> Result<Self, EvidenceFault> {
        let (first, last) = (claim.first_block, claim.last_block);
        if !(first..=last).contains(&number) {
            return Err(EvidenceFault::OutsideBatch { number, first, last });
        }
        Ok(Self { number, at: last, hash: claim.last_block_hash })
    }

    /// Headers that are still needed.
    pub const fn left(&self) -> u64 {
        self.at - self.number
    }

    /// Takes the next header, in RLP.
    pub fn follow(&mut self, raw: &[u8]) -> Result<(), EvidenceFault> {
        let wrong = EvidenceFault::Unlinked(self.at);
        // The hash of the bytes themselves: they are the header's only form.
        if self.left() == 0 || raw.len() > MAX_HEADER_BYTES || keccak256(raw) != self.hash {
            return Err(wrong);
        }
        let header = BlockHeader::decode(&mut &raw[..]).map_err(|_| wrong)?;
        if header.number != self.at {
            return Err(wrong);
        }
        (self.at, self.hash) = (self.at - 1, header.parent_hash);
        Ok(())
    }

    /// The hash at its end.
    pub const fn end(&self) -> Result<B256, EvidenceFault> {
        match self.left() {
            0 => Ok(self.hash),
            left => Err(EvidenceFault::Short { left }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloy_primitives::b256;
    use proptest::prelude::*;

    fn signer() -> Signer {
        Signer::from_bytes([1; 32]).unwrap()
    }

    fn sample() -> Promise {
        let (config_hash, base) = (B256::repeat_byte(2), B256::repeat_byte(3));
        Promise { chain_id: 31337, config_hash, base, number: 9, block_hash: B256::repeat_byte(4) }
    }

    /// Headers of blocks 1 to `count`, linked.
    fn headers(count: u64) -> Vec<BlockHeader> {
        let mut headers: Vec<BlockHeader> = Vec::new();
        for number in 1..=count {
            let parent_hash = headers.last().map_or(B256::ZERO, BlockHeader::hash_slow);
            headers.push(BlockHeader { number, parent_hash, gas_used: number, ..Default::default() });
        }
        headers
    }

    /// Evidence about block `number` of a batch of `headers`, and the batch's claim.
    fn evidence(number: u64, headers: &[BlockHeader]) -> (Evidence, BatchHeader) {
        let last = headers.last().unwrap();
        let claim = BatchHeader {
            first_block: headers[0].number,
            last_block: last.number,
            last_block_hash: last.hash_slow(),
            ..Default::default()
        };
        let after = headers.iter().rev().filter(|header| header.number > number);
        let headers = after.map(|header| alloy_rlp::encode(header).into()).collect();
        let promise = Promise { number, ..sample() }.sign(&signer());
        (Evidence { promise, commitment: claim.hash(), headers }, claim)
    }

    #[test]
    fn golden() {
        assert_eq!(sample().hash(), b256!("dd4b40b4fd422dcf59b8e220e67eae0aae043405ff4f4f96a42114e601220471"));
    }

    #[test]
    fn the_hash_that_stands_is_found_from_the_batchs_last_block() {
        let headers = headers(5);
        for header in &headers {
            let (evidence, claim) = evidence(header.number, &headers);
            assert_eq!(evidence.stands(&claim), Ok(header.hash_slow()));
            assert_eq!(Evidence::decode(&evidence.encode()), Ok(evidence));
        }
        let outside = |number| EvidenceFault::OutsideBatch { number, first: 1, last: 5 };
        for number in [0, 6] {
            let (evidence, claim) = evidence(number, &headers);
            assert_eq!(evidence.stands(&claim), Err(outside(number)));
        }
    }

    #[test]
    fn evidence_that_does_not_lead_to_the_commitment_shows_nothing() {
        let headers = headers(5);
        let (good, claim) = evidence(2, &headers);
        let broken = |change: &dyn Fn(&mut Vec<Bytes>)| {
            let mut evidence = good.clone();
            change(&mut evidence.headers);
            evidence.stands(&claim)
        };
        assert_eq!(broken(&|all| drop(all.pop())), Err(EvidenceFault::Short { left: 1 }));
        assert_eq!(broken(&|all| all.push(all[2].clone())), Err(EvidenceFault::Unlinked(2)));
        assert_eq!(broken(&|all| all.swap(0, 1)), Err(EvidenceFault::Unlinked(5)));
        assert_eq!(broken(&|all| all[2] = all[1].clone()), Err(EvidenceFault::Unlinked(3)));
        assert_eq!(broken(&|all| all[0] = Bytes::new()), Err(EvidenceFault::Unlinked(5)));
        assert_eq!(broken(&|all| all[0] = [&all[0][..], &[0]].concat().into()), Err(EvidenceFault::Unlinked(5)));
    }

    #[test]
    fn evidence_is_bounded() {
        let (good, _) = evidence(2, &headers(3));
        let long = Evidence { headers: vec![vec![0; MAX_HEADER_BYTES + 1].into()], ..good.clone() };
        assert!(matches!(Evidence::decode(&long.encode()), Err(DecodeError::TooLarge { field: "header", .. })));
        let many = Evidence { headers: vec![Bytes::new(); MAX_BATCH_BLOCKS], ..good };
        assert!(matches!(Evidence::decode(&many.encode()), Err(DecodeError::TooLarge { field: "headers", .. })));
    }

    proptest! {
        #[test]
        fn any_bit_flip_breaks_the_signature(bit in 32..8 * Promise::ENCODED_LEN) {
            let mut bytes = sample().sign(&signer()).encode();
            prop_assert_eq!(SignedPromise::decode(&bytes).unwrap().signer(), Ok(signer().address()));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(SignedPromise::decode(&bytes).unwrap().signer(), Ok(signer().address()));
        }

        #[test]
        fn any_changed_byte_of_a_header_is_found_out(number in 1u64..5, at: prop::sample::Index, flip in 1u8..) {
            let (mut evidence, claim) = evidence(number, &headers(5));
            let which = at.index(evidence.headers.len());
            let mut raw = evidence.headers[which].to_vec();
            let at = at.index(raw.len());
            raw[at] ^= flip;
            evidence.headers[which] = raw.into();
            prop_assert!(matches!(evidence.stands(&claim), Err(EvidenceFault::Unlinked(_))));
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), good: bool) {
            let bytes = if good { [&sample().sign(&signer()).encode()[..], &bytes].concat() } else { bytes };
            if let Ok(signed) = SignedPromise::decode(&bytes) {
                prop_assert_eq!(signed.encode(), &bytes[..]);
            }
            if let Ok(evidence) = Evidence::decode(&bytes) {
                prop_assert_eq!(evidence.encode(), bytes);
                let claim = BatchHeader { last_block: u64::MAX, ..Default::default() };
                prop_assert!(evidence.stands(&claim).is_err());
            }
        }
    }
}
