//! Commands for operators: `metrics`, `log`, `completions`.

use clap::Args;
use clap_complete::Shell;

/// `weft metrics`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  weft metrics > config/metrics.md\n  weft metrics --json")]
pub struct MetricsArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `weft log`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft log                                          what a sequencer on this machine logs
  weft log info,weft_sequencer=debug                until it ends, or the next change
  weft log info --http-url http://127.0.0.1:9301    settlement

A service answers only those who ask on its own machine, and not through a proxy.")]
pub struct LogCommandArgs {
    /// What to log, in the syntax of RUST_LOG; shows what is logged if not given.
    pub filter: Option<String>,
    /// HTTP URL of the service.
    #[arg(long, default_value = "http://127.0.0.1:9101")]
    pub http_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `weft completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft completions bash > /usr/share/bash-completion/completions/weft
  weft completions zsh > ~/.zfunc/_weft
  weft completions fish > ~/.config/fish/completions/weft.fish")]
pub struct CompletionsArgs {
    /// For which shell.
    pub shell: Shell,
}
