//! The machine against hand-written histories ([`cases`], [`optimistic`], [`keys`], [`votes`]) and random ones
//! ([`random`]).
#![allow(clippy::unwrap_used)]

mod bridge;
mod cases;
mod fixture;
mod forced;
mod invariants;
mod keys;
mod optimistic;
mod promises;
mod random;
mod votes;
