//! Puts, gets and lists blocks, each within a time limit; gets for callers within a number.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use weft_da::{BlobEntry, SignedHeader};
use weft_primitives::B256;

use super::name::{self, group_of};
use super::{ArchiveConfig, ArchiveError, object, open};
use crate::store::{Store, StoreError};

/// Reads that may wait for each one that runs.
const WAITING_PER_READ: usize = 8;

/// Objects taken from one listing of 1,000 heights.
const MAX_LISTED: usize = 10_000;

/// A block as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its height.
    pub height: u64,
    /// Hash of its header.
    pub hash: B256,
    /// Length of the object in bytes.
    pub length: u64,
}

/// The archive of one node.
pub struct Archive {
    objects: Arc<dyn ObjectStore>,
    config: ArchiveConfig,
    reads: Semaphore,
    waiting: Semaphore,
    /// Held while the mark is moved.
    mark: Mutex<Arc<dyn Store>>,
    pub(super) rewound: Notify,
    pub(super) last_error: Mutex<Option<String>>,
}

impl Archive {
    /// Opens the archive of `store`; asks it nothing yet.
    pub fn open(config: ArchiveConfig, store: Arc<dyn Store>) -> Result<Self, ArchiveError> {
        let objects = open::open(&config)?;
        Ok(Self::over(objects, config, store))
    }

    /// An archive over any object store.
    pub fn over(objects: Arc<dyn ObjectStore>, config: ArchiveConfig, store: Arc<dyn Store>) -> Self {
        let reads = Semaphore::new(config.max_reads.max(1));
        let waiting = Semaphore::new(config.max_reads.max(1).saturating_mul(WAITING_PER_READ + 1));
        let (rewound, last_error) = (Notify::new(), Mutex::default());
        Self { objects, config, reads, waiting, mark: Mutex::new(store), rewound, last_error }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.config.url
    }

