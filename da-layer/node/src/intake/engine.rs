//! The one loop that makes blocks: gather, pack, encode, sign, persist, answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use weft_da::limits::MAX_BLOBS_PER_BLOCK;
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader, payload_len};
use weft_primitives::{B256, Namespace, Signer};
use weft_service::Shutdown;
use weft_service::clock::Clock;

use super::ingress::{Intake, Pending, Placed, PutError};
use super::turns::Turns;
use crate::cache::BlockCache;
use crate::config::Config;
use crate::policy::Gate;
use crate::store::{Location, Store, StoreError};

/// Makes the blocks of one node, on a thread of its own.
pub struct Engine {
    store: Arc<dyn Store>,
    cache: Arc<BlockCache>,
    clock: Arc<dyn Clock>,
    signer: Signer,
    config: Config,
    latest: watch::Sender<Option<SignedHeader>>,
    queue: mpsc::Receiver<Pending>,
    waiting: Turns<Pending>,
    gate: Arc<Gate>,
    certified: Option<(watch::Receiver<u64>, u64)>,
}

impl Engine {
    /// An engine that goes on after the newest stored block, the way into it, and the newest header to watch.
    pub fn new(
        config: Config,
        store: Arc<dyn Store>,
        cache: Arc<BlockCache>,
        clock: Arc<dyn Clock>,
        gate: Arc<Gate>,
    ) -> Result<(Self, Intake, watch::Receiver<Option<SignedHeader>>), StoreError> {
        let newest = store.latest()?;
        metrics::gauge!("weft_da_height").set(newest.map_or(0, |signed| signed.header.height) as f64);
        let (latest, watcher) = watch::channel(newest);
        let (intake, queue) = Intake::new(config.limits, gate.clone());
        let signer = config.signer.clone();
        let (waiting, certified) = (Turns::default(), None);
        Ok((Self { store, cache, clock, signer, config, latest, queue, waiting, gate, certified }, intake, watcher))
    }

    /// Where newest headers are told.
    pub fn latest(&self) -> watch::Sender<Option<SignedHeader>> {
        self.latest.clone()
    }

    /// Makes no more than `most` blocks above the height that is certified.
    pub fn within_certified(mut self, certified: watch::Receiver<u64>, most: u64) -> Self {
        self.certified = Some((certified, most));
        self
    }

    /// Makes blocks until shutdown; what was taken in by then is stored first. An error means that the store failed:
    /// what was being written may or may not be durable.
    pub fn run(mut self, runtime: &Handle, shutdown: &Shutdown) -> Result<(), StoreError> {
        let interval = Duration::from_millis(self.config.limits.block_min_interval_ms);
        let mut last_block: Option<Instant> = None;
        while self.gather(runtime, shutdown) {
            // Small blobs wait for company: a block costs everyone a header.
            if self.waiting.bytes() < self.config.limits.block_eager_bytes
                && let Some(rest) = last_block.and_then(|at| interval.checked_sub(at.elapsed()))
            {
                std::thread::sleep(rest);
                self.drain();
            }
            let group = self.next_group();
            if let Some(error) = self.disk_full().or_else(|| self.uncertified()) {
                group.into_iter().for_each(|pending| answer(pending, Err(error.clone())));
                continue;
            }
            self.commit(group)?;
            last_block = Some(Instant::now());
        }
        Ok(())
    }

    /// Waits until something is waiting; false once nothing more will come.
    fn gather(&mut self, runtime: &Handle, shutdown: &Shutdown) -> bool {
        if self.waiting.is_empty() {
            let next = runtime.block_on(shutdown.unless(self.queue.recv())).flatten();
            next.into_iter().for_each(|pending| self.wait(pending));
        }
        if shutdown.is_triggered() {
            self.queue.close();
        }
        self.drain();
        !self.waiting.is_empty()
    }

    /// Takes over what has arrived. Bounded: each blob holds its place in the intake until it is done with.
    fn drain(&mut self) {
        while let Ok(pending) = self.queue.try_recv() {
            self.wait(pending);
        }
    }

    fn wait(&mut self, pending: Pending) {
        self.waiting.push(pending.namespace, pending.data.len() as u64, pending);
    }

    /// As much of what waits, by fair turns of the namespaces, as fits into one block.
    fn next_group(&mut self) -> Vec<Pending> {
        let most = self.config.limits.max_block_bytes;
        self.waiting.group(|count, bytes| count <= MAX_BLOBS_PER_BLOCK && payload_len(count, bytes) <= most)
    }

    fn disk_full(&self) -> Option<PutError> {
        let limit_bytes = self.config.limits.store_min_free_bytes;
        let free_bytes = weft_service::disk::free_bytes(&self.config.data_dir)?;
        (free_bytes < limit_bytes).then_some(PutError::DiskFull { free_bytes, limit_bytes })
    }

