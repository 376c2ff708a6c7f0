//! For tests: blocks by the handful, and a store that fails from a chosen write on, as a crash would cut it off.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weft_da::{Blob, BlobIndex, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace, Signer};

use crate::store::retained::Freed;
use crate::store::{KeptBlob, Location, Retained, Store, StoreError, Usage};

/// Who signs the blocks of tests.
pub(crate) fn signer() -> Signer {
    Signer::from_bytes([7; 32]).unwrap()
}

/// The block after `parent`.
pub(crate) fn block(
    parent: Option<&SignedHeader>,
    time_ms: u64,
    blobs: &[(Namespace, Vec<u8>)],
) -> (SignedHeader, EncodedBlock) {
    let blobs: Vec<Blob<'_>> = blobs.iter().map(|(name, data)| Blob::new(*name, data)).collect();
    let block = EncodedBlock::encode(Packed::new(&blobs, 1 << 26).unwrap(), Schedule::Sequential);
    let height = parent.map_or(1, |parent| parent.header.height + 1);
    let prev_hash = parent.map_or(B256::ZERO, |parent| parent.header.hash());
    let header = block.header(ChainPosition { network_id: 1, height, prev_hash, time_ms });
    (SignedHeader::sign(header, &signer()), block)
}

/// Appends a chain of `count` blocks, a millisecond apart, each with a blob in two namespaces.
pub(crate) fn fill(store: &dyn Store, count: u64) -> Vec<(SignedHeader, EncodedBlock)> {
    let mut chain: Vec<(SignedHeader, EncodedBlock)> = Vec::new();
    for height in 1..=count {
        let data = |name: u8| (Namespace([name; 32]), [height.to_be_bytes(), [name; 8]].concat().repeat(20));
        let (signed, block) = block(chain.last().map(|(signed, _)| signed), height, &[data(1), data(2)]);
        store.append(&signed, &block).unwrap();
        chain.push((signed, block));
    }
    chain
}

/// Passes everything on, until its writes are used up.
pub(crate) struct Cut {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) writes: AtomicU64,
}

impl Cut {
    fn write(&self) -> Result<(), StoreError> {
        let left = self.writes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| StoreError::Damaged { height: 0, what: "cut off by the test" })
    }
}

impl Store for Cut {
    fn stage(&self, height: u64, originals: &[u8]) -> Result<(), StoreError> {
        self.write()?;
        self.inner.stage(height, originals)
    }

    fn append_staged(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        self.write()?;
        self.inner.append_staged(header, block)
    }

    fn append(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        self.write()?;
        self.inner.append(header, block)
    }

    fn latest(&self) -> Result<Option<SignedHeader>, StoreError> {
        self.inner.latest()
    }

    fn header(&self, height: u64) -> Result<Option<SignedHeader>, StoreError> {
        self.inner.header(height)
    }

    fn originals(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.originals(height)
    }

    fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.digests(height)
    }

    fn locate(&self, namespace: &Namespace, hash: &B256) -> Result<Option<Location>, StoreError> {
        self.inner.locate(namespace, hash)
    }

    fn index(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.index(height)
    }

    fn usage(&self, namespace: &Namespace) -> Result<Usage, StoreError> {
        self.inner.usage(namespace)
    }
}

impl Retained for Cut {
    fn first_whole(&self) -> Result<u64, StoreError> {
        self.inner.first_whole()
    }

    fn thin(&self, height: u64, time_ms: u64, index: &BlobIndex, kept: &[(u32, &[u8])]) -> Result<Freed, StoreError> {
        self.write()?;
        self.inner.thin(height, time_ms, index, kept)
    }

    fn thin_share(&self, height: u64) -> Result<(), StoreError> {
        self.write()?;
        self.inner.thin_share(height)
    }

    fn kept(&self, location: Location) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.kept(location)
    }

    fn is_kept(&self, namespace: &Namespace, location: Location) -> Result<bool, StoreError> {
        self.inner.is_kept(namespace, location)
    }

    fn namespaces(&self, from: &Namespace, limit: usize) -> Result<Vec<(Namespace, Usage)>, StoreError> {
        self.inner.namespaces(from, limit)
    }

    fn oldest_kept(&self, namespace: &Namespace, limit: usize) -> Result<Vec<KeptBlob>, StoreError> {
        self.inner.oldest_kept(namespace, limit)
    }

    fn forget(&self, namespace: &Namespace, blobs: &[KeptBlob]) -> Result<Usage, StoreError> {
        self.write()?;
        self.inner.forget(namespace, blobs)
    }

    fn reclaim(&self) -> Result<(), StoreError> {
        self.inner.reclaim()
    }

    fn archived(&self) -> Result<u64, StoreError> {
        self.inner.archived()
    }

    fn set_archived(&self, height: u64) -> Result<(), StoreError> {
        self.write()?;
        self.inner.set_archived(height)
    }
}
