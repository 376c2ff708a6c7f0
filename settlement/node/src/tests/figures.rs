//! How long a commitment takes from post to answer, beside one fsync of the same disk:
//!
//! `cargo test --release -p weft-settlement-node --lib -- --ignored --nocapture post_to_answer`

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::rollup::Rollup;
use super::{Service, config};
use crate::store::tests::server::Server;

/// Commitments posted to each database.
const POSTS: usize = 300;

/// What a write-ahead log appends for one small transaction.
const PAGE_BYTES: usize = 4_096;

#[derive(Default)]
struct Times {
    post: Vec<Duration>,
    fsync: Vec<Duration>,
}

fn median_us(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// One post, one fsync, and so on, so that both see the same disk.
async fn measure(folder: &Path, database_url: Option<String>) -> Times {
    let mut rollup = Rollup::without_da().await;
    let mut config = config(folder, &rollup.da_url);
    config.database_url = database_url;
    let service = Service::start(config).await;
    let mut file = File::create(folder.join("fsync")).unwrap();
    let mut times = Times::default();
    for _ in 0..POSTS {
        let signed = rollup.next(&service.client).await;
        let start = Instant::now();
        service.client.post(&signed).await.unwrap();
        times.post.push(start.elapsed());
        file.write_all(&[7; PAGE_BYTES]).unwrap();
        let start = Instant::now();
        file.sync_data().unwrap();
        times.fsync.push(start.elapsed());
    }
    service.stop().await;
    times
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn post_to_answer() {
    let server = Server::start().await;
    for (name, url) in [("SQLite", None), ("PostgreSQL", Some(server.url("postgres")))] {
        let folder = tempfile::tempdir().unwrap();
        let mut times = measure(folder.path(), url).await;
        let (post, fsync) = (median_us(&mut times.post), median_us(&mut times.fsync));
        println!("{name}: post to answer p50 {post:.0} us, fsync p50 {fsync:.0} us, ratio {:.2}", post / fsync);
    }
}
