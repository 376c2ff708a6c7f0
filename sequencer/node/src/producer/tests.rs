//! Blocks in the making beside blocks that are being written.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::U256;
use futures::executor::block_on;
use weft_execution::StateView;
use weft_primitives::Transaction;
use weft_service::Shutdown;

use crate::admission::Gap;
use crate::backend::{Stage, StateError};
use crate::chain::ChainError;
use crate::mempool::{PoolError, Select};
use crate::producer::ProducerError;
use crate::store::{Family, Kv, KvView, MemoryKv, Pair, StoreError, Visit, Write};
use crate::testing::{TestNode, config, open, signer, transfer};

/// A disk that writes only when it is told to.
struct SlowDisk {
    memory: MemoryKv,
    begun: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl KvView for SlowDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.get(family, key)
    }

    fn walk(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.memory.walk(family, from, visit)
    }

    fn pin(&self) -> Arc<dyn KvView> {
        self.memory.pin()
    }
}

impl Kv for SlowDisk {
    fn write(&self, writes: Vec<Write>, durable: bool) -> Result<(), StoreError> {
        self.begun.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        self.memory.write(writes, durable)
    }

    fn last(&self, family: Family) -> Result<Option<Pair>, StoreError> {
        self.memory.last(family)
    }
}

/// A disk that has room for genesis.
#[derive(Default)]
struct FullDisk(MemoryKv);

impl KvView for FullDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(family, key)
    }

    fn walk(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.0.walk(family, from, visit)
    }

    fn pin(&self) -> Arc<dyn KvView> {
        self.0.pin()
    }
}

impl Kv for FullDisk {
    fn write(&self, writes: Vec<Write>, durable: bool) -> Result<(), StoreError> {
        let room = self.0.last(Family::Block)?.is_none();
        if room { self.0.write(writes, durable) } else { Err(StoreError::Damaged { what: "disk" }) }
    }

    fn last(&self, family: Family) -> Result<Option<Pair>, StoreError> {
        self.0.last(family)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_write_stops_though_nothing_else_comes() {
    let TestNode { backend, producer } = open(Arc::new(FullDisk::default()), &config());
    let (runtime, shutdown) = (tokio::runtime::Handle::current(), Shutdown::new());
    let stop = shutdown.clone();
    let producing = tokio::task::spawn_blocking(move || producer.run(&runtime, &stop));
    backend.submit(transfer(1, 0).raw().clone(), Gap::Wait).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), producing).await.unwrap().unwrap();
    assert!(matches!(ended, Err(ProducerError::Chain(ChainError::Store(_)))), "{ended:?}");
    // Nobody has seen it.
    assert_eq!(backend.heads().latest, 0);
    assert!(!shutdown.is_triggered());
}

/// A node whose disk stands still after genesis.
fn slow() -> (TestNode, Receiver<()>, SyncSender<()>) {
    let (begun, has_begun) = sync_channel(1);
    let (go_on, told) = sync_channel(1);
    let disk = SlowDisk { memory: MemoryKv::default(), begun, go_on: Mutex::new(told) };
    go_on.send(()).unwrap();
    let node = open(Arc::new(disk), &config());
    has_begun.recv().unwrap();
    (node, has_begun, go_on)
}

#[test]
fn admission_does_not_wait_for_the_disk_and_nobody_sees_what_is_not_there() {
    let (TestNode { backend, mut producer }, has_begun, go_on) = slow();
    let submit = |transaction: &Transaction| block_on(backend.submit(transaction.raw().clone(), Gap::Wait));
    let (first, second) = (transfer(1, 0), transfer(1, 1));
    submit(&first).unwrap();
    let to = alloy_primitives::Address::repeat_byte(0x77);
    let balance = |number| {
        let seen = backend.with_state(number, |view, _| view.account(to).unwrap().map(|stored| stored.account.balance));
        seen.unwrap()
    };
    std::thread::scope(|scope| {
        let making = scope.spawn(|| producer.make_block(&[]).unwrap().unwrap());
        has_begun.recv().unwrap();
        // The block is executed and not on disk. Its follower is taken, and it is known as done.
        submit(&second).unwrap();
        assert_eq!(submit(&first), Err(PoolError::AlreadyKnown));
        assert_eq!(backend.pool().pending_nonce(&signer(1).address()), Some(2));
        // Nobody sees it.
        assert_eq!((backend.heads().latest, balance(0)), (0, None));
        assert!(matches!(backend.with_state(1, |_, _| ()), Err(StateError::NoBlock(1))));
        assert_eq!(backend.transaction_status(&first.hash()).unwrap().stage, Stage::Pending);
        go_on.send(()).unwrap();
        making.join().unwrap();
    });
    assert_eq!((backend.heads().latest, balance(0), balance(1)), (1, None, Some(U256::from(1))));
    assert_eq!(backend.transaction_status(&first.hash()).unwrap().stage, Stage::Executed);
    let waiting = backend.pool().select(Select { count: usize::MAX, bytes: usize::MAX, gas: u64::MAX });
    assert_eq!(waiting.iter().map(Transaction::hash).collect::<Vec<_>>(), [second.hash()]);
    assert!(matches!(submit(&first), Err(PoolError::NonceTooLow { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_made_while_others_are_written_and_written_together() {
    let (TestNode { backend, producer }, has_begun, go_on) = slow();
    let (runtime, shutdown) = (tokio::runtime::Handle::current(), Shutdown::new());
    let stop = shutdown.clone();
    let producing = std::thread::spawn(move || producer.run(&runtime, &stop));
    let sent: Vec<Transaction> = (0..3).map(|nonce| transfer(1, nonce)).collect();
    let mut blocks = backend.chain().subscribe();
    for (at, transaction) in sent.iter().enumerate() {
        backend.submit(transaction.raw().clone(), Gap::Wait).await.unwrap();
        // The first is being written by then, the second waits; the third is executed.
        if at == 0 {
            has_begun.recv().unwrap();
        }
        let executed = || backend.chain().world().account(transaction.sender()).unwrap().unwrap().account.nonce;
        while executed() <= at as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(backend.heads().latest, 0);
    go_on.send(()).unwrap();
    // Nothing that was made is lost by stopping.
    shutdown.trigger();
    let mut writes = 1;
    while !producing.is_finished() {
        if has_begun.recv_timeout(Duration::from_millis(1)).is_ok() {
            assert!(backend.heads().latest >= writes);
            writes += 1;
            go_on.send(()).unwrap();
        }
    }
    producing.join().unwrap().unwrap();
    // What was made meanwhile is one more; two, if the last was not handed over yet.
    assert!((2..=3).contains(&writes), "{writes}");
    for (number, transaction) in (1..).zip(&sent) {
        let block = blocks.recv().await.unwrap();
        assert_eq!((block.block.header.number, block.receipts[0].transaction_hash), (number, transaction.hash()));
        assert_eq!(backend.locate(&transaction.hash()).unwrap().unwrap().block.header.number, number);
    }
    assert!(backend.pool().is_empty());
}
