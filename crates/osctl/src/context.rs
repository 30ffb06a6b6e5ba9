//! What a command runs in.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::tz::TimeZone;
use os_types::{Code, Failure, PoolName};

use crate::client::Client;
use crate::fault::Fault;
use crate::offline::Offline;
use crate::printer::Printer;

/// The global options as commands see them.
#[derive(Debug, Clone)]
pub(crate) struct Globals {
    /// Print JSON.
    pub(crate) json: bool,
    /// Raw numbers.
    pub(crate) parsable: bool,
    /// The pool of names that say none.
    pub(crate) pool: Option<PoolName>,
    /// The root directory, see `--root`.
    pub(crate) root: PathBuf,
    /// Print the plan and change nothing.
    pub(crate) plan: bool,
}

/// What a command runs in: its options, where it prints, whom it asks.
#[derive(Debug)]
pub(crate) struct Ctx {
    /// The global options.
    pub(crate) globals: Globals,
    /// Where it prints.
    pub(crate) printer: Printer,
    /// The daemon.
    pub(crate) client: Client,
    /// Lines can be drawn with more than ASCII.
    pub(crate) is_unicode: bool,
    /// How wide help texts are, if not as the terminal.
    pub(crate) columns: Option<usize>,
    /// Width of standard output in columns; `None` if it is not a terminal.
    pub(crate) out_columns: Option<usize>,
    /// There is somebody who can be asked.
    pub(crate) is_interactive: bool,
    /// The zone of times for people; `None`: the host's, read when first needed.
    pub(crate) zone: Option<TimeZone>,
    /// The pools as they were read without the daemon.
    pub(crate) offline: Option<Rc<Offline>>,
}

impl Ctx {
    /// The option `--pool`.
    pub(crate) fn pool(&self) -> Option<&PoolName> {
        self.globals.pool.as_ref()
    }

    /// Asks for a line of text on a terminal.
    ///
    /// # Errors
    /// When there is no terminal: `way_out` names the option that makes the question needless.
    pub(crate) fn ask(&mut self, question: &str, way_out: &str) -> Result<String, Fault> {
        if !self.is_interactive {
            let failure = Failure::new(Code::Name, "there is no terminal to confirm it on");
            return Err(failure.next(way_out).into());
        }
        self.printer.ask(question);
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(_) => Ok(answer.trim().to_owned()),
            Err(error) => {
                let message = format!("cannot read the answer: {error}");
                Err(Failure::new(Code::Name, message).next(way_out).into())
            }
        }
    }
}

/// The socket of the daemon below a root directory.
pub(crate) fn socket(root: &Path) -> PathBuf {
    root.join("run/osctl/osctld.sock")
}

/// The root directory without `--root`.
pub(crate) fn root_of_environment() -> PathBuf {
    let root = std::env::var_os("OSCTL_ROOT").filter(|root| !root.is_empty());
    root.map_or_else(|| "/".into(), PathBuf::from)
}
