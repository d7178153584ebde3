//! As little of an HTTP/1.1 client as the load needs, so that the processors are the server's.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::server::SITE;

/// A kept-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    secret: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr, secret: String) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, secret, buffer: Vec::new() })
    }

    /// Appends, and insists that all of it was taken.
    pub(crate) async fn post(&mut self, content_type: &str, body: &str) -> Outcome<()> {
        let more = format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        self.exchange("POST", "/entries", &more, body).await
    }

    /// Reads an answer.
    pub(crate) async fn get(&mut self, address: &str) -> Outcome<()> {
        self.exchange("GET", address, "", "").await
    }

    /// Reads a stream to its end and counts its lines.
    pub(crate) async fn stream(&mut self, address: &str) -> Outcome<usize> {
        let request = self.request("GET", address, "");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let (mut lines, mut end) = (0, Vec::new());
        // The lines of the framing do not end like that.
        let mut last = 0;
        // The last piece of a stream in pieces is empty (RFC 9112 §7.1).
        while !end.ends_with(b"\r\n0\r\n\r\n") {
            self.buffer.clear();
            self.read().await?;
            for byte in &self.buffer {
                lines += usize::from(last == b'}' && *byte == b'\n');
                last = *byte;
            }
            end.extend_from_slice(self.buffer.get(self.buffer.len().saturating_sub(8)..).unwrap_or_default());
            let kept = end.len().saturating_sub(8);
            end.drain(..kept);
        }
        Ok(lines)
    }

    fn request(&self, method: &str, address: &str, more: &str) -> String {
        format!(
            "{method} /api/v1/sites/{SITE}{address} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{more}\r\n",
            self.address, self.secret
        )
    }

    async fn exchange(&mut self, method: &str, address: &str, more: &str, body: &str) -> Outcome<()> {
        let mut request = self.request(method, address, more);
        request.push_str(body);
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.ok_or("an answer without a length")?.trim().parse()?;
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        if text.starts_with("http/1.1 201") || text.starts_with("http/1.1 200") {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&self.buffer).into_owned().into())
    }

    async fn read(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}
