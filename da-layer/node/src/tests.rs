//! Real servers and clients: namespaces with policies, listings, slow and repeated puts.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::Code;
use weft_da::{NamespaceScan, blob_hash};
use weft_primitives::{Namespace, Signer};
use weft_service::Shutdown;
use weft_wire::pb::da::v1 as pb;
use weft_wire::{DaClient, RemoteError};

use crate::{Config, Limits, Listeners, RunError, run};

struct Node {
    url: String,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), RunError>>,
}

fn signer(number: u8) -> Signer {
    Signer::from_bytes([number; 32]).unwrap()
}

async fn start(folder: &Path, limits: Limits, policies: &str) -> Node {
    let file = folder.join("namespaces.toml");
    std::fs::write(&file, policies).unwrap();
    let listener = || TcpListener::bind("127.0.0.1:0");
    let listeners = Listeners { grpc: listener().await.unwrap(), http: listener().await.unwrap() };
    let url = format!("http://{}", listeners.grpc.local_addr().unwrap());
    let limits = Limits { store_min_free_bytes: 0, ..limits };
    let config = Config {
        data_dir: folder.join("db"),
        signer: signer(1),
        network_id: 3,
        limits,
        custody: None,
        namespaces: Some(file),
        retention: Default::default(),
        archive: None,
    };
    let shutdown = Shutdown::new();
    let task = tokio::spawn(run(config, listeners, shutdown.clone()));
    Node { url, shutdown, task }
}

impl Node {
    fn client(&self) -> DaClient {
        DaClient::new(&self.url).unwrap()
    }

    async fn stop(self) {
        self.shutdown.trigger();
        self.task.await.unwrap().unwrap();
    }
}

fn refusal<T>(result: Result<T, RemoteError>) -> (Code, String, bool) {
    let error = result.err().unwrap();
    (error.code, error.reason.clone(), error.is_retryable())
}

fn is(refusal: (Code, String, bool), code: Code, reason: &str, retryable: bool) {
    assert_eq!(refusal, (code, reason.to_owned(), retryable));
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_have_their_own_rules() {
    let folder = tempfile::tempdir().unwrap();
    let owner = signer(5);
    let policies = format!(
        "open = false\n[namespace.keyed]\nkeys = [\"{}\"]\nquota_bytes = 1000\n\
         [namespace.slow]\nmax_blob_bytes = 100\nbytes_per_second = 100\n",
        owner.address()
    );
    let node = start(folder.path(), Limits::default(), &policies).await;
    let (client, keyed, slow) = (node.client(), Namespace::named("keyed").unwrap(), Namespace::named("slow").unwrap());
    let data = |len: usize| Bytes::from(vec![len as u8; len]);

    is(refusal(client.put_blob(keyed, data(10)).await), Code::PermissionDenied, "NAMESPACE_KEY", false);
    let stranger = client.clone().with_signer(signer(6));
    is(refusal(stranger.put_blob(keyed, data(10)).await), Code::PermissionDenied, "NAMESPACE_KEY", false);
    let other = Namespace::named("other").unwrap();
    is(refusal(client.put_blob(other, data(1)).await), Code::PermissionDenied, "NAMESPACE_CLOSED", false);
    let owner = client.clone().with_signer(owner);
    assert!(!owner.put_blob(keyed, data(900)).await.unwrap().duplicate);
    assert!(owner.put_blob(keyed, data(900)).await.unwrap().duplicate);
    is(refusal(owner.put_blob(keyed, data(101)).await), Code::FailedPrecondition, "NAMESPACE_QUOTA", false);

    is(refusal(client.put_blob(slow, data(101)).await), Code::ResourceExhausted, "BLOB_TOO_LARGE", true);
    client.put_blob(slow, data(100)).await.unwrap();
    let error = client.put_blob(slow, data(90)).await.unwrap_err();
    assert_eq!(error.reason, "NAMESPACE_RATE");
    let wait = error.retry_after.unwrap();
    assert!(wait > Duration::from_millis(1) && wait <= Duration::from_millis(900), "{wait:?}");
    tokio::time::sleep(wait).await;
    client.put_blob(slow, data(90)).await.unwrap();
    // Reading needs no key.
    assert_eq!(client.get_blob(keyed, blob_hash(&data(900))).await.unwrap(), data(900));
    node.stop().await;

    let wrong = start(folder.path(), Limits::default(), "[namespace.a]\nquota = 1").await;
    let error = wrong.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("namespaces.toml") && error.contains("unknown field `quota`"), "{error}");
}

