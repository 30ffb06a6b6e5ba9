//! A client of `POST /v1/exec` that sees each frame.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use os_sys::{receive_frame, send_frame};
use serde_json::{Value, json};

/// How a command with a terminal went.
#[derive(Debug)]
pub struct Shown {
    /// The last frame: `exited`, `killed` or `failed`.
    pub end: Value,
    /// What came through the terminal.
    pub text: String,
}

/// Runs a command with a terminal, without input.
///
/// # Errors
/// When the daemon refuses, or nothing is said for 20 s.
pub fn on_terminal(socket: &Path, name: &str, argv: &[&str]) -> Result<Shown> {
    let body = json!({
        "name": name, "argv": argv, "terminal": { "rows": 24, "columns": 80 }, "term": "linux",
    })
    .to_string();
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "POST /v1/exec HTTP/1.1\r\nhost: localhost\r\nupgrade: osctl-exec\r\n\
         connection: upgrade\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let head = head(&mut stream)?;
    ensure!(head.contains(" 101 "), "{head}");
    send_frame(&stream, br#"{"say":"terminal"}"#, &[])?;
    let mut screen = None;
    loop {
        let frame = receive_frame(&stream)?;
        let (body, fds) = frame.context("the connection ended without a last frame")?;
        let frame: Value = serde_json::from_slice(&body)?;
        if frame["say"] == "started" {
            screen = fds.into_iter().next().map(read_all);
            continue;
        }
        let text = match screen {
            Some(reader) => reader.join().unwrap_or_default(),
            None => String::new(),
        };
        return Ok(Shown { end: frame, text });
    }
}

/// Up to the empty line, and no byte more: frames follow.
fn head(stream: &mut UnixStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 << 10 {
        let mut byte = [0];
        ensure!(stream.read(&mut byte)? == 1, "no answer: {head:?}");
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A terminal says that it is at its end with an error.
fn read_all(terminal: OwnedFd) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut terminal = std::fs::File::from(terminal);
        let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = terminal.read(&mut buffer) {
            text.extend(&buffer[..read]);
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}
