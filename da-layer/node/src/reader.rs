//! Everything that is read from a node: headers, blobs, rows, proofs.

use std::sync::Arc;

use bytes::Bytes;
use weft_da::{BlobEntry, BlobIndex, BlobProof, EncodedBlock, NamespaceProof, RowProof, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace};

use crate::cache::BlockCache;
use crate::store::{Location, ShareStore, StoreError};

/// Reads blocks through the cache. Blocking; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn ShareStore>,
    cache: Arc<BlockCache>,
}

/// A blob's place with all that proves it.
#[derive(Clone, Debug)]
pub struct ProvenBlob {
    /// Where it is.
    pub location: Location,
    /// The header that commits to it.
    pub header: SignedHeader,
    /// Its index entry and path.
    pub proof: BlobProof,
}

impl Reader {
    /// Reads from `store`.
    pub fn new(store: Arc<dyn ShareStore>, cache: Arc<BlockCache>) -> Self {
        Self { store, cache }
    }

    /// One header.
    pub fn header(&self, height: u64) -> Result<Option<SignedHeader>, StoreError> {
        self.store.header(height)
    }

    /// Up to `limit` headers from a height on.
    pub fn headers(&self, from: u64, limit: usize) -> Result<Vec<SignedHeader>, StoreError> {
        (from..).take(limit).map_while(|height| self.store.header(height).transpose()).collect()
    }

    /// The digests of a block.
    pub fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.digests(height)
    }

    /// A whole block, encoded again from its original rows if it is not in the cache, and checked against its header;
    /// `None` if its original rows are not all here.
    pub fn block(&self, height: u64) -> Result<Option<Arc<EncodedBlock>>, StoreError> {
        if let Some(block) = self.cache.get(height) {
            return Ok(Some(block));
        }
        let (Some(header), Some(originals)) = (self.store.header(height)?, self.store.originals(height)?) else {
            return Ok(None);
        };
        let damaged = |what| StoreError::Damaged { height, what };
        let block = EncodedBlock::from_originals(header.header.shape, &originals, Schedule::Parallel)
            .map_err(|_| damaged("original rows are no block"))?;
        if block.rows().row_root() != header.header.row_root {
            return Err(damaged("original rows are not those of the header"));
        }
        let block = Arc::new(block);
        self.cache.insert(height, block.clone());
        Ok(Some(block))
    }

    /// Rows with their paths, in the order asked for, `None` for those that are not here; for the whole answer when
    /// there is no such block.
    pub fn rows(&self, height: u64, indices: &[u32]) -> Result<Option<Vec<Option<RowProof>>>, StoreError> {
        if let Some(block) = self.block(height)? {
            return Ok(Some(indices.iter().map(|index| block.row(*index)).collect()));
        }
        if self.store.header(height)?.is_none() {
            return Ok(None);
        }
        indices.iter().map(|index| self.row_of_share(height, *index)).collect::<Result<_, _>>().map(Some)
    }

    /// A damaged row is one that is not here: others have it, and the scrubber sees to it.
    fn row_of_share(&self, height: u64, index: u32) -> Result<Option<RowProof>, StoreError> {
        match self.store.row(height, index) {
            Err(error) if error.is_damage() => {
                tracing::warn!(height, index, %error, "row");
                Ok(None)
            }
            row => row,
        }
    }

    /// The blob index of a block, if it is here.
    pub fn index(&self, height: u64) -> Result<Option<BlobIndex>, StoreError> {
        let Some(header) = self.store.header(height)? else { return Ok(None) };
        self.with_index(&header, BlobIndex::clone)
    }

    /// A blob's place and proof.
    pub fn prove_blob(&self, namespace: &Namespace, hash: &B256) -> Result<Option<ProvenBlob>, StoreError> {
        match self.store.locate(namespace, hash)? {
            Some(location) => self.prove_place(location).map(Some),
            None => Ok(None),
        }
    }

    /// The proof for a known place.
    pub fn prove_place(&self, location: Location) -> Result<ProvenBlob, StoreError> {
        let damaged = |what| StoreError::Damaged { height: location.height, what };
        let header = self.store.header(location.height)?.ok_or(damaged("header is gone"))?;
        let proof = self.with_index(&header, |index| index.prove(location.position))?;
        let proof = proof.ok_or(damaged("blob index is gone"))?.ok_or(damaged("blob is not in the index"))?;
        Ok(ProvenBlob { location, header, proof })
    }

    /// A blob's bytes; `None` if the original rows are not all here.
    pub fn blob(&self, place: &ProvenBlob) -> Result<Option<Bytes>, StoreError> {
        let height = place.location.height;
        let Some(block) = self.block(height)? else { return Ok(None) };
        let data = place
            .proof
            .entry
            .open(block.rows().payload())
            .map_err(|_| StoreError::Damaged { height, what: "blob is not at its place" })?;
        Ok(Some(Bytes::copy_from_slice(data)))
    }

    /// What `ask` finds in a block's index, if that is here: no rows are needed for it.
    fn with_index<T>(&self, header: &SignedHeader, ask: impl FnOnce(&BlobIndex) -> T) -> Result<Option<T>, StoreError> {
        let height = header.header.height;
        if let Some(block) = self.cache.get(height) {
            return Ok(Some(ask(block.index())));
        }
        let Some(bytes) = self.store.index(height)? else { return Ok(None) };
        let damaged = |_| StoreError::Damaged { height, what: "blob index is not that of the header" };
        BlobIndex::verify(&header.header, &bytes).map(|index| Some(ask(&index))).map_err(damaged)
    }

    /// All entries of a namespace in a block, and the proof that these are all.
    #[allow(clippy::type_complexity)]
    pub fn namespace(
        &self,
        height: u64,
        namespace: &Namespace,
    ) -> Result<Option<(Vec<BlobEntry>, NamespaceProof, SignedHeader)>, StoreError> {
        let Some(header) = self.store.header(height)? else { return Ok(None) };
        let listed = self.with_index(&header, |index| {
            (index.entries()[index.positions_of(namespace)].to_vec(), index.prove_namespace(namespace))
        })?;
        Ok(listed.map(|(entries, proof)| (entries, proof, header)))
    }
}
