//! The whole node: store, engine, gRPC and HTTP, started and stopped together.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use weft_da::SignedHeader;
use weft_service::clock::SystemClock;
use weft_service::tasks::{Panicked, TaskSet};
use weft_service::{Readiness, Shutdown, catalogue, grpc, http};
use weft_wire::pb::da::v1::custody_server::CustodyServer;
use weft_wire::pb::da::v1::data_availability_server::DataAvailabilityServer;
use weft_wire::{FILE_DESCRIPTOR_SET, MAX_MESSAGE_BYTES};

use crate::archive::check::{CheckError, check};
use crate::archive::{Archive, ArchiveError, upload};
use crate::cache::BlockCache;
use crate::config::Config;
use crate::custody::{self, Custody, CustodyError, CustodyService};
use crate::grpc::{DaService, SERVICE};
use crate::intake::{Engine, Intake};
use crate::metrics::METRICS;
use crate::pages::Pages;
use crate::policy::{Gate, Policies, PolicyError, file, reload};
use crate::reader::Reader;
use crate::retention::{Sweeper, task};
use crate::status;
use crate::store::{RocksStore, Store, StoreError};

/// Where a node listens.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Metrics, health, page.
    pub http: TcpListener,
}

/// Why a node ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed.
    #[error("DA node: {0}")]
    Store(#[from] StoreError),
    /// The policies of namespaces cannot be used.
    #[error("DA node: {0}")]
    Policy(#[from] PolicyError),
    /// The data folder was written by another key or for another network.
    #[error(
        "the data folder {path} holds blocks of network {network_id} signed by {signer}; \
         use that key and network id, or another data folder"
    )]
    ForeignData {
        /// The folder.
        path: std::path::PathBuf,
        /// Its network.
        network_id: u64,
        /// Its signer.
        signer: weft_primitives::Address,
    },
    /// The archive cannot be used.
    #[error("DA node: {0}")]
    Archive(#[from] ArchiveError),
    /// A node that keeps a share of the rows has no whole blocks to archive.
    #[error("DA node: archive_url is for the node that makes the blocks; this one keeps a share of them (--producer)")]
    ArchiveOfShare,
    /// The archive does not go with the data folder.
    #[error("DA node: {0}")]
    Check(#[from] CheckError),
    /// A server failed.
    #[error("DA node: {0}")]
    Grpc(#[from] grpc::GrpcError),
    /// A server failed.
    #[error("DA node HTTP: {0}")]
    Http(std::io::Error),
    /// No thread.
    #[error("DA node: {0}")]
    Thread(std::io::Error),
    /// The custody cannot be.
    #[error("DA node: {0}")]
    Custody(#[from] CustodyError),
    /// A producer without its chain would sign it a second time.
    #[error(
        "this node's key has signed DA blocks up to {0}, which other members hold and the data folder does not; \
         starting so it would sign others for the same heights. Restore first: weft da restore"
    )]
    SignedBefore(u64),
    /// The system gives no signals.
    #[error("DA node: SIGHUP cannot be waited for: {0}")]
    Signal(std::io::Error),
    /// A part of the node panicked.
    #[error("DA node: {0}")]
    Panicked(#[from] Panicked),
}

/// Runs a node until shutdown, or until a part of it fails.
pub async fn run(config: Config, listeners: Listeners, shutdown: Shutdown) -> Result<(), RunError> {
    catalogue::announce(METRICS);
    let readiness = Readiness::new(&["store"]);
    let policies = match &config.namespaces {
        Some(path) => file::load(path, &config.limits)?,
        None => Policies::default(),
    };
    let store = Arc::new(RocksStore::open(&config.data_dir)?);
    check_owner(&config, &*store)?;
    let clock = Arc::new(SystemClock);
    let gate = Gate::new(config.clone(), policies, store.clone(), clock.clone())?;
    let cache = Arc::new(BlockCache::new(config.limits.cache_max_bytes));
    let archive = match config.archive.clone() {
        Some(archive) => Some(Arc::new(Archive::open(archive, store.clone())?)),
        None => None,
    };
    let mut reader = Reader::new(store.clone(), cache.clone());
    if config.custody.is_some() {
        reader = reader.with_shares(store.clone());
    }
    if let Some(archive) = &archive {
        check(&*store, archive).await?;
        reader = reader.with_archive(archive.clone(), tokio::runtime::Handle::current());
    }
    let (engine, intake, latest) = Engine::new(config.clone(), store.clone(), cache, clock, gate.clone())?;
    let custody = custody(&config, store.clone(), reader.clone(), engine.latest())?;
    let is_producer = custody.as_ref().is_none_or(|custody| custody.is_producer());
    if !is_producer && archive.is_some() {
        return Err(RunError::ArchiveOfShare);
    }

    if let Some(custody) = custody.as_ref().filter(|_| is_producer)
        && let Some(height) = custody.signed_before().await
    {
        return Err(RunError::SignedBefore(height));
    }

    // All stop when asked to, or when one part has ended by itself.
    let stop = shutdown.child();
    let mut parts = TaskSet::new(stop.clone());
    if is_producer {
        let engine = match (&custody, &config.custody) {
            (Some(custody), Some(set)) => {
                engine.within_certified(custody.certified().watch(), set.limits.max_uncertified)
            }
            _ => engine,
        };
        let (runtime, ending) = (tokio::runtime::Handle::current(), stop.clone());
        let work = move || engine.run(&runtime, &ending).map_err(RunError::from);
        parts.spawn_thread("da-engine", work).map_err(RunError::Thread)?;
    }
    if let Some(custody) = &custody {
        custody::spawn(custody, &mut parts, &stop);
    }
    let mut sweeper =
        Sweeper::new(store.clone(), config.retention.clone(), Arc::new(SystemClock)).telling(gate.clone());
    if let Some(custody) = custody.as_ref().filter(|_| is_producer) {
        sweeper = sweeper.within_certified(custody.certified().watch());
    }
    age(&mut parts, sweeper, store.clone(), archive.clone(), latest.clone(), &stop)?;
    // Without a file SIGHUP keeps its meaning.
    if let Some(path) = config.namespaces.clone() {
        let reload = reload::on_signal(path, config.limits, gate, stop.clone());
        parts.spawn("policies", async move { reload.await.map_err(RunError::Signal) });
    }
    readiness.set("store");
    tracing::info!(signer = %config.signer.address(), network = config.network_id, "DA node is ready");

    let blocks = Pages { reader: reader.clone(), shares: store.clone(), custody: custody.clone() };
    let status = status::of(config.clone(), store, (custody.clone(), archive), latest.clone());
    let routes = routes(config, is_producer.then_some(intake), reader, custody, latest);
    let (grpc_stop, http_stop) = (stop.clone(), stop);
    parts.spawn("grpc", async move {
        Ok(grpc::serve(listeners.grpc, routes, FILE_DESCRIPTOR_SET, SERVICE, grpc_stop).await?)
    });
    let router = http::router("DA node", readiness, status).merge(blocks.router());
    parts.spawn("http", async move { http::serve(listeners.http, router, http_stop).await.map_err(RunError::Http) });
    parts.finish().await
}

fn custody(
    config: &Config,
    store: Arc<RocksStore>,
    reader: Reader,
    latest: watch::Sender<Option<SignedHeader>>,
) -> Result<Option<Arc<Custody>>, RunError> {
    let Some(set) = config.custody.clone() else { return Ok(None) };
    let custody = Custody::new(set, (config.signer.clone(), config.network_id), store, reader, latest)?;
    let (members, own) = (custody.members(), config.signer.address());
    tracing::info!(%own, members = members.addresses().len(), copies = members.copies(), producer = %custody.producer(), "custody");
    Ok(Some(custody))
}

/// What uploads blocks and removes old ones.
fn age(
    parts: &mut TaskSet<RunError>,
    sweeper: Sweeper,
    store: Arc<RocksStore>,
    archive: Option<Arc<Archive>>,
    latest: watch::Receiver<Option<SignedHeader>>,
    stop: &Shutdown,
) -> Result<(), RunError> {
    if let Some(archive) = archive.clone() {
        let uploading = upload::run(store, archive, latest, stop.clone());
        parts.spawn("da-archive", async move { Ok(uploading.await?) });
    }
    let (runtime, stop) = (tokio::runtime::Handle::current(), stop.clone());
    let sweep = move || Ok(task::run(sweeper, archive.as_deref(), &runtime, &stop)?);
    parts.spawn_thread("da-retention", sweep).map_err(RunError::Thread)
}

fn routes(
    config: Config,
    intake: Option<Intake>,
    reader: Reader,
    custody: Option<Arc<Custody>>,
    latest: watch::Receiver<Option<SignedHeader>>,
) -> Routes {
    let disk = (config.data_dir.clone(), config.limits.store_min_free_bytes);
    let service = DaService::new(config, intake, reader, custody.clone(), latest);
    let routes = Routes::new(
        DataAvailabilityServer::new(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES),
    );
    match custody {
        None => routes,
        Some(custody) => {
            let service = CustodyServer::new(CustodyService::new(custody, disk));
            routes.add_service(service.max_decoding_message_size(MAX_MESSAGE_BYTES))
        }
    }
}

/// Two keys must not sign one chain.
fn check_owner(config: &Config, store: &dyn Store) -> Result<(), RunError> {
    let Some(newest) = store.latest()? else { return Ok(()) };
    let signer = newest.signature.recover(newest.header.hash()).unwrap_or_default();
    let producer = config.custody.as_ref().and_then(|custody| custody.producer).unwrap_or(config.signer.address());
    if signer != producer || newest.header.network_id != config.network_id {
        let (path, network_id) = (config.data_dir.clone(), newest.header.network_id);
        return Err(RunError::ForeignData { path, network_id, signer });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::retention::{NamespaceRule, Retention};
    use futures::StreamExt;
    use weft_da::{VerifiedDigests, verify_header};
    use weft_primitives::{Namespace, Signer};
    use weft_wire::DaClient;

    async fn start(
        path: &std::path::Path,
        key: u8,
        retention: Retention,
    ) -> (DaClient, Shutdown, tokio::task::JoinHandle<Result<(), RunError>>) {
        let listener = || TcpListener::bind("127.0.0.1:0");
        let listeners = Listeners { grpc: listener().await.unwrap(), http: listener().await.unwrap() };
        let url = format!("http://{}", listeners.grpc.local_addr().unwrap());
        let limits = Limits { store_min_free_bytes: 0, ..Limits::default() };
        let signer = Signer::from_bytes([key; 32]).unwrap();
        let config = Config {
            data_dir: path.to_owned(),
            signer,
            network_id: 1,
            limits,
            custody: None,
            namespaces: None,
            retention,
            archive: None,
        };
        let shutdown = Shutdown::new();
        let task = tokio::spawn(run(config, listeners, shutdown.clone()));
        (DaClient::new(&url).unwrap(), shutdown, task)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_sees_everything_it_needs_and_can_check_it() {
        let folder = tempfile::tempdir().unwrap();
        let (client, shutdown, task) = start(folder.path(), 1, Retention::default()).await;
        let namespace = Namespace([5; 32]);
        let data = bytes::Bytes::from(vec![9; 3 << 20]);
        let put = client.put_blob(namespace, data.clone()).await.unwrap();
        let signer = client.info().await.unwrap().signer;
        verify_header(None, &put.blob.header, signer).unwrap();
        put.blob.proof.verify(&put.blob.header.header).unwrap().check(&data).unwrap();
        let hash = weft_da::blob_hash(&data);
        assert_eq!(client.get_blob(namespace, hash).await.unwrap(), data);
        assert!(client.put_blob(namespace, data.clone()).await.unwrap().duplicate);

        let mut headers = client.subscribe_headers(1).await.unwrap();
        let header = headers.next().await.unwrap().unwrap();
        assert_eq!(header, put.blob.header);
        let digests = client.digests(1).await.unwrap();
        let digests = VerifiedDigests::verify(&header.header, &digests).unwrap();
        let rows = client.rows(1, vec![0, 1_000, 3]).await.unwrap();
        for (index, row) in rows {
            assert_eq!(digests.verify_row(&row.unwrap()).unwrap().index(), index);
        }
        let (proof, listed) = client.list_namespace(1, namespace).await.unwrap();
        assert_eq!(proof.verify(&listed.header, &namespace).unwrap().entries().len(), 1);

        let missing = client.get_blob(Namespace([6; 32]), hash).await.unwrap_err();
        assert_eq!(missing.reason, "NOT_FOUND");
        let beyond = client.rows(1, vec![1 << 20]).await.unwrap_err();
        assert_eq!(beyond.reason, "ROW_INDEX");
        let large = client.put_blob(namespace, vec![0; 17 << 20].into()).await.unwrap_err();
        assert_eq!(large.reason, "BLOB_TOO_LARGE");
        assert!(large.message.contains("max_blob_bytes"), "{}", large.message);

        drop(headers);
        shutdown.trigger();
        task.await.unwrap().unwrap();
        // Another key may not go on with this chain.
        let (_, _, task) = start(folder.path(), 2, Retention::default()).await;
        assert!(matches!(task.await.unwrap(), Err(RunError::ForeignData { .. })));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_longer_kept_is_refused_with_a_reason_and_still_proved() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, pruned) = (Namespace([5; 32]), Namespace([6; 32]));
        let none = NamespaceRule { max_age_ms: None, max_bytes: Some(0) };
        let retention = Retention { window_ms: Some(0), namespaces: [(pruned, none)].into(), ..Retention::default() };
        let (client, shutdown, task) = start(folder.path(), 1, retention).await;
        let data = bytes::Bytes::from(vec![9; 10_000]);
        let hash = weft_da::blob_hash(&data);
        for namespace in [kept, pruned] {
            client.put_blob(namespace, data.clone()).await.unwrap();
        }
        let oldest = async |height: u64| {
            while client.info().await.unwrap().oldest_sampled_height != height {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), oldest(3)).await.unwrap();
        let refused = client.rows(1, vec![0]).await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::NotFound, "PRUNED"));
        assert!(refused.message.contains("from height 3 on"), "{refused}");
        assert_eq!(client.get_blob(kept, hash).await.unwrap(), data);
        assert_eq!(client.get_blob(pruned, hash).await.unwrap_err().reason, "PRUNED");
        for (namespace, height) in [(kept, 1), (pruned, 2)] {
            let place = client.blob_proof(namespace, hash).await.unwrap();
            assert_eq!(place.height, height);
            place.proof.verify(&place.header.header).unwrap().check(&data).unwrap();
            let (listing, header) = client.list_namespace(height, namespace).await.unwrap();
            assert_eq!(listing.verify(&header.header, &namespace).unwrap().entries().len(), 1);
            VerifiedDigests::verify(&header.header, &client.digests(height).await.unwrap()).unwrap();
        }
        // What is kept is there already; what has gone is stored anew.
        assert!(client.put_blob(kept, data.clone()).await.unwrap().duplicate);
        let again = client.put_blob(pruned, data.clone()).await.unwrap();
        assert_eq!((again.duplicate, again.blob.height), (false, 3));
        shutdown.trigger();
        task.await.unwrap().unwrap();
    }
}
