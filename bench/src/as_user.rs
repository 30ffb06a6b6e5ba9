//! A program as the user that runs LXC, in a control group of that user.
//!
//! This program starts itself, joins the group, becomes the user, and then becomes the program. Joining is
//! part of the program's time, for without it the user could start no container; being started is not. So the
//! first line of output says when joining began.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use os_sys::SpawnRequest;

use crate::view;

/// The first argument of this program when it is to become another one; the second is which.
const FLAG: &str = "--become-as-user";

/// Before the time at which joining began, in nanoseconds of `CLOCK_MONOTONIC`.
const BEGAN: &str = "began at ";

/// The program as the user, in the groups whose files `cgroup.procs` these are. Arguments and environment
/// that are added to the request are those of the program.
pub(crate) fn request(program: &Path, groups: Vec<File>) -> anyhow::Result<SpawnRequest> {
    let request = SpawnRequest::new(std::env::current_exe()?);
    let request = request.arg(FLAG).arg(program);
    Ok(groups.into_iter().fold(request, SpawnRequest::pass))
}

/// Becomes the program if this one was started by [`request`]; otherwise nothing.
///
/// # Errors
/// When it was, and the program cannot be executed.
pub(crate) fn become_if_asked() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != FLAG) {
        return Ok(());
    }
    let program = PathBuf::from(args.next().context("no program is given")?);
    writeln!(std::io::stdout(), "{BEGAN}{}", now().as_nanos())?;
    for group in os_sys::passed_descriptors() {
        // "0" is the thread that writes.
        File::from(group)
            .write_all(b"0")
            .context("cannot join a control group")?;
    }
    os_sys::become_user(view::USER)?;
    let args: Vec<_> = [program.clone().into_os_string()]
        .into_iter()
        .chain(args)
        .collect();
    bail!(os_sys::exec(&program, &args, std::env::vars_os()))
}

/// When joining began, and what is the program's own in the output; none if the output is that of another
/// program than one of [`request`].
pub(crate) fn split(output: &str) -> Option<(Duration, &str)> {
    let (first, rest) = output.split_once('\n')?;
    let nanoseconds = first.strip_prefix(BEGAN)?.parse().ok()?;
    Some((Duration::from_nanos(nanoseconds), rest))
}

/// `CLOCK_MONOTONIC`, which all processes share.
pub(crate) fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
