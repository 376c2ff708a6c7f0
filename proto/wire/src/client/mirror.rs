//! Client of whoever keeps a copy of a settlement log.

use std::time::Duration;

use futures::{Stream, StreamExt};
use tonic::Code;
use tonic::transport::Channel;
use weft_primitives::{B256, Signature};
use weft_settlement::LogEntry;

use super::call::{CALL_TIMEOUT, EndpointError, channel, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{hash, required};
use crate::pb::settlement::v1 as pb;
use crate::status::RemoteError;
use pb::log_mirror_client::LogMirrorClient as Inner;

/// Longest time for all entries that a mirror has.
const READ_TIMEOUT: Duration = Duration::from_secs(3_600);

/// A head of a log with a signature that nobody has checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirroredHead {
    /// Sequence number of the entry.
    pub seq: u64,
    /// Its hash.
    pub hash: B256,
    /// Over the head.
    pub signature: Signature,
}

/// Calls one mirror. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MirrorClient {
    inner: Inner<Channel>,
    chain_id: u64,
}

impl MirrorClient {
    /// For a URL like `http://127.0.0.1:9500`. Connects on first use.
    pub fn new(url: &str, chain_id: u64) -> Result<Self, EndpointError> {
        let inner = Inner::new(channel(url)?).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { inner, chain_id })
    }

    /// The newest entry whose head is signed; `None` if nothing is kept.
    pub async fn head(&self) -> Result<Option<MirroredHead>, RemoteError> {
        let request = timed(pb::GetSignedHeadRequest { chain_id: self.chain_id }, CALL_TIMEOUT);
        match within(CALL_TIMEOUT, self.inner.clone().get_signed_head(request)).await {
            Ok(head) => {
                let signature =
                    Signature::from_slice(&head.signature).map_err(|error| RemoteError::protocol(error.to_string()))?;
                Ok(Some(MirroredHead { seq: head.seq, hash: hash("hash", &head.hash)?, signature }))
            }
            Err(error) if error.code == Code::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Entries from a sequence number on. Each has the hash that it came with; the rest is the caller's to check.
    pub async fn read(
        &self,
        from_seq: u64,
    ) -> Result<impl Stream<Item = Result<LogEntry, RemoteError>> + Send + Unpin + use<>, RemoteError> {
        let request = timed(pb::ReadLogRequest { chain_id: self.chain_id, from_seq }, READ_TIMEOUT);
        let stream = within(CALL_TIMEOUT, self.inner.clone().read_log(request)).await?;
        Ok(stream.map(|message| Ok(required("entry", message?.entry)?.try_into()?)))
    }
}
