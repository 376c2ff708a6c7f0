//! In the place of `parallel/outcome.rs`: what a transaction gave that adds one to a number.

/// Of one transaction.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Its number; none's at first.
    pub(super) of: Option<u32>,
    /// What it found.
    pub(super) read: u32,
    /// What it would leave.
    pub(super) wrote: u32,
}
