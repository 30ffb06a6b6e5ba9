//! Running `os-helper`, which does in a process of its own what the daemon must not do in its own
//! (ADR-14).
//!
//! The program is executed first, without any descriptor of the daemon but those that are passed, and
//! joins a guest's control groups afterwards, by itself. So a guest that freezes its groups, or lets
//! nothing in them have memory, holds up a helper and never the daemon; the helper is killed at its
//! deadline. A group that is frozen by version 1 does not let it die at once: it is reaped when it does.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use os_helper_api::{ANSWER_LIMIT, Answer, Call, Job};
use os_sys::{Child, Signal, SpawnRequest};
use os_types::{Code, Explain, Failure};
use rustix::event::PollFlags;
use rustix::fs::{MemfdFlags, SealFlags};

use crate::exchange::wait_fd;

/// Maximum of what is kept of a helper's complaints, in characters.
const COMPLAINT_LIMIT: usize = 500;

/// How long a helper may take to end after it has said that its job failed.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a helper did not do its job.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// It was not started.
    #[error("cannot start {}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its answer could not be read.
    #[error("cannot read the answer of os-helper")]
    Exchange(#[source] io::Error),
    /// It ended without an answer.
    #[error("os-helper ended without an answer{}", complaint(said))]
    Died {
        /// What it wrote to standard error, escaped and cut.
        said: String,
    },
    /// It was killed at its deadline.
    #[error("os-helper did not come back within {} s and was killed", after.as_secs_f32())]
    TimedOut {
        /// How long it had.
        after: Duration,
    },
    /// It says why.
    #[error(transparent)]
    Failed(Failure),
}

fn complaint(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

impl Explain for HelperError {
    fn code(&self) -> Code {
        match self {
            Self::Start { .. } | Self::Exchange(_) | Self::Died { .. } => Code::System,
            Self::TimedOut { .. } => Code::Deadline,
            Self::Failed(failure) => failure.code,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Failed(failure) => failure.object.clone(),
            _ => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Failed(failure) => failure.next.clone(),
            _ => None,
        }
    }
}

/// Takes a helper that was killed and reaps it when it has ended.
#[derive(Clone)]
struct Reaper(Arc<dyn Fn(Child) + Send + Sync>);

impl std::fmt::Debug for Reaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reaper")
    }
}

/// The program `os-helper`.
#[derive(Debug, Clone)]
pub struct Helper {
    path: PathBuf,
    image: Option<Arc<OwnedFd>>,
    reaper: Reaper,
}

