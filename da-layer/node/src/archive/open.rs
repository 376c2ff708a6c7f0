//! From an address to an object store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};

use super::{ArchiveConfig, ArchiveError};

/// Longest time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries after the first that the client makes by itself; who asks has a back-off of his own.
const MAX_RETRIES: usize = 2;

/// Opens the object store that the address names.
pub(super) fn open(config: &ArchiveConfig) -> Result<Arc<dyn ObjectStore>, ArchiveError> {
    let url = config.url.as_str();
    // What follows may be a secret.
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    let shown = shown.rsplit_once('@').map_or(shown, |(_, host)| host);
    let refused = |why: String| ArchiveError::Address { url: shown.to_owned(), why };
    if url.contains(['?', '#', '@']) {
        return Err(refused(
            "credentials and options belong into the environment (AWS_*), not into the address".into(),
        ));
    }
    if let Some(folder) = url.strip_prefix("file://") {
        return open_folder(Path::new(folder)).map_err(refused);
    }
    let Some(rest) = url.strip_prefix("s3://") else {
        return Err(refused("must begin with s3:// or file://".into()));
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(refused("names no bucket: s3://BUCKET/PREFIX".into()));
    }
    over_s3(AmazonS3Builder::from_env(), bucket, prefix, config).map_err(|error| refused(error.to_string()))
}

/// A bucket, with credentials and endpoint from `builder`.
pub(super) fn over_s3(
    builder: AmazonS3Builder,
    bucket: &str,
    prefix: &str,
    config: &ArchiveConfig,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let limit = Duration::from_millis(config.timeout_ms);
    let timeout = |duration: Duration| format!("{} ms", duration.as_millis());
    let store = builder
        .with_bucket_name(bucket)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), timeout(limit))
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), timeout(CONNECT_TIMEOUT))
        .with_retry(RetryConfig { max_retries: MAX_RETRIES, retry_timeout: limit, ..RetryConfig::default() })
        .build()?;
    let prefix = prefix.trim_matches('/');
    Ok(if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

/// Files are synced before a put is answered.
fn open_folder(folder: &Path) -> Result<Arc<dyn ObjectStore>, String> {
    if !folder.is_absolute() {
        return Err("the folder must be an absolute path: file:///var/lib/weft/archive".to_owned());
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make the folder: {error}"))?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| error.to_string())?;
    Ok(Arc::new(store.with_fsync(true)))
}
