//! What a log entry can say, and the bytes of each kind.
//!
//! | kind | event | body |
//! |---|---|---|
//! | 1 | posted | [`SignedBatch`] (509 bytes) |
//! | 2 | availability | batch index (8), commitment (32), available (1) |
//! | 3 | verdict | batch index (8), commitment (32), valid (1), stf version (4) |
//! | 4 | finalized | batch index (8), commitment (32) |
//! | 5 | rejected | batch index (8), commitment (32), reason (1), block present (1), block (8 if present) |
//! | 6 | inbox | [`InboxItem`] |
//! | 7 | equivocation | [`SignedBatch`] that stands, [`SignedBatch`] that does not |
//! | 9 | key change | [`SignedKeyChange`] (133 bytes) |
//! | 10 | challenge | batch index (8), commitment (32), BLAKE3 of the witness (32) |
//! | 11 | challenge outcome | as a verdict |
//! | 12 | signed verdict | as a verdict, signature (65) |
//! | 8 | forced | [`BatchHeader`] (444 bytes), items in the inbox (8) |
//! | 13 | funding | [`Funding`] (109 bytes) |
//! | 14 | claim | [`Claim`] (1,112 bytes) |
//! | 15 | broken promise | [`SignedPromise`] (181 bytes), commitment (32), hash that stands (32) |

use alloy_primitives::B256;
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::withdrawal::Claim;
use weft_primitives::{BatchHeader, Funding, InboxItem, Signature, SignedBatch, SignedPromise};

use super::RejectReason;
use crate::statement::{SignedKeyChange, SignedVerdict};

/// Bytes of a signed commitment.
const SIGNED_BATCH_BYTES: usize = BatchHeader::ENCODED_LEN + 65;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A commitment was accepted as the new tip.
    Posted(Box<SignedBatch>),
    /// A commitment's data was sampled.
    Availability(AvailabilityVerdict),
    /// A commitment's batch was re-executed.
    Verdict(ExecutionVerdict),
    /// A commitment became final.
    Finalized(Finalized),
    /// A commitment was rejected; all after it are orphaned.
    Rejected(Rejected),
    /// A transaction or a deposit entered the inbox.
    Inbox(InboxItem),
    /// The sequencer signed two commitments for one place; posting is frozen.
    Equivocation(Box<Equivocation>),
    /// Commitments are taken from another key; if posting was frozen, it no longer is.
    KeyChange(Box<SignedKeyChange>),
    /// A commitment was challenged with a witness. Its outcome is the next entry.
    Challenge(Challenge),
    /// What judging the challenge found.
    ChallengeOutcome(ExecutionVerdict),
    /// An independent verifier judged a commitment.
    SignedVerdict(Box<SignedVerdict>),
    /// A batch of inbox items alone became the new tip.
    Forced(Box<ForcedBatch>),
    /// The admin credited an account.
    Funding(Funding),
    /// A withdrawal was paid.
    Claim(Box<Claim>),
    /// The sequencer promised another block than it committed to; posting is frozen.
    BrokenPromise(Box<BrokenPromise>),
}

/// What sampling found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvailabilityVerdict {
    /// Batch number.
    pub batch_index: u64,
    /// Commitment hash.
    pub commitment: B256,
    /// Whether the data is there.
    pub available: bool,
}

/// What re-execution found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionVerdict {
    /// Batch number.
    pub batch_index: u64,
    /// Commitment hash.
    pub commitment: B256,
    /// Whether every claim holds.
    pub valid: bool,
    /// Version of the state transition function that judged.
    pub stf_version: u32,
}

/// Somebody says that a commitment is false, and brings what is needed to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Batch number.
    pub batch_index: u64,
    /// Commitment hash.
    pub commitment: B256,
    /// BLAKE3 of the witness that it was judged by.
    pub witness_hash: B256,
}

/// A commitment became final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Batch number.
    pub batch_index: u64,
    /// Commitment hash.
    pub commitment: B256,
}

