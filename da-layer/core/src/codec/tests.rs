//! Both codes against the properties that the rest of the crate relies on.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

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
    let mut matrix = vec![0; originals.len() * EXTENSION];
    let (head, parity) = matrix.split_at_mut(originals.len());
    head.copy_from_slice(originals);
    codec.extend(geometry, originals, parity, schedule).expect("valid geometry");
    matrix
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
                    prop_assert!(extended(codec, geometry, &originals, schedule) == matrix, "{:?} extends", kernel);
                    let mut restored = vec![0; originals.len()];
                    codec.restore(geometry, &rows, &mut restored, schedule).expect("enough rows");
                    prop_assert!(restored == originals, "{:?} restores", kernel);
                    Ok(())
                })?;
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
