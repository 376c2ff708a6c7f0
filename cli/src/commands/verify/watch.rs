//! `weft verify --watch`: judges every commitment as it comes, and tells settlement what it found.
//!
//! Everything it says can be said again: after a restart it re-executes from
//! genesis, and settlement answers what it heard before as it did then. It
//! keeps no files. A commitment that it found valid and that fell for another
//! reason (its data was missing, one before it fell) makes it begin again from
//! genesis, which is rare and always right.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use weft_execution::STF_VERSION;
use weft_primitives::{B256, ChainConfig, Signer};
use weft_service::Shutdown;
use weft_service::backoff::Backoff;
use weft_settlement::{ExecutionVerdict, LogEntry};
use weft_wire::client::ChallengeOutcome;
use weft_wire::{DaClient, RemoteError, SettlementClient};

use super::super::audit::{Auditor, Judged, Log, Posted};
use crate::args::VerifyArgs;
use crate::output::{Exit, Failure};
use crate::secrets;

/// Longest pause before a judgement that was undecided is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(15);

struct Watcher<'a> {
    chain: &'a ChainConfig,
    settlement: SettlementClient,
    da: DaClient,
    /// Signs verdicts, where the chain wants them from it.
    signer: Option<Signer>,
    submit: bool,
    optimistic: bool,
    json: bool,
    log: Log,
    auditor: Auditor,
    /// Commitments found valid, from batch 0 on.
    valid: Vec<B256>,
    /// How many of them settlement was told of.
    told: usize,
    /// The commitment that was found invalid last.
    invalid: Option<B256>,
}

/// Runs until a signal, or until it has to be loud.
pub async fn run(
    args: &VerifyArgs,
    chain: &ChainConfig,
    settlement: SettlementClient,
    da: DaClient,
) -> Result<Exit, Failure> {
    let stop = Shutdown::new();
    stop.on_signals()?;
    let signer = args.key_file.as_deref().map(secrets::load).transpose()?;
    let mut backoff = Backoff::new(Duration::from_millis(100), MAX_PAUSE);
    let mut watcher = loop {
        let begun = Watcher::begin(args, chain, settlement.clone(), da.clone(), signer.clone());
        match stop.unless(begun).await {
            None => return Ok(Exit::Ok),
            Some(Ok(watcher)) => break watcher,
            Some(Err(error)) => eprintln!("settlement: {error}; trying again"),
        }
        stop.unless(tokio::time::sleep(backoff.delay())).await;
    };
    loop {
        match Box::pin(stop.unless(watcher.follow(&mut backoff))).await {
            None => return Ok(Exit::Ok),
            Some(Ok(exit)) => return Ok(exit),
            Some(Err(Interruption::Broken(failure))) => return Err(failure),
            Some(Err(Interruption::Wait(why))) => eprintln!("{why}; trying again"),
        }
        stop.unless(tokio::time::sleep(backoff.delay())).await;
    }
}

/// Why following stopped for the moment, or for good.
enum Interruption {
    Wait(String),
    Broken(Failure),
}

impl From<RemoteError> for Interruption {
    fn from(error: RemoteError) -> Self {
        Self::Wait(format!("settlement: {error}"))
    }
}

impl<'a> Watcher<'a> {
    async fn begin(
        args: &VerifyArgs,
        chain: &'a ChainConfig,
        settlement: SettlementClient,
        da: DaClient,
        signer: Option<Signer>,
    ) -> Result<Self, Failure> {
        let info = settlement.info().await?;
        let ours = signer.as_ref().map(Signer::address);
        if ours.is_some_and(|ours| !info.verifiers.iter().any(|verifier| verifier[..] == ours[..])) {
            eprintln!("this key is no verifier of the chain: nothing is signed");
        }
        let signer = signer.filter(|signer| info.verifiers.iter().any(|key| key[..] == signer.address()[..]));
        Ok(Self {
            chain,
            log: Log::begin(chain, &settlement).await?,
            auditor: Auditor::new(chain, da.clone())?,
            settlement,
            da,
            signer,
            submit: args.submit,
            optimistic: info.mode == "optimistic",
            json: args.json,
            valid: Vec::new(),
            told: 0,
            invalid: None,
        })
    }

    /// Follows the log from where it is. Returns only to end the command.
    async fn follow(&mut self, backoff: &mut Backoff) -> Result<Exit, Interruption> {
        let mut entries = self.settlement.subscribe_log(self.log.next_seq()).await?;
        loop {
            if let Some(exit) = self.judge_all().await? {
                return Ok(exit);
            }
            let next = entries.next().await;
            let entry: LogEntry =
                next.ok_or_else(|| Interruption::Wait("settlement's log stream ended".to_owned()))??;
            self.log.add(&entry).map_err(Interruption::Broken)?;
            backoff.reset();
            self.step_back().map_err(Interruption::Broken)?;
        }
    }

