//! Whole commands against a scripted daemon: what is printed, what is asked, how it ends.
//!
//! The real daemon's tests drive the same program through its real socket; here every answer can be
//! made, also those that a sound daemon never gives.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod activity;
mod changes;
mod completion;
mod containers;
mod containers_changes;
mod errors;
mod exec;
mod fixtures;
mod help;
mod listings;
mod offline;
mod process;
mod server;

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use osctl::Surroundings;

/// What a run of the program left behind.
struct Ran {
    status: u8,
    out: String,
    err: String,
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.out)?;
        if !self.err.is_empty() {
            write!(f, "--- stderr ---\n{}", self.err)?;
        }
        if self.status != 0 {
            write!(f, "--- status {} ---", self.status)?;
        }
        Ok(())
    }
}

/// Runs `line`, split at spaces, with `root` as its root directory.
fn osctl(root: &Path, line: &str) -> Ran {
    let words = line.split(' ').filter(|word| !word.is_empty());
    osctl_words(root, &words.collect::<Vec<_>>())
}

fn osctl_words(root: &Path, words: &[&str]) -> Ran {
    osctl_on(root, words, None)
}

/// With a standard output that is so wide, if it is a terminal.
fn osctl_on(root: &Path, words: &[&str], out_columns: Option<usize>) -> Ran {
    let (out, err) = (Buffer::default(), Buffer::default());
    let surroundings = Surroundings {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        err_terminal: false,
        interactive: false,
        colors: (false, false),
        unicode: true,
        columns: Some(100),
        out_columns,
        root: root.to_owned(),
        zone: Some(jiff::tz::TimeZone::UTC),
    };
    let args: Vec<OsString> = ["osctl"].iter().chain(words).map(OsString::from).collect();
    let status = osctl::run(args, surroundings);
    let root = root.display().to_string();
    // The directory is another one in every run.
    let text = |buffer: Buffer| {
        let bytes = buffer.0.borrow().clone();
        String::from_utf8(bytes).unwrap().replace(&root, "<root>")
    };
    Ran {
        status,
        out: text(out),
        err: text(err),
    }
}

/// Output kept in memory.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
