//! The settlement service: takes commitments, verifies them itself, makes them final.
pub mod store;
