//! `weft dev`: every service in one process, on embedded stores, talking gRPC all the same.

mod anvil;
mod archive;
mod state;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;
use weft_primitives::{Address, Signer};
use weft_service::page::Role;
use weft_service::{Shutdown, key_file, listen};

use self::state::Folder;
use super::progress;
use crate::amount::in_ether;
use crate::args::DevArgs;
use crate::args::sequencer::{Tuned, genesis_text};
use crate::output::{Exit, Failure};
use crate::{dev_accounts, mnemonic};

struct Listeners {
    sequencer: weft_sequencer::Listeners,
    da: weft_da_node::Listeners,
    settlement: weft_settlement_node::Listeners,
    light: weft_light::Listeners,
}

/// What the user is told.
struct Endpoints {
    rpc: SocketAddr,
    sequencer: [SocketAddr; 2],
    da: [SocketAddr; 2],
    settlement: [SocketAddr; 2],
    light: [SocketAddr; 2],
}

/// Runs until a signal, or until a service fails.
pub async fn run(args: DevArgs) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let accounts = mnemonic::accounts(&args.mnemonic, args.accounts)?;
    // Lives as long as the services do.
    let (folder, genesis) = Folder::new(&args, genesis(&args, &accounts)?)?;
    let chain = weft_primitives::ChainConfig::from_json(&genesis)?;
    let listeners = bind(&args).await?;
    let endpoints = endpoints(&listeners)?;
    args.page.tell(&[
        (Role::Rpc, endpoints.rpc),
        (Role::Sequencer, endpoints.sequencer[1]),
        (Role::Da, endpoints.da[1]),
        (Role::Settlement, endpoints.settlement[1]),
        (Role::Light, endpoints.light[1]),
    ]);
    let configs = Configs::new(&args, (chain.clone(), &accounts), &folder.path, &endpoints)?;
    let stop = shutdown.child();
    let services = async {
        let Listeners { sequencer, da, settlement, light } = listeners;
        let progress = progress::watch().0;
        // Each on the heap: they are large, and each future around them would be as large again on the stack.
        tokio::join!(
            ending(&stop, Box::pin(weft_da_node::run(configs.da, da, stop.clone()))),
            ending(&stop, Box::pin(weft_settlement_node::run(configs.settlement, settlement, stop.clone()))),
            ending(&stop, Box::pin(weft_sequencer::run(configs.sequencer, sequencer, progress, stop.clone()))),
            ending(&stop, Box::pin(weft_light::run(configs.light, light, stop.clone()))),
        )
    };
    let announce = async {
        if wait_until_ready(&endpoints, &stop).await {
            // Now it is known to be that of the chain in the folder.
            if let Err(error) = std::fs::write(folder.genesis(), &genesis) {
                tracing::warn!(%error, "the genesis file was not written");
            }
            let text = tell(&args, &endpoints, &chain, &accounts, &folder);
            // Whoever started us may have closed our output; that is no reason to end.
            drop(std::io::stdout().write_all(text.as_bytes()));
        }
    };
    let ((da, settlement, sequencer, light), ()) = tokio::join!(services, announce);
    let ended = da.and(settlement).and(sequencer).and(light);
    tokio::task::spawn_blocking(move || folder.end(ended, &genesis)).await??;
    Ok(Exit::Ok)
}

/// Whatever ends first takes the others along. A service is hundreds of kilobytes of state: it goes to the heap at once,
/// or all of them together, in each frame that they pass through, would fill the stack of the main thread.
fn ending<E: std::error::Error>(
    stop: &Shutdown,
    service: impl Future<Output = Result<(), E>>,
) -> impl Future<Output = Result<(), Failure>> {
    let service = Box::pin(service);
    async {
        let result = service.await;
        stop.trigger();
        result.map_err(Failure::from)
    }
}

