//! Celestia's square: two-dimensional code, a namespaced Merkle tree for each row and column.

use std::time::Duration;

use celestia_types::nmt::{NS_SIZE, Namespace, NamespacedHash};
use celestia_types::sample::{Sample, SampleId};
use celestia_types::{AxisType, DataAvailabilityHeader, ExtendedDataSquare};
use rayon::prelude::*;

use super::Peer;
use crate::timing::{Failure, timed};

/// The largest square that its code, over GF(2^8), can extend.
const WIDTH: usize = 128;
const SHARE_BYTES: usize = 512;
/// Namespace and info byte.
const SHARE_HEAD_BYTES: usize = NS_SIZE + 1;

pub struct Celestia {
    len: usize,
    shares: Vec<Vec<u8>>,
    made: Option<(ExtendedDataSquare, DataAvailabilityHeader)>,
}

impl Celestia {
    /// As much of `blob` as fits the square; the length of the sequence is left out, which would be four bytes more.
    pub fn new(blob: &[u8]) -> Result<Self, Failure> {
        let namespace = Namespace::new_v0(b"weft")?;
        let parts = blob.chunks_exact(SHARE_BYTES - SHARE_HEAD_BYTES).take(WIDTH * WIDTH);
        let shares: Vec<Vec<u8>> = parts.map(|part| [namespace.as_bytes(), &[0], part].concat()).collect();
        if shares.len() < WIDTH * WIDTH {
            return Err("the blob does not fill the square".into());
        }
        Ok(Self { len: shares.len() * (SHARE_BYTES - SHARE_HEAD_BYTES), shares, made: None })
    }
}

/// Its own `from_eds` uses one thread; this is the same on all.
fn roots(square: &ExtendedDataSquare) -> Result<DataAvailabilityHeader, Failure> {
    let root = |axis, at| -> Result<NamespacedHash, Failure> { Ok(square.axis_nmt(axis, at)?.root()) };
    let all = |axis| (0..square.square_width()).into_par_iter().map(|at| root(axis, at)).collect::<Result<Vec<_>, _>>();
    Ok(DataAvailabilityHeader::new(all(AxisType::Row)?, all(AxisType::Col)?)?)
}

impl Peer for Celestia {
    const NAME: &'static str = "celestia-types 1.3.0 (square of 128, roots on all threads)";
    const REBUILD_NOTE: &'static str = "";

    fn payload_len(&self) -> usize {
        self.len
    }

    fn publish(&mut self) -> Result<Duration, Failure> {
        self.made = None;
        let shares = self.shares.clone();
        let (took, made) = timed(|| -> Result<_, Failure> {
            let square = ExtendedDataSquare::from_ods(shares)?;
            let header = roots(&square)?;
            std::hint::black_box(header.hash());
            Ok((square, header))
        });
        self.made = Some(made?);
        Ok(took)
    }

    /// It has no repair of a square.
    fn rebuild(&mut self) -> Option<Result<Duration, Failure>> {
        None
    }

    fn check(&mut self, samples: usize) -> Result<Duration, Failure> {
        let (square, header) = self.made.as_ref().ok_or("not published")?;
        // In the last row of the square, all of it parity.
        let row = square.square_width() - 1;
        let proofs = (0..samples as u16)
            .map(|column| {
                let column = column % square.square_width();
                Ok((SampleId::new(row, column, 1)?, Sample::new(row, column, AxisType::Row, square)?))
            })
            .collect::<Result<Vec<_>, celestia_types::Error>>()?;
        let (took, all) = timed(|| proofs.iter().all(|(id, sample)| sample.verify(*id, header).is_ok()));
        if all { Ok(took) } else { Err("celestia-types refused its own sample".into()) }
    }
}
