//! The headers that a member has taken: one at each height, linked, signed by the producer.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use weft_da::signed::HeaderFault;
use weft_da::{SignedHeader, verify_checkpoint, verify_header};
use weft_primitives::Address;

use crate::store::{ShareStore, StoreError};

/// Takes headers in order, whoever brings them.
pub struct HeaderChain {
    store: Arc<dyn ShareStore>,
    latest: watch::Sender<Option<SignedHeader>>,
    producer: Address,
    network_id: u64,
    /// One at a time.
    taking: Mutex<()>,
}

/// Why a header is not taken.
#[derive(Debug, thiserror::Error)]
pub enum HeaderRefused {
    /// It is wrong by itself or does not follow: whoever sent it is at fault.
    #[error("{0}")]
    Fault(#[from] HeaderFault),
    /// Those before it are not known yet.
    #[error("header {height} comes after {latest}, the newest known")]
    Behind {
        /// Its height.
        height: u64,
        /// The newest height known; 0 for none.
        latest: u64,
    },
    /// The producer has signed two headers for one height: nobody can tell which is right.
    #[error("the producer signed two headers of height {}: {} and {}", ours.header.height, ours.header.hash(), theirs.header.hash())]
    Equivocation {
        /// The one taken first.
        ours: Box<SignedHeader>,
        /// The other.
        theirs: Box<SignedHeader>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl HeaderChain {
    pub(super) fn new(
        store: Arc<dyn ShareStore>,
        latest: watch::Sender<Option<SignedHeader>>,
        producer: Address,
        network_id: u64,
    ) -> Self {
        Self { store, latest, producer, network_id, taking: Mutex::new(()) }
    }

    /// Of which network.
    pub(super) const fn network_id(&self) -> u64 {
        self.network_id
    }

    /// The newest height taken; 0 for none.
    pub fn height(&self) -> u64 {
        self.latest.borrow().as_ref().map_or(0, |signed| signed.header.height)
    }

    /// To wait for the next header.
    pub fn watch(&self) -> watch::Receiver<Option<SignedHeader>> {
        self.latest.subscribe()
    }

    /// Takes a header; one that was taken before is fine.
    pub fn take(&self, signed: &SignedHeader) -> Result<(), HeaderRefused> {
        let header = &signed.header;
        verify_checkpoint(signed, self.producer)?;
        if header.network_id != self.network_id {
            return Err(HeaderFault::Network { found: header.network_id, expected: self.network_id }.into());
        }
        let _one = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ours) = self.store.header(header.height)? {
            return if ours.header == *header { Ok(()) } else { Err(self.equivocation(ours, signed)) };
        }
        let newest = self.store.latest()?;
        let latest = newest.map_or(0, |newest| newest.header.height);
        if header.height > latest + 1 {
            return Err(HeaderRefused::Behind { height: header.height, latest });
        }
        verify_header(newest.as_ref(), signed, self.producer).map_err(|fault| match (newest, fault) {
            // Signed, of the next height, and on top of another block than the one it signed.
            (Some(ours), HeaderFault::Link { .. }) => self.equivocation(ours, signed),
            (_, fault) => fault.into(),
        })?;
        self.store.append_header(signed)?;
        metrics::gauge!("weft_da_height").set(header.height as f64);
        self.latest.send_replace(Some(*signed));
        Ok(())
    }

    fn equivocation(&self, ours: SignedHeader, theirs: &SignedHeader) -> HeaderRefused {
        metrics::counter!("weft_da_custody_equivocations_total").increment(1);
        let hex = |signed: &SignedHeader| alloy_primitives::hex::encode_prefixed(signed.encode());
        tracing::error!(ours = hex(&ours), theirs = hex(theirs), "the producer contradicts itself; here is the proof");
        HeaderRefused::Equivocation { ours: Box::new(ours), theirs: Box::new(*theirs) }
    }
}
