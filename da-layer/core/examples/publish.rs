//! Time of each step of publishing and verifying a block of random bytes.
//!
//! `cargo run --release -p weft-da --example publish -- [MiB] [rounds]`; prints the best round.

use std::time::Instant;

use weft_da::codec::Geometry;
use weft_da::digest::RowDigester;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::tree::{Domain, Tree};
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, Shape, VerifiedDigests, rebuild};
use weft_primitives::{B256, Namespace};

/// Prints the best time of each step of encoding, in milliseconds.
fn steps(shape: Shape, rounds: usize) {
    // As a block's memory: rows begin at a cache line.
    let mut buffer = vec![0; shape.matrix_len() + 64];
    let start = buffer.as_ptr().align_offset(64);
    let (originals, parity) = buffer[start..][..shape.matrix_len()].split_at_mut(shape.originals_len());
    blake3::Hasher::new().finalize_xof().fill(originals);
    let geometry = Geometry { k: shape.k(), row_len: shape.row_len() };
    let mut best = [f64::MAX; 4];
    for _ in 0..rounds.max(1) {
        let mut times = vec![Instant::now()];
        let codec = shape.codec().codec();
        codec.extend(geometry, originals, parity, Schedule::Parallel).expect("valid shape");
        times.push(Instant::now());
        let root = [&*originals, &*parity]
            .map(|rows| Tree::over(Domain::Rows, rows, shape.row_len(), Schedule::Parallel).root());
        times.push(Instant::now());
        let digester = RowDigester::derive(&shape, root[0]);
        times.push(Instant::now());
        std::hint::black_box(digester.digest_rows(originals, Schedule::Parallel));
        times.push(Instant::now());
        for (best, pair) in best.iter_mut().zip(times.windows(2)) {
            *best = best.min((pair[1] - pair[0]).as_secs_f64() * 1e3);
        }
    }
    println!(
        "extend {:.2} ms, row trees {:.2} ms, functionals {:.2} ms, digests {:.2} ms",
        best[0], best[1], best[2], best[3]
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let mib = arguments.next().unwrap_or(8);
    let rounds = arguments.next().unwrap_or(5);
    // The payload also holds the index entry of the one blob.
    let mut data = vec![0; (mib << 20) - weft_da::blob::BLOB_ENTRY_BYTES];
    blake3::Hasher::new().finalize_xof().fill(&mut data);
    let blob = [Blob::new(Namespace::default(), &data)];
    let place = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 0 };

    let mut best = [f64::MAX; 5];
    let mut round = || {
        let start = Instant::now();
        let packed = Packed::new(&blob, MAX_PAYLOAD_BYTES).expect("fits");
        let block = EncodedBlock::encode(packed, Schedule::Parallel);
        let header = block.header(place);
        let publish = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let digests = VerifiedDigests::verify(&header, block.rows().digest_bytes()).expect("own digests");
        let context = start.elapsed().as_secs_f64();

        let last = header.shape.rows() as u32 - 1;
        let proofs: Vec<_> = (0..header.shape.k() as u32).map(|at| block.row(last - at).expect("a row")).collect();
        let start = Instant::now();
        let rows: Vec<_> = proofs.iter().map(|proof| digests.verify_row(proof).expect("own row")).collect();
        let verify = start.elapsed().as_secs_f64() / rows.len() as f64;

        let start = Instant::now();
        let rebuilt = rebuild(&header, &rows, Schedule::Parallel).expect("enough rows");
        let decode = start.elapsed().as_secs_f64();
        assert_eq!(rebuilt.payload(), block.rows().payload(), "rebuilt another payload");
        let whole = publish + context + decode;
        for (best, now) in best.iter_mut().zip([publish, context, verify, decode, whole]) {
            *best = best.min(now);
        }
        header.shape
    };
    let shape = (0..rounds.max(1)).map(|_| round()).last().expect("one round");
    let mb = shape.total_len() as f64 / 1e6;
    println!("{mib} MiB: {:?}, k = {}, row {} bytes", shape.codec(), shape.k(), shape.row_len());
    println!("publish            {:9.1} MB/s of payload", mb / best[0]);
    println!("light client start {:9.1} us a block (digests checked and extended, functionals)", best[1] * 1e6);
    println!("verify a row       {:9.2} us", best[2] * 1e6);
    println!("rebuild            {:9.1} MB/s of payload (a quarter, all parity)", mb / best[3]);
    steps(shape, rounds);
    println!("light client bytes {:9}", shape.light_client_bytes(weft_da::sampling::DEFAULT_SAMPLES));
}
