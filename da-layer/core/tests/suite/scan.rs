//! Listings over a range of heights, and every way to hide something from one.

use proptest::prelude::*;
use weft_da::blob::{ProofFault, ScanFault};
use weft_da::signed::HeaderFault;
use weft_da::{ChainPosition, EncodedBlock, NamespaceProof, NamespaceScan, Schedule, SignedHeader};
use weft_primitives::{B256, Signer};

use crate::common::{OwnedBlob, blobs, bytes, namespace, pack, signer};

/// Heights of a scan as an honest node shows them.
type Shown = Vec<(SignedHeader, NamespaceProof)>;

fn chain(blocks: &[Vec<OwnedBlob>], asked: u8) -> Shown {
    let mut prev_hash = B256::ZERO;
    let show = |(height, blobs): (u64, &Vec<OwnedBlob>)| {
        let block = EncodedBlock::encode(pack(blobs), Schedule::Sequential);
        let header = block.header(ChainPosition { network_id: 3, height, prev_hash, time_ms: height });
        prev_hash = header.hash();
        (SignedHeader::sign(header, &signer()), block.index().prove_namespace(&namespace(asked)))
    };
    (1..).zip(blocks).map(show).collect()
}

/// Lengths of the listed blobs, and the scan after all that was shown.
fn scan(shown: &Shown, asked: u8, first: u64) -> Result<(Vec<u64>, NamespaceScan), ScanFault> {
    let mut scan = NamespaceScan::new(namespace(asked), signer().address(), first);
    let mut lengths = Vec::new();
    for (header, proof) in shown {
        let height = scan.take(header, proof)?;
        lengths.extend(height.listing.entries().iter().map(|entry| entry.length));
    }
    Ok((lengths, scan))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn lists_all_and_sees_what_is_missing(
        blocks in prop::collection::vec(blobs(), 1..6),
        asked in 0u8..12,
        from: prop::sample::Index,
        hidden: prop::sample::Index,
    ) {
        let shown = chain(&blocks, asked);
        let from = from.index(blocks.len());
        let expected: Vec<u64> = blocks[from..].iter().flatten()
            .filter(|(name, _)| *name == namespace(asked)).map(|(_, data)| data.len() as u64).collect();
        let last = blocks.len() as u64;
        let (lengths, done) = scan(&shown[from..].to_vec(), asked, from as u64 + 1).unwrap();
        prop_assert_eq!(lengths, expected);
        prop_assert_eq!(done.finish(last), Ok(()));

        // A height left out: the next does not follow, or the range is not finished.
        let hidden = hidden.index(blocks.len());
        let mut cut = shown.clone();
        cut.remove(hidden);
        match scan(&cut, asked, 1) {
            Ok((_, scan)) => {
                prop_assert_eq!(hidden + 1, blocks.len());
                prop_assert_eq!(scan.finish(last), Err(ScanFault::Unfinished { next: last, last }));
            }
            Err(fault) => {
                let seen = matches!(fault, ScanFault::Header { .. });
                prop_assert!(seen, "{fault}");
            }
        }

        // One blob left out of one height.
        let mut cut = shown;
        cut[hidden].1.entries.pop();
        let seen = matches!(scan(&cut, asked, 1), Err(ScanFault::Proof { .. }));
        prop_assert!(seen);
    }
}

#[test]
fn other_chains_are_no_answer() {
    let blocks: Vec<Vec<OwnedBlob>> = (0..3).map(|n| vec![(namespace(1), bytes(n, 100))]).collect();
    let shown = chain(&blocks, 1);
    let fault = |shown: &Shown, first| match scan(shown, 1, first) {
        Err(ScanFault::Header { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    // The signer's own second chain, from height 2 on.
    let other = chain(&[blocks[1].clone(), blocks[0].clone(), blocks[2].clone()], 1);
    let mixed = vec![shown[0].clone(), other[1].clone()];
    assert!(matches!(fault(&mixed, 1), HeaderFault::Link { .. }));
    // A stranger's header.
    let stranger = Signer::from_bytes([2; 32]).unwrap();
    let mut forged = shown.clone();
    forged[1].0 = SignedHeader::sign(forged[1].0.header, &stranger);
    assert!(matches!(fault(&forged, 1), HeaderFault::Signer { .. }));
    assert!(matches!(fault(&shown[1..].to_vec(), 3), HeaderFault::Height { found: 2, expected: 3 }));
    // The proof of another height.
    let mut swapped = shown.clone();
    swapped[0].1 = shown[1].1.clone();
    assert!(matches!(scan(&swapped, 1, 1), Err(ScanFault::Proof { height: 1, fault: ProofFault::Root })));
    // A fault changes nothing: the right height is taken after it.
    let mut scan = NamespaceScan::new(namespace(1), signer().address(), 1);
    assert!(scan.take(&swapped[0].0, &swapped[0].1).is_err());
    assert!(scan.take(&shown[0].0, &shown[0].1).is_ok());
    assert_eq!(scan.next_height(), 2);
}
