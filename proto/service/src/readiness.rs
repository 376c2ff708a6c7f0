//! What a service still waits for before it can serve.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Named conditions; the service is ready when all hold. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Result<(), String>>>>);

impl Readiness {
    /// With these conditions, none of which holds yet.
    pub fn new(conditions: &[&'static str]) -> Self {
        let starting = conditions.iter().map(|name| (*name, Err("starting".to_owned()))).collect();
        Self(Arc::new(Mutex::new(starting)))
    }

    /// The condition holds.
    pub fn set(&self, condition: &'static str) {
        self.conditions().insert(condition, Ok(()));
    }

    /// The condition does not hold, because of `reason`.
    pub fn unset(&self, condition: &'static str, reason: impl Into<String>) {
        self.conditions().insert(condition, Err(reason.into()));
    }

    /// What does not hold, and why. Empty when ready.
    pub fn missing(&self) -> BTreeMap<&'static str, String> {
        self.conditions()
            .iter()
            .filter_map(|(name, state)| state.as_ref().err().map(|reason| (*name, reason.clone())))
            .collect()
    }

    fn conditions(&self) -> MutexGuard<'_, BTreeMap<&'static str, Result<(), String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
