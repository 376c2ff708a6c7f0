//! Judgements, confidence and claims.

use proptest::prelude::*;
use weft_primitives::Namespace;
use weft_verdict::{BlobClaim, ChainConfidence, Judgement, Lowest, Verdict};

use super::{damage, hashes, survives};
use crate::pb::light::v1 as pb;

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Available),
        (prop::collection::vec(any::<u32>(), 0..9), any::<bool>())
            .prop_map(|(missing_rows, missing_digests)| Verdict::Unavailable { missing_rows, missing_digests }),
        any::<u32>().prop_map(|row| Verdict::WrongEncoding { row }),
        Just(Verdict::WrongIndex),
        any::<Option<u32>>().prop_map(|row| Verdict::Tampered { row }),
        Just(Verdict::Undecided),
    ]
}

fn judgements() -> impl Strategy<Value = Judgement> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<bool>());
    (numbers, hashes(), verdicts(), 0.0..=1.0, 0.0..=1.0, 0.0..1e6).prop_map(
        |((height, payload_bytes, downloaded_bytes, samples, linked), header_hash, verdict, available, encoded, ms)| {
            let elapsed_ms = ms;
            Judgement {
                height,
                header_hash,
                verdict,
                available,
                encoded,
                samples,
                payload_bytes,
                downloaded_bytes,
                elapsed_ms,
                linked,
            }
        },
    )
}

fn confidences() -> impl Strategy<Value = ChainConfidence> {
    let lowest =
        prop::option::of((any::<u64>(), 0.0..=1.0).prop_map(|(height, confidence)| Lowest { height, confidence }));
    (any::<[u64; 4]>(), lowest, 0.0..=1.0, prop::collection::vec(any::<u64>(), 0..5)).prop_map(
        |([from_height, to_height, available, exceptions], lowest, joint, exception_heights)| ChainConfidence {
            from_height,
            to_height,
            available,
            lowest,
            joint,
            exceptions,
            exception_heights,
        },
    )
}

proptest! {
    #[test]
    fn judgements_come_back(judgement in judgements(), damage in damage()) {
        let wire = pb::Judgement::from(&judgement);
        prop_assert_eq!(Judgement::try_from(wire.clone()), Ok(judgement));
        survives::<_, Judgement>(&wire, damage);
    }

    #[test]
    fn confidences_come_back(confidence in confidences(), damage in damage()) {
        let wire = pb::ChainConfidence::from(&confidence);
        prop_assert_eq!(ChainConfidence::try_from(wire.clone()), Ok(confidence));
        survives::<_, ChainConfidence>(&wire, damage);
    }

    #[test]
    fn claims_come_back(
        namespace: [u8; 32], hash in hashes(), height: Option<u64>, offset: Option<u64>, length: Option<u64>, damage in damage(),
    ) {
        let claim = BlobClaim { namespace: Namespace(namespace), hash, height, offset, length };
        let wire = pb::BlobClaim::from(&claim);
        prop_assert_eq!(BlobClaim::try_from(wire.clone()), Ok(claim));
        survives::<_, BlobClaim>(&wire, damage);
    }
}

#[test]
fn numbers_that_are_no_confidence_are_refused() {
    let good = pb::Judgement { header_hash: vec![0; 32].into(), verdict: 1, ..Default::default() };
    assert!(Judgement::try_from(good.clone()).is_ok());
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            Judgement::try_from(pb::Judgement { available: bad, ..good.clone() }).unwrap_err().field,
            "available"
        );
        assert_eq!(Judgement::try_from(pb::Judgement { encoded: bad, ..good.clone() }).unwrap_err().field, "encoded");
        assert!(ChainConfidence::try_from(pb::ChainConfidence { joint: bad, ..Default::default() }).is_err());
    }
    assert!(Judgement::try_from(pb::Judgement { elapsed_ms: f64::NAN, ..good.clone() }).is_err());
    assert!(Judgement::try_from(pb::Judgement { verdict: 3, ..good.clone() }).is_err(), "without its row");
    assert!(Judgement::try_from(pb::Judgement { verdict: 77, ..good }).is_err());
}
