//! Is the payload on the DA layer? By sampling, as any light client would.
//!
//! The DA node is not trusted: its headers must be signed by the DA key, the
//! payload's entry proved, digests and rows verified. A node that breaks the
//! protocol, or is away, decides nothing. Deliberately absent: following the
//! whole header chain (a light client's work), several DA nodes.

use bytes::Bytes;
use rand::RngCore;
use tonic::Code;
use weft_da::{Header, Plan, Schedule, Session, Verdict, VerifiedDigests, verify_checkpoint};
use weft_primitives::{BatchHeader, Namespace};
use weft_settlement::Sampled;
use weft_wire::RemoteError;

use super::{DaSource, Wait};

/// Tries for rows that were missing, within one sampling.
const ROW_TRIES: u32 = 3;

/// What a call to the DA node came to: an answer, or "does not exist".
fn found<T>(answer: Result<T, RemoteError>) -> Result<Option<T>, Wait> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code == Code::NotFound => Ok(None),
        Err(error) => Err(Wait::Da(error.to_string())),
    }
}

fn broken(why: impl std::fmt::Display) -> Wait {
    Wait::Da(format!("breaks the protocol: {why}"))
}

/// Judges the data of one commitment.
pub(super) async fn sample(da: &DaSource, claim: &BatchHeader) -> Result<Sampled, Wait> {
    let Some(signed) = found(da.client.header(Some(claim.da_height)).await)? else { return Ok(Sampled::Withheld) };
    let verified = verify_checkpoint(&signed, da.signer).map_err(broken)?;
    let header = verified.header();
    if header.height != claim.da_height {
        return Err(broken("another header than the one asked for"));
    }
    if header.data_root() != claim.da_data_root || !holds_payload(da, header, claim).await? {
        return Ok(Sampled::NotInDaBlock);
    }
    let Some(digests) = found(da.client.digests(header.height).await)? else { return Ok(Sampled::Withheld) };
    let digests = VerifiedDigests::verify(header, &digests).map_err(broken)?;
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    let mut session = Session::new(header, digests, da.target, seed);
    if session.plan() == Plan::DownloadAll {
        download_all(da, header, &mut session).await?;
    }
    for _ in 0..ROW_TRIES {
        session.retry_missing();
        if session.requests().is_empty() {
            break;
        }
        ask_for_rows(da, header, &mut session).await?;
    }
    match session.verdict() {
        Verdict::Available => Ok(Sampled::Available),
        Verdict::WrongEncoding { .. } => Ok(Sampled::WrongEncoding),
        Verdict::Pending | Verdict::Unavailable { .. } | Verdict::Tampered { .. } => Ok(Sampled::Withheld),
    }
}

/// Whether the block's index holds the payload under the chain's namespace: either way it is proved.
async fn holds_payload(da: &DaSource, header: &Header, claim: &BatchHeader) -> Result<bool, Wait> {
    let namespace = Namespace::for_chain(claim.chain_id);
    let listing = da.client.list_namespace(header.height, namespace).await;
    let (proof, _) = listing.map_err(|error| Wait::Da(error.to_string()))?;
    let listing = proof.verify(header, &namespace).map_err(broken)?;
    Ok(listing.entries().iter().any(|entry| entry.hash == claim.payload_hash && entry.length == claim.payload_len))
}

/// Small blocks: all original rows, encoded again. What does not fit together is left to sampling.
async fn download_all(da: &DaSource, header: &Header, session: &mut Session) -> Result<(), Wait> {
    let k = header.shape.k() as u32;
    let answers = da.client.rows(header.height, (0..k).collect()).await;
    let mut rows: Vec<_> = found(answers)?.unwrap_or_default().into_iter().filter_map(|(_, row)| row).collect();
    rows.sort_by_key(|row| row.index);
    if !rows.iter().map(|row| row.index).eq(0..k) {
        session.sample_instead();
        return Ok(());
    }
    let originals: Vec<u8> = rows.into_iter().flat_map(|row| row.row).collect();
    // A failed check has made the session sample instead.
    let _ = session.accept_full(&originals, Schedule::Sequential);
    Ok(())
}

async fn ask_for_rows(da: &DaSource, header: &Header, session: &mut Session) -> Result<(), Wait> {
    let wanted = session.requests();
    let answers = found(da.client.rows(header.height, wanted.clone()).await)?.unwrap_or_default();
    for row in answers.into_iter().filter_map(|(_, row)| row) {
        if let Err(fault) = session.accept(&row) {
            tracing::warn!(height = header.height, row = row.index, %fault, "DA row");
        }
    }
    wanted.into_iter().for_each(|row| session.missing(row));
    Ok(())
}

/// The payload, whose hash the client has checked.
pub(crate) async fn download(da: &DaSource, claim: &BatchHeader) -> Result<Bytes, Wait> {
    let blob = da.client.get_blob(Namespace::for_chain(claim.chain_id), claim.payload_hash).await;
    blob.map_err(|error| Wait::Da(error.to_string()))
}
