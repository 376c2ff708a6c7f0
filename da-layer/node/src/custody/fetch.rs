//! What belongs to a block beside its rows: digests and blob index, from here or from the others.

use bytes::Bytes;
use weft_da::{BlobIndex, SignedHeader, VerifiedDigests};

use super::Custody;
use super::gather::GatherError;
use super::peer::Peer;
use crate::store::StoreError;

/// Verified against the block's header.
pub(super) struct Frame {
    pub(super) digests: VerifiedDigests,
    pub(super) digest_bytes: Bytes,
    pub(super) index: BlobIndex,
    /// It was here, and right.
    pub(super) is_here: bool,
}

impl Custody {
    /// Digests and blob index of a block.
    pub(super) async fn frame(&self, signed: &SignedHeader) -> Result<Frame, GatherError> {
        if let Some(frame) = self.own_frame(signed)? {
            return Ok(frame);
        }
        for peer in self.peers_producer_first() {
            if let Some(frame) = frame_of(peer, signed).await {
                return Ok(frame);
            }
        }
        Err(GatherError::NoFrame(signed.header.height))
    }

    fn own_frame(&self, signed: &SignedHeader) -> Result<Option<Frame>, StoreError> {
        let height = signed.header.height;
        // What is damaged is as good as not here.
        let here = |part: Result<Option<Vec<u8>>, StoreError>| match part {
            Err(error) if error.is_damage() => Ok(None),
            other => other,
        };
        let (digests, index) = (here(self.store.digests(height))?, here(self.store.index(height))?);
        let (Some(digests), Some(index)) = (digests, index) else { return Ok(None) };
        Ok(check(signed, digests.into(), &index).map(|frame| Frame { is_here: true, ..frame }))
    }
}

async fn frame_of(peer: &Peer, signed: &SignedHeader) -> Option<Frame> {
    let digests = peer.rows.digests(signed.header.height).await.ok()?;
    let index = peer.custody.blob_index(signed).await.ok()?;
    check(signed, digests, &index.encode())
}

fn check(signed: &SignedHeader, digest_bytes: Bytes, index: &[u8]) -> Option<Frame> {
    let digests = VerifiedDigests::verify(&signed.header, &digest_bytes).ok()?;
    let index = BlobIndex::verify(&signed.header, index).ok()?;
    Some(Frame { digests, digest_bytes, index, is_here: false })
}
