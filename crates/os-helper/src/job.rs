//! A job for osctld: what it is comes on descriptor 0, and the answer goes to descriptor 1.
//!
//! Before the job begins the process takes a session keyring of its own, for a guest that it enters could
//! use the daemon's, and joins the control groups that it was given. Whatever a guest has done to them
//! holds up this process only.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;

use os_helper_api::{Call, Job};
use os_types::{Code, Failure};

use crate::channel::Channel;
use crate::{enter, guest, start, unpack};

/// Maximum length of a call, in bytes.
const CALL_LIMIT: u64 = 8 << 20;

pub(crate) fn run() -> ExitCode {
    let mut passed = os_sys::passed_descriptors();
    let (call, channel) = match read() {
        Ok(read) => read,
        Err(complaint) => return crate::usage(&complaint),
    };
    if call.groups > passed.len() {
        return crate::usage("there are fewer descriptors than control groups");
    }
    let others = passed.split_off(call.groups);
    if let Err(failure) = enter_groups(passed) {
        return channel.failed(failure);
    }
    match call.job {
        Job::Start(job) => start::run(&job, channel),
        Job::Enter(job) => enter::run(&job, others, channel),
        Job::Guest(job) => guest::run(&job, channel),
        Job::Unpack(job) => unpack::run(&job, channel),
    }
}

/// *Errors*: as a sentence for whoever wrote the call.
fn read() -> Result<(Call, Channel), String> {
    let mut text = Vec::new();
    let read = io::stdin().take(CALL_LIMIT).read_to_end(&mut text);
    read.map_err(|error| format!("the job cannot be read: {error}"))?;
    let call = serde_json::from_slice(&text);
    let call = call.map_err(|error| format!("the job is not understood: {error}"))?;
    let answer = io::stdout().as_fd().try_clone_to_owned();
    let answer = answer.map_err(|error| format!("there is no descriptor for answers: {error}"))?;
    // Only the copy is left, which closes at exec, so that the end of the job's preparation is seen.
    let null = File::options().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| format!("there is no /dev/null: {error}"))?;
    let streams = rustix::stdio::dup2_stdin(&null).and_then(|()| rustix::stdio::dup2_stdout(&null));
    streams.map_err(|error| format!("the standard streams cannot be replaced: {error}"))?;
    Ok((call, Channel(answer)))
}

fn enter_groups(groups: Vec<OwnedFd>) -> Result<(), Failure> {
    let keyring = os_sys::new_session_keyring();
    keyring.map_err(|error| Failure::new(Code::System, os_types::chain(&error)))?;
    for group in groups {
        // "0" is the process that writes.
        File::from(group).write_all(b"0").map_err(|error| {
            let text = format!("cannot join a control group of the container: {error}");
            Failure::new(Code::System, text)
        })?;
    }
    Ok(())
}