impl Helper {
    /// The program at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            image: None,
            reaper: Reaper(Arc::new(reap_on_a_thread)),
        }
    }

    /// A sealed copy of the program in memory. Nothing can change it, not even root of a guest that sees
    /// the process: `memfd_create(2)`, `F_ADD_SEALS`.
    pub fn sealed(path: impl Into<PathBuf>) -> io::Result<Self> {
        let helper = Self::new(path);
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut memory = File::from(rustix::fs::memfd_create("os-helper", flags)?);
        io::copy(&mut File::open(&helper.path)?, &mut memory)?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        rustix::fs::fcntl_add_seals(&memory, seals)?;
        // Executing a file that is open for writing is refused.
        let image = File::open(format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&memory)
        ))?;
        Ok(Self {
            image: Some(Arc::new(image.into())),
            ..helper
        })
    }

    /// Hands helpers that were killed to `reap` and not to a thread for each.
    #[must_use]
    pub fn reaped_by(mut self, reap: impl Fn(Child) + Send + Sync + 'static) -> Self {
        self.reaper = Reaper(Arc::new(reap));
        self
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does a job that ends, in these control groups (files that join them), and returns the answer.
    ///
    /// # Errors
    /// [`HelperError::TimedOut`] if all of it, from the start on, takes longer than `timeout`.
    pub fn call(
        &self,
        job: Job,
        groups: Vec<File>,
        timeout: Duration,
    ) -> Result<Answer, HelperError> {
        let mut started = self.start(job, groups, Vec::new())?;
        match started.ended(timeout)? {
            Some(answer) => Ok(answer),
            None => Err(HelperError::TimedOut { after: timeout }),
        }
    }

    /// Starts a job, and passes it descriptors. Returns as soon as the program is executed.
    pub fn start(
        &self,
        job: Job,
        groups: Vec<File>,
        passed: Vec<OwnedFd>,
    ) -> Result<Started, HelperError> {
        let failed = |source| HelperError::Start {
            path: self.path.clone(),
            source,
        };
        let call = Call {
            groups: groups.len(),
            job,
        };
        let memory = rustix::fs::memfd_create("job", MemfdFlags::CLOEXEC);
        let mut memory = File::from(memory.map_err(|errno| failed(errno.into()))?);
        let text = serde_json::to_vec(&call).map_err(|error| failed(error.into()))?;
        memory.write_all(&text).map_err(failed)?;
        io::Seek::rewind(&mut memory).map_err(failed)?;
        let (answer, theirs) = io::pipe().map_err(failed)?;
        let (errors, complaints) = io::pipe().map_err(failed)?;
        let mut request = SpawnRequest::new(&self.path)
            .arg("job")
            .stdin(memory)
            .stdout(theirs)
            .stderr(complaints);
        if let Some(image) = &self.image {
            request = request.image(Arc::clone(image));
        }
        for group in groups {
            request = request.pass(group);
        }
        for fd in passed {
            request = request.pass(fd);
        }
        let child = os_sys::spawn(request).map_err(|error| failed(io::Error::other(error)))?;
        Ok(Started {
            pid: child.pid(),
            child: Some(child),
            answer: answer.into(),
            errors: errors.into(),
            reaper: self.reaper.clone(),
        })
    }
}

/// A helper at work. Dropping it kills it.
#[derive(Debug)]
pub struct Started {
    pid: u32,
    child: Option<Child>,
    answer: OwnedFd,
    errors: OwnedFd,
    reaper: Reaper,
}

impl Started {
    /// Its process id, also that of what it becomes.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The answer of a job that ends; `None` if it has not ended within this time.
    pub fn ended(&mut self, timeout: Duration) -> Result<Option<Answer>, HelperError> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let ended = child.wait(timeout);
        if ended
            .map_err(|error| HelperError::Exchange(io::Error::other(error)))?
            .is_none()
        {
            return Ok(None);
        }
        self.child = None;
        match self.say()? {
            Some(Answer::Failed(failure)) => Err(HelperError::Failed(failure)),
            Some(answer) => Ok(Some(answer)),
            None => Err(self.died()),
        }
    }

    /// Waits until the job has become another program.
    ///
    /// # Errors
    /// What it says if it does not; [`HelperError::TimedOut`].
    pub fn executed(mut self, timeout: Duration) -> Result<Child, HelperError> {
        let deadline = Instant::now() + timeout;
        let mut said = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if !wait_fd(self.answer.as_fd(), PollFlags::IN, left).map_err(HelperError::Exchange)? {
                return Err(HelperError::TimedOut { after: timeout });
            }
            if !read_some(&self.answer, &mut said).map_err(HelperError::Exchange)? {
                break;
            }
        }
        let answer = understand(&said);
        match self.child.take() {
            // One that died closed its end, too.
            Some(child) if answer.is_none() && !has_ended(&child) => Ok(child),
            child => {
                self.child = child;
                Err(self.refusal(answer))
            }
        }
    }

    /// Lets a helper go on that has answered [`Answer::Attending`]: `said` is all that was read from
    /// [`Started::answer_pipe`].
    pub fn attending(mut self, said: &[u8]) -> Result<Child, HelperError> {
        match (understand(said), self.child.take()) {
            (Some(Answer::Attending), Some(child)) => Ok(child),
            (answer, child) => {
                self.child = child;
                Err(self.refusal(answer))
            }
        }
    }

    fn refusal(&mut self, answer: Option<Answer>) -> HelperError {
        // It is about to end. If it does not, it is killed.
        let ended = self.child.as_mut().map(|child| child.wait(FAREWELL));
        if let Some(Ok(Some(_))) = ended {
            self.child = None;
        }
        match answer {
            Some(Answer::Failed(failure)) => HelperError::Failed(failure),
            _ => self.died(),
        }
    }

    /// The end of the answer's pipe, for a caller that waits for it asynchronously.
    pub fn answer_pipe(&self) -> io::Result<OwnedFd> {
        self.answer.try_clone()
    }

    fn say(&self) -> Result<Option<Answer>, HelperError> {
        // It has ended: what is not in the pipe by now does not come, and a child of it that has the
        // other end is not waited for.
        let nonblocking = rustix::io::ioctl_fionbio(&self.answer, true);
        nonblocking.map_err(|errno| HelperError::Exchange(errno.into()))?;
        let mut said = Vec::new();
        loop {
            match read_some(&self.answer, &mut said) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(HelperError::Exchange(error)),
            }
        }
        Ok(understand(&said))
    }

    fn died(&self) -> HelperError {
        let mut said = Vec::new();
        if rustix::io::ioctl_fionbio(&self.errors, true).is_ok() {
            while let Ok(true) = read_some(&self.errors, &mut said) {}
        }
        HelperError::Died {
            said: plain(String::from_utf8_lossy(&said).trim()),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            if let Err(error) = child.signal_group(Signal::KILL) {
                tracing::error!(%error, "cannot kill a helper");
            }
            (self.reaper.0)(child);
        }
    }
}

