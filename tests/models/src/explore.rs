//! Tries a model in every way, and counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What came up while a model was tried, over all ways.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Seen {
    /// It did, once more.
    pub fn note(&self, what: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }
}

/// Tries `model` in every way in which no more than `interruptions` times a thread that could go on has to wait; in
/// every way at all if that is `None`. `LOOM_MAX_PREEMPTIONS` overrides it. All of `expected` must have come up.
pub fn explore(
    name: &str,
    interruptions: Option<usize>,
    expected: &[&'static str],
    model: impl Fn(&Seen) + Send + Sync + 'static,
) {
    let (start, seen, ways) = (Instant::now(), Seen::default(), Arc::new(AtomicUsize::new(0)));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(interruptions);
    let (seeing, counted) = (seen.clone(), ways.clone());
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model(&seeing);
    });
    let seen = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{name}: {} ways in {:.1?}; {seen:?}", ways.load(Ordering::Relaxed), start.elapsed());
    for what in expected {
        assert!(seen.contains_key(what), "{name}: never {what}");
    }
}
