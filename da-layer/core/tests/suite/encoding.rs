//! From blobs to rows and back.

use proptest::prelude::*;
use weft_da::layout::PackError;
use weft_da::limits::MAX_BLOBS_PER_BLOCK;
use weft_da::rebuild::{BlobRowsFault, FullFault, RebuildFault};
use weft_da::row::DigestsFault;
use weft_da::{
    Blob, BlobIndex, CodecId, EncodedBlock, Packed, RowFault, RowServer, Schedule, VerifiedDigests, adversary,
    blob_from_rows, check_full, payload_from_rows, rebuild, rows_of,
};

use crate::common::{blobs, bytes, digests, encode, namespace, one_blob, pack, position, verified_rows};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn blobs_come_back_from_any_quarter(blobs in blobs(), order in Just((0..16_384u32).collect::<Vec<_>>()).prop_shuffle()) {
        let (block, header) = encode(&blobs);
        let shape = header.shape;
        let quarter = order.into_iter().filter(|row| (*row as usize) < shape.rows()).take(shape.k());
        let rows = verified_rows(&block, &header, quarter);
        let rebuilt = rebuild(&header, &rows, Schedule::Parallel).unwrap();
        prop_assert!(rebuilt == *block.rows());
        let (same, originals) = EncodedBlock::encode_beside(pack(&blobs), Schedule::Parallel, <[u8]>::to_vec);
        prop_assert!(same == block && originals == block.rows().originals());

        let index = BlobIndex::verify(&header, rebuilt.payload()).unwrap();
        let positions = pack(&blobs).positions().to_vec();
        for ((name, data), position) in blobs.iter().zip(positions) {
            let entry = index.entries()[position as usize];
            prop_assert_eq!(entry.namespace, *name);
            prop_assert_eq!(entry.open(rebuilt.payload()).unwrap(), &data[..]);
        }
        prop_assert_eq!(
            rebuild(&header, &rows[1..], Schedule::Sequential),
            Err(RebuildFault::TooFewRows { found: shape.k() - 1, needed: shape.k() })
        );
    }

    #[test]
    fn parallel_equals_sequential(blobs in blobs(), threads in 1usize..5) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let parallel = pool.install(|| EncodedBlock::encode(pack(&blobs), Schedule::Parallel));
        prop_assert!(parallel == encode(&blobs).0);
    }

    #[test]
    fn all_follows_from_the_originals(blobs in blobs()) {
        let (block, header) = encode(&blobs);
        let originals = block.rows().originals();
        prop_assert!(EncodedBlock::from_originals(header.shape, originals, Schedule::Parallel).unwrap() == block);
        prop_assert!(check_full(&header, originals, Schedule::Parallel).unwrap() == block);

        let server = RowServer::new(&header, originals, block.rows().row_tree().leaves()).unwrap();
        for row in [0, 1, header.shape.k() as u32 - 1] {
            prop_assert_eq!(server.original(row), block.row(row));
        }
        prop_assert_eq!(server.original(header.shape.k() as u32), None);
        prop_assert!(RowServer::new(&header, &originals[1..], block.rows().row_tree().leaves()).is_none());

        let rows = verified_rows(&block, &header, (0..header.shape.k() as u32).rev());
        prop_assert!(payload_from_rows(&header, &rows).unwrap() == block.rows().payload());
        prop_assert!(payload_from_rows(&header, &rows[1..]).is_err());
    }

    #[test]
    fn one_blob_needs_only_its_rows(blobs in blobs(), pick: prop::sample::Index) {
        let (block, header) = encode(&blobs);
        let at = pick.index(blobs.len());
        let proof = block.index().prove(pack(&blobs).positions()[at]).unwrap();
        let blob = proof.verify(&header).unwrap();
        let needed = rows_of(&header.shape, blob.entry().offset, blob.entry().length);
        let rows = verified_rows(&block, &header, needed.clone());
        prop_assert!(blob_from_rows(&header, &blob, &rows).unwrap() == blobs[at].1);
        prop_assert_eq!(blob_from_rows(&header, &blob, &rows[1..]), Err(BlobRowsFault::MissingRow(needed.start)));
    }

    #[test]
    fn every_tampered_row_is_refused(blobs in blobs(), row: prop::sample::Index, at: prop::sample::Index, bit in 0u32..8) {
        let (block, header) = encode(&blobs);
        let digests = digests(&block, &header);
        let good = block.row(row.index(header.shape.rows()) as u32).unwrap();
        prop_assert!(digests.verify_row(&good).is_ok());

        let mut bad = good.clone();
        let at_byte = at.index(bad.row.len());
        bad.row[at_byte] ^= 1 << bit;
        prop_assert_eq!(digests.verify_row(&bad), Err(RowFault::BadPath));
        let mut bad = good.clone();
        let at_hash = at.index(bad.path.len());
        bad.path[at_hash].0[9] ^= 1 << bit;
        prop_assert_eq!(digests.verify_row(&bad), Err(RowFault::BadPath));
        let mut bad = good.clone();
        bad.index ^= 1;
        // Two rows of padding are equal and have the same path: then the claim is true.
        let same = block.row(bad.index).unwrap().row == good.row;
        prop_assert_eq!(digests.verify_row(&bad).err(), (!same).then_some(RowFault::BadPath));
        bad.index = header.shape.rows() as u32;
        let beyond = matches!(digests.verify_row(&bad), Err(RowFault::Index { .. }));
        prop_assert!(beyond);
        let mut bad = good.clone();
        bad.row.pop();
        let short = matches!(digests.verify_row(&bad), Err(RowFault::RowLength { .. }));
        prop_assert!(short);
        let mut bad = good;
        bad.path.pop();
        let shallow = matches!(digests.verify_row(&bad), Err(RowFault::PathLength { .. }));
        prop_assert!(shallow);
    }

    #[test]
    fn tampered_digests_and_blocks_are_refused(blobs in blobs(), at: prop::sample::Index, bit in 0u32..8) {
        let (block, header) = encode(&blobs);
        let mut bytes = block.rows().digest_bytes().to_vec();
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= 1 << bit;
        prop_assert_eq!(VerifiedDigests::verify(&header, &bytes).err(), Some(DigestsFault::Root));
        let short = VerifiedDigests::verify(&header, &bytes[1..]).err();
        let refused = matches!(short, Some(DigestsFault::Length { .. }));
        prop_assert!(refused);

        let mut originals = block.rows().originals().to_vec();
        let at_byte = at.index(originals.len());
        originals[at_byte] ^= 1 << bit;
        let refused = matches!(check_full(&header, &originals, Schedule::Sequential), Err(FullFault::RowRoot { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn wrong_encoding_is_seen_on_the_wrong_rows_only(
        len in prop_oneof![100usize..5_000, 66_000usize..100_000],
        wrong in proptest::collection::btree_set(0u32..256, 1..5),
    ) {
        let blobs = one_blob(len, 3);
        let wrong: Vec<u32> = wrong.into_iter().collect();
        let lie = adversary::wrong_encoding(pack(&blobs), &wrong);
        let header = lie.header(position());
        let digests = digests(&lie, &header);
        for row in 0..header.shape.rows() as u32 {
            let expected = if wrong.contains(&row) { Err(RowFault::DigestMismatch) } else { Ok(row) };
            prop_assert_eq!(digests.verify_row(&lie.row(row).unwrap()).map(|row| row.index()), expected);
        }
        // Rows that pass lie on the one codeword, and the rebuilder sees that the commitment does not.
        let good = (0..header.shape.rows() as u32).rev().filter(|row| !wrong.contains(row)).take(header.shape.k());
        let rows = verified_rows(&lie, &header, good);
        let honest = encode(&blobs).0;
        let refused = rebuild(&header, &rows, Schedule::Sequential);
        prop_assert_eq!(refused, Err(RebuildFault::WrongEncoding { originals: honest.rows().originals().to_vec() }));
    }
}

/// A block's memory is that of an earlier block, where there was one of its size.
#[test]
fn an_earlier_block_leaves_no_trace() {
    for len in [300_000, 299_001, 270_001, 300_000] {
        drop(encode(&[(namespace(1), vec![0xFF; len])]));
        let (block, header) = encode(&one_blob(len - 13, len as u64));
        let originals = block.rows().originals();
        assert!(originals[header.shape.total_len() as usize..].iter().all(|byte| *byte == 0), "padding of {len}");
        let fresh = originals.to_vec();
        assert!(EncodedBlock::from_originals(header.shape, &fresh, Schedule::Parallel).unwrap() == block);
        assert!(block.clone() == block);
        assert!(block.rows().matrix().as_ptr().addr().is_multiple_of(64));
    }
}

#[test]
fn foreign_rows_do_not_mix() {
    let (block, header) = encode(&one_blob(1_000, 1));
    let (other, other_header) = encode(&one_blob(1_000, 2));
    let mut rows = verified_rows(&block, &header, 0..64);
    rows[5] = verified_rows(&other, &other_header, 5..6).remove(0);
    assert_eq!(rebuild(&header, &rows, Schedule::Sequential), Err(RebuildFault::ForeignRow(5)));
    assert_eq!(payload_from_rows(&header, &rows), Err(RebuildFault::ForeignRow(5)));
}

#[test]
fn packing_limits() {
    let limit = 100_000;
    assert_eq!(Packed::new(&[], limit).err(), Some(PackError::NoBlobs));
    assert_eq!(Packed::new(&[Blob::new(namespace(1), &[])], limit).err(), Some(PackError::EmptyBlob(0)));
    let data = bytes(1, 99_920);
    assert!(Packed::new(&[Blob::new(namespace(1), &data)], limit).is_ok());
    assert_eq!(
        Packed::new(&[Blob::new(namespace(1), &data)], limit - 1).err(),
        Some(PackError::PayloadTooLarge { len_bytes: limit, limit_bytes: limit - 1 })
    );
    let many = vec![Blob::new(namespace(1), &data[..1]); MAX_BLOBS_PER_BLOCK + 1];
    assert_eq!(Packed::new(&many, u64::MAX).err(), Some(PackError::TooManyBlobs { count: MAX_BLOBS_PER_BLOCK + 1 }));
    let most = Packed::new(&many[1..], u64::MAX).unwrap();
    assert_eq!(most.index().entries().len(), MAX_BLOBS_PER_BLOCK);
    assert_eq!(most.shape().codec(), CodecId::Gf16);
}