/// A commitment was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Batch number.
    pub batch_index: u64,
    /// Commitment hash.
    pub commitment: B256,
    /// Why.
    pub reason: RejectReason,
    /// The block that broke the rules, if one did.
    pub block: Option<u64>,
}

/// Two signatures for one place: same chain, epoch, index and parent, different hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// The commitment that stands.
    pub first: SignedBatch,
    /// The other.
    pub second: SignedBatch,
}

impl ExecutionVerdict {
    /// `batch index (8) || commitment (32) || valid (1) || stf version (4)`, big-endian.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 32 + 1 + 4);
        put_place(&mut out, self.batch_index, self.commitment);
        out.push(u8::from(self.valid));
        out.extend_from_slice(&self.stf_version.to_be_bytes());
        out
    }
}

/// A batch of inbox items alone, which follows from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForcedBatch {
    /// What it claims; nobody has signed it.
    pub header: BatchHeader,
    /// Items in the inbox when it was appended: from these it has taken.
    pub inbox_len: u64,
}

/// A promise about a block, and a commitment of the same key with another block in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenPromise {
    /// What was promised.
    pub promise: SignedPromise,
    /// The commitment whose batch has the block.
    pub commitment: B256,
    /// The block's hash in that batch. Headers have shown it; whoever executes the batch sees it too.
    pub stands: B256,
}

impl Event {
    /// The kind byte.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Posted(_) => 1,
            Self::Availability(_) => 2,
            Self::Verdict(_) => 3,
            Self::Finalized(_) => 4,
            Self::Rejected(_) => 5,
            Self::Inbox(_) => 6,
            Self::Equivocation(_) => 7,
            Self::KeyChange(_) => 9,
            Self::Challenge(_) => 10,
            Self::ChallengeOutcome(_) => 11,
            Self::SignedVerdict(_) => 12,
            Self::Forced(_) => 8,
            Self::Funding(_) => 13,
            Self::Claim(_) => 14,
            Self::BrokenPromise(_) => 15,
        }
    }

    pub(super) fn encode_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Posted(signed) => out.extend_from_slice(&signed.encode()),
            Self::Availability(verdict) => {
                put_place(out, verdict.batch_index, verdict.commitment);
                out.push(u8::from(verdict.available));
            }
            Self::Verdict(verdict) | Self::ChallengeOutcome(verdict) => out.extend_from_slice(&verdict.encode()),
            Self::Finalized(finalized) => put_place(out, finalized.batch_index, finalized.commitment),
            Self::Rejected(rejected) => {
                put_place(out, rejected.batch_index, rejected.commitment);
                out.push(rejected.reason.code());
                out.push(u8::from(rejected.block.is_some()));
                out.extend(rejected.block.iter().flat_map(|block| block.to_be_bytes()));
            }
            Self::Inbox(item) => out.extend_from_slice(&item.encode()),
            Self::Equivocation(evidence) => {
                out.extend_from_slice(&evidence.first.encode());
                out.extend_from_slice(&evidence.second.encode());
            }
            Self::KeyChange(signed) => out.extend_from_slice(&signed.encode()),
            Self::Challenge(challenge) => {
                put_place(out, challenge.batch_index, challenge.commitment);
                out.extend_from_slice(challenge.witness_hash.as_slice());
            }
            Self::SignedVerdict(signed) => {
                out.extend_from_slice(&signed.verdict.encode());
                out.extend_from_slice(&signed.signature.0);
            }
            Self::Forced(forced) => {
                out.extend_from_slice(&forced.header.encode());
                out.extend_from_slice(&forced.inbox_len.to_be_bytes());
            }
            Self::Funding(funding) => out.extend_from_slice(&funding.encode()),
            Self::Claim(claim) => out.extend_from_slice(&claim.encode()),
            Self::BrokenPromise(broken) => {
                out.extend_from_slice(&broken.promise.encode());
                out.extend_from_slice(broken.commitment.as_slice());
                out.extend_from_slice(broken.stands.as_slice());
            }
        }
    }

    pub(super) fn decode_body(kind: u8, body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let event = match kind {
            1 => Self::Posted(Box::new(signed_batch(&mut reader)?)),
            2 => {
                let (batch_index, commitment) = place(&mut reader)?;
                let available = flag(&mut reader, "available")?;
                Self::Availability(AvailabilityVerdict { batch_index, commitment, available })
            }
            3 => Self::Verdict(verdict(&mut reader)?),
            4 => {
                let (batch_index, commitment) = place(&mut reader)?;
                Self::Finalized(Finalized { batch_index, commitment })
            }
            5 => Self::Rejected(rejected(&mut reader)?),
            6 => Self::Inbox(InboxItem::decode(reader.take("inbox item", body.len())?)?),
            7 => {
                let (first, second) = (signed_batch(&mut reader)?, signed_batch(&mut reader)?);
                Self::Equivocation(Box::new(Equivocation { first, second }))
            }
            9 => Self::KeyChange(Box::new(SignedKeyChange::read(&mut reader)?)),
            10 => {
                let (batch_index, commitment) = place(&mut reader)?;
                let witness_hash = reader.b256("witness hash")?;
                Self::Challenge(Challenge { batch_index, commitment, witness_hash })
            }
            11 => Self::ChallengeOutcome(verdict(&mut reader)?),
            12 => {
                let (verdict, signature) = (verdict(&mut reader)?, Signature(reader.array("signature")?));
                Self::SignedVerdict(Box::new(SignedVerdict { verdict, signature }))
            }
            8 => {
                let header = BatchHeader::decode(reader.take("forced batch", BatchHeader::ENCODED_LEN)?)?;
                Self::Forced(Box::new(ForcedBatch { header, inbox_len: reader.u64("inbox length")? }))
            }
            13 => Self::Funding(Funding::decode(reader.take("funding", body.len())?)?),
            14 => Self::Claim(Box::new(Claim::decode(reader.take("claim", body.len())?)?)),
            15 => {
                let promise = SignedPromise::read(&mut reader)?;
                let (commitment, stands) = (reader.b256("commitment")?, reader.b256("stands")?);
                Self::BrokenPromise(Box::new(BrokenPromise { promise, commitment, stands }))
            }
            _ => return Err(DecodeError::Invalid { field: "kind", why: "unknown kind of log entry" }),
        };
        reader.finish()?;
        Ok(event)
    }
}

