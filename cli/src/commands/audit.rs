//! An auditor: follows the settlement log, fetches what it names from DA, and re-executes it on a state of its own.
//!
//! Trusts the genesis file, the terms that the chain began with, and that the log
//! is the one everybody sees; believes nothing else that a service says. That the
//! log follows its own rules is seen by replaying it ([`Log`]).

mod log;

use weft_execution::forced::{ForcedError, build, record_forced, verify_forced};
use weft_execution::verify::{Checkpoint, Verdict, verify, verify_recording};
use weft_execution::{Parent, Witness, World};
use weft_primitives::{B256, BatchHeader, ChainConfig, Namespace, SignedBatch};
use weft_settlement::BrokenPromise;
use weft_wire::DaClient;

use crate::output::Failure;
pub use log::{Log, Posted};

/// What came of judging one commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Every claim holds.
    Valid,
    /// Some claim does not.
    Invalid {
        /// The block that broke the rules, if one did.
        block: Option<u64>,
        /// A stable reason.
        code: &'static str,
        /// The same in words.
        message: String,
    },
    /// Something is missing.
    Undecided {
        /// What.
        missing: String,
    },
}

impl Judged {
    pub fn invalid(code: &'static str, message: &str) -> Self {
        Self::Invalid { block: None, code, message: message.to_owned() }
    }
}

/// The state after the commitments that were found valid.
pub struct Auditor {
    chain: ChainConfig,
    da: DaClient,
    world: World,
    checkpoint: Checkpoint,
    /// Number and hash of each block of the last posted batch that was found valid.
    last: Vec<(u64, B256)>,
}

impl Auditor {
    /// At genesis.
    pub fn new(chain: &ChainConfig, da: DaClient) -> Result<Self, Failure> {
        let (world, genesis, _) = World::genesis(chain)?;
        let checkpoint = Checkpoint::genesis(Parent::new(genesis));
        Ok(Self { chain: chain.clone(), da, world, checkpoint, last: Vec::new() })
    }

    /// Where the next commitment must start.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Judges the next commitment; if it is valid, goes on behind it.
    pub async fn judge(&mut self, log: &Log, posted: &Posted) -> Judged {
        let claim = &posted.signed.header;
        if let Some(inbox_len) = posted.forced_from {
            return self.judge_forced(log, claim, inbox_len);
        }
        let payload = match self.gather(posted).await {
            Ok(payload) => payload,
            Err(judged) => return judged,
        };
        match verify(&self.chain, &self.checkpoint, claim, &payload, &log.around(posted), &mut self.world) {
            Verdict::Valid(valid) => {
                self.checkpoint = valid.checkpoint;
                self.last = valid.blocks.iter().map(|block| (block.header.number, block.hash)).collect();
                Judged::Valid
            }
            other => judged(other),
        }
    }

    /// What the log says of a block by which a promise was broken must be what was executed. Of the commitment that was
    /// judged last: the block that the log is wrong about. It says nothing against the commitment.
    pub fn false_evidence(&self, log: &Log, claim: &BatchHeader) -> Option<u64> {
        let wrong = |broken: &&BrokenPromise| {
            let number = broken.promise.promise.number;
            !self.last.contains(&(number, broken.stands))
        };
        log.broken_by(claim.hash()).find(wrong).map(|broken| broken.promise.promise.number)
    }

    /// What is in a forced batch follows from the log alone.
    fn judge_forced(&mut self, log: &Log, claim: &BatchHeader, inbox_len: u64) -> Judged {
        let context = match log.forced(claim, inbox_len) {
            Ok(context) => context,
            Err(judged) => return judged,
        };
        match verify_forced(&self.chain, &self.checkpoint, claim, &context, &mut self.world) {
            Verdict::Valid(valid) => {
                self.checkpoint = valid.checkpoint;
                Judged::Valid
            }
            other => judged(other),
        }
    }

    /// Judges the next commitment, and notes what of the state that needs. Stays where it is.
    pub async fn record(&mut self, log: &Log, posted: &Posted) -> Result<(Judged, Witness), Judged> {
        let payload = self.gather(posted).await?;
        let (claim, around) = (&posted.signed.header, log.around(posted));
        let (verdict, witness) =
            verify_recording(&self.chain, &self.checkpoint, claim, &payload, &around, &mut self.world);
        Ok((judged(verdict), witness))
    }

    /// The witness of what a forced batch on top of what was judged touches, as of the log's newest entry; `None` if no
    /// item waits.
    pub fn record_forced(&mut self, log: &Log) -> Result<Option<Witness>, Failure> {
        let context = log.next_forced(self.checkpoint.inbox_cursor);
        let header = match build(&self.chain, &self.checkpoint, &context, &mut self.world) {
            Ok(forced) => {
                self.world.revert(&forced.block.applied.undo)?;
                forced.header
            }
            Err(ForcedError::NothingWaits) => return Ok(None),
            Err(error) => return Err(Failure(format!("a forced batch: {error}"))),
        };
        Ok(Some(record_forced(&self.chain, &self.checkpoint, &header, &context, &mut self.world).1))
    }

    /// The payload, or what is missing.
    pub async fn gather(&self, posted: &Posted) -> Result<Vec<u8>, Judged> {
        payload(&self.da, &self.chain, &posted.signed).await.map_err(|missing| Judged::Undecided { missing })
    }
}

fn judged(verdict: Verdict) -> Judged {
    match verdict {
        Verdict::Valid(_) => Judged::Valid,
        Verdict::Invalid { block, reason } => {
            Judged::Invalid { block, code: reason.code(), message: reason.to_string() }
        }
        Verdict::Undecided { missing } => Judged::Undecided { missing },
    }
}

/// The payload, from the DA block that the commitment names; or what is missing.
async fn payload(da: &DaClient, chain: &ChainConfig, signed: &SignedBatch) -> Result<Vec<u8>, String> {
    let claim = &signed.header;
    let header =
        da.header(Some(claim.da_height)).await.map_err(|error| format!("DA block {}: {error}", claim.da_height))?;
    if header.header.data_root() != claim.da_data_root {
        return Err(format!("the DA block {} with data root {}", claim.da_height, claim.da_data_root));
    }
    let namespace = Namespace::for_chain(chain.chain_id());
    let data = da.get_blob(namespace, claim.payload_hash).await;
    data.map(|data| data.to_vec()).map_err(|error| format!("payload {}: {error}", claim.payload_hash))
}