async fn bind(args: &DevArgs) -> Result<Listeners, Failure> {
    let at = |port: u16| SocketAddr::new(args.host, port);
    Ok(Listeners {
        sequencer: weft_sequencer::Listeners {
            grpc: listen::bind(at(args.sequencer_grpc_port), "sequencer-grpc-port").await?,
            rpc: listen::bind(at(args.rpc_port), "rpc-port").await?,
            http: listen::bind(at(args.sequencer_http_port), "sequencer-http-port").await?,
        },
        da: weft_da_node::Listeners {
            grpc: listen::bind(at(args.da_grpc_port), "da-grpc-port").await?,
            http: listen::bind(at(args.da_http_port), "da-http-port").await?,
        },
        settlement: weft_settlement_node::Listeners {
            grpc: listen::bind(at(args.settlement_grpc_port), "settlement-grpc-port").await?,
            http: listen::bind(at(args.settlement_http_port), "settlement-http-port").await?,
        },
        light: weft_light::Listeners {
            grpc: listen::bind(at(args.light_grpc_port), "light-grpc-port").await?,
            http: listen::bind(at(args.light_http_port), "light-http-port").await?,
        },
    })
}

fn endpoints(listeners: &Listeners) -> Result<Endpoints, Failure> {
    Ok(Endpoints {
        rpc: listeners.sequencer.rpc.local_addr()?,
        sequencer: [listeners.sequencer.grpc.local_addr()?, listeners.sequencer.http.local_addr()?],
        da: [listeners.da.grpc.local_addr()?, listeners.da.http.local_addr()?],
        settlement: [listeners.settlement.grpc.local_addr()?, listeners.settlement.http.local_addr()?],
        light: [listeners.light.grpc.local_addr()?, listeners.light.http.local_addr()?],
    })
}

struct Configs {
    sequencer: weft_sequencer::Config,
    da: weft_da_node::Config,
    settlement: weft_settlement_node::Config,
    light: weft_light::Config,
}

impl Configs {
    fn new(
        args: &DevArgs,
        (chain, accounts): (weft_primitives::ChainConfig, &[Signer]),
        folder: &std::path::Path,
        endpoints: &Endpoints,
    ) -> Result<Self, Failure> {
        let part = |name: &str| -> Result<PathBuf, Failure> {
            let path = folder.join(name);
            std::fs::create_dir_all(&path)
                .map_err(|error| Failure(format!("cannot make the data folder {}: {error}", path.display())))?;
            Ok(path)
        };
        let (sequencer_dir, da_dir, settlement_dir) = (part("sequencer")?, part("da")?, part("settlement")?);
        let sequencer_key = key_file::load_or_create(&sequencer_dir.join("service.key"))?;
        let da_key = key_file::load_or_create(&da_dir.join("service.key"))?;
        let da_url = format!("http://{}", endpoints.da[0]);
        let mut settled =
            weft_settlement_node::ChainSettings::new(chain.clone(), sequencer_key.address(), da_key.address());
        settled.da_url.clone_from(&da_url);
        // So that `weft settlement fund` works without a key.
        settled.terms.admin = dev_accounts::signer(0).map(|admin| admin.address());
        let settlement = weft_settlement_node::Config::new(settlement_dir, settled);
        let light = weft_light::Config {
            da_urls: vec![da_url.clone()],
            trusted: Some(da_key.address()),
            data_dir: Some(part("light")?),
            ..weft_light::Config::default()
        };
        let da = weft_da_node::Config {
            data_dir: da_dir.join("db"),
            signer: da_key,
            network_id: 1,
            limits: weft_da_node::Limits::default(),
            custody: None,
            namespaces: None,
            retention: weft_da_node::Retention::default(),
            archive: None,
        };
        let Tuned { mut limits, mempool, mut rpc } = args.tuning.sequencer_config();
        limits.index_accounts = !args.no_index_accounts;
        rpc.development = Some(weft_sequencer::Development { accounts: accounts.to_vec() });
        let sequencer = weft_sequencer::Config {
            data_dir: sequencer_dir.join("db"),
            chain,
            signer: sequencer_key,
            da_url,
            settlement_url: format!("http://{}", endpoints.settlement[0]),
            limits,
            mempool,
            rpc,
        };
        Ok(Self { sequencer, da, settlement, light })
    }
}

