//! Logging options, the same for every service.

use clap::Args;

/// Logging.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// What to log, in the syntax of RUST_LOG, as `info,weft_sequencer=debug`.
    #[arg(long, default_value = "info", help_heading = "Logging")]
    pub log: String,
    /// Log as JSON, a line an event.
    #[arg(long, help_heading = "Logging")]
    pub log_json: bool,
}

impl LogArgs {
    /// Starts logging.
    pub fn init(&self) {
        weft_service::telemetry::init_logs(&self.log, self.log_json);
    }
}
