//! The one place that writes: data to standard output, everything else to standard error.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use os_types::{ByteSize, Code, Failure};

/// Prints a line for people to standard error. A closed pipe is not an error.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr(), "{}", printable(text)));
}

pub(crate) fn failure(failure: &Failure) {
    let code = failure.code;
    note(&format!("error: {}", failure.message));
    if let Some(next) = &failure.next {
        note(&format!("hint: {next}"));
    }
    note(&format!("({code}; osctl help {code})"));
}

/// Data, on standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.or_else(|error| match error.kind() {
        // The reader has closed the pipe: `osctl-image ls | head`.
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::new(Code::File, format!("cannot print: {error}"))),
    })
}

pub(crate) fn json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value}\n"))
}

/// Text that may have come out of an image, without what a terminal would obey.
fn printable(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() && c != '\n' {
            c.escape_debug().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

/// Progress of a command: one line that is rewritten, on a terminal only.
pub(crate) struct Progress {
    what: &'static str,
    total: Option<u64>,
    done: Cell<u64>,
    shown: Cell<Option<Instant>>,
    terminal: RefCell<Option<io::Stderr>>,
}

/// How often the line is written.
const PACE: Duration = Duration::from_millis(200);

impl Progress {
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let terminal = io::stderr();
        Self {
            what,
            total,
            done: Cell::new(0),
            // The first line after a moment: what is quick needs none.
            shown: Cell::new(Some(Instant::now())),
            terminal: RefCell::new(terminal.is_terminal().then_some(terminal)),
        }
    }

    /// Adds a number of bytes.
    pub(crate) fn add(&self, bytes: u64) {
        self.done.set(self.done.get().saturating_add(bytes));
        if self.shown.get().is_some_and(|shown| shown.elapsed() < PACE) {
            return;
        }
        self.shown.set(Some(Instant::now()));
        let done = ByteSize(self.done.get());
        let line = match self.total {
            Some(total) => format!("\r{}: {done} of {}\x1b[K", self.what, ByteSize(total)),
            None => format!("\r{}: {done}\x1b[K", self.what),
        };
        self.line(&line);
    }

    fn line(&self, text: &str) {
        let mut terminal = self.terminal.borrow_mut();
        let Some(stderr) = terminal.as_mut() else {
            return;
        };
        if stderr.write_all(text.as_bytes()).is_err() {
            *terminal = None;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line("\r\x1b[K");
    }
}

/// A writer that tells how much is written through it.
pub(crate) struct Told<'a>(pub(crate) &'a mut dyn Write, pub(crate) &'a Progress);

impl Write for Told<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .write(bytes)
            .inspect(|written| self.1.add(*written as u64))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
