//! A message to all logged-in users, in the form of `wall(1)`.

use std::io::{self, Read as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Dir, FileType, OFlags};
use rustix::io::Errno;

use crate::file;
use crate::utmp::{self, MOST};
use os_helper_api::GuestReport;

/// One terminal whose user has stopped its output may keep us so long.
const PATIENCE: Duration = Duration::from_millis(200);

/// Writes a message to the terminals of logged-in users, as long as there is time.
///
/// The guest's `utmp` lists them. Without one (Debian 13) the message goes to all
/// pseudo-terminals.
pub fn tell(root: BorrowedFd<'_>, message: &str, deadline: Instant) -> GuestReport {
    let text = render(message);
    let mut report = GuestReport::default();
    for name in logged_in(root).unwrap_or_else(|| pseudo_terminals(root)) {
        let path = format!("dev/{name}");
        match write(root, &path, text.as_bytes(), deadline) {
            Ok(()) => report.done.push(format!("/{path}")),
            Err(error) => report.left.push(format!("/{path} was not told: {error}")),
        }
    }
    report
}

/// The message as printed on a terminal. Control characters, which could move the cursor or inject
/// input, are made visible.
fn render(message: &str) -> String {
    let mut text = String::from("\r\n\x07Message from the host machine:\r\n\r\n");
    for line in message.lines() {
        let plain = |c: char| c == '\t' || !c.is_control();
        for c in line.chars() {
            if plain(c) {
                text.push(c);
            } else {
                text.extend(c.escape_default());
            }
        }
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text
}

/// The terminals that utmp has; `None` if there is no such file.
fn logged_in(root: BorrowedFd<'_>) -> Option<Vec<String>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut opened = ["run/utmp", "var/run/utmp"]
        .into_iter()
        .filter_map(|path| file::open(root, path, flags).ok());
    let fd = opened.next()?;
    let kind = rustix::fs::fstat(&fd).ok()?.st_mode;
    if FileType::from_raw_mode(kind) != FileType::RegularFile {
        return None;
    }
    let mut bytes = Vec::new();
    let mut limited = std::fs::File::from(fd).take(file::LIMIT);
    limited.read_to_end(&mut bytes).ok()?;
    Some(utmp::terminals(&bytes))
}

fn pseudo_terminals(root: BorrowedFd<'_>) -> Vec<String> {
    let folder = file::open(root, "dev/pts", OFlags::RDONLY | OFlags::DIRECTORY);
    let Some(entries) = folder.ok().and_then(|fd| Dir::new(fd).ok()) else {
        return Vec::new();
    };
    let names = entries.take(4 * MOST).filter_map(|entry| {
        let name = entry.ok()?;
        let name = format!("pts/{}", name.file_name().to_str().ok()?);
        utmp::is_terminal(&name).then_some(name)
    });
    names.take(MOST).collect()
}

fn write(
    root: BorrowedFd<'_>,
    path: &str,
    mut text: &[u8],
    deadline: Instant,
) -> Result<(), io::Error> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = file::open(root, path, flags)?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
    if kind != FileType::CharacterDevice || !rustix::termios::isatty(&fd) {
        return Err(Errno::NOTTY.into());
    }
    let until = deadline.min(Instant::now() + PATIENCE);
    while !text.is_empty() {
        match rustix::io::write(&fd, text) {
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(Errno::AGAIN) => wait(&fd, until)?,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Waits until a terminal takes more.
fn wait(fd: &OwnedFd, until: Instant) -> Result<(), io::Error> {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
        tv_nsec: left.subsec_nanos().into(),
    };
    match poll(&mut [PollFd::new(fd, PollFlags::OUT)], Some(&timeout)) {
        Ok(0) => Err(Errno::TIMEDOUT.into()),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_steer_a_terminal() {
        assert_eq!(
            render("going down\nin 5 min\x1b[2J"),
            "\r\n\x07Message from the host machine:\r\n\r\n\
             going down\r\nin 5 min\\u{1b}[2J\r\n\r\n"
        );
    }

    #[test]
    fn a_root_without_anybody() {
        use std::os::fd::AsFd as _;
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::File::open(dir.path()).unwrap();
        let report = tell(root.as_fd(), "hello", Instant::now() + PATIENCE);
        assert_eq!(report, GuestReport::default());
    }
}
