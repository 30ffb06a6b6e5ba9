//! A job for osctld: what it is comes on descriptor 0, and the answer goes to descriptor 1.
//!
//! Before the job begins the process takes a session keyring of its own, for a guest that it enters could
//! use the daemon's, and joins the control groups that it was given; a start joins them when it is ready
//! for LXC. Whatever a guest has done to them holds up this process only.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use os_helper_api::{Call, Job};
use os_types::{Code, Failure};

use crate::channel::Channel;
use crate::groups::join_groups;
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
    let (now, later) = match call.job {
        Job::Start(_) => (Vec::new(), passed),
        _ => (passed, Vec::new()),
    };
    if let Err(error) = os_sys::new_session_keyring() {
        return channel.failed(Failure::new(Code::System, os_types::chain(&error)));
    }
    if let Err(error) = join_groups(now) {
        let text = format!("cannot join a control group of the container: {error}");
        return channel.failed(Failure::new(Code::System, text));
    }
    match call.job {
        Job::Start(job) => start::run(&job, later, channel),
        Job::Enter(job) => enter::run(&job, others, channel),
        Job::Guest(job) => guest::run(&job, channel),
        Job::Unpack(job) => unpack::run(&job, channel),
    }
}

/// *Errors*: a sentence for the developer of the caller.
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
