//! Namespaces: who may put how much into each, and how fast.
//!
//! [`rules`] is what an operator sets, read from a file of its own ([`file`]);
//! [`Gate`] judges every put by it before its bytes are taken, with what is
//! stored and what is on its way counted together. What a namespace has stored
//! is counted by the store, in the write that stores it; rates are kept in
//! memory alone, so a restart begins with full bursts.
//!
//! Deliberately absent: anything that reads. Whatever is stored is public.

mod account;
mod bucket;
pub mod file;
mod gate;
pub mod reload;
pub mod rules;
#[cfg(test)]
mod tests;

pub use file::PolicyError;
pub use gate::{Announced, Gate, Reservation};
pub use rules::{Policies, Policy};
