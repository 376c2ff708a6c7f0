//! Client of a member of a custody.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use weft_da::custody::{Attestation, Certificate, Members};
use weft_da::{BlobIndex, RowProof, SignedHeader};
use weft_primitives::Address;

use super::call::{BLOB_TIMEOUT, CALL_TIMEOUT, EndpointError, channel, same, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{address, members, required};
use crate::pb::da::v1 as pb;
use crate::status::RemoteError;
use pb::custody_client::CustodyClient as Inner;

/// Messages made ahead of the one that is on its way.
const MESSAGES_AHEAD: usize = 16;

/// What a member says of the custody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustodyInfo {
    /// The node's own key.
    pub node: Address,
    /// Who shares the rows, as it knows them.
    pub members: Members,
    /// Up to here every block is certified.
    pub certified_height: Option<u64>,
    /// Up to here it has its whole share.
    pub complete_height: Option<u64>,
}

/// A block as it is handed to a member.
pub struct Share {
    /// Its header.
    pub header: SignedHeader,
    /// The digests of its original rows in one piece.
    pub digests: Bytes,
    /// Its blob index, encoded.
    pub index: Bytes,
    /// The member's rows, ascending. Made as they are sent.
    pub rows: Box<dyn Iterator<Item = RowProof> + Send>,
}

/// Calls one member of a custody. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CustodyClient {
    inner: Inner<Channel>,
}

impl CustodyClient {
    /// For a URL like `http://127.0.0.1:9200`. Connects on first use.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let inner = Inner::new(channel(url)?)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { inner })
    }

    /// Who shares the rows.
    pub async fn info(&self) -> Result<CustodyInfo, RemoteError> {
        let request = timed(pb::GetCustodyRequest {}, CALL_TIMEOUT);
        let info = within(CALL_TIMEOUT, self.inner.clone().get_custody(request)).await?;
        Ok(CustodyInfo {
            node: address("node_address", &info.node_address)?,
            members: members(&info.members, info.copies)?,
            certified_height: info.certified_height,
            complete_height: info.complete_height,
        })
    }

    /// The certificate of a block, with its header; neither is verified yet.
    pub async fn certificate(&self, height: u64) -> Result<(SignedHeader, Certificate), RemoteError> {
        let request = timed(pb::GetCertificateRequest { height }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_certificate(request)).await?;
        let header: SignedHeader = required("header", answer.header)?.try_into()?;
        same("the certificate of DA block", height, header.header.height)?;
        Ok((header, required("certificate", answer.certificate)?.try_into()?))
    }

    /// Every certificate from a height on with its header, without gaps, then each new one; none is verified yet.
    pub async fn subscribe_certificates(
        &self,
        from_height: u64,
    ) -> Result<impl Stream<Item = Result<(SignedHeader, Certificate), RemoteError>> + Send + Unpin + use<>, RemoteError>
    {
        let request = pb::SubscribeCertificatesRequest { from_height };
        let stream = within(CALL_TIMEOUT, self.inner.clone().subscribe_certificates(request)).await?;
        let mut expected = from_height.max(weft_da::header::FIRST_HEIGHT);
        Ok(stream.map(move |message| {
            let message = message?;
            let header: SignedHeader = required("header", message.header)?.try_into()?;
            same("the certificate of DA block", expected, header.header.height)?;
            expected += 1;
            Ok((header, required("certificate", message.certificate)?.try_into()?))
        }))
    }

    /// The blob index of a block, checked against its header.
    pub async fn blob_index(&self, header: &SignedHeader) -> Result<BlobIndex, RemoteError> {
        let request = timed(pb::GetBlobIndexRequest { height: header.header.height }, CALL_TIMEOUT);
        let index = within(CALL_TIMEOUT, self.inner.clone().get_blob_index(request)).await?.index;
        if index.len() != header.header.index_len() {
            return Err(RemoteError::protocol("the blob index has another length"));
        }
        BlobIndex::verify(&header.header, &index).map_err(|fault| RemoteError::protocol(fault.to_string()))
    }

    /// Hands a member its share of a block; returns its attestation, not verified yet, once the share is durable.
    pub async fn store_rows(&self, members: &Members, share: Share) -> Result<Attestation, RemoteError> {
        let (sender, receiver) = mpsc::channel(MESSAGES_AHEAD);
        let messages = messages(members, share);
        // Rows may be large: none is made before there is room for it on the way. Ends when the call does.
        tokio::task::spawn_blocking(move || {
            let _all = messages.into_iter().all(|message| sender.blocking_send(message).is_ok());
        });
        let request = timed(ReceiverStream::new(receiver), BLOB_TIMEOUT);
        let answer = within(BLOB_TIMEOUT, self.inner.clone().store_rows(request)).await?;
        Ok(required("attestation", answer.attestation)?.try_into()?)
    }
}

fn messages(members: &Members, share: Share) -> Box<dyn Iterator<Item = pb::StoreRowsRequest> + Send> {
    use pb::store_rows_request::Part;
    let start = pb::StoreStart {
        header: Some((&share.header).into()),
        digests: share.digests,
        index: share.index,
        members: members.addresses().iter().map(|member| Bytes::copy_from_slice(member.as_slice())).collect(),
        copies: members.copies().into(),
    };
    let rows = share.rows.map(|proof| Part::Row(pb::CustodyRow { index: proof.index, row: Some(proof.into()) }));
    let parts = std::iter::once(Part::Start(start)).chain(rows);
    Box::new(parts.map(|part| pb::StoreRowsRequest { part: Some(part) }))
}
