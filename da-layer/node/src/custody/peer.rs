//! One other member: where it is, and who it is.

use std::str::FromStr;

use weft_primitives::Address;
use weft_wire::client::EndpointError;
use weft_wire::{CustodyClient, DaClient};

/// A member as operators write it: `ADDRESS@URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// The member's key.
    pub address: Address,
    /// Its gRPC port, `http://host:port`.
    pub url: String,
}

/// Not a member's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not ADDRESS@URL, like 0xf47a…3675@http://10.0.0.2:9200")]
pub struct PeerAddressError(String);

impl FromStr for PeerAddress {
    type Err = PeerAddressError;

    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        let refused = || PeerAddressError(text.to_owned());
        let (address, url) = text.split_once('@').ok_or_else(refused)?;
        let address = address.parse().map_err(|_| refused())?;
        if !url.starts_with("http://") {
            return Err(refused());
        }
        Ok(Self { address, url: url.to_owned() })
    }
}

/// Another member, and the way to it.
pub(super) struct Peer {
    at: PeerAddress,
    pub(super) rows: DaClient,
    pub(super) custody: CustodyClient,
}

impl Peer {
    pub(super) fn new(at: PeerAddress) -> Result<Self, EndpointError> {
        Ok(Self { rows: DaClient::new(&at.url)?, custody: CustodyClient::new(&at.url)?, at })
    }

    pub(super) const fn address(&self) -> Address {
        self.at.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let good = "0xf47af8674e3ec684b2A99B044Ca5A009446B3675@http://10.0.0.2:9200";
        let peer: PeerAddress = good.parse().expect("well formed");
        assert_eq!(peer.url, "http://10.0.0.2:9200");
        assert_eq!(peer.address.to_string(), "0xf47af8674e3ec684b2A99B044Ca5A009446B3675");
        for bad in ["", "http://10.0.0.2:9200", "0x12@http://a:1", &good.replace("http", "ftp")] {
            assert_eq!(bad.parse::<PeerAddress>(), Err(PeerAddressError(bad.to_owned())));
        }
    }
}
