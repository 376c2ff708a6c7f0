//! Whether a pure computation may use the threads of the surrounding rayon pool.
//!
//! Both ways give the same bytes; the sequential way is the oracle of the
//! parallel one and what a caller takes that has its own idea of threads.

/// How a computation over many rows is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Schedule {
    /// Over the current rayon pool.
    #[default]
    Parallel,
    /// On the calling thread only.
    Sequential,
}
