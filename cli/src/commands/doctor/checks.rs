//! The checks, one subject each.

pub mod agreement;
pub mod database;
pub mod disk;
pub mod keys;
pub mod peers;
pub mod ports;
pub mod system;
