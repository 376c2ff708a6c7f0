//! What an operator sets about a custody.

use std::time::Duration;

use weft_da::custody::DEFAULT_COPIES;
use weft_primitives::Address;

use super::PeerAddress;

/// Who shares the rows.
#[derive(Clone, Debug)]
pub struct CustodyConfig {
    /// `peers`: the members; this node is one whether it is named or not.
    pub peers: Vec<PeerAddress>,
    /// `custody.copies`: members that have each row (default 2; fewer where there are fewer).
    pub copies: u8,
    /// `producer`: who makes the blocks. `None`: this node.
    pub producer: Option<Address>,
    /// Bounds.
    pub limits: CustodyLimits,
}

/// Bounds of a custody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustodyLimits {
    /// `custody.put_timeout_ms`: how long a put waits for the certificate of its block.
    pub put_timeout: Duration,
    /// `custody.max_uncertified`: blocks that wait for their certificate; with more, no new ones are made.
    pub max_uncertified: u64,
    /// `custody.scrub_interval_s`: pause between two looks through everything that is held.
    pub scrub_interval: Duration,
    /// `custody.scrub_bytes_per_second`: how fast that goes.
    pub scrub_bytes_per_second: u64,
    /// `custody.grace_ms`: how long a block's share may take to be handed over before this node gets it by itself.
    pub grace: Duration,
}

impl Default for CustodyConfig {
    fn default() -> Self {
        Self { peers: Vec::new(), copies: DEFAULT_COPIES, producer: None, limits: CustodyLimits::default() }
    }
}

impl Default for CustodyLimits {
    fn default() -> Self {
        Self {
            put_timeout: Duration::from_secs(20),
            max_uncertified: 64,
            scrub_interval: Duration::from_secs(3_600),
            scrub_bytes_per_second: 32 << 20,
            grace: Duration::from_secs(5),
        }
    }
}