fn has_ended(child: &Child) -> bool {
    child.pidfd().wait_exit(Duration::ZERO).unwrap_or(false)
}

/// Reads what is there; `false` at the end, and of what is longer than any answer.
fn read_some(from: &OwnedFd, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    match rustix::io::read(from, &mut chunk) {
        Ok(0) => Ok(false),
        Ok(count) => {
            into.extend(chunk.iter().take(count));
            Ok(into.len() <= ANSWER_LIMIT)
        }
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}

/// Parses the response; `None` if it is empty, a failure if it is invalid.
fn understand(said: &[u8]) -> Option<Answer> {
    if said.is_empty() {
        return None;
    }
    let answer = serde_json::from_slice(said).unwrap_or_else(|_no_answer| {
        let text = plain(&String::from_utf8_lossy(said));
        Answer::Failed(Failure::new(
            Code::System,
            format!("os-helper sent an invalid response: {text}"),
        ))
    });
    Some(match answer {
        // A guest has a hand in it.
        Answer::Guest(mut report) => {
            for word in report.done.iter_mut().chain(&mut report.left) {
                *word = plain(word);
            }
            Answer::Guest(report)
        }
        Answer::Failed(mut failure) => {
            failure.message = plain(&failure.message);
            Answer::Failed(failure)
        }
        other => other,
    })
}

/// Words of a guest, fit to be shown: a terminal does not obey them.
fn plain(text: &str) -> String {
    let shown = text.chars().map(|c| match c {
        '"' | '\'' | '\\' => c.to_string(),
        other => other.escape_debug().to_string(),
    });
    shown
        .collect::<String>()
        .chars()
        .take(COMPLAINT_LIMIT)
        .collect()
}

fn reap_on_a_thread(mut child: Child) {
    let thread = std::thread::Builder::new().name(format!("reap-{}", child.pid()));
    let reaping = thread.spawn(move || while let Ok(None) = child.wait(Duration::from_mins(1)) {});
    if let Err(error) = reaping {
        tracing::error!(%error, "cannot reap a helper");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use os_helper_api::{GuestJob, GuestTarget, GuestWork, RunningGuest};

    use super::*;

    /// A helper that is a shell script.
    fn helper(script: &str) -> (tempfile::TempDir, Helper) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helper");
        let mut file = File::create(&path).unwrap();
        writeln!(file, "#!/bin/sh\n{script}").unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o755))
            .unwrap();
        drop(file);
        (folder, Helper::new(path))
    }

    fn job() -> Job {
        Job::Guest(GuestJob {
            guest: GuestTarget::Running(RunningGuest {
                init_pid: 1,
                init_start: 1,
            }),
            work: GuestWork::Tell {
                message: "x".to_owned(),
            },
        })
    }

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn words_of_a_guest_are_escaped_and_cut() {
        let script = r#"printf '{"guest":{"done":["\\u001b[2J"],"left":["%01000d"]}}' 1"#;
        let (_folder, helper) = helper(script);
        let Answer::Guest(report) = helper.call(job(), Vec::new(), LONG).unwrap() else {
            panic!("another answer");
        };
        assert_eq!(report.done, [r"\u{1b}[2J"]);
        assert_eq!(report.left[0].len(), COMPLAINT_LIMIT);
    }

    #[test]
    fn what_is_no_answer_is_a_failure() {
        for script in ["", "echo '{'", "echo '[]'", "echo '{\"guest\":7}'"] {
            let (_folder, helper) = helper(script);
            helper.call(job(), Vec::new(), LONG).unwrap_err();
        }
        let (_folder, helper) = helper("echo because >&2; exit 3");
        match helper.call(job(), Vec::new(), LONG).unwrap_err() {
            HelperError::Died { said } => assert_eq!(said, "because"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_helper_that_hangs_is_killed_with_what_it_started() {
        let (_folder, helper) = helper("sleep 60 & sleep 60");
        let began = Instant::now();
        let (sender, receiver) = std::sync::mpsc::channel();
        let helper = helper.reaped_by(move |child| sender.send(child).unwrap());
        let error = helper.call(job(), Vec::new(), Duration::from_millis(200));
        assert!(matches!(error, Err(HelperError::TimedOut { .. })));
        assert!(began.elapsed() < Duration::from_secs(30));
        let mut child = receiver.recv().unwrap();
        assert!(child.wait(LONG).unwrap().is_some());
    }

    #[test]
    fn a_job_that_becomes_a_program_closes_its_answer() {
        let (_folder, quiet) = helper("exec sleep 60 >&-");
        let child = quiet.start(job(), Vec::new(), Vec::new()).unwrap();
        let mut child = child.executed(LONG).unwrap();
        assert!(child.signal_group(Signal::KILL).unwrap());
        child.wait(LONG).unwrap().unwrap();
        let failure = r#"echo '{"failed":{"code":"E-START","message":"no"}}'; exec sleep 60 >&-"#;
        let (_folder, loud) = helper(failure);
        let started = loud.start(job(), Vec::new(), Vec::new()).unwrap();
        match started.executed(LONG).unwrap_err() {
            HelperError::Failed(failure) => assert_eq!(failure.code, Code::Start),
            other => panic!("{other:?}"),
        }
        let (_folder, hanging) = helper("exec sleep 60");
        let started = hanging.start(job(), Vec::new(), Vec::new()).unwrap();
        let error = started.executed(Duration::from_millis(100)).unwrap_err();
        assert!(matches!(error, HelperError::TimedOut { .. }));
    }

    #[test]
    fn a_job_that_goes_on_says_so() {
        let (_folder, helper) = helper("exec sleep 60");
        let started = || helper.start(job(), Vec::new(), Vec::new()).unwrap();
        let mut child = started().attending(br#""attending""#).unwrap();
        assert!(child.signal_group(Signal::KILL).unwrap());
        child.wait(LONG).unwrap().unwrap();
        let error = started().attending(b"").unwrap_err();
        assert!(matches!(error, HelperError::Died { .. }));
    }
}
