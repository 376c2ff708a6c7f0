//! A TCP stream behind a [`Gate`].
//!
//! Invariant: a write that makes no progress for [`WRITE_TIMEOUT`] ends the connection, so a client that does
//! not read cannot hold buffers for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::gate::{Gate, Passage};

/// How long a client may take no byte of what it is sent.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A stream that its gate slows down or cuts. It holds `H` as long as it lives.
#[derive(Debug)]
pub struct GatedStream<T, H> {
    inner: T,
    gate: Arc<Gate>,
    stalled: Option<Pin<Box<Sleep>>>,
    write_timeout: Duration,
    _held: H,
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "connection cut: the client is too slow")
}

impl<T, H> GatedStream<T, H> {
    /// `inner` behind `gate`.
    pub fn new(inner: T, gate: Arc<Gate>, held: H) -> Self {
        Self { inner, gate, stalled: None, write_timeout: WRITE_TIMEOUT, _held: held }
    }

    /// Watches the progress of writes.
    fn watch<R>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if result.is_ready() {
            if self.stalled.take().is_some() {
                self.gate.set_write_stalled(false);
            }
            return result;
        }
        self.gate.set_write_stalled(true);
        let timeout = self.write_timeout;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(context));
        self.gate.close();
        Poll::Ready(Err(cut()))
    }
}

impl<T: AsyncRead + Unpin, H: Unpin> AsyncRead for GatedStream<T, H> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.gate.may_read(context) {
            Passage::Open => Pin::new(&mut self.inner).poll_read(context, buf),
            Passage::Wait => Poll::Pending,
            Passage::Closed => Poll::Ready(Err(cut())),
        }
    }
}

impl<T: AsyncWrite + Unpin, H: Unpin> AsyncWrite for GatedStream<T, H> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.gate.may_write(context) == Passage::Closed {
            return Poll::Ready(Err(cut()));
        }
        let result = Pin::new(&mut self.inner).poll_write(context, buf);
        self.watch(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gate.may_write(context) == Passage::Closed {
            return Poll::Ready(Err(cut()));
        }
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, bufs);
        self.watch(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gate.may_write(context) == Passage::Closed {
            return Poll::Ready(Err(cut()));
        }
        let result = Pin::new(&mut self.inner).poll_flush(context);
        self.watch(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut() {
        let (near, mut far) = tokio::io::duplex(16);
        let gate = Arc::new(Gate::default());
        let mut stream = GatedStream::new(near, gate.clone(), ());
        stream.write_timeout = Duration::from_millis(50);
        let error = stream.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert!(gate.is_closed());
        far.write_all(&[1]).await.unwrap();
        assert!(stream.read_u8().await.is_err());
    }

    #[tokio::test]
    async fn a_slow_client_is_waited_for_but_not_read_from() {
        let (near, far) = tokio::io::duplex(16);
        let gate = Arc::new(Gate::default());
        let (mut read, mut write) = tokio::io::split(GatedStream::new(near, gate, ()));
        let (mut far_read, mut far_write) = tokio::io::split(far);
        far_write.write_all(&[7]).await.unwrap();
        let writer = tokio::spawn(async move { write.write_all(&[0; 64]).await });
        // The writer fills the pipe and stalls; then nothing is read either.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(tokio::time::timeout(Duration::from_millis(20), read.read_u8()).await.is_err());
        let mut taken = [0; 64];
        far_read.read_exact(&mut taken).await.unwrap();
        writer.await.unwrap().unwrap();
        assert_eq!(read.read_u8().await.unwrap(), 7);
    }
}
