//! From arguments to an exit status.

use std::ffi::OsString;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;
use clap_complete::CompleteEnv;
use jiff::tz::TimeZone;
use os_types::{Code, Failure};

use crate::cli::{self, Cli, When};
use crate::client::Client;
use crate::cmd::Run;
use crate::command_line;
use crate::complete;
use crate::context::{Ctx, Globals, root_of_environment, socket};
use crate::fault::{Fault, Outcome};
use crate::help;
use crate::printer::Printer;
use crate::words::without_empty_values;

/// What a run of the program sees of the world besides its arguments and the daemon.
pub struct Surroundings {
    /// Standard output.
    pub out: Box<dyn Write>,
    /// Standard error.
    pub err: Box<dyn Write>,
    /// Standard error is a terminal.
    pub err_terminal: bool,
    /// Somebody can answer questions.
    pub interactive: bool,
    /// Colours are welcome on standard output and standard error.
    pub colors: (bool, bool),
    /// The locale allows more than ASCII.
    pub unicode: bool,
    /// How wide help texts are; `None`: as the terminal, at most 100.
    pub columns: Option<usize>,
    /// Width of standard output in columns; `None` if it is not a terminal.
    pub out_columns: Option<usize>,
    /// The default root directory.
    pub root: PathBuf,
    /// The time zone; `None`: that of the host.
    pub zone: Option<TimeZone>,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

impl Surroundings {
    /// The real world.
    pub fn real() -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let wants = |choice| choice != anstream::ColorChoice::Never;
        let out_color = wants(anstream::AutoStream::choice(&out));
        let err_color = wants(anstream::AutoStream::choice(&err));
        Self {
            err_terminal: err.is_terminal(),
            interactive: std::io::stdin().is_terminal() && err.is_terminal(),
            colors: (out_color, err_color),
            unicode: is_unicode_locale(),
            columns: None,
            out_columns: rustix::termios::tcgetwinsize(&out)
                .ok()
                .map(|size| size.ws_col.into())
                .filter(|columns| *columns > 0),
            root: root_of_environment(),
            zone: None,
            out: Box::new(BufWriter::new(out)),
            err: Box::new(err),
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    if std::env::var_os(complete::VARIABLE).is_some_and(|shell| !shell.is_empty()) {
        return complete_words();
    }
    ExitCode::from(run(std::env::args_os().collect(), Surroundings::real()))
}

/// Runs the command that `args` (with the program's name first) ask for.
///
/// Returns the exit status, see `osctl help exit-codes`.
pub fn run(args: Vec<OsString>, surroundings: Surroundings) -> u8 {
    let Surroundings {
        out,
        err,
        err_terminal,
        interactive,
        colors,
        unicode,
        columns,
        out_columns,
        root,
        zone,
    } = surroundings;
    let mut printer = Printer::new(out, err);
    (printer.out_color, printer.err_color) = colors;
    printer.err_terminal = err_terminal;
    let line = command_line::quote(&args);
    printer.json = asks_for_json(&args);
    let cli = match parse(args, columns) {
        Ok(cli) => cli,
        Err(usage) => return explain_usage(printer, usage),
    };
    match cli.globals.when() {
        When::Auto => {}
        when => {
            printer.out_color = when == When::Always;
            printer.err_color = when == When::Always;
        }
    }
    printer.quiet = cli.globals.quiet;
    printer.json = cli.globals.json;
    let root = cli.globals.root.clone().unwrap_or(root);
    let mut ctx = Ctx {
        client: Client::new(socket(&root), line),
        globals: Globals {
            json: cli.globals.json,
            parsable: cli.parsable,
            pool: cli.globals.pool.clone(),
            root,
            plan: cli.globals.plan,
        },
        printer,
        is_unicode: unicode,
        columns,
        out_columns,
        is_interactive: interactive,
        zone,
        offline: None,
    };
    let outcome = cli.command.run(&mut ctx);
    let flushed = ctx.printer.flush();
    end(&mut ctx.printer, outcome.and(flushed))
}

/// Why arguments are no command.
enum Usage {
    /// What clap says: a mistake, or the help that was asked for.
    Clap(Box<clap::Error>),
    /// There is no such command, or several.
    Unknown(Failure),
}

impl From<clap::Error> for Usage {
    fn from(error: clap::Error) -> Self {
        Self::Clap(Box::new(error))
    }
}

/// The command of these arguments.
fn parse(args: Vec<OsString>, columns: Option<usize>) -> Result<Cli, Usage> {
    let sized = |command: clap::Command| match columns {
        Some(columns) => command.term_width(columns),
        None => command,
    };
    let args = without_empty_values(args, cli::command);
    // Never freed: the process is short, the tree is large.
    let mut command = std::mem::ManuallyDrop::new(sized(cli::parts()));
    match command.try_get_matches_from_mut(&args) {
        Ok(mut matches) => Ok(Cli::from_arg_matches_mut(&mut matches)?),
        // What clap has to say may be about any command, as the list of them in a help is.
        Err(unfinished) => {
            let whole = sized(cli::command());
            if unfinished.kind() == ErrorKind::InvalidSubcommand
                && let Some((text, hint)) = help::of_unknown(&whole, &args)
            {
                return Err(Usage::Unknown(Failure::new(Code::Usage, text).next(hint)));
            }
            let mut matches = help::with_short_help(whole).try_get_matches_from(args)?;
            Ok(Cli::from_arg_matches_mut(&mut matches)?)
        }
    }
}

/// The exit status of an outcome, with what is left to say.
fn end(printer: &mut Printer, outcome: Outcome) -> u8 {
    let Err(fault) = outcome else {
        return 0;
    };
    match &fault {
        Fault::Failure(failure) | Fault::Absent(failure) => printer.failure(failure),
        Fault::Output(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            printer.say(format_args!(
                "error: cannot write to standard output: {error}"
            ));
        }
        Fault::Output(_) | Fault::Status(_) => {}
    }
    fault.exit()
}

/// Says why the arguments are no command, or prints the help that was asked for.
fn explain_usage(mut printer: Printer, usage: Usage) -> u8 {
    let error = match usage {
        Usage::Clap(error) => error,
        Usage::Unknown(failure) => {
            printer.failure(&failure);
            return failure.code.exit();
        }
    };
    let text = error.render();
    let shown = |color| {
        if color {
            text.ansi().to_string()
        } else {
            text.to_string()
        }
    };
    if error.use_stderr() {
        if printer.json {
            let text = text.to_string();
            let text = text.trim().trim_start_matches("error: ");
            printer.failure(&Failure::new(Code::Usage, text));
        } else {
            let text = shown(printer.err_color);
            printer.say(text.trim_end());
        }
        return Code::Usage.exit();
    }
    let text = shown(printer.out_color);
    let written = printer.text(&text).and_then(|()| printer.flush());
    end(&mut printer, written)
}

/// Whether JSON is asked for by arguments that could not be read.
fn asks_for_json(args: &[OsString]) -> bool {
    let own = args.iter().take_while(|arg| *arg != "--");
    own.into_iter().any(|arg| arg == "--json" || arg == "-j")
}

/// The locale of the terminal, in the order that POSIX gives the variables.
fn is_unicode_locale() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os);
    let mut named = set.filter(|locale| !locale.is_empty());
    named.next().is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Answers a shell; whatever goes wrong, it gets nothing.
fn complete_words() -> ExitCode {
    let engine = CompleteEnv::with_factory(cli::command)
        .var(complete::VARIABLE)
        .bin("osctl");
    match engine.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_nothing) => ExitCode::FAILURE,
    }
}
