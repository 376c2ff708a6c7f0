//! Services that answer: whether they are what they should be, of this version, with a clock like ours.

use std::time::{Duration, SystemTime};

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use weft_primitives::Address;
use weft_service::VERSION;
use weft_wire::client::{LightClient, SequencerClient};
use weft_wire::{DaClient, SettlementClient};

use super::super::finding::Finding;
use super::super::plan::{Peer, Plan};
use crate::args::ServiceName;

/// Longest wait for an answer.
const LONGEST: Duration = Duration::from_secs(5);

/// Dates in answers are whole seconds.
const CLOCK_NOISE: Duration = Duration::from_secs(2);
/// Blocks of the future are refused, deadlines are missed.
const CLOCK_FAR: Duration = Duration::from_secs(30);

/// What a service says of itself.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its version; empty if it does not say.
    pub version: String,
    /// Its chain; of several, all.
    pub chain_ids: Vec<u64>,
    /// Whose signature counts there: the DA signer, the poster of commitments.
    pub signer: Option<Address>,
    /// Whose DA headers it takes, if it is settlement.
    pub da_signer: Option<Address>,
    /// Whether it says that it is ready.
    pub ready: bool,
    /// Its clock minus ours, seconds.
    pub clock_ahead_s: Option<f64>,
}

/// Asks a service at a gRPC URL who it is.
pub async fn ask(service: ServiceName, url: &str) -> Result<Answer, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let address = |bytes: &[u8]| Address::try_from(bytes).ok();
    let asked = async {
        let mut answer = Answer::default();
        match service {
            ServiceName::Da => {
                let info = DaClient::new(url).map_err(|error| words(&error))?.info().await.map_err(|e| words(&e))?;
                answer.version = info.version;
                answer.signer = Some(info.signer);
            }
            ServiceName::Settlement => {
                let client = SettlementClient::new(url).map_err(|error| words(&error))?;
                let info = client.info().await.map_err(|error| words(&error))?;
                answer.chain_ids = if info.chain_ids.is_empty() { vec![info.chain_id] } else { info.chain_ids };
                answer.signer = address(&info.sequencer_address);
                answer.da_signer = address(&info.da_signer_address);
                answer.version = info.version;
            }
            ServiceName::Sequencer | ServiceName::Node => {
                let client = SequencerClient::new(url).map_err(|error| words(&error))?;
                let info = client.info().await.map_err(|error| words(&error))?;
                answer.chain_ids = vec![info.chain_id];
                answer.signer = address(&info.sequencer_address);
                answer.version = info.version;
            }
            ServiceName::Light => {
                LightClient::new(url).map_err(|error| words(&error))?.status().await.map_err(|error| words(&error))?;
            }
        }
        (answer.ready, answer.clock_ahead_s) = health(url).await?;
        Ok(answer)
    };
    tokio::time::timeout(LONGEST, asked).await.unwrap_or_else(|_| Err(format!("no answer within {LONGEST:?}")))
}

/// The standard health service, and the date that every answer carries.
async fn health(url: &str) -> Result<(bool, Option<f64>), String> {
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| error.to_string())?;
    let mut client = HealthClient::new(endpoint.connect_lazy());
    let before = SystemTime::now();
    let answer = client.check(HealthCheckRequest::default()).await.map_err(|status| status.message().to_owned())?;
    let after = SystemTime::now();
    let date = answer.metadata().get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let ahead = date.map(|date| ahead(date, before, after));
    Ok((answer.get_ref().status() == ServingStatus::Serving, ahead))
}

/// How far a clock is ahead that showed `date`, in whole seconds, some time between `before` and `after`.
fn ahead(date: SystemTime, before: SystemTime, after: SystemTime) -> f64 {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    seconds(date) + 0.5 - (seconds(before) + seconds(after)) / 2.0
}

