//! What a service still waits for before it can serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

type Conditions = BTreeMap<&'static str, Result<(), String>>;

/// Named conditions; the service is ready when all hold. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Conditions>>);

impl Default for Readiness {
    /// Without conditions: ready.
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Readiness {
    /// With these conditions, none of which holds yet.
    pub fn new(conditions: &[&'static str]) -> Self {
        let starting = conditions.iter().map(|name| (*name, Err("starting".to_owned()))).collect();
        Self(Arc::new(watch::Sender::new(starting)))
    }

    /// The condition holds.
    pub fn set(&self, condition: &'static str) {
        self.put(condition, Ok(()));
    }

    /// The condition does not hold, because of `reason`.
    pub fn unset(&self, condition: &'static str, reason: impl Into<String>) {
        self.put(condition, Err(reason.into()));
    }

    /// What does not hold, and why. Empty when ready.
    pub fn missing(&self) -> BTreeMap<&'static str, String> {
        let conditions = self.0.borrow();
        let failed = |(name, state): (&&'static str, &Result<(), String>)| Some((*name, state.clone().err()?));
        conditions.iter().filter_map(failed).collect()
    }

    /// Whether all conditions hold.
    pub fn is_ready(&self) -> bool {
        all_hold(&self.0.borrow())
    }

    /// Waits until the service is ready (`true`) or is not (`false`).
    pub async fn until(&self, ready: bool) {
        // Fails only if the sender is gone, which `self` holds.
        let _ = self.0.subscribe().wait_for(|conditions| all_hold(conditions) == ready).await;
    }

    fn put(&self, condition: &'static str, state: Result<(), String>) {
        self.0.send_if_modified(|conditions| conditions.insert(condition, state.clone()) != Some(state));
    }
}

fn all_hold(conditions: &Conditions) -> bool {
    conditions.values().all(Result::is_ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_when_all_conditions_hold() {
        let readiness = Readiness::new(&["store", "da"]);
        readiness.set("store");
        assert!(!readiness.is_ready());
        let other = readiness.clone();
        let waiting = tokio::spawn(async move { other.until(true).await });
        readiness.set("da");
        assert!(waiting.await.is_ok() && readiness.is_ready() && readiness.missing().is_empty());
        readiness.unset("da", "away");
        readiness.until(false).await;
        assert_eq!(readiness.missing(), BTreeMap::from([("da", "away".to_owned())]));
    }
}