    fn uncertified(&self) -> Option<PutError> {
        let (certified, most) = self.certified.as_ref()?;
        let certified = *certified.borrow();
        let height = self.latest.borrow().as_ref().map_or(0, |signed| signed.header.height);
        (height - certified >= *most).then_some(PutError::Uncertified { blocks: height - certified, limit: *most })
    }

    fn commit(&mut self, group: Vec<Pending>) -> Result<(), StoreError> {
        let start = Instant::now();
        // The first of equal blobs makes the place for all of them.
        let mut places: HashMap<(Namespace, B256), Option<usize>> = HashMap::new();
        let mut fresh: Vec<&Pending> = Vec::new();
        for pending in &group {
            let key = (pending.namespace, pending.hash);
            if let std::collections::hash_map::Entry::Vacant(vacant) = places.entry(key) {
                let stored = self.is_held(&pending.namespace, &pending.hash)?;
                vacant.insert((!stored).then_some(fresh.len()));
                if !stored {
                    fresh.push(pending);
                }
            }
        }
        let mut positions = Vec::new();
        let mut height = 0;
        if !fresh.is_empty() {
            let blobs: Vec<Blob<'_>> =
                fresh.iter().map(|blob| Blob::with_hash(blob.namespace, blob.hash, &blob.data)).collect();
            match Packed::new(&blobs, self.config.limits.max_block_bytes) {
                Ok(packed) => {
                    positions = packed.positions().to_vec();
                    height = self.append(packed)?;
                    self.gate.store(fresh.iter().map(|blob| (&blob.namespace, blob.hash, blob.data.len() as u64)));
                }
                Err(error) => {
                    // One blob whose index entry carries it over the block's limit; groups are made to fit otherwise.
                    tracing::debug!(%error, "a blob does not fit into a block");
                    let (limit_bytes, key) = (self.config.limits.max_block_bytes, "max_block_bytes");
                    for pending in group {
                        let len_bytes = pending.data.len() as u64;
                        answer(pending, Err(PutError::TooLarge { len_bytes, limit_bytes, key }));
                    }
                    return Ok(());
                }
            }
        }
        metrics::histogram!("weft_da_commit_seconds").record(start.elapsed().as_secs_f64());
        let mut first = std::collections::HashSet::new();
        for pending in group {
            let key = (pending.namespace, pending.hash);
            let placed = match places[&key] {
                Some(at) => {
                    Placed { location: Location { height, position: positions[at] }, duplicate: !first.insert(key) }
                }
                None => match self.store.locate(&key.0, &key.1)? {
                    Some(location) => Placed { location, duplicate: true },
                    None => return Err(StoreError::Damaged { height: 0, what: "location of a blob is gone" }),
                },
            };
            answer(pending, Ok(placed));
        }
        Ok(())
    }

    /// Whether a blob can be read; one that retention has removed is stored anew.
    fn is_held(&self, namespace: &Namespace, hash: &B256) -> Result<bool, StoreError> {
        let Some(place) = self.store.locate(namespace, hash)? else { return Ok(false) };
        let archived = self.config.archive.is_some() && place.height <= self.store.archived()?;
        Ok(archived || self.store.is_here(namespace, place)?)
    }

    /// Encodes, signs and persists one block; returns its height.
    fn append(&mut self, packed: Packed) -> Result<u64, StoreError> {
        let parent = self.latest.borrow().as_ref().map(|signed| signed.header);
        let height = parent.map_or(weft_da::header::FIRST_HEIGHT, |parent| parent.height + 1);
        // The bulk of it is written while the rest is computed.
        let stage = |originals: &[u8]| self.store.stage(height, originals);
        let (block, staged) = EncodedBlock::encode_beside(packed, Schedule::Parallel, stage);
        staged?;
        let position = ChainPosition {
            network_id: self.config.network_id,
            height,
            prev_hash: parent.map_or(B256::ZERO, |parent| parent.hash()),
            // A clock set back must not make a header that clients refuse.
            time_ms: parent.map_or(0, |parent| parent.time_ms).max(self.clock.now_ms()),
        };
        let header = SignedHeader::sign(block.header(position), &self.signer);
        self.store.append_staged(&header, &block)?;
        metrics::counter!("weft_da_blocks_total").increment(1);
        metrics::counter!("weft_da_blobs_total").increment(u64::from(block.index().count()));
        metrics::counter!("weft_da_payload_bytes_total").increment(block.shape().total_len());
        metrics::gauge!("weft_da_height").set(position.height as f64);
        tracing::debug!(height = position.height, blobs = block.index().count(), "da block");
        self.cache.insert(position.height, Arc::new(block));
        self.latest.send_replace(Some(header));
        Ok(position.height)
    }
}

/// The caller may be gone; the blob is stored all the same. Its place is given back first: who has an answer may go on.
fn answer(pending: Pending, result: Result<Placed, PutError>) {
    let reply = pending.finish();
    drop(reply.send(result));
}
