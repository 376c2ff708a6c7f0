//! Whose headers are taken, and of which network.
//!
//! Both come from the configuration, or else from the nodes at first contact:
//! then all nodes that answer must agree, and the client says so loudly. What
//! was settled is kept in `data_dir` and never changes by itself.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::nodes::{FaultKind, Nodes};
use crate::source::SourceError;

/// How an anchor came to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustSource {
    /// The operator named the signer.
    Configured,
    /// The nodes did, at first contact.
    FirstUse,
}

/// Signer and network that this client takes headers of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Signer of the headers.
    pub address: Address,
    /// The DA network.
    pub network_id: u64,
    /// Where this is from.
    pub source: TrustSource,
}

/// Why it is not settled whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The configuration names another signer than `data_dir`.
    #[error(
        "data_dir follows the DA signer {kept}, the configuration trusts {configured}: \
         if the network was set up anew, use another --data-dir"
    )]
    OtherSigner {
        /// In `data_dir`.
        kept: Address,
        /// In the configuration.
        configured: Address,
    },
    /// The configuration names another network than `data_dir`.
    #[error("data_dir follows DA network {kept}, the configuration says {configured}: use another --data-dir")]
    OtherNetwork {
        /// In `data_dir`.
        kept: u64,
        /// In the configuration.
        configured: u64,
    },
    /// Nodes name different signers or networks.
    #[error(
        "the nodes do not agree on whom to trust: {one} says {one_address} (network {one_network}), \
         {other} says {other_address} (network {other_network}); set --da-address and --da-network-id"
    )]
    Disagreement {
        /// A node.
        one: String,
        /// Its signer.
        one_address: Address,
        /// Its network.
        one_network: u64,
        /// Another node.
        other: String,
        /// Its signer.
        other_address: Address,
        /// Its network.
        other_network: u64,
    },
}

/// What the configuration says, and what `data_dir` does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    pub(crate) address: Option<Address>,
    pub(crate) network_id: Option<u64>,
    pub(crate) kept: Option<Anchor>,
}

impl Wishes {
    /// The anchor, if it is settled without asking anyone.
    pub(crate) fn settled(&self) -> Result<Option<Anchor>, TrustError> {
        let Some(kept) = self.kept else {
            let configured = self.address.zip(self.network_id);
            return Ok(configured.map(|(address, network_id)| Anchor {
                address,
                network_id,
                source: TrustSource::Configured,
            }));
        };
        if let Some(configured) = self.address.filter(|configured| *configured != kept.address) {
            return Err(TrustError::OtherSigner { kept: kept.address, configured });
        }
        if let Some(configured) = self.network_id.filter(|configured| *configured != kept.network_id) {
            return Err(TrustError::OtherNetwork { kept: kept.network_id, configured });
        }
        let source = if self.address.is_some() { TrustSource::Configured } else { kept.source };
        Ok(Some(Anchor { source, ..kept }))
    }
}

/// Asks all nodes; `None` if none answered.
pub(crate) async fn ask(
    nodes: &Nodes,
    wishes: &Wishes,
    timeout: std::time::Duration,
) -> Result<Option<Anchor>, TrustError> {
    let asked = nodes.iter().map(|node| async move {
        let answer = tokio::time::timeout(timeout, node.source().info()).await;
        match answer.unwrap_or(Err(SourceError::TimedOut)) {
            Ok(info) if wishes.address.is_some_and(|trusted| trusted != info.signer) => {
                node.fault(FaultKind::Lie, format_args!("serves headers of {}, who is not trusted", info.signer));
                None
            }
            Ok(info) => {
                node.answered();
                Some((node.name(), info))
            }
            Err(error) => {
                node.error(&error, "what it runs");
                None
            }
        }
    });
    let mut settled: Option<(&str, Anchor)> = None;
    for (name, info) in futures::future::join_all(asked).await.into_iter().flatten() {
        let anchor = Anchor {
            address: wishes.address.unwrap_or(info.signer),
            network_id: wishes.network_id.unwrap_or(info.network_id),
            source: if wishes.address.is_some() { TrustSource::Configured } else { TrustSource::FirstUse },
        };
        match settled {
            None => settled = Some((name, anchor)),
            Some((_, first)) if first == anchor => {}
            Some((one, first)) => {
                return Err(TrustError::Disagreement {
                    one: one.to_owned(),
                    one_address: first.address,
                    one_network: first.network_id,
                    other: name.to_owned(),
                    other_address: anchor.address,
                    other_network: anchor.network_id,
                });
            }
        }
    }
    Ok(settled.map(|(_, anchor)| anchor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_stays() {
        let one = Address::repeat_byte(1);
        let two = Address::repeat_byte(2);
        let kept = Anchor { address: one, network_id: 5, source: TrustSource::FirstUse };
        let wishes = |address, network_id, kept| Wishes { address, network_id, kept }.settled();
        assert_eq!(wishes(None, None, None), Ok(None));
        assert_eq!(wishes(Some(one), None, None), Ok(None));
        assert_eq!(wishes(None, None, Some(kept)), Ok(Some(kept)));
        let configured = Anchor { source: TrustSource::Configured, ..kept };
        assert_eq!(wishes(Some(one), Some(5), None), Ok(Some(configured)));
        assert_eq!(wishes(Some(one), None, Some(kept)), Ok(Some(configured)));
        assert_eq!(wishes(Some(two), None, Some(kept)), Err(TrustError::OtherSigner { kept: one, configured: two }));
        assert_eq!(wishes(None, Some(6), Some(kept)), Err(TrustError::OtherNetwork { kept: 5, configured: 6 }));
    }
}
