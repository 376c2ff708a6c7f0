//! Decoding undoes encoding, for everything.

use alloy_primitives::Bytes;
use proptest::prelude::*;

use crate::batch::column::Column;
use crate::batch::encoder::columns;
use crate::batch::{Batch, BatchBlock, Level};

use super::samples::{CHAIN_ID, batch, columnar, garbage, odd};

fn of_one(transaction: Bytes, chain_id: u64) -> Batch {
    let block = BatchBlock { timestamp: 1, inbox_count: 0, transactions: vec![transaction] };
    Batch { chain_id, first_block: 1, inbox_from: 0, blocks: vec![block] }
}

fn is_escaped(batch: &Batch) -> bool {
    columns(batch).is_ok_and(|columns| !columns[Column::EscapeLen].is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_batch(batch in batch()) {
        for level in [Level::NONE, Level::FASTEST] {
            let bytes = batch.encode(level).expect("within limits");
            prop_assert_eq!(&Batch::decode(&bytes).expect("own encoding"), &batch);
        }
    }

    #[test]
    fn well_formed_transactions_use_the_columns(raw in columnar()) {
        let batch = of_one(raw, CHAIN_ID);
        prop_assert!(!is_escaped(&batch));
        prop_assert_eq!(Batch::decode(&batch.encode(Level::NONE).expect("encodes")), Ok(batch));
    }

    #[test]
    fn odd_transactions_escape(raw in odd()) {
        let batch = of_one(raw, CHAIN_ID);
        prop_assert!(is_escaped(&batch));
        prop_assert_eq!(Batch::decode(&batch.encode(Level::NONE).expect("encodes")), Ok(batch));
    }

    #[test]
    fn garbage_comes_back(raw in garbage(), chain_id in prop_oneof![Just(CHAIN_ID), any::<u64>(), Just(u64::MAX)]) {
        let batch = of_one(raw, chain_id);
        prop_assert_eq!(Batch::decode(&batch.encode(Level::NONE).expect("encodes")), Ok(batch));
    }
}

/// What proptest might miss: every level, and the emptiest transactions.
#[test]
fn every_level() {
    let transactions =
        vec![Bytes::new(), Bytes::from_static(&[0xc0]), Bytes::from_static(&[2]), Bytes::from(vec![7; 5000])];
    let block = BatchBlock { timestamp: u64::MAX, inbox_count: 1024, transactions };
    let batch = Batch { chain_id: 0, first_block: u64::MAX, inbox_from: u64::MAX - 1024, blocks: vec![block] };
    let levels = (0..=u8::MAX).filter_map(|level| Level::try_from(level).ok());
    for level in levels.clone() {
        let bytes = batch.encode(level).expect("encodes");
        assert_eq!(Batch::decode(&bytes).as_ref(), Ok(&batch));
        assert!(level == Level::NONE || bytes.len() < 200, "level {level:?}: {} bytes", bytes.len());
    }
    assert_eq!(levels.count(), 18);
}
