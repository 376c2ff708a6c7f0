//! Shares on RocksDB.

use rocksdb::{Direction, IteratorMode, ReadOptions, WriteBatch};
use weft_da::custody::Certificate;
use weft_da::{BlobIndex, RowProof, SignedHeader};
use weft_primitives::B256;

use super::keys::{self, BLOB, CERTIFICATE, CERTIFIED, COMPLETE, DIGESTS, HEADER, INDEX, ORIGINALS, ROWS, STATE};
use super::rocks::{RocksStore, synced};
use super::{Complete, Location, ShareStore, Store, StoreError};

/// Bytes of one hash of a path.
const HASH_BYTES: usize = 32;

fn encode_row(proof: &RowProof) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + proof.path.len() * HASH_BYTES + proof.row.len());
    value.push(proof.path.len() as u8);
    proof.path.iter().for_each(|hash| value.extend_from_slice(hash.as_slice()));
    value.extend_from_slice(&proof.row);
    value
}

fn decode_row(index: u32, value: &[u8]) -> Option<RowProof> {
    let (len, value) = value.split_first()?;
    let (path, row) = value.split_at_checked(usize::from(*len) * HASH_BYTES)?;
    let path = path.chunks_exact(HASH_BYTES).map(B256::from_slice).collect();
    Some(RowProof { index, row: row.to_vec(), path })
}

impl ShareStore for RocksStore {
    fn append_header(&self, header: &SignedHeader) -> Result<(), StoreError> {
        let (height, latest) = (header.header.height, self.latest()?.map_or(0, |latest| latest.header.height));
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        Ok(self.db.put_cf(self.family(HEADER), keys::height(height), header.encode())?)
    }

    fn put_rows(&self, height: u64, rows: &[RowProof]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for proof in rows {
            batch.put_cf(self.family(ROWS), keys::row(height, proof.index), encode_row(proof));
        }
        Ok(self.db.write(batch)?)
    }

    fn put_frame(&self, height: u64, digests: &[u8], index: &BlobIndex) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let key = keys::height(height);
        batch.put_cf(self.family(DIGESTS), key, digests);
        batch.put_cf(self.family(INDEX), key, index.encode());
        for (position, entry) in (0..).zip(index.entries()) {
            // The first place stands, whatever the order in which blocks come.
            let place = Location { height, position };
            if self.locate(&entry.namespace, &entry.hash)?.is_none_or(|known| place < known) {
                batch.put_cf(self.family(BLOB), keys::blob(&entry.namespace, &entry.hash), place.encode());
            }
        }
        Ok(self.db.write_opt(batch, &synced())?)
    }

    fn put_originals(&self, height: u64, originals: &[u8]) -> Result<(), StoreError> {
        Ok(self.db.put_cf_opt(self.family(ORIGINALS), keys::height(height), originals, &synced())?)
    }

    fn row(&self, height: u64, index: u32) -> Result<Option<RowProof>, StoreError> {
        let damaged = StoreError::Damaged { height, what: "a row does not decode" };
        self.get(ROWS, &keys::row(height, index))?.map(|value| decode_row(index, &value).ok_or(damaged)).transpose()
    }

    fn rows_held(&self, height: u64) -> Result<Vec<u32>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(keys::row(height.saturating_add(1), 0));
        let start = keys::row(height, 0);
        let from = IteratorMode::From(&start, Direction::Forward);
        let mut held = Vec::new();
        for entry in self.db.iterator_cf_opt(self.family(ROWS), options, from) {
            let (key, _) = entry?;
            let row = key.get(8..).and_then(|row| row.try_into().ok()).map(u32::from_be_bytes);
            held.push(row.ok_or(StoreError::Damaged { height, what: "key of a row is not a row" })?);
        }
        Ok(held)
    }

    fn put_certificates(&self, first: u64, certificates: &[Certificate]) -> Result<(), StoreError> {
        let certified = self.certified()?;
        if first != certified + 1 {
            return Err(StoreError::Gap { got: first, latest: certified });
        }
        let mut batch = WriteBatch::default();
        for (height, certificate) in (first..).zip(certificates) {
            batch.put_cf(self.family(CERTIFICATE), keys::height(height), certificate.encode());
            batch.put_cf(self.family(STATE), CERTIFIED, keys::height(height));
        }
        Ok(self.db.write_opt(batch, &synced())?)
    }

    fn certificate(&self, height: u64) -> Result<Option<Certificate>, StoreError> {
        let damaged = |_| StoreError::Damaged { height, what: "certificate does not decode" };
        let value = self.get(CERTIFICATE, &keys::height(height))?;
        value.map(|value| Certificate::decode(&value).map_err(damaged)).transpose()
    }

    fn certified(&self) -> Result<u64, StoreError> {
        self.number(CERTIFIED, 0)
    }

    fn set_complete(&self, Complete { members, height }: Complete) -> Result<(), StoreError> {
        let value = [members.as_slice(), &height.to_be_bytes()].concat();
        Ok(self.db.put_cf(self.family(STATE), COMPLETE, value)?)
    }

    fn complete(&self) -> Result<Option<Complete>, StoreError> {
        let Some(value) = self.get(STATE, COMPLETE)? else { return Ok(None) };
        let parts = value.split_first_chunk::<32>().zip(value.last_chunk::<8>());
        let known = parts.filter(|_| value.len() == 40);
        let damaged = StoreError::Damaged { height: 0, what: "mark of what is complete does not decode" };
        let ((members, _), height) = known.ok_or(damaged)?;
        Ok(Some(Complete { members: B256::new(*members), height: u64::from_be_bytes(*height) }))
    }
}