    /// Begins again when something that was found valid has fallen.
    fn step_back(&mut self) -> Result<(), Failure> {
        let stands = |(at, commitment): (usize, &B256)| {
            self.log.commitments().get(at).is_some_and(|posted| posted.signed.header.hash() == *commitment)
        };
        if !self.valid.iter().enumerate().all(stands) {
            eprintln!("a commitment that was valid has fallen: re-executing from genesis");
            self.valid.clear();
            self.told = 0;
            self.auditor = Auditor::new(self.chain, self.da.clone())?;
        }
        Ok(())
    }

    /// Judges what was not judged yet, up to the first that cannot be.
    async fn judge_all(&mut self) -> Result<Option<Exit>, Interruption> {
        self.tell_valid().await?;
        while let Some(posted) = self.log.commitments().get(self.valid.len()).cloned() {
            let commitment = posted.signed.header.hash();
            let is_final = self.log.finals() > posted.signed.header.batch_index;
            if self.invalid == Some(commitment) && !is_final {
                // Its fall is waited for.
                return Ok(None);
            }
            match self.auditor.judge(&self.log, &posted).await {
                Judged::Valid => {
                    self.valid.push(commitment);
                    self.say(&posted, &Judged::Valid);
                    self.tell_valid().await?;
                }
                Judged::Undecided { missing } => return Err(Interruption::Wait(format!("{missing} is missing"))),
                judged => {
                    self.say(&posted, &judged);
                    if is_final {
                        eprintln!("settlement has made final what is invalid: nothing of it is to be trusted");
                        return Ok(Some(Exit::Invalid));
                    }
                    self.object(&posted).await?;
                    self.invalid = Some(commitment);
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    fn say(&self, posted: &Posted, judged: &Judged) {
        let (batch, commitment) = (posted.signed.header.batch_index, posted.signed.header.hash());
        let (verdict, block, code, message) = match judged {
            Judged::Valid => ("valid", None, "", ""),
            Judged::Invalid { block, code, message } => ("invalid", *block, *code, message.as_str()),
            Judged::Undecided { missing } => ("undecided", None, "", missing.as_str()),
        };
        if self.json {
            let value = json!({
                "batch": batch, "commitment": commitment, "verdict": verdict, "block": block, "reason": code,
                "message": message,
            });
            println!("{value}");
        } else if verdict == "valid" {
            println!("batch {batch} {commitment} is valid");
        } else {
            println!("batch {batch} {commitment} is {verdict}: {message} ({code})");
        }
    }

    /// Votes for what was found valid and is not final yet; what settlement could not take is told again.
    async fn tell_valid(&mut self) -> Result<(), Interruption> {
        while self.told < self.valid.len() {
            let Some(posted) = self.log.commitments().get(self.told) else { return Ok(()) };
            if posted.signed.header.batch_index >= self.log.finals() {
                self.vote(posted, true).await?;
            }
            self.told += 1;
        }
        Ok(())
    }

    async fn vote(&self, posted: &Posted, valid: bool) -> Result<(), Interruption> {
        let Some(signer) = self.signer.as_ref().filter(|_| self.submit) else { return Ok(()) };
        let (batch_index, commitment) = (posted.signed.header.batch_index, posted.signed.header.hash());
        let verdict = ExecutionVerdict { batch_index, commitment, valid, stf_version: STF_VERSION };
        match self.settlement.submit_verdict(&verdict.sign(signer)).await {
            Ok(_) => Ok(()),
            // It became final, or fell, meanwhile: the log will say.
            Err(error) if error.reason == "NOT_PENDING" => Ok(()),
            Err(error) if error.is_retryable() => Err(error.into()),
            Err(error) => Err(Interruption::Broken(error.into())),
        }
    }

    /// Says that a commitment is false, in the way that counts in the chain's mode.
    async fn object(&mut self, posted: &Posted) -> Result<(), Interruption> {
        if !self.submit {
            return Ok(());
        }
        if !self.optimistic {
            return self.vote(posted, false).await;
        }
        let recorded = self.auditor.record(&self.log, posted).await;
        // What shows without executing anything, settlement sees itself.
        let Ok((_, witness)) = recorded else { return Ok(()) };
        let (commitment, header) = (posted.signed.header.hash(), &self.auditor.checkpoint().block.header);
        match self.settlement.challenge(commitment, header, witness.encode().into()).await {
            Ok(ChallengeOutcome::Invalid { reason, .. }) => {
                println!("batch {} was challenged and rejected ({reason})", posted.signed.header.batch_index);
                Ok(())
            }
            Ok(ChallengeOutcome::Valid { .. }) => Err(Interruption::Broken(Failure(format!(
                "settlement judges the challenge of commitment {commitment} otherwise: one of us is wrong"
            )))),
            Ok(ChallengeOutcome::Undecided { missing }) => Err(Interruption::Wait(format!("{missing} is missing"))),
            Err(error) if error.reason == "NOT_PENDING" => Ok(()),
            Err(error) if error.reason == "NOT_AVAILABLE" => Err(error.into()),
            Err(error) if error.is_retryable() => Err(error.into()),
            Err(error) => Err(Interruption::Broken(error.into())),
        }
    }
}
