//! The answer of a job to osctld.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use os_helper_api::{ANSWER_LIMIT, Answer};
use os_types::Failure;
use rustix::event::{PollFd, PollFlags, Timespec};

/// Where the answer goes; closed by an exec.
#[derive(Debug)]
pub(crate) struct Channel(pub(crate) OwnedFd);

impl Channel {
    /// Answers, and ends the conversation.
    pub(crate) fn answer(self, answer: &Answer) -> ExitCode {
        let status = match answer {
            Answer::Failed(_) => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
        let mut text = serde_json::to_vec(answer).unwrap_or_default();
        if text.is_empty() || text.len() > ANSWER_LIMIT {
            return crate::say("the answer is too long", ExitCode::from(3));
        }
        text.push(b'\n');
        match File::from(self.0).write_all(&text) {
            Ok(()) => status,
            Err(_) => ExitCode::from(3),
        }
    }

    /// Whether osctld, which reads the answer, is still there.
    pub(crate) fn has_reader(&self) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::empty())];
        let at_once = Timespec::default();
        // A pipe without readers is an error to its writers: pipe(7).
        rustix::event::poll(&mut polled, Some(&at_once)).is_ok()
            && !polled
                .iter()
                .any(|it| it.revents().contains(PollFlags::ERR))
    }

    /// Answers that the job failed.
    pub(crate) fn failed(self, failure: Failure) -> ExitCode {
        self.answer(&Answer::Failed(failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_osctld_is_seen() {
        let (reader, writer) = std::io::pipe().unwrap();
        let channel = Channel(writer.into());
        assert!(channel.has_reader());
        drop(reader);
        assert!(!channel.has_reader());
    }
}
