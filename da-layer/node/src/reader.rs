//! Everything that is read from a node: headers, blobs, rows, proofs.
//!
//! What is no longer whole here comes from what is kept, then from the
//! archive. A block may be thinned between two reads of the store, so what is
//! missing at the first place is looked for at the next.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use weft_da::{BlobEntry, BlobIndex, BlobProof, EncodedBlock, NamespaceProof, RowProof, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace};

use crate::archive::{Archive, ArchiveError, object};
use crate::cache::BlockCache;
use crate::store::{Location, ShareStore, Store, StoreError};

/// Why something that exists cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The archive failed, and it is nowhere else.
    #[error("{0}")]
    Archive(#[from] ArchiveError),
    /// The rows of a block have left the sampling window.
    #[error(
        "rows of DA block {height} are no longer kept; this node has rows from height {first_whole} on \
         (sampling_window)"
    )]
    RowsPruned {
        /// The block.
        height: u64,
        /// First height with rows.
        first_whole: u64,
    },
    /// A blob's bytes are no longer kept.
    #[error(
        "blob {hash} of {length} bytes was stored in DA block {height} and is no longer kept (retention); \
         that it was there can still be proved"
    )]
    BlobPruned {
        /// Its hash.
        hash: B256,
        /// Its block.
        height: u64,
        /// Its length.
        length: u64,
    },
}

