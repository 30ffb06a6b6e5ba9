//! The root shell on `/dev/hvc0`: commands in, status and output out.
//!
//! The guest has a plain shell there, which reads commands from the line and writes to it. Nothing
//! else is asked of it: it may be dash or busybox, raw or cooked, with echo, prompts and line
//! editing or without. A command goes through it like this, T being a word made for this command:
//!
//! ```text
//! printf %s c2xlZXAgMQ== >>/dev/.osvm/T.script.64         as often as needed
//! base64 -d <T.script.64 >T.script
//! timeout -s KILL 20 sh T.script <T.input >T.output 2>&1;
//!     print "@osvm-T:status $?"; base64 T.output; print "@osvm-T:end"
//! ```
//!
//! - All is base64, so that any text and any bytes pass a terminal, in lines that are shorter than
//!   what line editors (1024) and terminals (4096) take.
//! - The last step is one line, so that no prompt comes in between.
//! - The marks are put together by the guest, so an echo of the command does not contain them.
//! - Files are in `/dev`: a system with `/dev/hvc0` has a writable file system there,
//!   before and after anything else is mounted.
//! - The output is a file and not a pipe: what the command leaves running in the background does
//!   not hold it up, and what a command wrote before it was killed is still there.
//! - What the guest says comes by a file that QEMU writes. It would drop what a socket does not take at
//!   once, since the kernel's driver for consoles waits with a spin lock held.
//! - The deadline is kept by the guest, which leaves the shell usable; if it does not answer at all,
//!   by the host, and the next command first waits for the shell to come back.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use crate::base64;
use crate::token::token;

/// A line of base64, so that the whole line has less than 1024 bytes.
const PIECE: usize = 900;

/// After so long without an answer the shell is greeted again.
const GREETING_PAUSE: Duration = Duration::from_millis(500);

/// How often the file with the guest's words is looked into.
const LOOK: Duration = Duration::from_millis(5);

/// The longest time that one command may take, in the guest's count.
const LONGEST: Duration = Duration::from_hours(24);

#[derive(Debug)]
pub(crate) struct Shell {
    /// A pipe to the guest.
    input: File,
    /// The file with what it says.
    output: File,
    received: Vec<u8>,
    state: State,
    /// The word of the greeting that has not been answered. It is the same as long as the shell is
    /// silent: an answer that comes late is an answer.
    greeting: String,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The shell has not answered since the machine started, or since an error.
    Silent,
    /// It waits for a command.
    Ready,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It ended with this status and output.
    Ended(i32, Vec<u8>),
    /// It was killed by the guest when its time was over; its output until then.
    Killed(Vec<u8>),
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The time was over, and the guest has not answered.
    Silence,
    /// The line is closed: QEMU ended.
    Closed,
    /// The socket failed, or the guest's answer is no answer.
    Broken(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match error.kind() {
            BrokenPipe | ConnectionReset => Self::Closed,
            _ => Self::Broken(error),
        }
    }
}

impl Shell {
    /// Opens the pipe, which somebody has to read already, and the file.
    pub(crate) fn connect(input: &Path, output: &Path) -> io::Result<Self> {
        let without_waiting = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let mut options = File::options();
        let options = options.write(true).custom_flags(without_waiting);
        Ok(Self {
            input: options.open(input)?,
            output: File::open(output)?,
            received: Vec::new(),
            state: State::Silent,
            greeting: token(),
        })
    }

    /// Forgets what it knows: the machine reboots.
    pub(crate) fn forget(&mut self) {
        self.state = State::Silent;
        self.greeting = token();
    }

    /// Returns when the shell answers. Repeats the query, because input for a line that
    /// no process has opened yet may be lost.
    pub(crate) fn greet(&mut self, until: Instant) -> Result<(), Fault> {
        self.state = State::Silent;
        let word = self.greeting.clone();
        let question = format!("\nprintf '%s%s\\n' @osvm- {word}\n");
        let answer = format!("@osvm-{word}");
        loop {
            let soon = until.min(Instant::now() + GREETING_PAUSE);
            match self.exchange(question.as_bytes(), answer.as_bytes(), soon) {
                Err(Fault::Silence) if Instant::now() < until => {}
                Err(fault) => return Err(fault),
                Ok(_) => break,
            }
        }
        self.greeting = token();
        self.state = State::Ready;
        Ok(())
    }

