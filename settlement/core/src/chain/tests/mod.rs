//! The machine against hand-written histories ([`cases`], [`optimistic`], [`keys`], [`votes`]) and random ones
//! ([`random`]).
#![allow(clippy::unwrap_used)]

mod cases;
mod fixture;
mod invariants;
mod keys;
mod optimistic;
mod random;
mod votes;
