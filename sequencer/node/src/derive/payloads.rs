//! Where a batch's bytes come from.

use bytes::Bytes;
use futures::future::BoxFuture;
use weft_primitives::{BatchHeader, Namespace};
use weft_wire::{DaClient, RemoteError};

/// The DA layer, as far as deriving needs it.
pub trait Payloads: Send + Sync + 'static {
    /// The payload of a claim. Bytes that do not have the claim's hash are an error, and try again elsewhere.
    fn payload<'a>(&'a self, claim: &'a BatchHeader) -> BoxFuture<'a, Result<Bytes, RemoteError>>;
}

impl Payloads for DaClient {
    fn payload<'a>(&'a self, claim: &'a BatchHeader) -> BoxFuture<'a, Result<Bytes, RemoteError>> {
        Box::pin(self.get_blob(Namespace::for_chain(claim.chain_id), claim.payload_hash))
    }
}
