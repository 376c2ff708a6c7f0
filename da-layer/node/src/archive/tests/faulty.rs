//! An object store that fails, stalls or lies when told to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None = 0,
    Fails = 1,
    Stalls = 2,
}

#[derive(Debug)]
pub(super) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    fault: AtomicU64,
    pub(super) puts: AtomicU64,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

impl Faulty {
    pub(super) fn over(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { inner, fault: AtomicU64::new(0), puts: AtomicU64::new(0) })
    }

    pub(super) fn set(&self, fault: Fault) {
        self.fault.store(fault as u64, Ordering::SeqCst);
    }

    async fn meet(&self) -> Result<()> {
        match self.fault.load(Ordering::SeqCst) {
            0 => Ok(()),
            1 => Err(object_store::Error::Generic { store: "faulty", source: "on purpose".into() }),
            _ => std::future::pending().await,
        }
    }
}

#[tonic::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        self.meet().await?;
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.meet().await?;
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fault.load(Ordering::SeqCst) {
            0 => self.inner.list(prefix),
            1 => {
                let error = object_store::Error::Generic { store: "faulty", source: "on purpose".into() };
                futures::stream::once(async { Err(error) }).boxed()
            }
            _ => futures::stream::pending().map(Ok).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.meet().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// All names, in order.
pub(super) async fn names(objects: &dyn ObjectStore) -> Vec<Path> {
    let mut names: Vec<Path> = objects.list(None).map_ok(|meta| meta.location).try_collect().await.unwrap();
    names.sort_unstable();
    names
}
