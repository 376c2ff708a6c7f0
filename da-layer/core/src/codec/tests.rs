//! Both codes against the properties that the rest of the crate relies on.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::matrix::Matrix;

fn geometry() -> impl Strategy<Value = (CodecId, Geometry)> {
    prop_oneof![
        (1usize..80).prop_map(|n| (CodecId::Gf8, Geometry { k: 64, row_len: n * 16 })),
        (0u32..3, 1usize..20).prop_map(|(bits, n)| (CodecId::Gf16, Geometry { k: 64 << bits, row_len: n * 64 })),
    ]
}

fn fill(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn extended(codec: &dyn Codec, geometry: Geometry, originals: &[u8], schedule: Schedule) -> Vec<u8> {
    extended_at(0, codec, geometry, originals, schedule)
}

/// Rows begin `shift` bytes into a cache line.
fn extended_at(shift: usize, codec: &dyn Codec, geometry: Geometry, originals: &[u8], schedule: Schedule) -> Vec<u8> {
    let mut matrix = Matrix::any(shift + originals.len() * EXTENSION);
    let (head, parity) = matrix[shift..].split_at_mut(originals.len());
    head.copy_from_slice(originals);
    codec.extend(geometry, originals, parity, schedule).expect("valid geometry");
    matrix[shift..].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_quarter_restores_all(
        (codec, geometry) in geometry(),
        seed: u64,
        order in Just((0..1024u32).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let originals = fill(seed, geometry.k * geometry.row_len);
        let matrix = extended(codec.codec(), geometry, &originals, Schedule::Sequential);
        let rows: Vec<IndexedRow<'_>> = order
            .into_iter()
            .filter(|index| (*index as usize) < geometry.k * EXTENSION)
            .take(geometry.k)
            .map(|index| (index, &matrix[index as usize * geometry.row_len..][..geometry.row_len]))
            .collect();
        for schedule in [Schedule::Sequential, Schedule::Parallel] {
            let mut restored = vec![0; originals.len()];
            codec.codec().restore(geometry, &rows, &mut restored, schedule).expect("enough rows");
            prop_assert!(restored == originals);
        }
        let short = codec.codec().restore(geometry, &rows[1..], &mut vec![0; originals.len()], Schedule::Sequential);
        prop_assert_eq!(short, Err(CodecError::TooFewRows { found: geometry.k - 1, needed: geometry.k }));
    }

    #[test]
    fn stripes_are_independent((codec, geometry) in geometry(), seed: u64, threads in 1usize..5) {
        let originals = fill(seed, geometry.k * geometry.row_len);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let parallel = pool.install(|| extended(codec.codec(), geometry, &originals, Schedule::Parallel));
        prop_assert!(parallel == extended(codec.codec(), geometry, &originals, Schedule::Sequential));
    }

    #[test]
    fn every_kernel_equals_the_library(
        bits in 0u32..7,
        row_len in prop_oneof![(1usize..6).prop_map(|n| n * 64), (1usize..200).prop_map(|n| n * 2)],
        seed: u64,
        order in Just((0..16_384u32).collect::<Vec<_>>()).prop_shuffle(),
        cosets in 1u32..16,
        threads in 1usize..5,
        shift in prop_oneof![Just(0usize), 1usize..64],
    ) {
        let geometry = Geometry { k: 64 << bits, row_len };
        let coset = |index: u32| index as usize / geometry.k;
        let originals = fill(seed, geometry.k * row_len);
        let matrix = extended(CodecId::Gf16.codec_on(Kernel::Portable), geometry, &originals, Schedule::Sequential);
        // Of some cosets only: all rows of one at least.
        let rows: Vec<IndexedRow<'_>> = order
            .into_iter()
            .filter(|index| coset(*index) < EXTENSION && cosets >> coset(*index) & 1 == 1)
            .take(geometry.k)
            .map(|index| (index, &matrix[index as usize * row_len..][..row_len]))
            .collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_supported()) {
            let codec = CodecId::Gf16.codec_on(kernel);
            for schedule in [Schedule::Sequential, Schedule::Parallel] {
                pool.install(|| {
                    let made = extended_at(shift, codec, geometry, &originals, schedule);
                    prop_assert!(made == matrix, "{:?} extends", kernel);
                    let mut restored = vec![0; originals.len()];
                    codec.restore(geometry, &rows, &mut restored, schedule).expect("enough rows");
                    prop_assert!(restored == originals, "{:?} restores", kernel);
                    Ok(())
                })?;
            }
        }
    }

    /// Rows of one chunk and of several, with a whole last chunk and with less.
    #[test]
    fn rows_are_hashed_as_they_are_made(
        bits in 0u32..4,
        row_len in prop_oneof![1usize..20, 30usize..36, 1usize..80].prop_map(|n| n * 64),
        key: [u8; 32],
        seed: u64,
        threads in 1usize..5,
        shift in prop_oneof![Just(0usize), 1usize..64],
    ) {
        let geometry = Geometry { k: 64 << bits, row_len };
        let originals = fill(seed, geometry.k * row_len);
        let expected = extended(CodecId::Gf16.codec_on(Kernel::Portable), geometry, &originals, Schedule::Sequential);
        let hash = |row: &[u8]| *blake3::keyed_hash(&key, row).as_bytes();
        let expected_hashes: Vec<Hash> = expected.chunks_exact(row_len).map(hash).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_supported()) {
            let codec = CodecId::Gf16.codec_on(kernel);
            for schedule in [Schedule::Sequential, Schedule::Parallel] {
                let mut matrix = Matrix::any(shift + expected.len());
                let parity = &mut matrix[shift + originals.len()..];
                let [mut hashes, mut beside] = [[0; 32], [1; 32]].map(|hash| vec![hash; geometry.k * EXTENSION]);
                let hashed = pool
                    .install(|| {
                        let hashes = (&mut hashes[..], &mut beside[..]);
                        codec.extend_hashing(geometry, &originals, parity, &key, hashes, schedule)
                    })
                    .expect("valid geometry");
                if hashed {
                    prop_assert!(*parity == expected[originals.len()..], "{:?} extends", kernel);
                    prop_assert_eq!(&hashes, &expected_hashes, "{:?} hashes", kernel);
                }
                let pays = kernel != Kernel::Portable && (schedule == Schedule::Sequential || threads == 1);
                prop_assert!(hashed || !pays, "{:?} on one thread", kernel);
            }
        }
    }

    #[test]
    fn codes_are_linear((codec, geometry) in geometry(), seed: u64) {
        let a = fill(seed, geometry.k * geometry.row_len);
        let b = fill(!seed, a.len());
        let xor = |x: &[u8], y: &[u8]| x.iter().zip(y).map(|(x, y)| x ^ y).collect::<Vec<_>>();
        let sum = extended(codec.codec(), geometry, &xor(&a, &b), Schedule::Sequential);
        let parts = xor(
            &extended(codec.codec(), geometry, &a, Schedule::Sequential),
            &extended(codec.codec(), geometry, &b, Schedule::Sequential),
        );
        prop_assert!(sum == parts);
    }

    #[test]
    fn foreign_rows_never_panic(
        codec in prop_oneof![Just(CodecId::Gf8), Just(CodecId::Gf16)],
        picks in subsequence((0u32..300).collect::<Vec<_>>(), 0..300),
        len in 0usize..80,
        odd_len in 0usize..80,
    ) {
        let geometry = Geometry { k: 64, row_len: 64 };
        let (row, odd) = (vec![1; len], vec![1; odd_len]);
        let mut rows: Vec<IndexedRow<'_>> = picks.iter().map(|index| (*index, &row[..])).collect();
        rows.push((3, &odd));
        let _ = codec.codec().restore(geometry, &rows, &mut vec![0; 64 * 64], Schedule::Sequential);
    }
}
