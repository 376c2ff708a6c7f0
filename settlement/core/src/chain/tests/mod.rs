//! The machine against hand-written histories ([`cases`]) and random ones ([`random`]).
#![allow(clippy::unwrap_used)]

mod cases;
mod fixture;
mod invariants;
mod random;
