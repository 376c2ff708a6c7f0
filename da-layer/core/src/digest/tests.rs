//! The kernels against the definition, and the collapse against both codes.

use proptest::prelude::*;

use super::*;

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1u64..=65_536).prop_map(|len| Shape::new(CodecId::Gf8, 64, len).expect("valid")),
        (0u32..3, 1u64..60_000).prop_map(|(bits, len)| Shape::new(CodecId::Gf16, 64 << bits, len).expect("valid")),
    ]
}

fn matrix(shape: &Shape, seed: u64) -> Vec<u8> {
    let mut matrix = vec![0; shape.matrix_len()];
    let (originals, parity) = matrix.split_at_mut(shape.originals_len());
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(originals);
    let geometry = Geometry { k: shape.k(), row_len: shape.row_len() };
    shape.codec().codec().extend(geometry, originals, parity, Schedule::Sequential).expect("valid");
    matrix
}

/// Carry-less product reduced by `polynomial`: the textbook field.
fn textbook_mul(a: u32, b: u32, bits: u32, polynomial: u32) -> u32 {
    let mut product = (0..bits).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ a << bit);
    for bit in (bits..2 * bits).rev() {
        if product >> bit & 1 == 1 {
            product ^= polynomial << (bit - bits);
        }
    }
    product
}

/// Cantor basis of the GF(2^16) code, as published with the Leopard codes.
const CANTOR_BASIS: [u16; 16] = [
    0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34,
    0xFF38, 0x991E,
];

fn to_polynomial(coordinates: u16) -> u32 {
    (0..16).filter(|bit| coordinates >> bit & 1 == 1).fold(0, |sum, bit| sum ^ u32::from(CANTOR_BASIS[bit]))
}

proptest! {
    #[test]
    fn fields_are_the_documented_ones(a: u16, b: u16) {
        let (x, y) = (a as u8, b as u8);
        prop_assert_eq!(u32::from(reference::gf8_mul(x, y)), textbook_mul(x.into(), y.into(), 8, 0x11D));
        let product = textbook_mul(to_polynomial(a), to_polynomial(b), 16, 0x1_002D);
        prop_assert_eq!(to_polynomial(reference::gf16_mul(a, b)), product);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn kernels_equal_the_definition(shape in shape(), root: [u8; 32], seed: u64, threads in 1usize..5, rows in 1usize..200, foreign: prop::sample::Index) {
        let matrix = &matrix(&shape, seed)[..rows * shape.row_len()];
        let coefficients = Coefficients::derive(&shape, root.into());
        let digests: Vec<Digest> =
            matrix.chunks_exact(shape.row_len()).map(|row| reference::digest(&coefficients, row)).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_supported()) {
            let digester = RowDigester::new(&coefficients, kernel);
            prop_assert_eq!(&digester.digest_rows(matrix, Schedule::Sequential), &digests);
            prop_assert_eq!(&pool.install(|| digester.digest_rows(matrix, Schedule::Parallel)), &digests);
            for (row, digest) in matrix.chunks_exact(shape.row_len()).zip(&digests) {
                prop_assert_eq!(digester.digest(row), *digest);
            }
            let foreign = &matrix[..matrix.len().min(foreign.index(2 * shape.row_len()))];
            prop_assert_eq!(digester.digest(foreign), reference::digest(&coefficients, foreign));
        }
    }

    #[test]
    fn the_code_extends_digests_to_digests(shape in shape(), root: [u8; 32], seed: u64, at: prop::sample::Index, bit in 0u32..8) {
        let mut matrix = matrix(&shape, seed);
        let digester = RowDigester::derive(&shape, root.into());
        let originals = digester.digest_rows(&matrix[..shape.originals_len()], Schedule::Sequential);
        let extended = extend_digests(shape.codec(), &originals);
        prop_assert_eq!(&extended, &digester.digest_rows(&matrix, Schedule::Sequential));

        // One flipped bit changes the digest of exactly its row.
        let at = at.index(matrix.len());
        matrix[at] ^= 1 << bit;
        let flipped = digester.digest_rows(&matrix, Schedule::Sequential);
        let wrong: Vec<_> = (0..shape.rows()).filter(|row| flipped[*row] != extended[*row]).collect();
        prop_assert_eq!(wrong, vec![at / shape.row_len()]);
    }
}
