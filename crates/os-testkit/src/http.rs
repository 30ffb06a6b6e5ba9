//! One request over the socket, byte for byte, as a careless or hostile client would send it.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its head, as it came.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

/// Sends `bytes` and reads an answer until the daemon closes or 30 s have passed. A daemon that
/// stops reading in the middle is no error: it may have answered before.
///
/// # Errors
/// When there is no connection or no answer.
pub fn raw(socket: &Path, bytes: &[u8]) -> anyhow::Result<Response> {
    let mut stream = UnixStream::connect(socket).context("osctld cannot be reached")?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    match stream.write_all(bytes) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ) =>
        {
            return Err(error.into());
        }
        _ => {}
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => Err(error.into()),
        _ => parse(&answer),
    }
}

/// Sends a request of `method` for `path` with a JSON body, if any.
///
/// # Errors
/// As [`raw`].
pub fn request(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Response> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    raw(socket, &[head.as_bytes(), body.as_bytes()].concat())
}

fn parse(answer: &[u8]) -> anyhow::Result<Response> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let Some(end) = end else {
        bail!("no answer: {:?}", String::from_utf8_lossy(answer))
    };
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let body = if head.contains("transfer-encoding: chunked") {
        dechunk(body)
    } else {
        body.into()
    };
    Ok(Response {
        status: status.context("no status")?,
        head,
        body,
    })
}

/// The data of a chunked body, as far as it came.
fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(end) = body.windows(2).position(|bytes| bytes == b"\r\n") {
        let (size, rest) = body.split_at(end);
        let size = std::str::from_utf8(size)
            .ok()
            .and_then(|s| usize::from_str_radix(s, 16).ok());
        let rest = rest.get(2..).unwrap_or_default();
        let Some(chunk) = size.and_then(|size| rest.get(..size)) else {
            break;
        };
        data.extend_from_slice(chunk);
        body = rest.get(chunk.len() + 2..).unwrap_or_default();
    }
    data
}
