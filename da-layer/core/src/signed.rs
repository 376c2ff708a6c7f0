//! Signed headers and the chain they form.
//!
//! A header is taken only if it is well-formed, signed by the trusted key, and
//! follows the one before it. Nothing here says that its data is available or
//! well encoded: that is for sampling.

use alloy_primitives::{Address, B256};
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::signer::{Signature, SignatureError, Signer};

use crate::header::{FIRST_HEIGHT, HEADER_BYTES, Header, HeaderDecodeError};

/// Length of an encoded signed header.
pub const SIGNED_HEADER_BYTES: usize = HEADER_BYTES + 65;

/// A header and its producer's signature over the header hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// `r || s || v` over [`Header::hash`].
    pub signature: Signature,
}

/// A signed header that passed all checks, with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedHeader {
    signed: SignedHeader,
    hash: B256,
}

impl VerifiedHeader {
    /// The header.
    pub const fn header(&self) -> &Header {
        &self.signed.header
    }

    /// The header with its signature.
    pub const fn signed(&self) -> &SignedHeader {
        &self.signed
    }

    /// Its hash.
    pub const fn hash(&self) -> B256 {
        self.hash
    }
}

/// Why a header is not the next of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The signature is not one.
    #[error("header signature: {0}")]
    Signature(#[from] SignatureError),
    /// Another key signed.
    #[error("header is signed by {found}, not by the trusted {trusted}")]
    Signer {
        /// Who signed.
        found: Address,
        /// Whom the caller trusts.
        trusted: Address,
    },
    /// Another network than the parent's.
    #[error("header is of network {found}, its parent of {expected}")]
    Network {
        /// In the header.
        found: u64,
        /// In its parent.
        expected: u64,
    },
    /// Not the next height.
    #[error("header has height {found}, must be {expected}")]
    Height {
        /// In the header.
        found: u64,
        /// One above the parent.
        expected: u64,
    },
    /// Does not link to the parent.
    #[error("header links to {found}, its parent is {expected}")]
    Link {
        /// In the header.
        found: B256,
        /// Hash of the parent.
        expected: B256,
    },
    /// Earlier than the parent.
    #[error("header time {found_ms} ms is before its parent's {parent_ms} ms")]
    Time {
        /// In the header.
        found_ms: u64,
        /// In its parent.
        parent_ms: u64,
    },
    /// The number of blobs is impossible.
    #[error("header has an impossible number of blobs, {0}")]
    BlobCount(u32),
}

impl SignedHeader {
    /// Signs `header`.
    pub fn sign(header: Header, signer: &Signer) -> Self {
        Self { header, signature: signer.sign(header.hash()) }
    }

    /// `header (175) || signature (65)`.
    pub fn encode(&self) -> [u8; SIGNED_HEADER_BYTES] {
        let mut out = [0; SIGNED_HEADER_BYTES];
        out[..HEADER_BYTES].copy_from_slice(&self.header.encode());
        out[HEADER_BYTES..].copy_from_slice(&self.signature.0);
        out
    }

    /// Inverse of [`SignedHeader::encode`]; the signature is not checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderDecodeError> {
        let mut reader = Reader::new(bytes);
        let header = Header::decode(reader.take("header", HEADER_BYTES)?)?;
        let signature =
            Signature(reader.array("signature").map_err(|_| DecodeError::Truncated { field: "signature" })?);
        reader.finish()?;
        Ok(Self { header, signature })
    }
}

/// Checks `signed` as the successor of `parent`, or as the first header of a network if there is none.
pub fn verify_header(
    parent: Option<&SignedHeader>,
    signed: &SignedHeader,
    trusted: Address,
) -> Result<VerifiedHeader, HeaderFault> {
    let header = &signed.header;
    let (height, link) = match parent {
        None => (FIRST_HEIGHT, B256::ZERO),
        Some(SignedHeader { header: parent, .. }) => {
            if header.network_id != parent.network_id {
                return Err(HeaderFault::Network { found: header.network_id, expected: parent.network_id });
            }
            if header.time_ms < parent.time_ms {
                return Err(HeaderFault::Time { found_ms: header.time_ms, parent_ms: parent.time_ms });
            }
            (parent.height.saturating_add(1), parent.hash())
        }
    };
    if header.height != height {
        return Err(HeaderFault::Height { found: header.height, expected: height });
    }
    if header.prev_hash != link {
        return Err(HeaderFault::Link { found: header.prev_hash, expected: link });
    }
    verify_checkpoint(signed, trusted)
}

/// Checks a header by itself: well-formed and signed. For a client that starts
/// at a header that it trusts for another reason.
pub fn verify_checkpoint(signed: &SignedHeader, trusted: Address) -> Result<VerifiedHeader, HeaderFault> {
    if !signed.header.blob_count_fits() {
        return Err(HeaderFault::BlobCount(signed.header.blob_count));
    }
    let hash = signed.header.hash();
    let found = signed.signature.recover(hash)?;
    if found != trusted {
        return Err(HeaderFault::Signer { found, trusted });
    }
    Ok(VerifiedHeader { signed: *signed, hash })
}
