//! A WebSocket client of our own (RFC 6455, text frames only): it can also stop reading, or send more than it reads.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Refusal, answer};

/// How long a test waits for a message.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct WebSocket {
    stream: TcpStream,
    ids: u64,
}

impl WebSocket {
    pub async fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self { stream, ids: 0 }
    }

    pub async fn send(&mut self, message: &Value) {
        let text = message.to_string().into_bytes();
        // A client masks; a mask of zeros leaves the text as it is.
        let mut frame = vec![0x81];
        match text.len() {
            len @ 0..126 => frame.push(0x80 | len as u8),
            len @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&text);
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The next message; `None` when the server has closed.
    pub async fn receive(&mut self) -> Option<Value> {
        tokio::time::timeout(PATIENCE, self.frame()).await.expect("a message in time")
    }

    async fn frame(&mut self) -> Option<Value> {
        loop {
            let opcode = self.stream.read_u8().await.ok()? & 0x0f;
            let len = match self.stream.read_u8().await.ok()? {
                126 => u64::from(self.stream.read_u16().await.ok()?),
                127 => self.stream.read_u64().await.ok()?,
                len => u64::from(len),
            };
            let mut payload = vec![0; len as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            match opcode {
                1 => return Some(serde_json::from_slice(&payload).unwrap()),
                8 => return None,
                // A ping that is not answered within the test.
                _ => {}
            }
        }
    }

    /// Sends a request and waits for its answer; notifications before it are lost.
    pub async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Refusal> {
        self.ids += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.ids, "method": method, "params": params })).await;
        loop {
            let message = self.receive().await.unwrap();
            if message["id"] == self.ids {
                return answer(message);
            }
        }
    }

    pub async fn subscribe(&mut self, params: Value) -> Value {
        self.ask("eth_subscribe", params).await.unwrap()
    }

    /// The next notification of a subscription.
    pub async fn notification(&mut self, subscription: &Value) -> Value {
        loop {
            let mut message = self.receive().await.unwrap();
            if message["method"] == "eth_subscription" && message["params"]["subscription"] == *subscription {
                return message["params"]["result"].take();
            }
        }
    }

    /// Whether nothing more comes for a while.
    pub async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(100), self.frame()).await.is_err()
    }
}
