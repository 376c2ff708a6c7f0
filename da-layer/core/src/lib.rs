//! The pure core of Weft's data availability layer.
//!
//! A DA block packs the blobs of many namespaces into one matrix of `k` rows
//! ([`layout`]), which a Reed-Solomon code of rate 1/4 extends to `4k`
//! ([`codec`]): any quarter rebuilds all ([`mod@rebuild`]). The rows are the leaves
//! of a BLAKE3 Merkle tree ([`tree`]); from its root random functionals are
//! drawn that collapse each row to 16 bytes ([`digest`]), and the header
//! ([`header`]) commits to the tree, to the `k` digests and to the index of the
//! blobs ([`blob`]). A light client holds the digests and samples rows
//! ([`sampling`]); each row is judged alone ([`row`]).
//!
//! # What a light client knows, and why
//!
//! Let `U` be the committed matrix, `C` the code (relative distance 3/4), `z`
//! the codeword that extends the committed digests. A row passes if it hashes
//! into the row tree and its digest is `z` at its index.
//!
//! 1. *Far from the code.* The collapse is a random linear combination of the
//!    columns of `U` with coefficients in an extension field of 2^128 elements
//!    (16 functionals over GF(2^8), or 8 over GF(2^16), are one over the
//!    extension). If `U` differs from every codeword in more than 3/8 of the
//!    rows (half the distance), then, but for a chance of about `4k / 2^128`
//!    over the coefficients, so does its collapse, and from `z` in particular:
//!    each sample fails with a chance above 3/8.
//! 2. *Near the code.* Otherwise exactly one codeword `X` is that near. If `z`
//!    is not the collapse of `X`, they agree in less than a quarter of the
//!    rows, so again a sample passes with a chance of at most 5/8. If it is,
//!    every row that passes is the row of `X`, but for a chance of `2^-128` each.
//! 3. So after `s` good samples, with confidence `1 - (5/8)^s`, there is one
//!    `X`, and whoever gets `k` passing rows gets `X`. If less than `k` rows
//!    are served, and which ones does not depend on who asks, all samples
//!    succeed with a chance below `(1/4)^s`.
//!
//! The coefficients are fixed only after the rows (Fiat-Shamir over the row
//! root), so a producer can try again only by hashing another matrix; `2^-114`
//! at the largest `k` leaves room for that. Nothing is trusted for this: no
//! set-up, no committee, no honest full node that would have to speak up.
//! Sources: ZODA (Evans, Mohnblatt, Angeris, eprint 2025/034), its "Hadamard"
//! one-dimensional form; Celestia's rsema1d SPEC; for step 1 the proximity gaps
//! of Reed-Solomon codes within half the distance (Ben-Sasson, Carmon, Ishai,
//! Kopparty, Saraf, eprint 2020/654). Both codes here are Reed-Solomon codes:
//! values of a polynomial of degree below `k` at `4k` points.
//!
//! `proto/SPEC.md` has the argument at length, and all that another
//! implementation needs; `proto/vectors/da` pins it.
//!
//! What sampling does *not* prove: that the blob index in the header is the one
//! in the payload. The index is the first part of the payload, so it is as
//! available as the data; [`blob::BlobIndex::verify`] checks it.
//!
//! Deliberately absent: storage, network, clock, randomness and logging. Seeds
//! and times are inputs; threads only through rayon, with a sequential twin
//! ([`schedule`]), and for what a caller does beside.

#[doc(hidden)]
pub mod adversary;
pub mod blob;
pub mod block;
pub mod codec;
pub mod custody;
pub mod digest;
mod field;
mod hash;
pub mod header;
pub mod kernel;
pub mod layout;
pub mod limits;
mod matrix;
pub mod put;
pub mod rebuild;
pub mod row;
pub mod sampling;
pub mod schedule;
pub mod serve;
pub mod shape;
pub mod signed;
pub mod tree;

pub use blob::{BlobEntry, BlobIndex, BlobProof, NamespaceProof, NamespaceScan, VerifiedBlob, VerifiedListing};
pub use block::{ChainPosition, EncodedBlock, EncodedRows};
pub use codec::CodecId;
pub use hash::blob_hash;
pub use header::Header;
pub use kernel::Kernel;
pub use layout::{Blob, Packed, payload_len};
pub use put::PutClaim;
pub use rebuild::{blob_from_rows, check_full, payload_from_rows, rebuild, rows_of};
pub use row::{RowFault, RowProof, VerifiedDigests, VerifiedRow};
pub use sampling::{Confidence, Plan, Session, Target, Verdict};
pub use schedule::Schedule;
pub use serve::RowServer;
pub use shape::Shape;
pub use signed::{SignedHeader, VerifiedHeader, verify_checkpoint, verify_header};
