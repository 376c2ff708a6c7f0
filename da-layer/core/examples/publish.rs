//! Time of each step of publishing and verifying a block of random bytes.
//!
//! `cargo run --release -p weft-da --example publish -- [MiB] [rounds]`; prints the best round.

use std::time::Instant;

use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, VerifiedDigests, rebuild};
use weft_primitives::{B256, Namespace};

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
    println!("light client bytes {:9}", shape.light_client_bytes(weft_da::sampling::DEFAULT_SAMPLES));
}
