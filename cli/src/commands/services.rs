//! One service a process.

use weft_primitives::Address;
use weft_service::page::Role;
use weft_service::{Shutdown, listen};

use super::progress;
use crate::args::{DaArgs, NodeArgs, SequencerArgs, SettlementArgs};
use crate::output::{Exit, Failure};

/// Addresses of the keys in `config/dev-keys`, which everyone knows.
pub(super) const PUBLIC_KEYS: [Address; 2] = [
    alloy_primitives::address!("F67377a43b719d2f92D5EC8d5869F6949C9cB863"),
    alloy_primitives::address!("f47af8674e3ec684b2A99B044Ca5A009446B3675"),
];

fn warn_of_public_key(address: Address) {
    if PUBLIC_KEYS.contains(&address) {
        tracing::warn!(%address, "this is a development key that everyone knows; make your own with `weft keys new`");
    }
}

/// `weft sequencer`.
pub async fn sequencer(args: SequencerArgs) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let config = args.to_config()?;
    warn_of_public_key(config.signer.address());
    let listeners = weft_sequencer::Listeners {
        grpc: listen::bind(args.grpc_listen, "grpc-listen").await?,
        rpc: listen::bind(args.rpc_listen, "rpc-listen").await?,
        http: listen::bind(args.http_listen, "http-listen").await?,
    };
    let (http, rpc) = (listeners.http.local_addr()?, listeners.rpc.local_addr()?);
    args.page.tell(&[(Role::Sequencer, http), (Role::Rpc, rpc)]);
    let (told, progress) = progress::watch();
    Box::pin(progress::showing(progress, weft_sequencer::run(config, listeners, told, shutdown))).await?;
    Ok(Exit::Ok)
}

/// `weft node`.
pub async fn node(args: NodeArgs) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let config = args.to_config()?;
    let listeners = weft_sequencer::Listeners {
        grpc: listen::bind(args.grpc_listen, "grpc-listen").await?,
        rpc: listen::bind(args.rpc_listen, "rpc-listen").await?,
        http: listen::bind(args.http_listen, "http-listen").await?,
    };
    let (http, rpc) = (listeners.http.local_addr()?, listeners.rpc.local_addr()?);
    args.page.tell(&[(Role::Node, http), (Role::Rpc, rpc)]);
    let (told, progress) = progress::watch();
    Box::pin(progress::showing(progress, weft_sequencer::follow(config, listeners, told, shutdown))).await?;
    Ok(Exit::Ok)
}

/// `weft da`.
pub async fn da(args: DaArgs) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let config = args.to_config()?;
    warn_of_public_key(config.signer.address());
    let listeners = weft_da_node::Listeners {
        grpc: listen::bind(args.grpc_listen, "grpc-listen").await?,
        http: listen::bind(args.http_listen, "http-listen").await?,
    };
    args.page.tell(&[(Role::Da, listeners.http.local_addr()?)]);
    weft_da_node::run(config, listeners, shutdown).await?;
    Ok(Exit::Ok)
}

/// `weft settlement`.
pub async fn settlement(args: SettlementArgs) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let config = args.to_config()?;
    let listeners = weft_settlement_node::Listeners {
        grpc: listen::bind(args.grpc_listen, "grpc-listen").await?,
        http: listen::bind(args.http_listen, "http-listen").await?,
    };
    args.page.tell(&[(Role::Settlement, listeners.http.local_addr()?)]);
    weft_settlement_node::run(config, listeners, shutdown).await?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_primitives::Signer;

    /// The example files, the development keys and this list name the same addresses.
    #[test]
    fn development_keys_are_known() {
        let keys =
            [include_str!("../../../config/dev-keys/sequencer.key"), include_str!("../../../config/dev-keys/da.key")];
        let settlement = include_str!("../../../config/settlement.toml");
        for (key, address) in keys.into_iter().zip(PUBLIC_KEYS) {
            assert_eq!(Signer::from_hex(key).map(|signer| signer.address()), Ok(address));
            assert!(settlement.contains(&address.to_string()), "config/settlement.toml does not name {address}");
        }
    }
}
