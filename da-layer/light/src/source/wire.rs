//! A DA node over gRPC.
//!
//! Uses the generated client of weft-wire rather than its typed one, for two
//! bounds that only a client of strangers needs: small messages (nothing that
//! is sampled is larger than a row or a block's digests), and rows taken one
//! by one, so that a node cannot make the client hold more than it will check.

use std::time::Duration;

use alloy_primitives::B256;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use weft_da::{BlobProof, SignedHeader};
use weft_primitives::Namespace;
use weft_wire::convert::{address, blob_proof, required};
use weft_wire::pb::da::v1 as pb;
use weft_wire::pb::da::v1::data_availability_client::DataAvailabilityClient;
use weft_wire::{RemoteError, WireError};

use super::{Answer, NodeInfo, RowAnswer, Source, SourceError};
use crate::config::ConfigError;

/// Longest message taken. The largest honest ones are 500 headers, 64 KiB of digests, and a row of 32 KiB with its path.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Longest time for a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a quiet connection is asked whether it lives, and for how long it may stay silent then.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// One DA node. Connects on first use, and again after each loss.
#[derive(Clone, Debug)]
pub struct WireSource {
    url: String,
    client: DataAvailabilityClient<Channel>,
}

impl WireSource {
    /// For a URL like `http://127.0.0.1:9200`.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let refused = |reason: String| ConfigError::Url { url: url.to_owned(), reason };
        let uri: tonic::transport::Uri = url.parse().map_err(|error| refused(format!("{error}")))?;
        if uri.scheme_str() != Some("http") || uri.authority().is_none() {
            return Err(refused("must be like http://127.0.0.1:9200 (TLS is not supported)".to_owned()));
        }
        let channel = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .keep_alive_while_idle(true)
            .connect_lazy();
        let client = DataAvailabilityClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { url: url.to_owned(), client })
    }
}

impl From<Status> for SourceError {
    fn from(status: Status) -> Self {
        let words = || RemoteError::from(status.clone()).to_string();
        match status.code() {
            Code::NotFound => Self::NotFound,
            Code::Unavailable => Self::Unreachable(words()),
            Code::DeadlineExceeded | Code::Cancelled => Self::TimedOut,
            // What tonic makes of a message above the limit.
            Code::OutOfRange => Self::Malformed(words()),
            _ => Self::Refused(words()),
        }
    }
}

impl From<WireError> for SourceError {
    fn from(error: WireError) -> Self {
        Self::Malformed(error.to_string())
    }
}

fn signed(header: Option<pb::SignedHeader>) -> Answer<SignedHeader> {
    Ok(required("header", header)?.try_into()?)
}

fn row(message: pb::GetRowsResponse) -> Answer<RowAnswer> {
    Ok(match required("result", message.result)? {
        pb::get_rows_response::Result::Row(row) => RowAnswer::Row(row.into_proof(message.index)?),
        pb::get_rows_response::Result::Missing(_) => RowAnswer::Missing(message.index),
    })
}

impl Source for WireSource {
    fn name(&self) -> &str {
        &self.url
    }

    fn info(&self) -> BoxFuture<'_, Answer<NodeInfo>> {
        Box::pin(async move {
            let info = self.client.clone().get_info(pb::GetInfoRequest {}).await?.into_inner();
            Ok(NodeInfo {
                network_id: info.network_id,
                signer: address("signer_address", &info.signer_address)?,
                latest_height: info.latest_height,
            })
        })
    }

    fn header(&self, height: Option<u64>) -> BoxFuture<'_, Answer<SignedHeader>> {
        Box::pin(async move {
            let request = pb::GetHeaderRequest { height };
            signed(self.client.clone().get_header(request).await?.into_inner().header)
        })
    }

    fn headers(&self, from_height: u64, limit: u32) -> BoxFuture<'_, Answer<Vec<SignedHeader>>> {
        Box::pin(async move {
            let request = pb::ListHeadersRequest { from_height, limit };
            let headers = self.client.clone().list_headers(request).await?.into_inner().headers;
            if headers.len() > limit as usize {
                return Err(SourceError::Malformed(format!("{} headers, {limit} were asked for", headers.len())));
            }
            headers.into_iter().map(|header| signed(Some(header))).collect()
        })
    }

    fn subscribe(&self, from_height: u64) -> BoxFuture<'_, Answer<BoxStream<'static, Answer<SignedHeader>>>> {
        Box::pin(async move {
            let request = pb::SubscribeHeadersRequest { from_height: Some(from_height) };
            let stream = self.client.clone().subscribe_headers(request).await?.into_inner();
            Ok(stream.map(|message| signed(message?.header)).boxed())
        })
    }

    fn digests(&self, height: u64) -> BoxFuture<'_, Answer<Vec<u8>>> {
        Box::pin(async move {
            let request = pb::GetDigestsRequest { height };
            Ok(self.client.clone().get_digests(request).await?.into_inner().digests.into())
        })
    }

    fn blob_proof(&self, namespace: Namespace, hash: B256) -> BoxFuture<'_, Answer<(SignedHeader, BlobProof)>> {
        Box::pin(async move {
            let request =
                pb::GetBlobProofRequest { namespace: namespace.0.to_vec().into(), content_hash: hash.to_vec().into() };
            let answer = self.client.clone().get_blob_proof(request).await?.into_inner();
            let proof = blob_proof(&required("blob", answer.blob)?, &required("proof", answer.proof)?)?;
            Ok((signed(answer.header)?, proof))
        })
    }

    fn rows(&self, height: u64, indices: Vec<u32>) -> BoxFuture<'_, Answer<BoxStream<'static, Answer<RowAnswer>>>> {
        Box::pin(async move {
            let stream = self.client.clone().get_rows(pb::GetRowsRequest { height, indices }).await?.into_inner();
            Ok(stream.map(|message| row(message?)).boxed())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn urls_that_cannot_work_are_refused() {
        assert!(WireSource::new("http://127.0.0.1:9200").is_ok());
        for url in ["", "127.0.0.1:9200", "https://127.0.0.1:9200", "http://", "ftp://a"] {
            assert!(matches!(WireSource::new(url), Err(ConfigError::Url { .. })), "{url}");
        }
    }
}
