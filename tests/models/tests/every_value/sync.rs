//! In the place of `parallel/sync.rs`: loom's.

pub(super) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
pub(super) use loom::sync::{Mutex, MutexGuard};
