//! Light clients against honest, withholding, forging and wrongly encoding producers.

use proptest::prelude::*;
use weft_da::sampling::DEFAULT_SAMPLES;
use weft_da::{EncodedBlock, Header, Plan, RowFault, Schedule, Session, Target, Verdict, adversary};

use crate::common::{digests, encode, one_blob, pack, position};

fn session(block: &EncodedBlock, header: &Header, seed: [u8; 32]) -> Session {
    Session::new(header, digests(block, header), Target::default(), seed)
}

/// Serves every request for which `serve` says so; the rest is missing.
fn run(session: &mut Session, block: &EncodedBlock, serve: impl Fn(u32) -> bool) {
    for row in session.requests() {
        if serve(row) {
            let _ = session.accept(&block.row(row).unwrap());
        } else {
            session.missing(row);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn honest_blocks_are_available(seed: [u8; 32], len in prop_oneof![40_000usize..60_000, 66_000usize..200_000]) {
        let (block, header) = encode(&one_blob(len, 5));
        let mut session = session(&block, &header, seed);
        prop_assert_eq!(session.plan(), Plan::Sample { count: DEFAULT_SAMPLES });
        prop_assert_eq!(session.verdict(), Verdict::Pending);
        run(&mut session, &block, |_| true);
        prop_assert_eq!(session.verdict(), Verdict::Available);
        let confidence = session.confidence();
        prop_assert!(confidence.reaches(&Target::default()) && confidence.samples == DEFAULT_SAMPLES);
        prop_assert!(session.plan().download_bytes(&header) < len as u64);
    }

    #[test]
    fn unrecoverable_blocks_are_not_available(seed: [u8; 32]) {
        let (block, header) = encode(&one_blob(100_000, 5));
        let mut session = session(&block, &header, seed);
        // One row too few is served: no client may be fooled by a quarter.
        run(&mut session, &block, |row| row < header.shape.k() as u32 - 1);
        let unavailable = matches!(session.verdict(), Verdict::Unavailable { .. });
        prop_assert!(unavailable);
        prop_assert!(!session.confidence().reaches(&Target::default()));

        session.retry_missing();
        prop_assert_eq!(session.verdict(), Verdict::Pending);
        run(&mut session, &block, |_| true);
        prop_assert_eq!(session.verdict(), Verdict::Available);
    }

    #[test]
    fn wrong_encoding_is_caught(seed: [u8; 32]) {
        // Just above 3/8 of the rows are wrong: the least that the bound is about.
        let packed = pack(&one_blob(50_000, 5));
        let rows = packed.shape().rows() as u32;
        let wrong: Vec<u32> = (0..rows).filter(|row| row % 8 < 3 || *row == 7).collect();
        let block = adversary::wrong_encoding(packed, &wrong);
        let header = block.header(position());
        let mut session = session(&block, &header, seed);
        run(&mut session, &block, |_| true);
        match session.verdict() {
            Verdict::WrongEncoding { row } => {
                prop_assert!(wrong.contains(&row));
                prop_assert_eq!(digests(&block, &header).verify_row(&block.row(row).unwrap()), Err(RowFault::DigestMismatch));
                prop_assert_eq!(session.confidence().encoded, 0.0);
            }
            other => prop_assert!(false, "verdict {:?}", other),
        }
    }

    #[test]
    fn digests_of_other_rows_are_caught(seed: [u8; 32]) {
        let block = adversary::wrong_digests(pack(&one_blob(70_000, 5)));
        let header = block.header(position());
        let mut session = session(&block, &header, seed);
        run(&mut session, &block, |_| true);
        let caught = matches!(session.verdict(), Verdict::WrongEncoding { .. });
        prop_assert!(caught);
    }

    #[test]
    fn forged_rows_blame_the_sender(seed: [u8; 32]) {
        let (block, header) = encode(&one_blob(50_000, 5));
        let mut session = session(&block, &header, seed);
        let first = session.requests()[0];
        let mut forged = block.row(first).unwrap();
        forged.row[0] ^= 1;
        prop_assert_eq!(session.accept(&forged), Err(RowFault::BadPath));
        prop_assert!(session.requests().contains(&first));
        let mut given_up = session.clone();
        run(&mut session, &block, |_| true);
        prop_assert_eq!(session.verdict(), Verdict::Available);
        run(&mut given_up, &block, |row| row != first);
        prop_assert_eq!(given_up.verdict(), Verdict::Tampered { row: first });
        given_up.accept(&block.row(first).unwrap()).unwrap();
        prop_assert_eq!(given_up.verdict(), Verdict::Available);
    }
}

#[test]
fn small_blocks_are_downloaded_whole() {
    let (block, header) = encode(&one_blob(2_000, 5));
    let mut session = session(&block, &header, [9; 32]);
    assert_eq!(session.plan(), Plan::DownloadAll);
    assert_eq!((session.verdict(), session.requests()), (Verdict::Pending, vec![]));
    let mut whole = session.clone();
    assert!(whole.accept_full(block.rows().originals(), Schedule::Sequential).unwrap() == block);
    assert_eq!(whole.verdict(), Verdict::Available);
    assert!(whole.confidence().reaches(&Target::new(1.0 - 1e-12).unwrap()));

    // Forged bytes do not condemn the block: sampling finds out who lied.
    let mut forged = block.rows().originals().to_vec();
    forged[1_000] ^= 1;
    assert!(session.accept_full(&forged, Schedule::Sequential).is_err());
    assert_eq!(session.plan(), Plan::Sample { count: DEFAULT_SAMPLES });
    run(&mut session, &block, |_| true);
    assert_eq!(session.verdict(), Verdict::Available);
}

#[test]
fn rows_that_were_not_drawn_add_nothing() {
    let (block, header) = encode(&one_blob(50_000, 5));
    let mut session = session(&block, &header, [3; 32]);
    let drawn: Vec<u32> = session.drawn().collect();
    for row in (0..256).filter(|row| !drawn.contains(row)) {
        session.accept(&block.row(row).unwrap()).unwrap();
    }
    assert_eq!(session.confidence().samples, 0);
    assert_eq!(session.verdict(), Verdict::Pending);
}

#[test]
fn target_sets_the_samples() {
    let (_, header) = encode(&one_blob(60_000, 5));
    assert_eq!(Plan::choose(&header, &Target::new(0.999).unwrap()), Plan::Sample { count: 15 });
    assert_eq!(Plan::choose(&header, &Target::new(1.0 - 1e-12).unwrap()), Plan::DownloadAll);
}
