//! Whether any transaction is taken at all.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::mempool::PoolError;

/// Open, unless batches wait or the disk is full.
#[derive(Debug)]
pub struct Gate {
    /// Why it is closed, if it is.
    backpressure: watch::Sender<Option<String>>,
    disk_full: AtomicBool,
    data_dir: PathBuf,
    min_free_bytes: u64,
}

impl Gate {
    /// Open; `min_free_bytes` is `store.min_free_bytes`, on the disk of `data_dir`.
    pub fn new(data_dir: PathBuf, min_free_bytes: u64) -> Self {
        Self { backpressure: watch::channel(None).0, disk_full: AtomicBool::new(false), data_dir, min_free_bytes }
    }

    /// Closes it with a reason, or opens it.
    pub fn set_backpressure(&self, reason: Option<String>) {
        self.backpressure.send_if_modified(|now| {
            let changed = now.is_some() != reason.is_some();
            *now = reason;
            changed
        });
    }

    /// Looks at the disk.
    pub fn check_disk(&self) {
        let free = weft_service::disk::free_bytes(&self.data_dir);
        let full = free.is_some_and(|bytes| bytes < self.min_free_bytes);
        self.disk_full.store(full, Ordering::Relaxed);
    }

    /// Why nothing is taken, if so.
    pub fn pass(&self) -> Result<(), PoolError> {
        if self.disk_full.load(Ordering::Relaxed) {
            let limit = self.min_free_bytes;
            let reason = format!("less than store.min_free_bytes = {limit} bytes of disk are free");
            return Err(PoolError::Backpressure(reason));
        }
        match &*self.backpressure.borrow() {
            Some(reason) => Err(PoolError::Backpressure(reason.clone())),
            None => Ok(()),
        }
    }
}
