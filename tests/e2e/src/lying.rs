//! A gRPC server's bytes on their way to a client, changed while one wishes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Frames with less than that carry no rows and no blobs: they pass as they are.
const LEAST_BYTES: usize = 512;

/// HTTP/2: a frame with a part of a message (RFC 9113, section 6.1).
const DATA: u8 = 0;

/// A proxy that can lie. It ends with the runtime.
#[derive(Debug)]
pub struct Lying {
    address: SocketAddr,
    lies: Arc<AtomicBool>,
    told: Arc<AtomicU64>,
}

impl Lying {
    /// In front of the server at `upstream` (`host:port`), honest for now.
    pub async fn before(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (lies, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (own_lies, own_told) = (lies.clone(), told.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, lies, told) = (upstream.clone(), own_lies.clone(), own_told.clone());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(&upstream).await else { return };
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let asked = tokio::io::copy(&mut from_client, &mut to_server);
                    let answered = async {
                        // The server's side of HTTP/2 is frames from its first byte on.
                        while let Ok(mut frame) = read_frame(&mut from_server).await {
                            let (kind, body) = (frame[3], frame.len() - 9);
                            if kind == DATA && body >= LEAST_BYTES && lies.load(Ordering::Relaxed) {
                                frame[9 + body / 2] ^= 1;
                                told.fetch_add(1, Ordering::Relaxed);
                            }
                            if to_client.write_all(&frame).await.is_err() {
                                break;
                            }
                        }
                    };
                    tokio::select! { _ = asked => (), () = answered => () }
                });
            }
        });
        Self { address, lies, told }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins to lie, or ends it.
    pub fn lie(&self, now: bool) {
        self.lies.store(now, Ordering::Relaxed);
    }

    /// Frames that were changed.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}

async fn read_frame(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![0; 9];
    from.read_exact(&mut frame).await?;
    let len = usize::from(frame[0]) << 16 | usize::from(frame[1]) << 8 | usize::from(frame[2]);
    frame.resize(9 + len, 0);
    from.read_exact(&mut frame[9..]).await?;
    Ok(frame)
}
