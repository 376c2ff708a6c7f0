//! Celestia's Fibre code: the same kind of construction, with SHA-256 and GF(2^128) combinations.

use std::time::Duration;

use rsema1d::{ExtendedData, Parameters, RowMatrix, RowProof, VerificationContext};

use super::Peer;
use crate::timing::{Failure, timed};

/// Its own choice: `k` of Fibre's first blob version.
const K: usize = 4096;

pub struct Rsema1d {
    len: usize,
    parameters: Parameters,
    originals: RowMatrix,
    made: Option<ExtendedData>,
}

impl Rsema1d {
    pub fn new(blob: &[u8]) -> Result<Self, Failure> {
        let row_len = blob.len().div_ceil(K).next_multiple_of(64);
        let parameters = Parameters::new(K, 3 * K, row_len)?;
        let mut padded = blob.to_vec();
        padded.resize(K * row_len, 0);
        let originals = RowMatrix::with_shape(padded, K, row_len)?;
        Ok(Self { len: blob.len(), parameters, originals, made: None })
    }

    fn made(&self) -> Result<&ExtendedData, Failure> {
        self.made.as_ref().ok_or_else(|| "not published".into())
    }

    fn rebuilt(&self) -> Result<Duration, Failure> {
        let made = self.made()?;
        let last: Vec<usize> = (3 * K..4 * K).collect();
        let rows = last.iter().map(|row| made.row(*row)).collect::<Result<Vec<_>, _>>()?;
        let (took, found) = timed(|| -> Result<_, rsema1d::Error> {
            let originals = rsema1d::reconstruct(&rows, &last, &self.parameters)?;
            Ok((rsema1d::encode(&originals, &self.parameters)?.commitment(), originals))
        });
        let (commitment, originals) = found?;
        let same = commitment == made.commitment() && originals.as_row_major() == self.originals.as_row_major();
        if same { Ok(took) } else { Err("rsema1d rebuilt other rows".into()) }
    }
}

impl Peer for Rsema1d {
    const NAME: &'static str = "rsema1d 1.3.0 (k 4096)";
    const REBUILD_NOTE: &'static str = ", then encoded again and compared, as ours";

    fn payload_len(&self) -> usize {
        self.len
    }

    fn publish(&mut self) -> Result<Duration, Failure> {
        self.made = None;
        let (took, made) = timed(|| rsema1d::encode(&self.originals, &self.parameters));
        self.made = Some(made?);
        Ok(took)
    }

    fn rebuild(&mut self) -> Option<Result<Duration, Failure>> {
        Some(self.rebuilt())
    }

    fn check(&mut self, samples: usize) -> Result<Duration, Failure> {
        let made = self.made()?;
        let context = VerificationContext::new(made.rlc_original(), &self.parameters)?;
        let proofs: Vec<RowProof> =
            (3 * K..3 * K + samples).map(|row| made.generate_row_proof(row)).collect::<Result<_, _>>()?;
        let commitment = made.commitment();
        // The first check derives the coefficients, as ours does with the digests.
        rsema1d::verify_with_context(&proofs[0], &commitment, &context)?;
        let (took, all) = timed(|| {
            proofs.iter().all(|proof| matches!(rsema1d::verify_with_context(proof, &commitment, &context), Ok(true)))
        });
        if all { Ok(took) } else { Err("rsema1d refused its own row".into()) }
    }
}
