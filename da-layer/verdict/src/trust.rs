//! Whose headers are taken, and of which network.
//!
//! Both come from the configuration, or else from the nodes at first contact:
//! then all nodes that answer must agree, and the client says so loudly. What
//! was settled is kept in `data_dir` and never changes by itself.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

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

/// What one node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// The node.
    pub node: &'a str,
    /// Who signs its headers.
    pub signer: Address,
    /// Its network.
    pub network_id: u64,
}

/// What the configuration says, and what `data_dir` does.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// Signer that the operator named.
    pub address: Option<Address>,
    /// Network that the operator named.
    pub network_id: Option<u64>,
    /// What was settled before.
    pub kept: Option<Anchor>,
}

impl Wishes {
    /// The anchor, if it is settled without asking anyone.
    pub fn settled(&self) -> Result<Option<Anchor>, TrustError> {
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

    /// What the nodes that answered settle together, the operator's words first; `None` if there were none. Nodes that
    /// name another signer than the operator are the caller's to leave out.
    pub fn agreed(&self, answers: &[Said<'_>]) -> Result<Option<Anchor>, TrustError> {
        let mut settled: Option<(&str, Anchor)> = None;
        for said in answers {
            let anchor = Anchor {
                address: self.address.unwrap_or(said.signer),
                network_id: self.network_id.unwrap_or(said.network_id),
                source: if self.address.is_some() { TrustSource::Configured } else { TrustSource::FirstUse },
            };
            match settled {
                None => settled = Some((said.node, anchor)),
                Some((_, first)) if first == anchor => {}
                Some((one, first)) => {
                    return Err(TrustError::Disagreement {
                        one: one.to_owned(),
                        one_address: first.address,
                        one_network: first.network_id,
                        other: said.node.to_owned(),
                        other_address: anchor.address,
                        other_network: anchor.network_id,
                    });
                }
            }
        }
        Ok(settled.map(|(_, anchor)| anchor))
    }
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

    #[test]
    fn nodes_that_answer_must_agree() {
        let said = |node, byte, network_id| Said { node, signer: Address::repeat_byte(byte), network_id };
        let wishes = Wishes { address: None, network_id: None, kept: None };
        assert_eq!(wishes.agreed(&[]), Ok(None));
        let first = Anchor { address: Address::repeat_byte(1), network_id: 5, source: TrustSource::FirstUse };
        assert_eq!(wishes.agreed(&[said("a", 1, 5), said("b", 1, 5)]), Ok(Some(first)));
        let apart = wishes.agreed(&[said("a", 1, 5), said("b", 2, 5)]);
        assert!(matches!(apart, Err(TrustError::Disagreement { .. })), "{apart:?}");
        assert!(wishes.agreed(&[said("a", 1, 5), said("b", 1, 6)]).is_err());
        // The operator's word ends the argument.
        let sure = Wishes { network_id: Some(6), ..wishes };
        assert_eq!(
            sure.agreed(&[said("a", 1, 5), said("b", 1, 6)]).map(|anchor| anchor.map(|one| one.network_id)),
            Ok(Some(6))
        );
    }
}
