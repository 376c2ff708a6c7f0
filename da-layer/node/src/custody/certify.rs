//! Attestations in, certificates out, in block order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use weft_da::Header;
use weft_da::custody::{Attestation, AttestationFault, Certificate, Members};

use crate::store::{ShareStore, StoreError};

/// Collects what members sign until two thirds have.
pub struct Certified {
    store: Arc<dyn ShareStore>,
    members: Members,
    /// By height, and place of the member. At most as many heights as may wait.
    waiting: Mutex<BTreeMap<u64, BTreeMap<usize, Attestation>>>,
    height: watch::Sender<u64>,
}

/// A block has no certificate yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "stored in DA block {height}, but not certified: {attested} members have attested, {needed} are needed; ask again"
)]
pub struct NotCertified {
    /// The block.
    pub height: u64,
    /// Attestations so far.
    pub attested: usize,
    /// Two thirds of the members.
    pub needed: usize,
}

impl Certified {
    pub(super) fn new(store: Arc<dyn ShareStore>, members: Members) -> Result<Self, StoreError> {
        let (height, _) = watch::channel(store.certified()?);
        Ok(Self { store, members, waiting: Mutex::default(), height })
    }

    /// Up to here every block is certified; 0 for none.
    pub fn height(&self) -> u64 {
        *self.height.borrow()
    }

    /// To wait for more.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.height.subscribe()
    }

    /// Takes an attestation for the block with this header.
    pub(super) fn note(&self, header: &Header, attestation: Attestation) -> Result<(), NoteError> {
        let place = attestation.verify(header, &self.members)?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if header.height <= self.height() {
            return Ok(());
        }
        waiting.entry(header.height).or_default().insert(place, attestation);
        while let Some((height, attestations)) = waiting.first_key_value() {
            if *height != self.height() + 1 || attestations.len() < self.members.quorum() {
                break;
            }
            let (height, members) = (*height, self.members.clone());
            let attestations = attestations.values().copied().collect();
            self.store.put_certificates(height, &[Certificate { members, attestations }])?;
            waiting.pop_first();
            self.reach(height);
        }
        Ok(())
    }

    /// Keeps certificates, verified, of the blocks from `first` on; those that are here already are passed over.
    pub(super) fn keep(&self, first: u64, mut certificates: Vec<Certificate>) -> Result<(), StoreError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.height() + 1;
        let known = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        certificates.drain(..known.min(certificates.len()));
        if certificates.is_empty() {
            return Ok(());
        }
        let first = first.max(next);
        self.store.put_certificates(first, &certificates)?;
        let last = first + certificates.len() as u64 - 1;
        *waiting = waiting.split_off(&(last + 1));
        self.reach(last);
        Ok(())
    }

    /// Every block up to here is certified.
    fn reach(&self, height: u64) {
        self.height.send_replace(height);
        metrics::gauge!("weft_da_custody_certified_height").set(height as f64);
    }

    /// Waits for the certificate of a block.
    pub async fn wait(&self, height: u64, limit: Duration) -> Result<(), NotCertified> {
        let mut certified = self.watch();
        if tokio::time::timeout(limit, certified.wait_for(|certified| *certified >= height)).await.is_ok() {
            return Ok(());
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let attested = waiting.get(&height).map_or(0, BTreeMap::len);
        Err(NotCertified { height, attested, needed: self.members.quorum() })
    }
}

/// Why an attestation is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoteError {
    /// It is none.
    #[error(transparent)]
    Fault(#[from] AttestationFault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
