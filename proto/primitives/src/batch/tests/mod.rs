//! The codec as a whole; single parts are tested beside them.
//!
//! Transactions are made and encoded by alloy, which shares no code with the
//! codec's own reading and writing of them.

mod canonical;
mod golden;
mod hostile;
mod limits;
mod memory;
mod round_trip;
mod samples;
