//! Lines: round trip, damage, bounds.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use weft_da::{Header, Shape};
use weft_primitives::Signer;

use super::*;
use crate::judge::Verdict;

fn record(height: u64, verdict: Verdict) -> Record {
    let root = B256::repeat_byte(height as u8);
    let header = Header {
        network_id: 1,
        height,
        prev_hash: root,
        time_ms: 5,
        shape: Shape::for_payload(1_000).unwrap(),
        row_root: root,
        digest_root: root,
        blob_index_root: root,
        blob_count: 1,
    };
    let header = SignedHeader::sign(header, &Signer::from_bytes([1; 32]).unwrap());
    let seed = (!verdict.is_final()).then_some([9; 32]);
    let judgement = Judgement {
        height,
        header_hash: header.header.hash(),
        verdict,
        available: 0.75,
        encoded: 0.5,
        samples: 25,
        payload_bytes: 1_000,
        downloaded_bytes: 500,
        elapsed_ms: 1.25,
        linked: true,
    };
    Record { judgement, header, seed, judged_at_ms: 7 }
}

fn a_record(entry: Entry) -> Record {
    let Entry::Record(record) = entry else { panic!("{entry:?}") };
    *record
}

fn read(path: &Path) -> (Result<usize, StoreError>, Vec<Record>) {
    let mut records = Vec::new();
    let lines = Log::open(path, |entry| records.push(a_record(entry))).map(|log| log.lines());
    (lines, records)
}

#[test]
fn every_verdict_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let verdicts = [
        Verdict::Available,
        Verdict::Unavailable { missing_rows: (0..256).map(|row| 16_000 + row).collect(), missing_digests: true },
        Verdict::WrongEncoding { row: 7 },
        Verdict::WrongIndex,
        Verdict::Tampered { row: None },
        Verdict::Tampered { row: Some(3) },
        Verdict::Undecided,
    ];
    let records: Vec<Record> = (1..).zip(verdicts).map(|(height, verdict)| record(height, verdict)).collect();
    assert!(records.iter().all(|record| record.encode().unwrap().len() < MAX_LINE_BYTES));
    let mut log = Log::open(&path, |_| panic!("empty")).unwrap();
    log.append(&records[..3]).unwrap();
    log.append(&records[3..]).unwrap();
    let (lines, found) = read(&path);
    assert_eq!((lines.unwrap(), found), (7, records.clone()));
    log.rewrite(None, records[5..].iter()).unwrap();
    log.append(&records[..1]).unwrap();
    let (lines, found) = read(&path);
    assert_eq!((lines.unwrap(), found), (3, [&records[5..], &records[..1]].concat()));
}

#[test]
fn what_was_forgotten_stands_before_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut span = weft_verdict::Span::default();
    for height in 1..=300 {
        let verdict = if height % 2 == 0 { Verdict::Available } else { Verdict::WrongIndex };
        assert!(span.insert(&record(height, verdict).judgement));
        span.forget_lowest();
    }
    let forgotten = span.forgotten().unwrap();
    let line = seal(&ForgottenLine { forgotten: forgotten.clone() }).unwrap();
    assert!(line.len() < MAX_LINE_BYTES, "{} bytes", line.len());
    let mut log = Log::open(&path, |_| panic!("empty")).unwrap();
    log.rewrite(Some(forgotten), [record(301, Verdict::Available)].iter()).unwrap();
    let mut found = Vec::new();
    assert_eq!(Log::open(&path, |entry| found.push(entry)).unwrap().lines(), 2);
    assert_eq!(found[0], Entry::Forgotten(forgotten.clone()));
    assert!(matches!(&found[1], Entry::Record(record) if record.judgement.height == 301));
}

#[test]
fn damage_far_from_the_end_stops_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let line = record(1, Verdict::Available).encode().unwrap();
    let mut text = line.repeat(MAX_TAIL_BYTES as usize / line.len() + 3).into_bytes();
    text[line.len() + 30] ^= 1;
    std::fs::write(&path, &text).unwrap();
    let (lines, found) = read(&path);
    assert!(matches!(lines, Err(StoreError::Damaged { line: 2, .. })));
    assert_eq!(found.len(), 1);
    assert_eq!(std::fs::read(&path).unwrap(), text, "nothing is cut off");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happens to a byte, or to the end, the lines before it come back and the file can be gone on with.
    #[test]
    fn damage_costs_only_what_follows(at in 0usize..4_000, flip in 1u8.., cut: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let records: Vec<Record> = (1..=4).map(|height| record(height, Verdict::Available)).collect();
        let lines: Vec<String> = records.iter().map(|record| record.encode().unwrap()).collect();
        let mut text = lines.concat().into_bytes();
        let at = at % text.len();
        if cut { text.truncate(at) } else { text[at] ^= flip }
        std::fs::write(&path, &text).unwrap();
        let mut found = Vec::new();
        let mut log = Log::open(&path, |entry| found.push(a_record(entry))).unwrap();
        let whole = lines.iter().scan(0, |end, line| { *end += line.len(); Some(*end) }).take_while(|end| *end <= at).count();
        prop_assert_eq!(&found[..], &records[..whole]);
        log.append(&records[whole..]).unwrap();
        prop_assert_eq!(read(&path).1, records);
    }

    #[test]
    fn foreign_lines_do_not_decode(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Entry::decode(&line).is_err());
    }
}
