//! Inbox items: in order, before all else, never in the way.

use alloy_primitives::TxKind;
use weft_primitives::InboxItem;
use weft_primitives::inbox::Content;
use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;

use super::*;

fn items(transactions: Vec<Bytes>) -> Vec<InboxItem> {
    let item = |(index, transaction)| InboxItem { index, time_ms: 1, content: Content::Transaction(transaction) };
    (0..).zip(transactions).map(item).collect()
}

fn spend(seed: u8, gas_limit: u64) -> Transaction {
    sign(&signer(seed), TxEip1559 { gas_limit, ..fields(0, TxKind::Call(contracts::LOOP.0)) })
}

fn builder(node: &Node) -> BlockBuilder<'_, World> {
    BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap()
}

#[test]
fn bad_items_are_consumed_without_effect() {
    let node = Node::new();
    let bob = signer(2).address();
    let raw = |transaction: Transaction| transaction.raw().clone();
    let items = items(vec![
        Bytes::new(),
        Bytes::from_static(&[0x03, 0xc0]),
        raw(transfer(&signer(1), 5, bob, 1)),
        raw(transfer(&signer(9), 0, bob, 1)),
        raw(spend(1, 20_000_000)),
        raw(transfer(&signer(1), 0, bob, 1)),
        raw(transfer(&signer(1), 0, bob, 1)),
    ]);
    let mut builder = builder(&node);
    assert_eq!(builder.inbox(&items), Ok(7));
    let built = builder.finish();
    assert_eq!((built.body.inbox_count, built.body.inbox_included), (7, 1));
    assert_eq!(built.receipts[0].transaction_hash, transfer(&signer(1), 0, bob, 1).hash());
    assert!(built.body.sequenced().is_empty());
}

/// An item must not be lost because others filled the block before it.
#[test]
fn what_does_not_fit_waits_for_the_next_block() {
    let mut node = Node::new();
    let items = items([1, 2, 3, 4].map(|seed| spend(seed, 16_000_000).raw().clone()).to_vec());
    let small = InboxItem { content: Content::Transaction(spend(7, 30_000).raw().clone()), ..items[0].clone() };
    for consumed in 0..4 {
        let mut builder = builder(&node);
        let rest = [&items[consumed..], &items[3..], std::slice::from_ref(&small)].concat();
        assert_eq!(builder.inbox(&rest), Ok(1));
        // Not even a smaller one may overtake it.
        assert_eq!(builder.inbox(std::slice::from_ref(&small)), Ok(0));
        builder.inbox_item(&small).unwrap();
        assert_eq!(builder.inbox_count(), 1);
        assert_eq!(builder.transaction(transfer(&signer(5), consumed as u64, signer(6).address(), 1)), Ok(Ok(())));
        let sealed = builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
        assert_eq!((sealed.body.inbox_included, sealed.body.sequenced().len()), (1, 1));
        node.head = Parent { header: sealed.header, hash: sealed.hash };
    }
}

#[test]
fn the_inbox_is_closed_by_the_first_transaction() {
    let node = Node::new();
    let mut builder = builder(&node);
    assert_eq!(builder.transaction(transfer(&signer(1), 0, signer(2).address(), 1)), Ok(Ok(())));
    let items = items(vec![transfer(&signer(3), 0, signer(2).address(), 1).raw().clone()]);
    assert_eq!(builder.inbox(&items), Ok(0));
    assert_eq!(builder.finish().body.inbox_count, 0);
}

#[test]
fn a_block_takes_so_many_items_and_no_more() {
    let node = Node::new();
    let items = items(vec![Bytes::new(); MAX_BLOCK_INBOX_ITEMS + 1]);
    let mut builder = builder(&node);
    assert_eq!(builder.inbox(&items), Ok(MAX_BLOCK_INBOX_ITEMS));
    assert_eq!(builder.inbox(&items), Ok(0));
    assert!(builder.is_empty());
}
