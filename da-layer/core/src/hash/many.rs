//! Keyed BLAKE3 of many inputs of one length at once, in the lanes of vector registers.
//!
//! Inputs of one length have the same tree of chunks, so the lanes go through
//! all of it in step, up to the root. `blake3` itself fills lanes only with the
//! chunks of one input, and a row has few. Inputs left over are hashed together
//! with some of those before them, few ones one by one.

use alloy_primitives::B256;

use super::keyed;
use crate::kernel::Kernel;

/// Hashes the inputs of `len` bytes each that are concatenated in `inputs`.
pub(crate) fn keyed_many(kernel: Kernel, key: &[u8; 32], len: usize, inputs: &[u8], hashes: &mut [B256]) {
    assert!(len > 0 && inputs.len() == len * hashes.len(), "{} bytes are not {} inputs", inputs.len(), hashes.len());
    #[cfg(target_arch = "x86_64")]
    if kernel.is_supported() && len <= lanes::MAX_LEN {
        match kernel {
            Kernel::Avx512 if hashes.len() >= super::avx512::LANES => {
                return in_groups(len, inputs, hashes, |inputs| {
                    // SAFETY: the processor has the instructions, as was just asked.
                    unsafe { super::avx512::keyed(key, len, inputs) }
                });
            }
            Kernel::Avx512 | Kernel::Avx2 if hashes.len() >= super::avx2::LANES => {
                return in_groups(len, inputs, hashes, |inputs| {
                    // SAFETY: the processor has the instructions, as was just asked.
                    unsafe { super::avx2::keyed(key, len, inputs) }
                });
            }
            _ => {}
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = kernel;
    for (hash, input) in hashes.iter_mut().zip(inputs.chunks_exact(len)) {
        *hash = keyed(key, input);
    }
}

#[cfg(target_arch = "x86_64")]
use super::lanes;

/// Hashes groups of `LANES`, at least one; the last overlaps the one before it where the number is no multiple.
#[cfg(target_arch = "x86_64")]
fn in_groups<const LANES: usize>(
    len: usize,
    inputs: &[u8],
    hashes: &mut [B256],
    group: impl Fn(&[u8]) -> [[u32; LANES]; 8],
) {
    let last = hashes.len() - LANES;
    for first in (0..hashes.len()).step_by(LANES) {
        let first = first.min(last);
        let words = group(&inputs[first * len..][..LANES * len]);
        for (lane, hash) in hashes[first..][..LANES].iter_mut().enumerate() {
            for (bytes, words) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&words) {
                *bytes = words[lane].to_le_bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_kernel_equals_blake3(
            key: [u8; 32],
            len in prop_oneof![1usize..130, 1_000usize..1_050, 2_000usize..2_100, 1usize..40_000],
            count in prop_oneof![1usize..20, 1usize..70],
            seed: u64,
        ) {
            let mut inputs = vec![0; len * count];
            blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut inputs);
            let expected: Vec<B256> = inputs.chunks_exact(len).map(|input| keyed(&key, input)).collect();
            for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_supported()) {
                let mut hashes = vec![B256::ZERO; count];
                keyed_many(kernel, &key, len, &inputs, &mut hashes);
                prop_assert_eq!(&hashes, &expected, "{:?}", kernel);
            }
        }
    }

    #[test]
    fn the_longest_and_beyond() {
        #[cfg(target_arch = "x86_64")]
        for len in [lanes::MAX_LEN - 1, lanes::MAX_LEN, lanes::MAX_LEN + 1] {
            let inputs: Vec<u8> = (0..16 * len).map(|at| (at / 251) as u8).collect();
            let mut hashes = vec![B256::ZERO; 16];
            keyed_many(Kernel::best(), &[3; 32], len, &inputs, &mut hashes);
            assert_eq!(hashes[15], keyed(&[3; 32], &inputs[15 * len..]));
        }
    }
}
