//! What the daemon says: structured, in the format that its reader wants.
//!
//! `error`: someone must act; `warn`: degraded; `info`: a state changed; `debug`: why.

mod syslog;

use std::io::IsTerminal;
use std::path::Path;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging, to standard error or to the syslog socket.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(format: LogFormat, filter: &str, syslog_socket: &Path) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let terminal = std::io::stderr().is_terminal();
    // An error of the writer would be printed to standard error, which panics when that is what fails.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false);
    let to_stderr = builder.with_writer(std::io::stderr);
    match format {
        LogFormat::Human => to_stderr.with_ansi(terminal).with_target(false).init(),
        LogFormat::Json => to_stderr.json().flatten_event(true).init(),
        // The reader of the socket adds the time and shows the priority in its own way.
        LogFormat::Syslog => to_stderr
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_level(false)
            .with_writer(syslog::Syslog::new(syslog_socket)?)
            .init(),
    }
    Ok(())
}
