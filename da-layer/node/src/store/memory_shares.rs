//! Shares in memory.

use weft_da::custody::Certificate;
use weft_da::{BlobIndex, RowProof, SignedHeader};

use super::memory::MemoryStore;
use super::{Complete, Location, ShareStore, StoreError};

impl ShareStore for MemoryStore {
    fn append_header(&self, header: &SignedHeader) -> Result<(), StoreError> {
        self.blocks().push(header).map(|_| ())
    }

    fn put_rows(&self, height: u64, rows: &[RowProof]) -> Result<(), StoreError> {
        self.blocks().rows.extend(rows.iter().map(|proof| ((height, proof.index), proof.clone())));
        Ok(())
    }

    fn put_frame(&self, height: u64, digests: &[u8], index: &BlobIndex) -> Result<(), StoreError> {
        let mut blocks = self.blocks();
        blocks.digests.insert(height, digests.to_vec());
        blocks.indices.insert(height, index.encode());
        for (position, entry) in (0..).zip(index.entries()) {
            let place = Location { height, position };
            let known = blocks.blobs.entry((entry.namespace, entry.hash)).or_insert(place);
            *known = place.min(*known);
        }
        Ok(())
    }

    fn put_originals(&self, height: u64, originals: &[u8]) -> Result<(), StoreError> {
        self.blocks().originals.insert(height, originals.to_vec());
        Ok(())
    }

    fn row(&self, height: u64, index: u32) -> Result<Option<RowProof>, StoreError> {
        Ok(self.blocks().rows.get(&(height, index)).cloned())
    }

    fn rows_held(&self, height: u64) -> Result<Vec<u32>, StoreError> {
        Ok(self.blocks().rows.range((height, 0)..=(height, u32::MAX)).map(|((_, row), _)| *row).collect())
    }

    fn put_certificates(&self, first: u64, certificates: &[Certificate]) -> Result<(), StoreError> {
        let certified = self.certified()?;
        if first != certified + 1 {
            return Err(StoreError::Gap { got: first, latest: certified });
        }
        self.blocks().certificates.extend((first..).zip(certificates.iter().cloned()));
        Ok(())
    }

    fn certificate(&self, height: u64) -> Result<Option<Certificate>, StoreError> {
        Ok(self.blocks().certificates.get(&height).cloned())
    }

    fn certified(&self) -> Result<u64, StoreError> {
        Ok(self.blocks().certificates.last_key_value().map_or(0, |(height, _)| *height))
    }

    fn set_complete(&self, complete: Complete) -> Result<(), StoreError> {
        self.blocks().complete = Some(complete);
        Ok(())
    }

    fn complete(&self) -> Result<Option<Complete>, StoreError> {
        Ok(self.blocks().complete)
    }
}