/// What a peer's answer means for a plan.
pub fn check(plan: &Plan, peer: &Peer, found: &Result<Answer, String>) -> Vec<Finding> {
    let (name, url, what) = (plan.service.name(), &peer.url, peer.service.name());
    let answer = match found {
        Ok(answer) => answer,
        Err(why) => {
            let fix = format!("start it, or correct the URL of the {what} service; a firewall may be between");
            return vec![Finding::problem("peer", name, format!("{what} at {url}: {why}"), fix)];
        }
    };
    let mut findings = vec![state(name, what, url, answer)];
    findings.extend(version(name, what, answer));
    findings.extend(clock(name, what, answer));
    if let Some(chain_id) = plan.chain_id
        && !answer.chain_ids.is_empty()
        && !answer.chain_ids.contains(&chain_id)
    {
        let words = format!("{what} at {url} serves chain {:?}, ours is {chain_id}", answer.chain_ids);
        findings.push(Finding::problem("peer", name, words, "give both the same --genesis, or correct the URL"));
    }
    if let (Some(expected), Some(signer)) = (peer.signer, answer.signer)
        && expected != signer
    {
        let option = if peer.service == ServiceName::Da { "da-address" } else { "sequencer-address" };
        let words = format!("{what} at {url} signs as {signer}, we take {expected}");
        findings.push(Finding::problem("peer", name, words, format!("correct --{option}, or the URL")));
    }
    findings
}

/// What a service at its usual port says, when nothing else is known of it.
pub fn own(plan: &Plan, found: &Result<Answer, String>) -> Vec<Finding> {
    let (name, url) = (plan.service.name(), plan.own_url());
    match found {
        Err(_) => vec![Finding::fine("service", name, format!("none runs at {url}"))],
        Ok(answer) => {
            let mut findings = vec![state("", name, &url, answer)];
            findings.extend(version("", name, answer));
            findings
        }
    }
}

fn state(name: &'static str, what: &str, url: &str, answer: &Answer) -> Finding {
    let words = format!("{what} at {url} answers");
    if answer.ready {
        return Finding::fine("peer", name, words);
    }
    let fix = "its /health/ready (HTTP port) says what it lacks";
    Finding::warning("peer", name, format!("{words}, but is not ready"), fix)
}

fn version(name: &'static str, what: &str, answer: &Answer) -> Option<Finding> {
    if answer.version.is_empty() || answer.version == VERSION {
        return None;
    }
    let words = format!("{what} runs {}, this is {VERSION}", answer.version);
    Some(Finding::warning("version", name, words, "run one version; CHANGELOG.md says what changed between them"))
}

fn clock(name: &'static str, what: &str, answer: &Answer) -> Option<Finding> {
    let ahead = answer.clock_ahead_s?;
    let words = format!("{what}'s clock is {ahead:+.1} s from ours");
    let fix = "set both by NTP (chrony, systemd-timesyncd)";
    if ahead.abs() > CLOCK_FAR.as_secs_f64() {
        Some(Finding::problem("clock", name, words, fix))
    } else if ahead.abs() > CLOCK_NOISE.as_secs_f64() {
        Some(Finding::warning("clock", name, words, fix))
    } else {
        Some(Finding::fine("clock", name, words))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Grade;
    use super::*;

    #[test]
    fn clocks_are_compared_in_whole_seconds() {
        let at = |seconds: f64| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
        assert!((ahead(at(100.0), at(100.4), at(100.6))).abs() < 1e-6);
        let grade = |clock_ahead_s| {
            clock("da", "da", &Answer { clock_ahead_s: Some(clock_ahead_s), ..Answer::default() })
                .map(|found| found.grade)
        };
        assert_eq!(grade(ahead(at(110.0), at(100.0), at(100.2))), Some(Grade::Warning));
        assert_eq!((grade(0.9), grade(-31.0)), (Some(Grade::Fine), Some(Grade::Problem)));
        assert!(clock("da", "da", &Answer::default()).is_none());
    }
}
