//! Work inside a guest, done by `os-helper guest` and never by us.
//!
//! Each wait has an end: a guest may have a file system that does not answer, then the helper is
//! killed. What the helper says is taken for words of the guest: bounded, and escaped before anybody
//! reads it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use os_guest::{
    Dress, GuestAnswer, GuestJob, GuestWork, Report, RunningGuest, StoppedGuest, Which,
};
use os_sys::SpawnRequest;
use os_types::{Code, Failure, chain};
use rustix::fs::MemfdFlags;

use super::launch::Means;
use super::{Place, process};

/// A few files are written within this time, on a disk that is busy too.
const DRESS_PATIENCE: Duration = Duration::from_secs(10);

/// Users are told within this time.
pub(super) const TELL_PATIENCE: Duration = Duration::from_secs(2);

/// Longer answers are cut, and then not understood.
const ANSWER_LIMIT: u64 = 64 << 10;

/// Writes name and resolvers before a container starts, if it has any. What cannot be written is
/// logged and hinders no start.
pub(super) fn dress_before_start(place: &Place, means: &Means<'_>) {
    let dress = Dress {
        distribution: place.doc.distribution.clone(),
        hostname: place.doc.hostname.clone(),
        dns_resolvers: place.doc.dns_resolvers.clone(),
    };
    if dress.is_empty() {
        return;
    }
    let container = format!("{}:{}", place.pool, place.name);
    let guest = StoppedGuest {
        root: place.root.clone(),
        uid_map: place.uid_map.clone(),
        gid_map: place.gid_map.clone(),
    };
    let groups = place.delegated().and_then(|group| {
        let groups = means.cgroups.join_fds(&group);
        groups.map_err(|error| Failure::new(Code::Step, chain(&error)))
    });
    let written = groups.and_then(|groups| dress_stopped(guest, dress, groups, means));
    log(&container, &written);
}

/// Writes name and resolvers into the root of a guest that does not run.
///
/// `groups` are those that the helper is to be in; none, if the container has none at this time.
pub(crate) fn dress_stopped(
    guest: StoppedGuest,
    dress: Dress,
    groups: Vec<File>,
    means: &Means<'_>,
) -> Result<Report, Failure> {
    let job = GuestJob {
        guest: Which::Stopped(guest),
        work: GuestWork::Dress(dress),
    };
    run(&job, groups, DRESS_PATIENCE, means)
}

/// As [`dress_stopped`], and gives the guest's kernel its name.
pub(crate) fn dress_running(init: u32, dress: Dress, means: &Means<'_>) -> Result<Report, Failure> {
    run_inside(init, GuestWork::Dress(dress), DRESS_PATIENCE, means)
}

/// Tells the users who are logged in to a running guest.
pub(super) fn tell(init: u32, message: &str, means: &Means<'_>) -> Result<Report, Failure> {
    let message = message.to_owned();
    run_inside(init, GuestWork::Tell { message }, TELL_PATIENCE, means)
}

/// Says in the log what became of it.
pub(crate) fn log(container: &str, written: &Result<Report, Failure>) {
    match written {
        Ok(report) => {
            tracing::debug!(container, done = ?report.done, "inside");
            for left in &report.left {
                tracing::warn!(container, left = %left, "inside");
            }
        }
        Err(failure) => tracing::warn!(container, %failure, "nothing was written inside"),
    }
}

fn run_inside(
    init: u32,
    work: GuestWork,
    patience: Duration,
    means: &Means<'_>,
) -> Result<Report, Failure> {
    let gone = || Failure::new(Code::ContainerState, "its init is gone");
    let init_start = process::stat(init).ok_or_else(gone)?.start_time;
    let groups = means.cgroups.join_fds_of(init);
    let groups = groups.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    let job = GuestJob {
        guest: Which::Running(RunningGuest {
            init_pid: init,
            init_start,
        }),
        work,
    };
    run(&job, groups, patience, means)
}

fn run(
    job: &GuestJob,
    groups: Vec<File>,
    patience: Duration,
    means: &Means<'_>,
) -> Result<Report, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(Code::Step, format!("cannot run os-helper: {error}"));
    let text = serde_json::to_vec(job).unwrap_or_default();
    let memory = rustix::fs::memfd_create("guest", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(|errno| failed(errno.into()))?);
    memory.write_all(&text).map_err(failed)?;
    let (answers, output) = std::io::pipe().map_err(failed)?;
    let mut request = SpawnRequest::new(&means.program)
        .args(["guest", "0"])
        .stdin(OwnedFd::from(memory))
        .stdout(OwnedFd::from(output));
    for procs in groups {
        request = request.cgroup(procs);
    }
    let child = os_sys::spawn(request);
    let mut child = child.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    let ended = child.wait(patience);
    if !matches!(ended, Ok(Some(_))) {
        // It may hang in the kernel: then it is reaped when it has come back.
        let killed = child.signal_group(os_sys::Signal::KILL);
        means.runtime.watch.child(child, || ());
        killed.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
        let seconds = patience.as_secs();
        let text = format!("nothing came back from inside within {seconds} s");
        return Err(Failure::new(Code::Deadline, text));
    }
    understand(answers.into())
}

/// Reads an answer that is complete by now: a writer that is still there is not waited for.
fn understand(answers: OwnedFd) -> Result<Report, Failure> {
    let nonblocking = rustix::io::ioctl_fionbio(&answers, true);
    nonblocking.map_err(|errno| Failure::new(Code::Step, errno.to_string()))?;
    let mut bytes = Vec::new();
    // Without an end, or cut, it is not understood.
    drop(
        File::from(answers)
            .take(ANSWER_LIMIT)
            .read_to_end(&mut bytes),
    );
    match serde_json::from_slice(&bytes) {
        Ok(GuestAnswer::Done(report)) => Ok(Report {
            done: report.done.iter().map(|word| plain(word)).collect(),
            left: report.left.iter().map(|word| plain(word)).collect(),
        }),
        Ok(GuestAnswer::Failed(why)) => Err(Failure::new(Code::Step, plain(&why))),
        Err(_no_answer) => Err(Failure::new(Code::Step, "os-helper died inside")),
    }
}

/// A word of a guest, fit to be read.
fn plain(word: &str) -> String {
    let escaped = word.chars().flat_map(char::escape_debug);
    escaped.take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &[u8]) -> Result<Report, Failure> {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(text).unwrap();
        // The writer stays open, as that of a helper's child would.
        let understood = understand(reader.into());
        drop(writer);
        understood
    }

    #[test]
    fn words_of_a_guest_are_escaped_and_cut() {
        let long = "x".repeat(10_000);
        let text = format!(r#"{{"done":{{"done":["\u001b[2J"],"left":["{long}"]}}}}"#);
        let report = answer(text.as_bytes()).unwrap();
        assert_eq!(report.done, [r"\u{1b}[2J"]);
        assert_eq!(report.left[0].len(), 500);
        let failed = answer(br#"{"failed":"no\nroot"}"#).unwrap_err();
        assert_eq!(failed.message, r"no\nroot");
    }

    #[test]
    fn what_is_no_answer_is_a_failure() {
        for text in [&b""[..], b"{", b"[]", b"{\"done\":7}", &[0xff; 4096]] {
            assert_eq!(answer(text).unwrap_err().message, "os-helper died inside");
        }
    }
}
