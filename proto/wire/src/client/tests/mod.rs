//! Clients against services that are away, silent or lying.
#![allow(clippy::unwrap_used)]

mod fake;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use fake::{Lie, publisher, serve};
use futures::StreamExt;
use tokio::net::TcpListener;
use tonic::Code;
use weft_da::{blob_hash, verify_header};
use weft_primitives::Namespace;

use super::call::{all_within, channel, page, same, timed, within};
use super::*;
use crate::pb::da::v1 as pb;
use crate::{CHUNK_BYTES, RemoteError};

const NAMESPACE: Namespace = Namespace([3; 32]);

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A client of a fake node, and what the node holds.
async fn client(lie: Lie) -> (DaClient, Bytes) {
    let (listener, url) = listener().await;
    // More than one chunk.
    let data = Bytes::from(vec![7; CHUNK_BYTES + 5]);
    serve(listener, NAMESPACE, data.clone(), lie);
    (DaClient::new(&url).unwrap(), data)
}

#[tokio::test]
async fn a_service_may_come_after_its_client() {
    let (first, url) = listener().await;
    let address = first.local_addr().unwrap();
    drop(first);
    let client = DaClient::new(&url).unwrap();
    let away = client.info().await.unwrap_err();
    assert!(away.code == Code::Unavailable && away.is_retryable(), "{away:?}");
    assert!(away.to_string().contains("refused"), "the cause is told: {away}");
    serve(TcpListener::bind(address).await.unwrap(), NAMESPACE, Bytes::from_static(b"a"), Lie::None);
    assert_eq!(client.info().await.unwrap().latest_height, Some(1));
}

#[tokio::test]
async fn an_honest_node_is_understood() {
    let (client, data) = client(Lie::None).await;
    let hash = blob_hash(&data);
    let put = client.put_blob(NAMESPACE, data.clone()).await.unwrap();
    verify_header(None, &put.blob.header, client.info().await.unwrap().signer).unwrap();
    put.blob.proof.verify(&put.blob.header.header).unwrap().check(&data).unwrap();
    client.clone().with_signer(publisher()).put_blob(NAMESPACE, data.clone()).await.unwrap();
    let (header, proof) = pin!(client.list_blobs(NAMESPACE, 1, None).await.unwrap()).next().await.unwrap().unwrap();
    assert_eq!(proof.verify(&header.header, &NAMESPACE).unwrap().entries(), [put.blob.proof.entry]);
    assert_eq!(client.get_blob(NAMESPACE, hash).await.unwrap(), data);
    assert_eq!(client.blob_proof(NAMESPACE, hash).await.unwrap().header, put.blob.header);
    let rows = client.rows(1, vec![9, 2, 9]).await.unwrap();
    assert_eq!(rows.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [9, 2, 9]);
    assert!(rows.iter().all(|(index, row)| row.as_ref().is_some_and(|row| row.index == *index)));
    assert_eq!(client.rows(1, vec![u32::MAX]).await.unwrap(), [(u32::MAX, None)]);
    assert_eq!(client.headers(1, 1).await.unwrap(), [put.blob.header]);
    let gone = client.digests(1).await.unwrap_err();
    assert_eq!((gone.code, gone.reason.as_str()), (Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn lies_that_a_client_can_see_are_seen() {
    for lie in [Lie::OtherBytes, Lie::MoreBytes, Lie::EndlessBlob, Lie::ChunkFirst] {
        let (client, data) = client(lie).await;
        let error = client.get_blob(NAMESPACE, blob_hash(&data)).await.unwrap_err();
        assert_eq!((error.code, error.reason.as_str()), (Code::DataLoss, "PROTOCOL"), "{lie:?}: {error}");
    }
    for lie in [Lie::OtherRows, Lie::FewerRows] {
        let (client, _) = client(lie).await;
        let error = client.rows(1, vec![4, 5]).await.unwrap_err();
        assert_eq!(error.reason, "PROTOCOL", "{lie:?}: {error}");
    }
    let (listing, _) = client(Lie::EmptyPages).await;
    let mut heights = pin!(listing.list_blobs(NAMESPACE, 1, None).await.unwrap());
    assert_eq!(heights.next().await.unwrap().unwrap_err().reason, "PROTOCOL");
    let (client, data) = client(Lie::OtherPlace).await;
    let wanted = Namespace([4; 32]);
    assert_eq!(client.put_blob(wanted, data.clone()).await.unwrap_err().reason, "PROTOCOL");
    assert_eq!(client.blob_proof(wanted, blob_hash(&data)).await.unwrap_err().reason, "PROTOCOL");
    assert_eq!(client.header(Some(2)).await.unwrap_err().reason, "PROTOCOL");
}

#[tokio::test]
async fn silence_ends_a_call() {
    let limit = Duration::from_millis(100);
    // Takes connections into its queue and says nothing.
    let (_listener, url) = listener().await;
    let mut silent = pb::data_availability_client::DataAvailabilityClient::new(channel(&url).unwrap());
    let late = within(limit, silent.get_info(timed(pb::GetInfoRequest {}, limit))).await.unwrap_err();
    assert!(late.code == Code::DeadlineExceeded && late.is_retryable(), "{late:?}");
    let late = all_within(limit, std::future::pending::<Result<(), RemoteError>>()).await.unwrap_err();
    assert_eq!(late.to_string(), "no answer within 0.1 s (DeadlineExceeded)");
}

#[tokio::test]
async fn urls_that_cannot_work_say_why() {
    assert!(SequencerClient::new("http://localhost:9100").is_ok());
    for url in ["", "127.0.0.1:9100", "ftp://a", "http://", "http://a b"] {
        let error = SettlementClient::new(url).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{url:?} is not a URL like http://127")), "{error}");
    }
    let error = DaClient::new("https://da.example").unwrap_err().to_string();
    assert!(error.contains("TLS"), "{error}");
}

#[test]
fn answers_must_fit_their_questions() {
    assert!(same("block", 3, 3).is_ok());
    assert_eq!(same("block", 3, 4).unwrap_err().message, "asked for block 3, the answer is about 4");
    assert!(page(2, vec![1, 2]).is_ok() && page(0, vec![0; 100]).is_ok());
    assert!(page(2, vec![1, 2, 3]).is_err() && page(0, vec![0; 101]).is_err());
}