/// Reads blocks through the cache. Blocking; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    /// Rows by themselves, where several nodes share them.
    shares: Option<Arc<dyn ShareStore>>,
    cache: Arc<BlockCache>,
    archive: Option<(Arc<Archive>, Handle)>,
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
    pub fn new(store: Arc<dyn Store>, cache: Arc<BlockCache>) -> Self {
        Self { store, shares: None, cache, archive: None }
    }

    /// Reads rows from `shares` where a block is not whole.
    pub fn with_shares(self, shares: Arc<dyn ShareStore>) -> Self {
        Self { shares: Some(shares), ..self }
    }

    /// Reads from `archive` what is no longer here; waits for it on `runtime`, so not from one of its async threads.
    pub fn with_archive(self, archive: Arc<Archive>, runtime: Handle) -> Self {
        Self { archive: Some((archive, runtime)), ..self }
    }

    /// One header.
    pub fn header(&self, height: u64) -> Result<Option<SignedHeader>, ReadError> {
        Ok(self.store.header(height)?)
    }

    /// Up to `limit` headers from a height on.
    pub fn headers(&self, from: u64, limit: usize) -> Result<Vec<SignedHeader>, ReadError> {
        let headers = (from..).take(limit).map_while(|height| self.store.header(height).transpose());
        Ok(headers.collect::<Result<_, _>>()?)
    }

    /// The digests of a block.
    pub fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.store.digests(height)?)
    }

    /// First height whose rows are on this node's own disk.
    pub fn first_whole(&self) -> Result<u64, ReadError> {
        Ok(self.store.first_whole()?)
    }

    /// A whole block, from the cache, this disk or the archive, checked against its header; `None` if there is none, or
    /// only a share of its rows is here.
    pub fn block(&self, height: u64) -> Result<Option<Arc<EncodedBlock>>, ReadError> {
        let Some(header) = self.store.header(height)? else { return Ok(None) };
        if let Some(block) = self.local_block(&header)? {
            return Ok(Some(block));
        }
        let first_whole = self.store.first_whole()?;
        let from_archive = self.read_archive(height, async |archive| self.archived_block(archive, &header).await)?;
        if from_archive.is_none() && height < first_whole {
            return Err(ReadError::RowsPruned { height, first_whole });
        }
        Ok(from_archive)
    }

    /// A block that is in the window, or at least, with an archive, in the cache.
    fn local_block(&self, header: &SignedHeader) -> Result<Option<Arc<EncodedBlock>>, ReadError> {
        let height = header.header.height;
        if self.archive.is_none() && height < self.store.first_whole()? {
            return Ok(None);
        }
        if let Some(block) = self.cache.get(height) {
            return Ok(Some(block));
        }
        let Some(originals) = self.store.originals(height)? else { return Ok(None) };
        let damaged = |what| StoreError::Damaged { height, what };
        let block = EncodedBlock::from_originals(header.header.shape, &originals, Schedule::Parallel)
            .map_err(|_| damaged("original rows are no block"))?;
        if block.rows().row_root() != header.header.row_root {
            return Err(damaged("original rows are not those of the header").into());
        }
        let block = Arc::new(block);
        self.cache.insert(height, block.clone());
        Ok(Some(block))
    }

    /// What `read` gets from the archive; `None` if there is none, or it has not come to this height.
    fn read_archive<T>(
        &self,
        height: u64,
        read: impl AsyncFnOnce(&Archive) -> Result<T, ArchiveError>,
    ) -> Result<Option<T>, ReadError> {
        let Some((archive, runtime)) = &self.archive else { return Ok(None) };
        if height > archive.through()? {
            return Ok(None);
        }
        let result = runtime.block_on(async {
            let _permits = archive.admit().await?;
            read(archive).await
        });
        metrics::counter!("weft_da_archive_reads_total", "ok" => if result.is_ok() { "true" } else { "false" })
            .increment(1);
        Ok(Some(result?))
    }

    async fn archived_block(
        &self,
        archive: &Archive,
        header: &SignedHeader,
    ) -> Result<Arc<EncodedBlock>, ArchiveError> {
        let (height, hash) = (header.header.height, header.header.hash());
        // Somebody else may have fetched it while this read waited for its turn.
        if let Some(block) = self.cache.get(height) {
            return Ok(block);
        }
        let bytes = archive.get(height, hash, object::length(header)).await?;
        let (_, block) = object::open(height, hash, &bytes)?;
        let block = Arc::new(block);
        self.cache.insert(height, block.clone());
        Ok(block)
    }

    /// Rows with their paths, in the order asked for, `None` for those that are not here; for the whole answer when
    /// there is no such block.
    pub fn rows(&self, height: u64, indices: &[u32]) -> Result<Option<Vec<Option<RowProof>>>, ReadError> {
        if let Some(block) = self.block(height)? {
            return Ok(Some(indices.iter().map(|index| block.row(*index)).collect()));
        }
        if self.store.header(height)?.is_none() {
            return Ok(None);
        }
        indices.iter().map(|index| self.row_of_share(height, *index)).collect::<Result<_, _>>().map(Some)
    }

    /// A damaged row is one that is not here: others have it, and the scrubber sees to it.
    fn row_of_share(&self, height: u64, index: u32) -> Result<Option<RowProof>, ReadError> {
        let Some(shares) = &self.shares else { return Ok(None) };
        match shares.row(height, index) {
            Err(error) if error.is_damage() => {
                tracing::warn!(height, index, %error, "row");
                Ok(None)
            }
            row => Ok(row?),
        }
    }

    /// The blob index of a block, if it is here.
    pub fn index(&self, height: u64) -> Result<Option<BlobIndex>, ReadError> {
        let Some(header) = self.store.header(height)? else { return Ok(None) };
        self.with_index(&header, BlobIndex::clone)
    }

    /// A blob's place and proof.
    pub fn prove_blob(&self, namespace: &Namespace, hash: &B256) -> Result<Option<ProvenBlob>, ReadError> {
        match self.store.locate(namespace, hash)? {
            Some(location) => self.prove_place(location).map(Some),
            None => Ok(None),
        }
    }

    /// The proof for a known place.
    pub fn prove_place(&self, location: Location) -> Result<ProvenBlob, ReadError> {
        let damaged = |what| StoreError::Damaged { height: location.height, what };
        let header = self.store.header(location.height)?.ok_or(damaged("header is gone"))?;
        let proof = self.with_index(&header, |index| index.prove(location.position))?;
        let proof = proof.ok_or(damaged("blob index is gone"))?.ok_or(damaged("blob is not in the index"))?;
        Ok(ProvenBlob { location, header, proof })
    }

    /// A blob's bytes, checked against its entry; `None` if only a share of its block is here.
    pub fn blob(&self, place: &ProvenBlob) -> Result<Option<Bytes>, ReadError> {
        let (height, entry) = (place.location.height, &place.proof.entry);
        let damaged = |what| StoreError::Damaged { height, what };
        if let Some(block) = self.local_block(&place.header)? {
            let data = entry.open(block.rows().payload()).map_err(|_| damaged("blob is not at its place"))?;
            return Ok(Some(Bytes::copy_from_slice(data)));
        }
        if let Some(data) = self.store.kept(place.location)? {
            entry.check(&data).map_err(|_| damaged("a kept blob is not what it was"))?;
            return Ok(Some(data.into()));
        }
        let hash = place.header.header.hash();
        let archived = self.read_archive(height, async |archive| archive.blob(height, hash, entry).await)?;
        if archived.is_none() && height < self.store.first_whole()? {
            return Err(ReadError::BlobPruned { hash: entry.hash, height, length: entry.length });
        }
        Ok(archived)
    }

    /// What `ask` finds in a block's index, if that is here: no rows are needed for it.
    fn with_index<T>(&self, header: &SignedHeader, ask: impl FnOnce(&BlobIndex) -> T) -> Result<Option<T>, ReadError> {
        let height = header.header.height;
        if let Some(block) = self.cache.get(height) {
            return Ok(Some(ask(block.index())));
        }
        let Some(bytes) = self.store.index(height)? else { return Ok(None) };
        let damaged = |_| StoreError::Damaged { height, what: "blob index is not that of the header" };
        let index = BlobIndex::verify(&header.header, &bytes).map_err(damaged)?;
        Ok(Some(ask(&index)))
    }

    /// All entries of a namespace in a block, and the proof that these are all.
    #[allow(clippy::type_complexity)]
    pub fn namespace(
        &self,
        height: u64,
        namespace: &Namespace,
    ) -> Result<Option<(Vec<BlobEntry>, NamespaceProof, SignedHeader)>, ReadError> {
        let Some(header) = self.store.header(height)? else { return Ok(None) };
        let listed = self.with_index(&header, |index| {
            (index.entries()[index.positions_of(namespace)].to_vec(), index.prove_namespace(namespace))
        })?;
        Ok(listed.map(|(entries, proof)| (entries, proof, header)))
    }
}
