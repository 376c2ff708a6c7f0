//! Binding addresses, with errors that say what to do.

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (--{option}): {source}{}", hint(.source))]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// The option that sets it.
    pub option: &'static str,
    /// The system's error.
    pub source: std::io::Error,
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "; is another weft running? Choose another port",
        std::io::ErrorKind::PermissionDenied => "; ports below 1024 need root",
        _ => "",
    }
}

/// Listens on `address`, which was set by `--option`.
pub async fn bind(address: SocketAddr, option: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, option, source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_address_names_its_option() {
        let first = bind(([127, 0, 0, 1], 0).into(), "grpc-listen").await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address, "http-listen").await.unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--http-listen"), "{error}");
        assert!(error.contains("another weft"), "{error}");
    }
}
