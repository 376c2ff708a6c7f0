//! Blocks and receipts.

use alloy_primitives::{Address, Bytes, Log, LogData, U256, hex};
use proptest::prelude::*;
use prost::Message;
use weft_primitives::block::BlockBody;
use weft_primitives::transaction::Transaction;
use weft_primitives::{Block, BlockHeader};

use super::{damage, hashes};
use crate::convert::{WireBlock, block, receipt, u256};
use crate::pb::sequencer::v1 as pb;

/// The example of EIP-155, for chain 1.
const TRANSACTION: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a7640000802\
5a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc642\
14b297fb1966a3b6d83";

fn transaction() -> Transaction {
    Transaction::decode(Bytes::from(hex::decode(TRANSACTION).unwrap()), 1).unwrap()
}

fn blocks() -> impl Strategy<Value = Block> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, hashes(), 0..4usize, 0..3u32).prop_map(|((number, timestamp, gas_used), state_root, count, skipped)| {
        let header = BlockHeader { number, timestamp, gas_used, state_root, ..BlockHeader::default() };
        let inbox_included = count as u32 / 2;
        let transactions = vec![transaction(); count];
        Block { header, body: BlockBody { inbox_count: inbox_included + skipped, inbox_included, transactions } }
    })
}

fn logs() -> impl Strategy<Value = Vec<Log>> {
    let log = (any::<[u8; 20]>(), prop::collection::vec(hashes(), 0..=4), prop::collection::vec(any::<u8>(), 0..80));
    let log = log.prop_map(|(address, topics, data)| Log {
        address: Address::new(address),
        data: LogData::new_unchecked(topics, data.into()),
    });
    prop::collection::vec(log, 0..4)
}

proptest! {
    #[test]
    fn blocks_come_back(sent in blocks(), (at, flip) in damage()) {
        let hash = sent.header.hash_slow();
        let wire = block(&sent, hash);
        let came = WireBlock::try_from(wire.clone()).unwrap();
        prop_assert_eq!((&came.header, came.hash), (&sent.header, hash));
        prop_assert_eq!((came.inbox_count, came.inbox_included), (sent.body.inbox_count, sent.body.inbox_included));
        let raw: Vec<_> = sent.body.transactions.iter().map(|transaction| transaction.raw().0.clone()).collect();
        prop_assert_eq!(came.transactions, raw);

        // Damaged bytes are refused or leave a header that fits its hash.
        let mut bytes = wire.encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(Ok(came)) = pb::Block::decode(&bytes[..]).map(WireBlock::try_from) {
            prop_assert_eq!(came.header.hash_slow(), came.hash);
        }
    }

    #[test]
    fn receipts_come_back(logs in logs(), hash in hashes(), to in any::<Option<[u8; 20]>>(), price: u128) {
        let to = to.map(Address::new);
        let parts = receipt::Parts {
            transaction_hash: hash,
            transaction_index: 3,
            block_number: 9,
            block_hash: hash,
            transaction_type: 2,
            success: true,
            from: Address::repeat_byte(1),
            to,
            contract_address: None,
            gas_used: 21_000,
            cumulative_gas_used: 42_000,
            effective_gas_price: price,
            logs: &logs,
            first_log_index: 5,
        };
        let wire = receipt::encode(parts);
        prop_assert_eq!(receipt::logs(&wire), Ok(logs));
        prop_assert_eq!(u256("price", &wire.effective_gas_price_wei), Ok(U256::from(price)));
        prop_assert_eq!(wire.to.as_ref(), to.as_ref().map_or(&[][..], |to| to.as_slice()));
        let positions: Vec<_> = wire.logs.iter().map(|log| log.log_index).collect();
        prop_assert_eq!(positions, (5..5 + wire.logs.len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn blocks_that_contradict_themselves_are_refused() {
    let header = BlockHeader { number: 7, timestamp: 70, ..BlockHeader::default() };
    let body = BlockBody { inbox_count: 1, inbox_included: 1, transactions: vec![transaction()] };
    let honest = block(&Block { header: header.clone(), body }, header.hash_slow());
    assert!(WireBlock::try_from(honest.clone()).is_ok());
    type Change = fn(&mut pb::Block);
    let odd: [(&str, Change); 7] = [
        ("number", |block| block.number = 8),
        ("number", |block| block.timestamp_s = 71),
        ("hash", |block| block.hash = vec![1; 32].into()),
        // The same header with a byte after it.
        ("header_rlp", |block| block.header_rlp = [&block.header_rlp[..], &[0]].concat().into()),
        ("header_rlp", |block| block.header_rlp = vec![0xc0].into()),
        ("inbox_included", |block| block.inbox_included = 2),
        ("transactions", |block| block.transactions = vec![vec![0; 128 * 1024 + 1].into(); 2]),
    ];
    for (field, change) in odd {
        let mut block = honest.clone();
        change(&mut block);
        assert_eq!(WireBlock::try_from(block).unwrap_err().field, field);
    }
}

#[test]
fn a_log_has_at_most_four_topics() {
    let log = pb::Log { address: vec![1; 20].into(), topics: vec![vec![0; 32].into(); 5], ..pb::Log::default() };
    let receipt = pb::Receipt { logs: vec![log], ..pb::Receipt::default() };
    assert_eq!(receipt::logs(&receipt).unwrap_err().field, "topics");
}
