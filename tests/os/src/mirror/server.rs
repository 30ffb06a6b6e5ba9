//! An HTTP server that hands out a directory, or is as a server should not be.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It takes every connection and says nothing.
    Silent,
    /// It is not there: connections are refused.
    Gone,
}

/// A server on a port of the loopback device; it ends with the value.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    silent: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Hands out a directory.
    pub(super) fn start(root: PathBuf) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (silent, gone) = (Arc::default(), Arc::default());
        let thread = {
            let (silent, gone) = (Arc::clone(&silent), Arc::clone(&gone));
            thread::spawn(move || serve(&listener, &root, &silent, &gone))
        };
        Ok(Self {
            address,
            silent,
            gone,
            thread: Some(thread),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn becomes(&mut self, manner: Manner) {
        match manner {
            Manner::Silent => self.silent.store(true, Ordering::SeqCst),
            Manner::Gone => self.end(),
        }
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.gone.store(true, Ordering::SeqCst);
            // It looks up only for a connection. If there is none to be had, it is gone already.
            drop(TcpStream::connect(self.address));
            drop(thread.join());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// One connection after the other; those that get no answer stay open.
fn serve(listener: &TcpListener, root: &Path, silent: &AtomicBool, gone: &AtomicBool) {
    let mut unanswered = Vec::new();
    for stream in listener.incoming().flatten() {
        if gone.load(Ordering::SeqCst) {
            return;
        }
        if silent.load(Ordering::SeqCst) {
            unanswered.push(stream);
        } else {
            // A client that disconnects gets no response.
            drop(answer(stream, root));
        }
    }
}

fn answer(stream: TcpStream, root: &Path) -> io::Result<()> {
    let mut request = BufReader::new(stream);
    let mut line = String::new();
    request.read_line(&mut line)?;
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = line.split(' ').nth(1).unwrap_or_default();
    let mut stream = request.into_inner();
    match fs::read(root.join(path.trim_start_matches('/'))) {
        Ok(body) => {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            )?;
            stream.write_all(&body)
        }
        Err(_) => stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}
