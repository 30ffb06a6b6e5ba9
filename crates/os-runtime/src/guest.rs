//! Work inside a guest, done by `os-helper guest` and never by the daemon itself.
//!
//! Each wait has a deadline: if a file system in the guest does not answer, the helper is killed. The
//! helper's answer is treated as text of the guest: bounded, and escaped before anybody reads it.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::time::Duration;

use os_guest::{
    Dress, GuestAnswer, GuestJob, GuestWork, Report, RunningGuest, StoppedGuest, Which,
};
use os_sys::SpawnRequest;
use os_types::{Code, ContainerRef, Failure};

use crate::process::Process;
use crate::runtime::Runtime;
use crate::spec::ContainerSpec;
use crate::{failure, helper_job};

/// Deadline for writing a few files, also on a busy disk.
const CONFIG_TIMEOUT: Duration = Duration::from_secs(10);

/// Deadline for writing a message to the terminals of logged-in users.
pub(crate) const WALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum length of an answer, in bytes. A longer one is cut, and then not understood.
const ANSWER_LIMIT: u64 = 64 << 10;

impl Runtime {
    /// Writes host name and resolvers before a container starts, if they are set. A failure is logged and
    /// does not keep the container from starting.
    pub(crate) fn write_guest_config_before_start(&self, spec: &ContainerSpec) {
        let config = spec.guest_config();
        if config.is_empty() {
            return;
        }
        let guest = StoppedGuest {
            root: spec.paths.root.clone(),
            uid_map: spec.uid_map.clone(),
            gid_map: spec.gid_map.clone(),
        };
        let groups = spec.delegated().and_then(|group| {
            let groups = self.cgroups.join_fds(&group);
            groups.map_err(Failure::from)
        });
        let written = groups.and_then(|groups| self.write_stopped(guest, config, groups));
        log_report(&spec.container, &written);
    }

    /// Writes host name and resolvers into the root of a stopped guest.
    pub fn write_guest_config(
        &self,
        guest: StoppedGuest,
        config: Dress,
    ) -> Result<Report, Failure> {
        self.write_stopped(guest, config, Vec::new())
    }

    /// Writes host name and resolvers into a running guest, and tells its kernel the host name.
    pub fn write_running_guest_config(
        &self,
        init: &Process,
        config: Dress,
    ) -> Result<Report, Failure> {
        self.run_inside(init, GuestWork::Dress(config), CONFIG_TIMEOUT)
    }

    /// Writes a message to the terminals of users who are logged in to a running guest.
    pub(crate) fn wall(&self, init: &Process, message: &str) -> Result<Report, Failure> {
        let message = message.to_owned();
        self.run_inside(init, GuestWork::Tell { message }, WALL_TIMEOUT)
    }

    /// The helper joins `groups`.
    fn write_stopped(
        &self,
        guest: StoppedGuest,
        config: Dress,
        groups: Vec<File>,
    ) -> Result<Report, Failure> {
        let job = GuestJob {
            guest: Which::Stopped(guest),
            work: GuestWork::Dress(config),
        };
        self.run_guest_job(&job, groups, CONFIG_TIMEOUT)
    }

    fn run_inside(
        &self,
        init: &Process,
        work: GuestWork,
        timeout: Duration,
    ) -> Result<Report, Failure> {
        let groups = self.cgroups.join_fds_of(init.pid());
        let groups = groups?;
        let job = GuestJob {
            guest: Which::Running(RunningGuest {
                init_pid: init.pid(),
                init_start: init.start_time(),
            }),
            work,
        };
        self.run_guest_job(&job, groups, timeout)
    }

    fn run_guest_job(
        &self,
        job: &GuestJob,
        groups: Vec<File>,
        timeout: Duration,
    ) -> Result<Report, Failure> {
        let job_file = helper_job::file(job)?;
        let (answers, output) = std::io::pipe().map_err(failure::while_doing("run os-helper"))?;
        let mut request = SpawnRequest::new(self.programs()?.sealed_helper())
            .args(["guest", "0"])
            .stdin(job_file)
            .stdout(OwnedFd::from(output));
        for procs in groups {
            request = request.cgroup(procs);
        }
        let mut child = os_sys::spawn(request)?;
        let ended = child.wait(timeout);
        if !matches!(ended, Ok(Some(_))) {
            // It may hang in the kernel; the reaper waits for it.
            let killed = child.signal_group(os_sys::Signal::KILL);
            self.reaper.child(child, || ());
            killed?;
            let seconds = timeout.as_secs();
            let text = format!("nothing came back from inside within {seconds} s");
            return Err(Failure::new(Code::Deadline, text));
        }
        understand(answers.into())
    }
}

/// Logs what was done inside a guest.
pub fn log_report(container: &ContainerRef, written: &Result<Report, Failure>) {
    match written {
        Ok(report) => {
            tracing::debug!(%container, done = ?report.done, "inside");
            for left in &report.left {
                tracing::warn!(%container, left = %left, "inside");
            }
        }
        Err(failure) => tracing::warn!(%container, %failure, "nothing was written inside"),
    }
}

/// Reads an answer that is complete by now; it does not wait for a writer that is still there.
fn understand(answers: OwnedFd) -> Result<Report, Failure> {
    let nonblocking = rustix::io::ioctl_fionbio(&answers, true);
    nonblocking.map_err(failure::while_doing("read from os-helper"))?;
    let mut bytes = Vec::new();
    // An error leaves the answer incomplete, and then it is not understood.
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
        Ok(GuestAnswer::Failed(why)) => Err(Failure::new(Code::File, plain(&why))),
        Err(_no_answer) => Err(Failure::new(Code::System, "os-helper died inside")),
    }
}

/// A text of a guest, fit for terminals.
fn plain(word: &str) -> String {
    let escaped = word.chars().flat_map(char::escape_debug);
    escaped.take(500).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

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
