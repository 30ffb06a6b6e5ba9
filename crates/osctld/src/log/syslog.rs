//! Log lines to the syslog daemon of the host.
//!
//! *Source*: `syslog(3)`, RFC 3164 section 4.1 as local syslog daemons read it: one datagram a line,
//! `<priority>osctld[pid]: text`.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The facility `daemon`, shifted into its place.
const DAEMON: u8 = 3 << 3;

/// A way to the syslog daemon. Each line is sent to its socket by name, so the daemon may be started
/// later or again.
#[derive(Debug)]
pub(super) struct Syslog {
    socket: Arc<UnixDatagram>,
    path: PathBuf,
}

/// One line on its way; sent when dropped.
#[derive(Debug)]
pub(super) struct Line {
    socket: Arc<UnixDatagram>,
    path: PathBuf,
    text: Vec<u8>,
}

impl Syslog {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A syslog daemon that hangs does not hang us.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Arc::new(socket),
            path: path.to_owned(),
        })
    }

    fn line(&self, severity: u8) -> Line {
        let head = format!("<{}>osctld[{}]: ", DAEMON | severity, std::process::id());
        Line {
            socket: Arc::clone(&self.socket),
            path: self.path.clone(),
            text: head.into_bytes(),
        }
    }
}

impl<'a> MakeWriter<'a> for Syslog {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        self.line(6)
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        self.line(match *event.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        })
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = self.text.trim_ascii_end();
        if self.socket.send_to(text, &self.path).is_err() {
            // No process reads the socket: the supervisor's log is the next best place, and there is
            // none after it.
            drop(
                io::stderr()
                    .write_all(text)
                    .and_then(|()| io::stderr().write_all(b"\n")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_datagram_with_a_priority() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let reader = UnixDatagram::bind(&path).unwrap();
        let syslog = Syslog::new(&path).unwrap();
        syslog.line(4).write_all(b"pool=tank disabled\n").unwrap();
        let mut buffer = [0; 128];
        let length = reader.recv(&mut buffer).unwrap();
        let text = str::from_utf8(buffer.get(..length).unwrap()).unwrap();
        let expected = format!("<28>osctld[{}]: pool=tank disabled", std::process::id());
        assert_eq!(text, expected);
    }
}