/// Puts as a client that sends the start, a part of the blob, and then nothing.
async fn stall(url: &str, namespace: Namespace, data: &Bytes) -> Result<(), RemoteError> {
    use pb::put_blob_request::Part;
    let start = pb::PutStart {
        namespace: Bytes::copy_from_slice(namespace.as_bytes()),
        length: data.len() as u64,
        content_hash: Bytes::copy_from_slice(blob_hash(data).as_slice()),
        signature: Bytes::new(),
    };
    let parts = [Part::Start(start), Part::Chunk(data.slice(..data.len() / 2))];
    let parts = stream::iter(parts.map(|part| pb::PutBlobRequest { part: Some(part) })).chain(stream::pending());
    let mut client = pb::data_availability_client::DataAvailabilityClient::connect(url.to_owned()).await.unwrap();
    client.put_blob(parts).await.map(drop).map_err(RemoteError::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_put_loses_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { intake_max_blobs: 1, intake_receive_timeout_ms: 2_000, ..Limits::default() };
    let node = start(folder.path(), limits, "[default]\nquota_bytes = 1000").await;
    let (client, namespace, data) = (node.client(), Namespace([4; 32]), Bytes::from(vec![1; 1_000]));
    let full = |error: &RemoteError| ["INTAKE_FULL", "NAMESPACE_FULL"].contains(&error.reason.as_str());
    let (url, sent) = (node.url.clone(), data.clone());
    let slow = tokio::spawn(async move {
        // The other may have the one place.
        loop {
            match stall(&url, namespace, &sent).await {
                Err(error) if full(&error) => {}
                ended => break ended,
            }
        }
    });
    // Until the slow one is in, this one is stored; then there is no place.
    let mut refused = 0;
    while !slow.is_finished() {
        if let Err(error) = client.put_blob(Namespace([5; 32]), Bytes::from_static(b"x")).await {
            assert!(full(&error), "{error:?}");
            refused += 1;
        }
    }
    assert!(refused > 0, "a put that is being received holds its place");
    let late = slow.await.unwrap().unwrap_err();
    assert_eq!((late.code, late.reason.as_str()), (Code::DeadlineExceeded, "RECEIVE_TIMEOUT"), "{late:?}");
    assert!(late.message.contains("intake.receive_timeout_ms"), "{}", late.message);
    // Its quota is free again, and nothing of it is stored.
    assert!(!client.put_blob(namespace, data).await.unwrap().duplicate);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_blob_at_once_and_after_a_restart_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let policies = "[namespace.a]\nquota_bytes = 300000";
    let (namespace, data) = (Namespace::named("a").unwrap(), Bytes::from(vec![1; 300_000]));
    let mut places = Vec::new();
    for round in 0..2 {
        let node = start(folder.path(), Limits::default(), policies).await;
        let puts = (0..24).map(|_| {
            let (client, data) = (node.client(), data.clone());
            tokio::spawn(async move { client.put_blob(namespace, data).await.unwrap() })
        });
        let puts = futures::future::join_all(puts.collect::<Vec<_>>()).await;
        let puts: Vec<_> = puts.into_iter().map(Result::unwrap).collect();
        assert_eq!(puts.iter().filter(|put| !put.duplicate).count(), usize::from(round == 0));
        places.extend(puts.into_iter().map(|put| (put.blob.header, put.blob.proof)));
        assert_eq!(refusal(node.client().put_blob(namespace, Bytes::from_static(b"x")).await).1, "NAMESPACE_QUOTA");
        node.stop().await;
    }
    places.dedup();
    assert_eq!(places.len(), 1, "each put tells the first place");
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_cover_every_height() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { block_min_interval_ms: 0, cache_max_bytes: 0, ..Limits::default() };
    let node = start(folder.path(), limits, "").await;
    let client = node.client();
    let (mine, theirs) = (Namespace([4; 32]), Namespace([5; 32]));
    // More heights than one message holds; every fifth has a blob of ours.
    let heights = 300u64;
    for height in 1..=heights {
        let namespace = if height % 5 == 0 { mine } else { theirs };
        client.put_blob(namespace, Bytes::from(height.to_be_bytes().to_vec())).await.unwrap();
    }
    let listed = async |from, to| {
        let mut scan = NamespaceScan::new(mine, signer(1).address(), from);
        let mut found = Vec::new();
        let mut answers = pin!(client.list_blobs(mine, from, to).await.unwrap());
        while let Some(height) = answers.next().await {
            let (header, proof) = height.unwrap();
            let height = scan.take(&header, &proof).unwrap();
            found.extend(height.listing.entries().iter().map(|_| height.header.header().height));
        }
        scan.finish(to.unwrap_or(heights)).unwrap();
        found
    };
    assert_eq!(listed(1, None).await, (1..=60).map(|n| n * 5).collect::<Vec<_>>());
    assert_eq!(listed(7, Some(21)).await, [10, 15, 20]);
    assert_eq!(listed(heights + 1, None).await, [0; 0]);
    is(refusal(client.list_blobs(mine, 1, Some(301)).await), Code::NotFound, "NOT_FOUND", false);
    is(refusal(client.list_blobs(mine, 2, Some(1)).await), Code::InvalidArgument, "RANGE", false);
    node.stop().await;
    let node = start(folder.path(), Limits { max_listings: 0, ..limits }, "").await;
    let full = node.client().list_blobs(mine, 1, None).await;
    is(refusal(full), Code::ResourceExhausted, "MAX_LISTINGS", true);
    node.stop().await;
}