    /// What last went wrong, until something goes right.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note<T>(&self, operation: &'static str, result: &Result<T, ArchiveError>) {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => *last = None,
            Err(error) => {
                let labels = [("operation", operation), ("kind", error.kind())];
                metrics::counter!("weft_da_archive_failures_total", &labels).increment(1);
                *last = Some(error.to_string());
            }
        }
    }

    async fn within<T>(
        &self,
        operation: &'static str,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ArchiveError> {
        let timeout_ms = self.config.timeout_ms;
        match tokio::time::timeout(Duration::from_millis(timeout_ms), request).await {
            Ok(result) => result.map_err(|source| ArchiveError::Store { operation, source }),
            Err(_) => Err(ArchiveError::Timeout { operation, timeout_ms }),
        }
    }

    /// Puts a block; durable when it returns. The same block again changes nothing.
    pub async fn put(&self, header: &SignedHeader, originals: Vec<u8>) -> Result<(), ArchiveError> {
        let start = Instant::now();
        let path = name::block(header.header.height, header.header.hash());
        let payload = PutPayload::from_iter(object::parts(header, originals));
        self.within("put", self.objects.put(&path, payload)).await?;
        metrics::histogram!("weft_da_archive_put_seconds").record(start.elapsed().as_secs_f64());
        Ok(())
    }

    /// The whole object of a block, unchecked but for its length.
    pub async fn get(&self, height: u64, hash: B256, length: u64) -> Result<Bytes, ArchiveError> {
        self.fetch(height, hash, None, length).await
    }

    /// A blob's bytes, checked against its entry.
    pub async fn blob(&self, height: u64, hash: B256, entry: &BlobEntry) -> Result<Bytes, ArchiveError> {
        let damaged = ArchiveError::Damaged { height, what: "the blob is not at its place" };
        let Some(range) = object::range_of(entry) else { return Err(damaged) };
        let data = self.fetch(height, hash, Some(range), entry.length).await?;
        entry.check(&data).map_err(|_| damaged)?;
        Ok(data)
    }

    async fn fetch(
        &self,
        height: u64,
        hash: B256,
        range: Option<std::ops::Range<u64>>,
        length: u64,
    ) -> Result<Bytes, ArchiveError> {
        let path = name::block(height, hash);
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let request = async {
            let answer = self.objects.get_opts(&path, options).await?;
            let mut data = BytesMut::new();
            let mut stream = answer.into_stream();
            // One byte too many shows that it is another length.
            while let Some(chunk) = stream.try_next().await? {
                data.extend_from_slice(&chunk);
                if data.len() as u64 > length {
                    break;
                }
            }
            Ok(data.freeze())
        };
        let data = self.within("get", request).await.map_err(|error| missing(height, error))?;
        if data.len() as u64 != length {
            return Err(ArchiveError::Damaged { height, what: "it has another length" });
        }
        Ok(data)
    }

    /// Whether the archive holds a block, in its full length.
    pub async fn holds(&self, header: &SignedHeader) -> Result<bool, ArchiveError> {
        let height = header.header.height;
        let path = name::block(height, header.header.hash());
        match self.within("head", self.objects.head(&path)).await.map_err(|error| missing(height, error)) {
            Ok(meta) => Ok(meta.size == object::length(header)),
            Err(ArchiveError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All blocks in the group of 1,000 heights that `height` is in, in order.
    pub async fn list(&self, height: u64) -> Result<Vec<Listed>, ArchiveError> {
        let prefix = name::group(group_of(height));
        let request = async {
            let listed = self.objects.list(Some(&prefix)).take(MAX_LISTED);
            listed.try_collect::<Vec<_>>().await
        };
        let mut blocks: Vec<Listed> = self
            .within("list", request)
            .await?
            .into_iter()
            .filter_map(|meta| {
                let (height, hash) = name::parse(&meta.location)?;
                Some(Listed { height, hash, length: meta.size })
            })
            .collect();
        blocks.sort_unstable();
        Ok(blocks)
    }

    /// The greatest height in the archive; 0 when it is empty.
    pub async fn tip(&self) -> Result<u64, ArchiveError> {
        let root = Path::from(name::ROOT);
        let folders = self.within("list", self.objects.list_with_delimiter(Some(&root))).await?.common_prefixes;
        let mut groups: Vec<u64> = folders.iter().filter_map(name::parse_group).collect();
        groups.sort_unstable();
        while let Some(group) = groups.pop() {
            if let Some(newest) = self.list(group.saturating_mul(name::GROUP_HEIGHTS)).await?.last() {
                return Ok(newest.height);
            }
        }
        Ok(0)
    }

    /// The right to read for a caller: so many read, some more wait, others are refused.
    pub async fn admit(&self) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), ArchiveError> {
        let busy = || ArchiveError::Busy { limit: self.config.max_reads };
        let place = self.waiting.try_acquire().map_err(|_| busy())?;
        let wait = tokio::time::timeout(Duration::from_millis(self.config.timeout_ms), self.reads.acquire());
        let permit = wait.await.ok().and_then(Result::ok).ok_or_else(busy)?;
        Ok((place, permit))
    }

    /// Up to which height every block is here.
    pub fn through(&self) -> Result<u64, StoreError> {
        self.store().archived()
    }

    /// Whether this block's rows are no longer needed here: it is below the mark, and the archive says that it has it. If
    /// it says that it has not, the mark goes back, and what is missing is uploaded again.
    pub async fn confirms(&self, header: &SignedHeader) -> Result<bool, ArchiveError> {
        let height = header.header.height;
        if self.through().map_or(true, |through| through < height) {
            return Ok(false);
        }
        let held = self.holds(header).await;
        self.note("head", &held);
        if !held? {
            tracing::error!(height, "the archive has lost a DA block; it is uploaded again");
            if let Err(error) = self.rewind(height - 1) {
                tracing::error!(%error, "store");
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn store(&self) -> std::sync::MutexGuard<'_, Arc<dyn Store>> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the mark on by one, unless it was moved back meanwhile.
    pub(super) fn advance(&self, height: u64) -> Result<(), StoreError> {
        let store = self.store();
        if store.archived()?.checked_add(1) == Some(height) {
            store.set_archived(height)?;
        }
        Ok(())
    }

    /// Moves the mark back.
    pub(super) fn rewind(&self, height: u64) -> Result<(), StoreError> {
        let store = self.store();
        if store.archived()? > height {
            store.set_archived(height)?;
            self.rewound.notify_one();
        }
        Ok(())
    }
}

fn missing(height: u64, error: ArchiveError) -> ArchiveError {
    match error {
        ArchiveError::Store { source: object_store::Error::NotFound { .. }, .. } => ArchiveError::Missing { height },
        other => other,
    }
}
