//! Whether a blob is in a block, as somebody claims.
//!
//! Shown by a proof against the header ([`BlobClaim::check_proof`]), or looked
//! up in the block's whole index ([`BlobClaim::find`]), which also shows that it
//! is *not* there. What is shown is the index entry: that the bytes at its
//! place hash to what it says is known to whoever has these bytes.

use alloy_primitives::B256;
use weft_da::blob::ProofFault;
use weft_da::{BlobEntry, BlobIndex, BlobProof, Header, VerifiedBlob};
use weft_primitives::Namespace;

/// What is claimed of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobClaim {
    /// Its namespace.
    pub namespace: Namespace,
    /// BLAKE3 of its bytes.
    pub hash: B256,
    /// Height of its block.
    pub height: Option<u64>,
    /// Offset in the block's payload, bytes.
    pub offset: Option<u64>,
    /// Its length, bytes.
    pub length: Option<u64>,
}

/// Why a claim is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIncluded {
    /// The proof does not lead to the header.
    #[error("the proof does not hold: {0}")]
    Proof(#[from] ProofFault),
    /// The proof is about another blob.
    #[error("the proof is of blob {hash} in namespace {namespace}")]
    OtherBlob {
        /// Its namespace.
        namespace: Namespace,
        /// Its hash.
        hash: B256,
    },
    /// The blob is in the block, but elsewhere.
    #[error("the blob is at offset {offset} and has {length} bytes")]
    OtherPlace {
        /// Where it is.
        offset: u64,
        /// How long it is.
        length: u64,
    },
    /// The index of the block, which was looked through, has no such blob.
    #[error("the block's index has no such blob")]
    Absent,
}

impl NotIncluded {
    /// Stable name.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Proof(_) => "PROOF",
            Self::OtherBlob { .. } => "OTHER_BLOB",
            Self::OtherPlace { .. } => "OTHER_PLACE",
            Self::Absent => "ABSENT",
        }
    }
}

impl BlobClaim {
    /// Checks a proof of the claim against the header of its block.
    pub fn check_proof(&self, header: &Header, proof: &BlobProof) -> Result<VerifiedBlob, NotIncluded> {
        let BlobEntry { namespace, hash, .. } = proof.entry;
        if (namespace, hash) != (self.namespace, self.hash) {
            return Err(NotIncluded::OtherBlob { namespace, hash });
        }
        let verified = proof.verify(header)?;
        self.check_place(verified.entry())?;
        Ok(verified)
    }

    /// Looks the blob up in the whole index of its block, and proves it.
    pub fn find(&self, index: &BlobIndex) -> Result<BlobProof, NotIncluded> {
        let range = index.positions_of(&self.namespace);
        let entries = index.entries().get(range.clone()).unwrap_or_default();
        let same = |(_, entry): &(usize, &BlobEntry)| entry.hash == self.hash;
        let placed = |(_, entry): &(usize, &BlobEntry)| self.check_place(entry).is_ok();
        let found = || range.clone().zip(entries).filter(same);
        let (position, entry) = found().find(placed).or_else(|| found().next()).ok_or(NotIncluded::Absent)?;
        self.check_place(entry)?;
        index.prove(position as u32).ok_or(NotIncluded::Absent)
    }

    fn check_place(&self, entry: &BlobEntry) -> Result<(), NotIncluded> {
        let BlobEntry { offset, length, .. } = *entry;
        if self.offset.is_none_or(|claimed| claimed == offset) && self.length.is_none_or(|claimed| claimed == length) {
            return Ok(());
        }
        Err(NotIncluded::OtherPlace { offset, length })
    }
}

#[cfg(test)]
mod tests {
    use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, blob_hash};

    use super::*;

    #[test]
    fn claims_are_held_against_header_and_index() {
        let (one, two) = (Namespace([1; 32]), Namespace([2; 32]));
        // The same bytes twice in one namespace.
        let blobs = [Blob::new(one, b"first"), Blob::new(two, b"same"), Blob::new(two, b"same")];
        let block = EncodedBlock::encode(Packed::new(&blobs, 1 << 20).expect("fits"), Schedule::Sequential);
        let place = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 0 };
        let header = block.header(place);
        let claim = BlobClaim { namespace: two, hash: blob_hash(b"same"), height: None, offset: None, length: None };
        let proof = claim.find(block.index()).expect("there");
        assert_eq!(claim.check_proof(&header, &proof).map(|blob| *blob.entry()), Ok(proof.entry));

        let second = block.index().entries()[2];
        let placed = BlobClaim { offset: Some(second.offset), length: Some(4), ..claim };
        let other = placed.find(block.index()).expect("there");
        assert_eq!((other.position, placed.check_proof(&header, &other).is_ok()), (2, true));
        let elsewhere = NotIncluded::OtherPlace { offset: proof.entry.offset, length: 4 };
        assert_eq!(placed.check_proof(&header, &proof), Err(elsewhere));
        let longer = BlobClaim { length: Some(5), ..claim };
        assert_eq!(longer.find(block.index()), Err(elsewhere));

        let absent = BlobClaim { namespace: one, ..claim };
        assert_eq!(absent.find(block.index()), Err(NotIncluded::Absent));
        assert!(matches!(absent.check_proof(&header, &proof), Err(NotIncluded::OtherBlob { .. })));
        let foreign = Header { blob_index_root: B256::ZERO, ..header };
        assert_eq!(claim.check_proof(&foreign, &proof), Err(NotIncluded::Proof(ProofFault::Root)));
    }
}
