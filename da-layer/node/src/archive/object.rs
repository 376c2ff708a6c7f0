//! The bytes of one archived block: `signed header (240) || original rows (k * row_len)`.
//!
//! The header says how long the rows are and what they encode to, so nothing
//! else is needed to check them. The payload begins at a fixed place, so that
//! a blob can be read alone.

use bytes::Bytes;
use weft_da::signed::SIGNED_HEADER_BYTES;
use weft_da::{BlobEntry, EncodedBlock, Schedule, SignedHeader};
use weft_primitives::B256;

use super::ArchiveError;

/// Length of the longest object: of a block with the largest payload and its padding.
pub const MAX_BYTES: u64 = 2 * weft_da::limits::MAX_PAYLOAD_BYTES;

/// Length of the object of a block.
pub const fn length(header: &SignedHeader) -> u64 {
    (SIGNED_HEADER_BYTES + header.header.shape.originals_len()) as u64
}

/// The object in two pieces.
pub fn parts(header: &SignedHeader, originals: Vec<u8>) -> [Bytes; 2] {
    [Bytes::copy_from_slice(&header.encode()), originals.into()]
}

/// Where in the object a blob lies; `None` beyond 64 bits.
pub fn range_of(entry: &BlobEntry) -> Option<std::ops::Range<u64>> {
    let start = entry.offset.checked_add(SIGNED_HEADER_BYTES as u64)?;
    Some(start..start.checked_add(entry.length)?)
}

/// The block in `bytes`, if it is the one with this hash: header, rows and all that follows from them are checked.
/// The signature is not.
pub fn open(height: u64, hash: B256, bytes: &[u8]) -> Result<(SignedHeader, EncodedBlock), ArchiveError> {
    let damaged = |what| ArchiveError::Damaged { height, what };
    let (header, originals) = bytes.split_at_checked(SIGNED_HEADER_BYTES).ok_or(damaged("it is too short"))?;
    let signed = SignedHeader::decode(header).map_err(|_| damaged("header does not decode"))?;
    if signed.header.height != height || signed.header.hash() != hash {
        return Err(damaged("header is another block's"));
    }
    let block = EncodedBlock::from_originals(signed.header.shape, originals, Schedule::Parallel)
        .map_err(|_| damaged("original rows are no block"))?;
    let rows = block.rows();
    let same = rows.row_root() == signed.header.row_root
        && rows.digest_root() == signed.header.digest_root
        && block.index().root() == signed.header.blob_index_root;
    if !same {
        return Err(damaged("original rows are not those of the header"));
    }
    Ok((signed, block))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weft_da::{Blob, ChainPosition, Packed};
    use weft_primitives::{Namespace, Signer};

    #[test]
    fn the_format_is_fixed_and_every_byte_of_it_counts() {
        let data = vec![5; 1_000];
        let packed = Packed::new(&[Blob::new(Namespace([1; 32]), &data)], 1 << 20).unwrap();
        let block = EncodedBlock::encode(packed, Schedule::Sequential);
        let position = ChainPosition { network_id: 1, height: 7, prev_hash: B256::repeat_byte(2), time_ms: 9 };
        let signed = SignedHeader::sign(block.header(position), &Signer::from_bytes([7; 32]).unwrap());
        let mut bytes = parts(&signed, block.rows().originals().to_vec()).concat();
        assert_eq!(bytes.len() as u64, length(&signed));
        assert_eq!(
            blake3::hash(&bytes).to_string(),
            "9ca6dec182effb26b2d4aa9f0e1132c2669acf44ee40e467424c7193068e3b9a"
        );
        let range = range_of(&block.index().entries()[0]).unwrap();
        assert_eq!(bytes[range.start as usize..range.end as usize], data);

        let hash = signed.header.hash();
        assert_eq!(open(7, hash, &bytes).unwrap(), (signed, block));
        assert!(open(8, hash, &bytes).is_err() && open(7, B256::ZERO, &bytes).is_err());
        assert!(open(7, hash, &bytes[..bytes.len() - 1]).is_err() && open(7, hash, &[]).is_err());
        // The signature is for whoever knows the signer.
        for at in (0..175).chain((240..bytes.len()).step_by(97)) {
            bytes[at] ^= 1;
            assert!(open(7, hash, &bytes).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
    }
}