    /// Runs a script with an input. The guest kills it after `limit`; the host waits for an answer
    /// until then and for `grace` more.
    pub(crate) fn run(
        &mut self,
        script: &[u8],
        input: &[u8],
        limit: Duration,
        grace: Duration,
    ) -> Result<Ran, Fault> {
        let begin = Instant::now();
        let limit = limit.min(LONGEST);
        let until = begin + limit + grace;
        if self.state == State::Silent {
            self.greet(until)?;
        }
        // Whatever goes wrong from here on leaves a shell that we do not know.
        self.state = State::Silent;
        self.received.clear();
        let word = token();
        let begin_mark = format!("@osvm-{word}:status ");
        let end_mark = format!("@osvm-{word}:end");
        let question = question(&word, script, input, limit);
        let end = self.exchange(question.as_bytes(), end_mark.as_bytes(), until)?;
        let answer = self.received.get(..end).unwrap_or_default();
        let (status, output) = parse(answer, begin_mark.as_bytes())
            .ok_or_else(|| Fault::Broken(io::Error::other("garbled answer of the shell")))?;
        self.state = State::Ready;
        // timeout(1) says 124, 137 or 143 for a command whose time is over, as that could itself.
        let killed = matches!(status, 124 | 137 | 143) && begin.elapsed() >= limit;
        Ok(if killed {
            Ran::Killed(output)
        } else {
            Ran::Ended(status, output)
        })
    }

    /// Sends a command that will not be answered, because it ends the system.
    pub(crate) fn send_last(&mut self, command: &str, until: Instant) -> Result<(), Fault> {
        if self.state == State::Silent {
            self.greet(until)?;
        }
        self.state = State::Silent;
        // Answered before it runs, so that it is known to have arrived.
        let word = token();
        let line = format!("printf '%s%s\\n' @osvm- {word}; {command}\n");
        let answer = format!("@osvm-{word}");
        self.exchange(line.as_bytes(), answer.as_bytes(), until)
            .map(drop)
    }

    /// Writes all and reads until the mark has come. Returns where in `received` it is.
    fn exchange(&mut self, mut out: &[u8], mark: &[u8], until: Instant) -> Result<usize, Fault> {
        let mut searched = 0;
        loop {
            let fresh = self.received.get(searched..).unwrap_or_default();
            if let Some(at) = find(fresh, mark) {
                return Ok(searched + at);
            }
            searched = self.received.len().saturating_sub(mark.len());
            let ready = self.wait(!out.is_empty(), until)?;
            if ready.contains(PollFlags::OUT) && !out.is_empty() {
                match self.input.write(out) {
                    Ok(written) => out = out.get(written..).unwrap_or_default(),
                    Err(e) if is_transient(&e) => {}
                    Err(e) => return Err(e.into()),
                }
            }
            self.output.read_to_end(&mut self.received)?;
            // After the last output has been read: the pipe has no writer.
            if ready.intersects(PollFlags::HUP | PollFlags::ERR)
                && find(&self.received, mark).is_none()
            {
                return Err(Fault::Closed);
            }
        }
    }

    /// Waits a moment, or until the guest takes more.
    fn wait(&self, has_more: bool, until: Instant) -> Result<PollFlags, Fault> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::Silence);
        }
        let wanted = if has_more {
            PollFlags::OUT
        } else {
            PollFlags::empty()
        };
        let left = Timespec::try_from(left.min(LOOK));
        let left = left.map_err(|e| Fault::Broken(io::Error::other(e)))?;
        let mut polled = [PollFd::new(&self.input, wanted)];
        match poll(&mut polled, Some(&left)) {
            Ok(_) => Ok(polled[0].revents()),
            Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
            Err(e) => Err(Fault::Broken(e.into())),
        }
    }
}

/// What is sent for one command.
fn question(word: &str, script: &[u8], input: &[u8], limit: Duration) -> String {
    let stem = format!("/dev/.osvm/{word}");
    let mut lines = vec!["[ -d /dev/.osvm ] || mkdir -m 0700 /dev/.osvm".to_owned()];
    lines.extend(upload(&format!("{stem}.script"), script));
    let input_file = if input.is_empty() {
        "/dev/null".to_owned()
    } else {
        let file = format!("{stem}.input");
        lines.extend(upload(&file, input));
        file
    };
    // Whole seconds, at least one: not every timeout(1) knows parts of them.
    let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    // In parentheses, so that the shell's own word about a killed child is not in the output.
    lines.push(format!(
        "(timeout -s KILL {seconds} sh {stem}.script <{input_file} >{stem}.output 2>&1); \
         printf '\\n%s%s:status %s\\n' @osvm- {word} $?; base64 {stem}.output; \
         printf '%s%s:end\\n' @osvm- {word}; rm -f {stem}.*\n"
    ));
    lines.join("\n")
}

/// Commands that make a file.
fn upload(file: &str, contents: &[u8]) -> Vec<String> {
    let mut lines = vec![format!(": >{file}.64")];
    let encoded = base64::encode(contents);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(PIECE.min(rest.len()));
        lines.push(format!("printf %s {piece} >>{file}.64"));
        rest = more;
    }
    lines.push(format!("base64 -d <{file}.64 >{file}"));
    lines
}

/// Status and output in what came before the end mark.
fn parse(answer: &[u8], begin: &[u8]) -> Option<(i32, Vec<u8>)> {
    let rest = answer.get(find(answer, begin)? + begin.len()..)?;
    let line = rest.iter().position(|byte| *byte == b'\n')?;
    let (status, body) = rest.split_at(line);
    let status = std::str::from_utf8(status).ok()?.trim().parse().ok()?;
    Some((status, base64::decode(body)?))
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted)
}

#[cfg(test)]
mod tests;
