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
        self.exchange("POST", "", &more, body).await
    }

    /// Reads a page.
    pub(crate) async fn get(&mut self, query: &str) -> Outcome<()> {
        self.exchange("GET", query, "", "").await
    }

    async fn exchange(&mut self, method: &str, query: &str, more: &str, body: &str) -> Outcome<()> {
        let mut request = format!(
            "{method} /api/v1/sites/{SITE}/entries{query} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{more}\r\n",
            self.address, self.secret
        );
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
