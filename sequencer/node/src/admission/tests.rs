//! The queue by itself, and admission over a chain.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use futures::executor::block_on;
use futures::future::join_all;
use weft_primitives::{Bytes, Transaction};

use super::queue::Queue;
use super::{GROUP, Gap};
use crate::backend::Backend;
use crate::config::PoolLimits;
use crate::mempool::{PoolError, Select};
use crate::store::MemoryKv;
use crate::testing::{GWEI, config, node, open, signer, transfer, transfer_with};

fn group(size: usize) -> Vec<Bytes> {
    vec![Bytes::from_static(&[7]); size]
}

fn sizes(queue: &Queue, most: usize) -> Vec<usize> {
    queue.take(most).unwrap().iter().map(|group| group.raw.len()).collect()
}

#[test]
fn threads_share_what_waits_in_order_of_arrival() {
    let queue = Queue::new(2);
    let _answers: Vec<_> =
        [1, 1, 2, 4, 50, 3].into_iter().map(|size| block_on(queue.put(group(size), Gap::Wait))).collect();
    let first = queue.take(8).unwrap();
    let places: Vec<(u64, usize)> = first.iter().map(|group| (group.arrival, group.raw.len())).collect();
    assert_eq!(places, [(0, 1), (1, 1), (2, 2), (4, 4)]);
    // Too many for one, but a group stays whole.
    assert_eq!(sizes(&queue, 8), [50]);
    assert_eq!(sizes(&queue, 8), [3]);
    let _answers: Vec<_> = (0..6).map(|_| block_on(queue.put(group(1), Gap::Wait))).collect();
    assert_eq!([sizes(&queue, 8), sizes(&queue, 8), sizes(&queue, 8)], [vec![1; 3], vec![1; 2], vec![1; 1]]);
}

#[test]
fn a_full_queue_lets_wait() {
    let queue = Queue::new(1);
    let huge = Bytes::from(vec![0; 64 << 20]);
    // More than all the room: it has all of it.
    let _answer = block_on(queue.put(vec![huge], Gap::Wait));
    let mut next = Box::pin(queue.put(group(1), Gap::Wait));
    assert!(futures::FutureExt::now_or_never(&mut next).is_none());
    drop(queue.take(1));
    block_on(next);
    assert_eq!(sizes(&queue, 1), [1]);
}

#[test]
fn nobody_waits_for_a_closed_queue() {
    let queue = Queue::new(1);
    let before = block_on(queue.put(group(1), Gap::Wait));
    queue.close();
    assert!(block_on(before).is_err());
    assert!(block_on(block_on(queue.put(group(1), Gap::Wait))).is_err());
    assert!(queue.take(1).is_none());
}

#[test]
fn each_outcome_is_its_own_and_in_order() {
    let node = node();
    let (good, next) = (transfer(1, 0), transfer(1, 1));
    let raw = vec![good.raw().clone(), Bytes::from_static(&[2, 0xc0, 1]), good.raw().clone(), next.raw().clone()];
    let outcomes = block_on(node.backend.submit_all(raw));
    assert_eq!((&outcomes[0], &outcomes[3]), (&Ok(good.hash()), &Ok(next.hash())));
    assert!(matches!(outcomes[1], Err(PoolError::Transaction(_))), "{outcomes:?}");
    assert_eq!(outcomes[2], Err(PoolError::AlreadyKnown));
    assert_eq!(block_on(node.backend.submit_all(Vec::new())), []);
    // A gap is refused where it is to be, whatever waits already.
    let gap = |transaction: Transaction, gap| block_on(node.backend.submit(transaction.raw().clone(), gap));
    assert_eq!(gap(transfer(1, 3), Gap::Refuse), Err(PoolError::NonceGap { got: 3, expected: 2 }));
    assert!(gap(transfer(1, 3), Gap::Wait).is_ok());
    assert!(gap(transfer(1, 2), Gap::Refuse).is_ok());
    assert_eq!(gap(transfer(1, 5), Gap::Refuse), Err(PoolError::NonceGap { got: 5, expected: 4 }));
}

fn waiting(backend: &Backend) -> Vec<Transaction> {
    backend.pool().select(Select { count: usize::MAX, bytes: usize::MAX, gas: u64::MAX })
}

#[test]
fn whoever_arrives_first_is_first_whichever_thread_is_done_first() {
    let mut config = config();
    config.mempool = PoolLimits { max_per_sender: 10_000, ..config.mempool };
    let node = open(Arc::new(MemoryKv::default()), &config);
    // One group each of many senders' transactions, in turn; put one after the other, before any answer is awaited.
    let sent: Vec<Transaction> = (0..40)
        .flat_map(|nonce| (1..=8).map(move |seed| transfer_with(&signer(seed), nonce, GWEI, 3 * GWEI)))
        .collect();
    let groups = sent.chunks(GROUP / 4).map(|chunk| chunk.iter().map(|t| t.raw().clone()).collect::<Vec<_>>());
    let outcomes = block_on(join_all(groups.map(|raw| node.backend.submit_all(raw))));
    assert!(outcomes.into_iter().flatten().all(|outcome| outcome.is_ok()));
    let hashes = |all: &[Transaction]| all.iter().map(Transaction::hash).collect::<Vec<_>>();
    assert_eq!(hashes(&waiting(&node.backend)), hashes(&sent));
}
