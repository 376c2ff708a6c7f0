//! What a light client decides, without the network it learns from.
//!
//! Whose headers are taken ([`trust`]) and which follow each other
//! ([`chain`]); which node is asked for which row ([`spread`]); what the rows
//! of a block make of it ([`judging`], [`judgement`]); what all judgements
//! together are worth ([`confidence`]); which rows bring back a part of a
//! block's payload ([`restore`]); whether a blob is where somebody says it is
//! ([`inclusion`]).
//!
//! Invariant: pure. Nothing here waits, reads a clock, draws a number or opens
//! a socket; answers, times and randomness come in as arguments. So the same
//! decisions can be made in a browser, where sockets are somebody else's, and
//! tested without any. Verifying rows and encoding blocks takes its time: a
//! shell calls [`judging::Judging::go_on`] and [`restore::Restore::finish`] where
//! that is allowed.
//!
//! Deliberately absent: an async runtime, sockets, files, metrics, logging.

pub mod chain;
pub mod confidence;
pub mod inclusion;
pub mod judgement;
pub mod judging;
pub mod restore;
pub mod spread;
pub mod trust;

pub use chain::{Chain, ChainFault, Fork};
pub use confidence::{ChainConfidence, Lowest, Span};
pub use inclusion::{BlobClaim, NotIncluded};
pub use judgement::{Judgement, Verdict};
pub use judging::{Judging, Next, Seed};
pub use restore::{Restore, RestoreFault, RestoreProgress};
pub use spread::{Rank, Share, Spread};
pub use trust::{Anchor, Said, TrustError, TrustSource, Wishes};