/// Asks the services' own health ports.
async fn wait_until_ready(endpoints: &Endpoints, stop: &Shutdown) -> bool {
    for http in [endpoints.da[1], endpoints.settlement[1], endpoints.sequencer[1]] {
        let url = format!("http://{http}/health/ready");
        while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            if stop.unless(tokio::time::sleep(std::time::Duration::from_millis(20))).await.is_none() {
                return false;
            }
        }
    }
    true
}

fn tell(
    args: &DevArgs,
    endpoints: &Endpoints,
    chain: &weft_primitives::ChainConfig,
    accounts: &[Signer],
    folder: &Folder,
) -> String {
    let [sequencer_grpc, sequencer_http] = endpoints.sequencer;
    let [da_grpc, da_http] = endpoints.da;
    let [settlement_grpc, settlement_http] = endpoints.settlement;
    let [light_grpc, light_http] = endpoints.light;
    if args.json {
        let value = json!({
            "rpc": endpoints.rpc, "chain_id": chain.chain_id(),
            "sequencer": { "grpc": sequencer_grpc, "http": sequencer_http },
            "da": { "grpc": da_grpc, "http": da_http },
            "settlement": { "grpc": settlement_grpc, "http": settlement_http },
            "light": { "grpc": light_grpc, "http": light_http },
            "data_dir": folder.path,
            "genesis": folder.genesis(),
        });
        return format!("{value}\nready\n");
    }
    let note = if folder.is_kept() { "" } else { " (temporary)" };
    let mut text = format!(
        "Weft, chain id {chain_id}, data in {folder}{note}\n\n\
         \x20 the page           http://{sequencer_http}/   (each service has it)\n\
         \x20 Ethereum JSON-RPC  http://{rpc}  ws://{rpc}\n\
         \x20 sequencer          http://{sequencer_http}   gRPC {sequencer_grpc}\n\
         \x20 DA node            http://{da_http}   gRPC {da_grpc}\n\
         \x20 settlement         http://{settlement_http}   gRPC {settlement_grpc}\n\
         \x20 light client       http://{light_http}   gRPC {light_grpc}\n\
         \x20 genesis file       {genesis}   (--genesis of weft verify and weft node)\n\n",
        genesis = folder.genesis().display(),
        chain_id = chain.chain_id(),
        folder = folder.path.display(),
        rpc = endpoints.rpc,
    );
    if let Some(accounts) = funded(chain, accounts) {
        text += &format!("Accounts of \"{}\", known to everyone, never for real value:\n\n", args.mnemonic);
        for (number, (address, balance, key)) in accounts.into_iter().enumerate() {
            text += &format!("  ({number}) {address}  {balance}\n      {}\n", key.trim_end());
        }
        text += "\n";
    }
    text + "ready\n"
}

/// The genesis file: the one that is given, or the development chain as the options have it.
fn genesis(args: &DevArgs, accounts: &[Signer]) -> Result<String, Failure> {
    match args.genesis.as_deref() {
        Some(path) => genesis_text(path),
        None => Ok(dev_accounts::genesis(accounts, args.balance, args.chain_id)?),
    }
}

/// The accounts with their balances and keys, where the genesis file funds them all.
fn funded(chain: &weft_primitives::ChainConfig, accounts: &[Signer]) -> Option<Vec<(Address, String, String)>> {
    let account = |signer: &Signer| {
        let balance = chain.genesis().alloc.get(&signer.address())?.balance;
        Some((signer.address(), in_ether(balance), key_file::to_text(signer)))
    };
    accounts.iter().map(account).collect()
}