fn put_place(out: &mut Vec<u8>, batch_index: u64, commitment: B256) {
    out.extend_from_slice(&batch_index.to_be_bytes());
    out.extend_from_slice(commitment.as_slice());
}

fn place(reader: &mut Reader<'_>) -> Result<(u64, B256), DecodeError> {
    Ok((reader.u64("batch index")?, reader.b256("commitment")?))
}

fn flag(reader: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    match reader.u8(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Invalid { field, why: "must be 0 or 1" }),
    }
}

fn verdict(reader: &mut Reader<'_>) -> Result<ExecutionVerdict, DecodeError> {
    let (batch_index, commitment) = place(reader)?;
    let valid = flag(reader, "valid")?;
    let stf_version = reader.u32("stf version")?;
    Ok(ExecutionVerdict { batch_index, commitment, valid, stf_version })
}

fn rejected(reader: &mut Reader<'_>) -> Result<Rejected, DecodeError> {
    let (batch_index, commitment) = place(reader)?;
    let reason = RejectReason::from_code(reader.u8("reason")?)
        .map_err(|_| DecodeError::Invalid { field: "reason", why: "unknown reject reason" })?;
    let block = if flag(reader, "block present")? { Some(reader.u64("block")?) } else { None };
    Ok(Rejected { batch_index, commitment, reason, block })
}

fn signed_batch(reader: &mut Reader<'_>) -> Result<SignedBatch, DecodeError> {
    SignedBatch::decode(reader.take("commitment", SIGNED_BATCH_BYTES)?)
}
