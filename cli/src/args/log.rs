//! Logging options, the same for every service.

use clap::Args;

use crate::output::Failure;

/// Logging.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// What to log, in the syntax of RUST_LOG, as `info,weft_sequencer=debug`.
    #[arg(long, default_value = "info", help_heading = "Logging")]
    pub log: String,
    /// Log as JSON, a line an event.
    #[arg(long, help_heading = "Logging")]
    pub log_json: bool,
    /// gRPC URL of a collector of OpenTelemetry traces (OTLP), as http://127.0.0.1:4317; without it nothing is traced.
    #[arg(long, value_name = "URL", help_heading = "Logging")]
    pub otlp_endpoint: Option<String>,
    /// Share of all transactions that are traced, above 0 to 1; which ones follows from their hashes. The first 32
    /// hexadecimal digits of a transaction's hash are the id of its trace.
    #[arg(long, default_value_t = 1.0, help_heading = "Logging")]
    pub otlp_sample_ratio: f64,
}

impl LogArgs {
    /// Starts logging, and tracing if that is configured.
    pub fn init(&self) -> Result<(), Failure> {
        weft_service::telemetry::init_logs(&self.log, self.log_json);
        match &self.otlp_endpoint {
            Some(url) => Ok(weft_service::trace::start(url, self.otlp_sample_ratio)?),
            None => Ok(()),
        }
    }
}
