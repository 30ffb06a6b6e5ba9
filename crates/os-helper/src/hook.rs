//! A hook of LXC: tells osctld, waits for its answer, and says yes or no to LXC.
//!
//! LXC runs it as the user of the container, in the container's own namespaces for some hooks. It
//! can know nothing that osctld would have to believe: osctld takes the container from the process tree
//! that this process is in, and only the rest from the message.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use os_lxc::{HookAnswer, HookMessage, HookName};

/// Longer answers are a mistake.
const ANSWER_LIMIT: u64 = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum HookError {
    #[error("LXC did not say which hook this is (LXC_HOOK_TYPE)")]
    NoHook,
    #[error("osctld did not come back within {} ms", patience.as_millis())]
    Absent {
        patience: Duration,
        source: Option<std::io::Error>,
    },
    #[error("osctld did not answer")]
    Exchange(#[source] std::io::Error),
    #[error("osctld's answer is not understood")]
    Answer(#[from] serde_json::Error),
}

pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let [socket, mark, patience] = args else {
        return crate::usage("hook takes a socket, a file and a number of milliseconds");
    };
    let Some(patience) = patience.to_str().and_then(|it| it.parse().ok()) else {
        return crate::usage("hook: this is not a number of milliseconds");
    };
    let variable = |name: &str| std::env::var(name).ok();
    let hook = variable("LXC_HOOK_TYPE").and_then(|name| HookName::parse(&name));
    match hook {
        None => crate::say(&os_types::chain(&HookError::NoHook), ExitCode::FAILURE),
        Some(HookName::PostStop) => ended(&variable, mark.as_ref()),
        Some(hook) => {
            let message = message(hook, &variable);
            verdict(ask(
                socket.as_ref(),
                Duration::from_millis(patience),
                &message,
            ))
        }
    }
}

/// What LXC says in its environment. *Source*: lxc.container.conf(5), "CONTAINER HOOKS ENVIRONMENT
/// VARIABLES".
fn message(hook: HookName, variable: &dyn Fn(&str) -> Option<String>) -> HookMessage {
    let init_pid = variable("LXC_PID").and_then(|text| text.parse().ok());
    HookMessage {
        hook,
        init_pid: init_pid.filter(|_| hook == HookName::StartHost),
    }
}

/// A container that wants to reboot is started again by osctld, with fresh configuration and clocks:
/// within the old monitor LXC would give it other control groups too. So the hook fails, and LXC exits.
/// osctld, which may be away, finds the wish in a file once it sees that init has ended.
fn ended(variable: &dyn Fn(&str) -> Option<String>, mark: &Path) -> ExitCode {
    if variable("LXC_TARGET").as_deref() != Some("reboot") {
        return ExitCode::SUCCESS;
    }
    match File::create(mark) {
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let mark = mark.display();
            let text = format!("cannot note the wish to reboot in {mark}: {error}");
            crate::say(&text, ExitCode::FAILURE)
        }
    }
}

fn ask(socket: &Path, patience: Duration, message: &HookMessage) -> Result<HookAnswer, HookError> {
    let begin = Instant::now();
    let stream = connect(socket, patience)?;
    let left = patience
        .saturating_sub(begin.elapsed())
        .max(Duration::from_millis(1));
    let exchange = || {
        stream.set_read_timeout(Some(left))?;
        stream.set_write_timeout(Some(left))?;
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        let mut answer = String::new();
        BufReader::new((&stream).take(ANSWER_LIMIT)).read_line(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(HookError::Exchange)?;
    Ok(serde_json::from_str(&answer)?)
}

/// osctld may just be restarting: asks again until the patience is used up.
fn connect(socket: &Path, patience: Duration) -> Result<UnixStream, HookError> {
    let mut last = None;
    let mut attempt = || match UnixStream::connect(socket) {
        Ok(stream) => Some(stream),
        Err(error) => {
            last = Some(error);
            None
        }
    };
    let connected = os_sys::patience::until(patience, || Ok::<_, HookError>(attempt()))?;
    connected.ok_or(HookError::Absent {
        patience,
        source: last,
    })
}

fn verdict(answer: Result<HookAnswer, HookError>) -> ExitCode {
    match answer {
        Ok(HookAnswer::Continue) => ExitCode::SUCCESS,
        Ok(HookAnswer::Abort(reason)) => crate::say(&reason, ExitCode::FAILURE),
        Err(error) => crate::say(&os_types::chain(&error), ExitCode::FAILURE),
    }
}
