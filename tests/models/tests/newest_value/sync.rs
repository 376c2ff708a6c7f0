//! In the place of `parallel/sync.rs`: loom's, where every load sees what was stored last.
//!
//! Loads and stores are made as changes of what is there. So none sees anything older; and loom leaves no order out: of
//! those who loaded a value before it is stored it tries only the last one the other way round, who may be the one who
//! stores.

pub(super) use loom::sync::atomic::Ordering;
pub(super) use loom::sync::{Mutex, MutexGuard};

macro_rules! atomic {
    ($name:ident, $value:ty, $nothing:expr) => {
        #[derive(Debug)]
        pub(super) struct $name(loom::sync::atomic::$name);

        impl $name {
            pub(super) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub(super) fn load(&self, _: Ordering) -> $value {
                self.0.fetch_or($nothing, Ordering::AcqRel)
            }

            pub(super) fn store(&self, value: $value, _: Ordering) {
                self.0.swap(value, Ordering::AcqRel);
            }
        }
    };
}

atomic!(AtomicBool, bool, false);
atomic!(AtomicU32, u32, 0);
atomic!(AtomicU64, u64, 0);

impl AtomicBool {
    pub(super) fn swap(&self, value: bool, _: Ordering) -> bool {
        self.0.swap(value, Ordering::AcqRel)
    }
}

impl AtomicU32 {
    pub(super) fn compare_exchange(&self, from: u32, to: u32, _: Ordering, _: Ordering) -> Result<u32, u32> {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }

    pub(super) fn compare_exchange_weak(&self, from: u32, to: u32, _: Ordering, _: Ordering) -> Result<u32, u32> {
        self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}
