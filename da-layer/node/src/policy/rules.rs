//! What an operator sets for namespaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use weft_primitives::{Address, Namespace};

use crate::config::Limits;

/// Label in metrics of all namespaces without a policy of their own: there may be any number of them.
const OTHER: &str = "other";

/// What holds for one namespace. What is absent is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whose signature a put needs; absent: none, anyone may put. An empty list: nobody may.
    pub keys: Option<Vec<Address>>,
    /// Largest blob, bytes; the node's own limit holds besides.
    pub max_blob_bytes: Option<u64>,
    /// Bytes stored in all.
    pub quota_bytes: Option<u64>,
    /// Bytes announced a second, on the long run.
    pub bytes_per_second: Option<u64>,
    /// Bytes at once after a rest; a second's worth, or one largest blob if that is more.
    pub burst_bytes: Option<u64>,
    /// Puts a second, on the long run.
    pub puts_per_second: Option<u64>,
    /// Puts at once after a rest; a second's worth.
    pub burst_puts: Option<u64>,
    /// Bytes received or waiting; half of `intake.max_bytes`, or one largest blob if that is more.
    pub max_waiting_bytes: Option<u64>,
    /// Blobs received or waiting; half of `intake.max_blobs`.
    pub max_waiting_blobs: Option<u64>,
}

impl Policy {
    /// Largest blob that this policy and the node take.
    pub fn largest_blob_bytes(&self, limits: &Limits) -> u64 {
        self.max_blob_bytes.unwrap_or(u64::MAX).min(limits.max_blob_bytes)
    }

    /// Bytes a second and at once, if they are limited.
    pub(super) fn byte_rate(&self, limits: &Limits) -> Option<(u64, u64)> {
        let rate = self.bytes_per_second?;
        Some((rate, self.burst_bytes.unwrap_or_else(|| rate.max(self.largest_blob_bytes(limits)))))
    }

    /// Puts a second and at once, if they are limited.
    pub(super) fn put_rate(&self) -> Option<(u64, u64)> {
        let rate = self.puts_per_second?;
        Some((rate, self.burst_puts.unwrap_or(rate)))
    }

    /// Bytes that may be received or wait.
    pub fn waiting_bytes(&self, limits: &Limits) -> u64 {
        self.max_waiting_bytes.unwrap_or_else(|| (limits.intake_max_bytes / 2).max(self.largest_blob_bytes(limits)))
    }

    /// Blobs that may be received or wait.
    pub fn waiting_blobs(&self, limits: &Limits) -> u64 {
        self.max_waiting_blobs.unwrap_or((limits.intake_max_blobs as u64 / 2).max(1))
    }

    /// The first key whose value cannot work, and why.
    pub(super) fn fault(&self, limits: &Limits) -> Option<(&'static str, String)> {
        let zero = [
            ("max_blob_bytes", self.max_blob_bytes),
            ("bytes_per_second", self.bytes_per_second),
            ("burst_bytes", self.burst_bytes),
            ("puts_per_second", self.puts_per_second),
            ("burst_puts", self.burst_puts),
            ("max_waiting_bytes", self.max_waiting_bytes),
            ("max_waiting_blobs", self.max_waiting_blobs),
        ];
        if let Some((key, _)) = zero.into_iter().find(|(_, value)| *value == Some(0)) {
            return Some((key, "must be at least 1; an empty list of keys closes a namespace".to_owned()));
        }
        if self.burst_bytes.is_some() && self.bytes_per_second.is_none() {
            return Some(("burst_bytes", "needs bytes_per_second".to_owned()));
        }
        if self.burst_puts.is_some() && self.puts_per_second.is_none() {
            return Some(("burst_puts", "needs puts_per_second".to_owned()));
        }
        let largest = self.largest_blob_bytes(limits);
        let small = [("burst_bytes", self.burst_bytes), ("max_waiting_bytes", self.max_waiting_bytes)];
        let (key, value) = small.into_iter().find(|(_, value)| value.is_some_and(|bytes| bytes < largest))?;
        let why = format!("{} is less than the largest blob, {largest} bytes (max_blob_bytes)", value.unwrap_or(0));
        Some((key, why))
    }
}

/// A policy with its name in metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) label: Arc<str>,
    pub(super) policy: Policy,
}

/// The policies of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Whether namespaces without a policy of their own may be used.
    pub open: bool,
    /// The policy of each of those.
    pub default: Policy,
    pub(super) named: BTreeMap<Namespace, Named>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { open: true, default: Policy::default(), named: BTreeMap::new() }
    }
}

impl Policies {
    /// The policy of a namespace; `None` if it may not be used.
    pub fn find(&self, namespace: &Namespace) -> Option<&Policy> {
        match self.named.get(namespace) {
            Some(named) => Some(&named.policy),
            None => self.open.then_some(&self.default),
        }
    }

    /// Gives a namespace a policy of its own; `label` is its name in metrics.
    pub fn set(&mut self, namespace: Namespace, label: &str, policy: Policy) {
        self.named.insert(namespace, Named { label: label.into(), policy });
    }

    /// The namespaces with a policy of their own.
    pub fn names(&self) -> impl Iterator<Item = &Namespace> {
        self.named.keys()
    }

    /// Its name in metrics: one for all namespaces without a policy of their own.
    pub fn label(&self, namespace: &Namespace) -> Arc<str> {
        self.named.get(namespace).map_or_else(|| OTHER.into(), |named| named.label.clone())
    }
}
