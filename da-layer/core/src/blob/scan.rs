//! All blobs of a namespace over a range of heights, checked one height after the other.
//!
//! Invariant: what was taken is every blob of the namespace from the first
//! height up to the last one taken. A height that is left out breaks the
//! order and the link, a blob that is left out breaks its height's proof.
//!
//! The first header of a scan is taken by its signature alone unless it is the
//! network's first: what came before it is not part of the claim. That a later
//! height exists cannot be seen here; the caller says where the range ends.

use alloy_primitives::Address;
use weft_primitives::namespace::Namespace;

use super::proof::{NamespaceProof, ProofFault, VerifiedListing};
use crate::header::FIRST_HEIGHT;
use crate::signed::{HeaderFault, SignedHeader, VerifiedHeader, verify_checkpoint, verify_header};

/// Why a height does not continue a scan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanFault {
    /// Its header is not the next.
    #[error("DA block {height}: {fault}")]
    Header {
        /// The height that had to come.
        height: u64,
        /// What is wrong.
        fault: HeaderFault,
    },
    /// Its proof shows something else than all blobs of the namespace.
    #[error("DA block {height}: {fault}")]
    Proof {
        /// The height.
        height: u64,
        /// What is wrong.
        fault: ProofFault,
    },
    /// The range is not finished.
    #[error("DA blocks {next} to {last} are missing")]
    Unfinished {
        /// First missing.
        next: u64,
        /// Last wanted.
        last: u64,
    },
}

/// One height of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedHeight {
    /// Its header.
    pub header: VerifiedHeader,
    /// All blobs of the namespace in it.
    pub listing: VerifiedListing,
}

/// Checks heights of a namespace in order.
#[derive(Clone, Debug)]
pub struct NamespaceScan {
    namespace: Namespace,
    trusted: Address,
    next: u64,
    newest: Option<SignedHeader>,
}

impl NamespaceScan {
    /// A scan of `namespace` from `first` on, over headers that `trusted` signed.
    pub fn new(namespace: Namespace, trusted: Address, first: u64) -> Self {
        Self { namespace, trusted, next: first.max(FIRST_HEIGHT), newest: None }
    }

    /// The height that must come next.
    pub const fn next_height(&self) -> u64 {
        self.next
    }

    /// The newest header taken.
    pub const fn newest(&self) -> Option<&SignedHeader> {
        self.newest.as_ref()
    }

    /// Takes the next height: signature, height, link and proof are checked. A fault changes nothing.
    pub fn take(&mut self, header: &SignedHeader, proof: &NamespaceProof) -> Result<ScannedHeight, ScanFault> {
        let height = self.next;
        let verified = self.header(header).map_err(|fault| ScanFault::Header { height, fault })?;
        let listing =
            proof.verify(&header.header, &self.namespace).map_err(|fault| ScanFault::Proof { height, fault })?;
        self.newest = Some(*header);
        self.next = height.saturating_add(1);
        Ok(ScannedHeight { header: verified, listing })
    }

    fn header(&self, signed: &SignedHeader) -> Result<VerifiedHeader, HeaderFault> {
        if self.newest.is_some() || self.next == FIRST_HEIGHT {
            return verify_header(self.newest.as_ref(), signed, self.trusted);
        }
        if signed.header.height != self.next {
            return Err(HeaderFault::Height { found: signed.header.height, expected: self.next });
        }
        verify_checkpoint(signed, self.trusted)
    }

    /// Whether every height up to `last` was taken.
    pub fn finish(&self, last: u64) -> Result<(), ScanFault> {
        if self.next <= last {
            return Err(ScanFault::Unfinished { next: self.next, last });
        }
        Ok(())
    }
}
