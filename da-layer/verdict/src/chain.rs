//! The chain of headers, as far as this client has followed it.
//!
//! Pure. A header is taken if the trusted key signed it for this network and
//! it follows the tip. What does not fit is either the node's lie (nobody
//! trusted signed it, or it is not what was asked for) or the signer's own
//! contradiction: then both headers are kept, because together they prove it.

use alloy_primitives::Address;
use weft_da::header::FIRST_HEIGHT;
use weft_da::signed::HeaderFault;
use weft_da::{SignedHeader, VerifiedHeader, verify_checkpoint, verify_header};

/// Two headers of the trusted signer that cannot both be in one chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the DA signer contradicts itself at height {}: header {} is followed here, header {} (height {}) does not fit it: {why}",
    ours.header.height, ours.header.hash(), theirs.header.hash(), theirs.header.height
)]
pub struct Fork {
    /// The one that this client took first.
    pub ours: SignedHeader,
    /// The one that does not fit it.
    pub theirs: SignedHeader,
    /// What is wrong.
    pub why: String,
}

/// Why a header was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// The node that sent it is at fault.
    #[error("{0}")]
    Node(HeaderFault),
    /// The signer is at fault, and this proves it.
    #[error(transparent)]
    Fork(Box<Fork>),
}

/// What the client holds a header against.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    trusted: Address,
    network_id: u64,
    tip: Option<SignedHeader>,
}

impl Chain {
    /// A chain whose newest header is `tip`.
    pub const fn new(trusted: Address, network_id: u64, tip: Option<SignedHeader>) -> Self {
        Self { trusted, network_id, tip }
    }

    /// The newest header.
    pub const fn tip(&self) -> Option<&SignedHeader> {
        self.tip.as_ref()
    }

    /// Height that must come next.
    pub fn next_height(&self) -> u64 {
        self.tip.map_or(FIRST_HEIGHT, |tip| tip.header.height.saturating_add(1))
    }

    /// Checks a header by itself: the signature, and the network.
    pub fn check(&self, signed: &SignedHeader) -> Result<VerifiedHeader, ChainFault> {
        if signed.header.network_id != self.network_id {
            let fault = HeaderFault::Network { found: signed.header.network_id, expected: self.network_id };
            return Err(ChainFault::Node(fault));
        }
        verify_checkpoint(signed, self.trusted).map_err(ChainFault::Node)
    }

    /// As [`Chain::check`], for a header that should have this height.
    pub fn check_at(&self, signed: &SignedHeader, height: u64) -> Result<VerifiedHeader, ChainFault> {
        let verified = self.check(signed)?;
        if signed.header.height != height {
            let fault = HeaderFault::Height { found: signed.header.height, expected: height };
            return Err(ChainFault::Node(fault));
        }
        Ok(verified)
    }

    /// Takes the next header.
    pub fn extend(&mut self, signed: &SignedHeader) -> Result<VerifiedHeader, ChainFault> {
        self.check_at(signed, self.next_height())?;
        let verified = verify_header(self.tip.as_ref(), signed, self.trusted).map_err(|fault| match self.tip {
            // Signed, and of this height: whoever signed it also signed our tip.
            Some(ours) => fork(&ours, signed, fault.to_string()),
            None => ChainFault::Node(fault),
        })?;
        self.tip = Some(*signed);
        Ok(verified)
    }

    /// Takes a header without a parent, by its signature alone: where an operator wants to start above the first height.
    pub fn start_at(&mut self, signed: &SignedHeader, height: u64) -> Result<VerifiedHeader, ChainFault> {
        let verified = self.check_at(signed, height)?;
        self.tip = Some(*signed);
        Ok(verified)
    }

    /// Holds a header that some node showed against one of the same height that this client took.
    pub fn compare(&self, ours: &SignedHeader, theirs: &SignedHeader) -> Result<(), ChainFault> {
        self.check_at(theirs, ours.header.height)?;
        if ours.header == theirs.header {
            return Ok(());
        }
        Err(fork(ours, theirs, "two headers of one height".to_owned()))
    }
}

fn fork(ours: &SignedHeader, theirs: &SignedHeader, why: String) -> ChainFault {
    ChainFault::Fork(Box::new(Fork { ours: *ours, theirs: *theirs, why }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use weft_da::{Header, Shape};
    use weft_primitives::Signer;

    const NETWORK: u64 = 5;

    fn header(height: u64, prev_hash: B256, time_ms: u64) -> Header {
        let shape = Shape::for_payload(1_000).unwrap();
        let root = B256::repeat_byte(9);
        Header {
            network_id: NETWORK,
            height,
            prev_hash,
            time_ms,
            shape,
            row_root: root,
            digest_root: root,
            blob_index_root: root,
            blob_count: 1,
        }
    }

    fn signer() -> Signer {
        Signer::from_bytes([1; 32]).unwrap()
    }

    fn sign(header: Header) -> SignedHeader {
        SignedHeader::sign(header, &signer())
    }

    #[test]
    fn takes_a_chain_and_nothing_else() {
        let mut chain = Chain::new(signer().address(), NETWORK, None);
        let first = sign(header(1, B256::ZERO, 10));
        let second = sign(header(2, first.header.hash(), 10));
        assert!(matches!(chain.extend(&second), Err(ChainFault::Node(HeaderFault::Height { .. }))));
        let unlinked = sign(header(1, B256::repeat_byte(1), 10));
        assert!(matches!(chain.extend(&unlinked), Err(ChainFault::Node(HeaderFault::Link { .. }))));
        chain.extend(&first).unwrap();
        let stranger = SignedHeader::sign(second.header, &Signer::from_bytes([2; 32]).unwrap());
        assert!(matches!(chain.extend(&stranger), Err(ChainFault::Node(HeaderFault::Signer { .. }))));
        let foreign = sign(Header { network_id: 6, ..second.header });
        assert!(matches!(chain.extend(&foreign), Err(ChainFault::Node(HeaderFault::Network { .. }))));
        chain.extend(&second).unwrap();
        assert_eq!((chain.next_height(), chain.tip()), (3, Some(&second)));
    }

    #[test]
    fn contradictions_of_the_signer_are_proved() {
        let first = sign(header(1, B256::ZERO, 10));
        let mut chain = Chain::new(signer().address(), NETWORK, Some(first));
        for theirs in [header(2, B256::repeat_byte(7), 10), header(2, first.header.hash(), 9)].map(sign) {
            match chain.extend(&theirs) {
                Err(ChainFault::Fork(fork)) => assert_eq!((fork.ours, fork.theirs), (first, theirs)),
                other => panic!("{other:?}"),
            }
        }
        let other_first = sign(header(1, B256::ZERO, 11));
        assert!(matches!(chain.compare(&first, &other_first), Err(ChainFault::Fork(_))));
        assert_eq!(chain.compare(&first, &first), Ok(()));
        let stranger = SignedHeader::sign(other_first.header, &Signer::from_bytes([2; 32]).unwrap());
        assert!(matches!(chain.compare(&first, &stranger), Err(ChainFault::Node(_))));
    }

    #[test]
    fn starts_at_a_checkpoint() {
        let mut chain = Chain::new(signer().address(), NETWORK, None);
        let fifth = sign(header(5, B256::repeat_byte(7), 10));
        assert!(chain.start_at(&fifth, 6).is_err());
        chain.start_at(&fifth, 5).unwrap();
        assert_eq!(chain.next_height(), 6);
    }
}
