//! Ethereum's PeerDAS (EIP-7594): cells with KZG proofs, rate 1/2, a trusted set-up.

use std::time::Duration;

use rust_eth_kzg::constants::{BYTES_PER_BLOB, BYTES_PER_FIELD_ELEMENT, CELLS_PER_EXT_BLOB};
use rust_eth_kzg::{Cell, DASContext, KZGCommitment, KZGProof, TrustedSetup, UsePrecomp};

use super::Peer;
use crate::timing::{Failure, timed};

/// A field element holds 31 bytes of whatever value.
const ELEMENT_PAYLOAD_BYTES: usize = BYTES_PER_FIELD_ELEMENT - 1;

/// Most checks that are timed: one takes milliseconds.
const MAX_CHECKS: usize = 4;

pub struct Kzg {
    context: DASContext,
    blob: Box<[u8; BYTES_PER_BLOB]>,
    made: Option<Made>,
}

struct Made {
    commitment: KZGCommitment,
    cells: [Cell; CELLS_PER_EXT_BLOB],
    proofs: [KZGProof; CELLS_PER_EXT_BLOB],
}

impl Kzg {
    /// One of its blobs, filled from the start of `blob`. The set-up is no part of any figure.
    pub fn new(blob: &[u8]) -> Result<Self, Failure> {
        let context = DASContext::new(&TrustedSetup::default(), UsePrecomp::Yes { width: 8 });
        let mut elements = vec![0; BYTES_PER_BLOB];
        for (element, part) in
            elements.chunks_exact_mut(BYTES_PER_FIELD_ELEMENT).zip(blob.chunks_exact(ELEMENT_PAYLOAD_BYTES))
        {
            element[1..].copy_from_slice(part);
        }
        let blob = elements.into_boxed_slice().try_into().map_err(|_| "not the length of a blob")?;
        Ok(Self { context, blob, made: None })
    }

    fn rebuilt(&self) -> Result<Duration, Failure> {
        let made = self.made.as_ref().ok_or("not published")?;
        let last = CELLS_PER_EXT_BLOB / 2..CELLS_PER_EXT_BLOB;
        let indices: Vec<u64> = last.clone().map(|at| at as u64).collect();
        let cells = made.cells[last].iter().map(|cell| &**cell).collect();
        let (took, found) = timed(|| self.context.recover_cells_and_kzg_proofs(indices, cells));
        let (cells, _) = found.map_err(described)?;
        if cells == made.cells { Ok(took) } else { Err("rust_eth_kzg rebuilt other cells".into()) }
    }
}

fn described(error: rust_eth_kzg::Error) -> Failure {
    format!("rust_eth_kzg: {error:?}").into()
}

impl Peer for Kzg {
    const NAME: &'static str = "rust_eth_kzg 0.10.0 (rate of one 128 KiB blob; a cell by itself)";
    const REBUILD_NOTE: &'static str = ", with all proofs";

    fn payload_len(&self) -> usize {
        BYTES_PER_BLOB / BYTES_PER_FIELD_ELEMENT * ELEMENT_PAYLOAD_BYTES
    }

    fn publish(&mut self) -> Result<Duration, Failure> {
        let (took, made) = timed(|| -> Result<_, rust_eth_kzg::Error> {
            let commitment = self.context.blob_to_kzg_commitment(&self.blob)?;
            let (cells, proofs) = self.context.compute_cells_and_kzg_proofs(&self.blob)?;
            Ok(Made { commitment, cells, proofs })
        });
        self.made = Some(made.map_err(described)?);
        Ok(took)
    }

    fn rebuild(&mut self) -> Option<Result<Duration, Failure>> {
        Some(self.rebuilt())
    }

    fn check(&mut self, samples: usize) -> Result<Duration, Failure> {
        let made = self.made.as_ref().ok_or("not published")?;
        let checks = samples.min(MAX_CHECKS);
        let (took, all) = timed(|| {
            (0..checks).all(|at| {
                let cell = CELLS_PER_EXT_BLOB - 1 - at;
                let (index, cells, proofs) = ([cell as u64], vec![&*made.cells[cell]], vec![&made.proofs[cell]]);
                self.context.verify_cell_kzg_proof_batch(vec![&made.commitment], &index, cells, proofs).is_ok()
            })
        });
        if !all {
            return Err("rust_eth_kzg refused its own cell".into());
        }
        // As if all had been checked.
        Ok(took.mul_f64(samples as f64 / checks as f64))
    }
}
