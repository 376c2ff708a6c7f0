//! Typed clients. They connect when first used, so a service may be away at start; every call has a time limit.
//!
//! A client checks that an answer is well formed and fits the question (the
//! block asked for, the hash of the transaction sent, not more than wanted).
//! Deliberately absent: trust. Signatures and proofs are the caller's to
//! verify, against the keys that the caller knows.

mod call;
mod custody;
mod da;
mod light;
mod listing;
mod mirror;
mod sequencer;
mod settlement;
#[cfg(test)]
mod tests;

pub use call::{BLOB_TIMEOUT, CALL_TIMEOUT, CONNECT_TIMEOUT, EndpointError};
pub use custody::{CustodyClient, CustodyInfo, Share};
pub use da::{DaClient, DaInfo, PutResult, StoredBlob};
pub use light::{LightClient, LightStatus, RestoredBlob, VerifiedClaim};
pub use listing::ListedHeight;
pub use mirror::{MirrorClient, MirroredHead};
pub use sequencer::{SequencerClient, WireWitness};
pub use settlement::{ChallengeOutcome, Logged, Posted, SettlementClient, Tip};
