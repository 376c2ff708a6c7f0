//! What threads meet in, where the order of their steps matters: the standard library's.
//!
//! `tests/models` puts loom's in its place, and tries every order.

pub(super) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
pub(super) use std::sync::{Mutex, MutexGuard};
