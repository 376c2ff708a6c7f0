//! What each command does.

mod audit;
mod bench;
mod blob;
mod bridge;
mod da_restore;
mod dev;
mod doctor;
mod inbox;
pub mod keys;
mod light;
mod log_filter;
mod metrics;
mod progress;
mod prove;
mod services;
mod settlement;
mod snapshot;
mod tx;
mod verify;

use clap::CommandFactory;

use crate::args::{Cli, Command, DaCommand, NodeCommand};
use crate::output::{Exit, Failure};

/// How long the collector of traces may take for the last of them.
const LAST_TRACES: std::time::Duration = std::time::Duration::from_secs(1);

/// How long what the runtime runs may take to end.
const LAST_TASKS: std::time::Duration = std::time::Duration::from_secs(5);

/// Runs the command.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Commands in boxes: together they would be larger than the stack of the main thread.
    let result = runtime.block_on(async {
        let result = match cli.command {
            Command::Dev(args) => Box::pin(dev::run(*args)).await,
            Command::Sequencer(args) => Box::pin(services::sequencer(*args)).await,
            Command::Da(args) => match args.command.clone() {
                Some(DaCommand::Restore { to, allow_missing, json }) => {
                    Box::pin(da_restore::run(*args, to, allow_missing, json)).await
                }
                None => Box::pin(services::da(*args)).await,
            },
            Command::Settlement(args) => match args.client.clone() {
                Some(command) => Box::pin(settlement::run(command)).await,
                None => Box::pin(services::settlement(*args)).await,
            },
            Command::Node(args) => match args.command.clone() {
                Some(NodeCommand::Snapshot(command)) => Box::pin(snapshot::run(*args, command)).await,
                Some(NodeCommand::Prove { address, block, slots, snapshot, json }) => {
                    prove::run(&args, &prove::Asked { address, block, slots, snapshot, json })
                }
                None => Box::pin(services::node(*args)).await,
            },
            Command::Light(args) => Box::pin(light::run(*args)).await,
            Command::Tx(command) => Box::pin(tx::run(command)).await,
            Command::Deposit(args) => Box::pin(bridge::deposit(args)).await,
            Command::Withdraw(args) => Box::pin(bridge::withdraw(args)).await,
            Command::Claim(args) => Box::pin(bridge::claim(args)).await,
            Command::Blob(command) => Box::pin(blob::run(command)).await,
            Command::Verify(args) => Box::pin(verify::run(args)).await,
            Command::Bench(command) => Box::pin(bench::run(command)).await,
            Command::Keys(command) => keys::run(command),
            Command::Doctor(args) => Box::pin(doctor::run(args)).await,
            Command::Metrics(args) => metrics::run(&args),
            Command::Log(args) => Box::pin(log_filter::run(args)).await,
            Command::Completions(args) => {
                clap_complete::generate(args.shell, &mut Cli::command(), "weft", &mut std::io::stdout());
                Ok(Exit::Ok)
            }
        };
        weft_service::trace::flush(LAST_TRACES).await;
        result
    });
    // Tasks let go of what they hold before the process ends: a database that is closed while it does is an abort. What
    // still runs after that is nobody's work any longer.
    runtime.shutdown_timeout(LAST_TASKS);
    result
}
