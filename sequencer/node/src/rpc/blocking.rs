//! Work that computes or reads the disk, kept off the threads that serve sockets, a bounded number at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::error::RpcError;

/// A bounded number of workers.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Semaphore>);

impl Workers {
    /// At most `count` at once; at least one.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.max(1))))
    }

    /// Runs `work` when a worker is free. Its slot is held until the work ends, even if the caller has gone.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let slot = self.0.clone().acquire_owned().await.map_err(RpcError::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        done.await.map_err(RpcError::internal)?
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_than_allowed_run_at_once() {
        let workers = Workers::new(3);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..30).map(|_| {
            let (running, most) = (running.clone(), most.clone());
            let workers = workers.clone();
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(1));
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                workers.run(work).await
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let result = Workers::new(1).run(|| -> Result<(), RpcError> { panic!("defect") }).await;
        assert!(matches!(result, Err(RpcError::Internal)));
    }
}
