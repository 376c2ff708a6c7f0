//! A RocksDB database as it was when it was pinned.

use std::sync::Arc;

use rocksdb::{DB, Snapshot};

use super::rocks::{family, walk};
use super::{Family, KvView, StoreError, Visit};

/// Sees nothing of what is written later. While it is there RocksDB keeps what it sees.
pub(super) struct Pinned(Arc<Held>);

struct Held {
    /// Of `db`. The first field is dropped first.
    snapshot: Snapshot<'static>,
    db: Arc<DB>,
}

impl Pinned {
    pub(super) fn new(db: &Arc<DB>) -> Self {
        // SAFETY: the snapshot refers to the database, which `Held` keeps where it is for as long as the snapshot is
        // there, and gives nobody a longer reference to.
        let snapshot = unsafe { std::mem::transmute::<Snapshot<'_>, Snapshot<'static>>(db.snapshot()) };
        Self(Arc::new(Held { snapshot, db: db.clone() }))
    }
}

impl KvView for Pinned {
    fn get(&self, of: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.snapshot.get_cf(family(&self.0.db, of), key)?)
    }

    fn walk(&self, of: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        walk(self.0.snapshot.raw_iterator_cf(family(&self.0.db, of)), from, visit)
    }

    fn pin(&self) -> Arc<dyn KvView> {
        Arc::new(Self(self.0.clone()))
    }
}
