//! Of `weft bench da`, the time of one put: to a DA node on a real store, over gRPC, until the blob is durable.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpListener;
use weft_bench::Row;
use weft_da::{Blob, EncodedBlock, Packed, Schedule, blob_hash};
use weft_primitives::{Namespace, Signer};
use weft_service::Shutdown;
use weft_wire::DaClient;

use crate::output::Failure;

pub const NAME: &str = "put_1mib_p50";

const BASELINE: &str = "encoding, and one synced write of the payload";

const BLOB_BYTES: usize = 1 << 20;

/// Puts for each round of the other rows: each is short.
const PUTS_PER_ROUND: usize = 4;

/// Puts before the first that counts.
const WARM_UP: usize = 4;

/// Measures both in turn.
pub async fn run(rounds: usize) -> Result<Row, Failure> {
    let folder = tempfile::tempdir()?;
    let listener = || TcpListener::bind("127.0.0.1:0");
    let listeners = weft_da_node::Listeners { grpc: listener().await?, http: listener().await? };
    let client = DaClient::new(&format!("http://{}", listeners.grpc.local_addr()?))?;
    let config = weft_da_node::Config {
        data_dir: folder.path().join("db"),
        signer: Signer::from_bytes([1; 32])?,
        network_id: 1,
        limits: weft_da_node::Limits::default(),
        custody: None,
        namespaces: None,
        retention: weft_da_node::Retention::default(),
        archive: None,
    };
    let shutdown = Shutdown::new();
    let node = tokio::spawn(weft_da_node::run(config, listeners, shutdown.clone()));
    let times = measure(&client, folder.path(), rounds.max(1) * PUTS_PER_ROUND).await;
    shutdown.trigger();
    node.await.map_err(|error| Failure(error.to_string()))??;
    let [ours, baseline] = times?.map(|times| weft_bench::time::median(&times));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Row::compared(NAME, ours, "ms", BASELINE, baseline, baseline / ours, threads))
}

/// How long puts took, and the baseline.
async fn measure(client: &DaClient, folder: &Path, puts: usize) -> Result<[Vec<Duration>; 2], Failure> {
    let mut log = File::create(folder.join("baseline"))?;
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for at in 0..WARM_UP + puts {
        let data = blob(at as u64 + 1);
        let start = Instant::now();
        tokio::task::block_in_place(|| by_hand(&mut log, &data))?;
        let by_hand = start.elapsed();
        let data = Bytes::from(data);
        let start = Instant::now();
        client.put_blob(Namespace::default(), data).await?;
        // The median leaves the first of these out.
        if at + 1 >= WARM_UP {
            ours.push(start.elapsed());
            baseline.push(by_hand);
        }
    }
    Ok([ours, baseline])
}

/// Bytes that nothing compresses (xorshift), and that no other blob has.
fn blob(seed: u64) -> Vec<u8> {
    let mut word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let words = std::iter::repeat_with(|| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()
    });
    words.take(BLOB_BYTES / 8).flatten().collect()
}

fn by_hand(log: &mut File, data: &[u8]) -> Result<(), Failure> {
    let blob = Blob::with_hash(Namespace::default(), blob_hash(data), data);
    let block = EncodedBlock::encode(Packed::new(&[blob], weft_da::limits::MAX_PAYLOAD_BYTES)?, Schedule::Parallel);
    log.write_all(block.rows().payload())?;
    Ok(log.sync_data()?)
}
