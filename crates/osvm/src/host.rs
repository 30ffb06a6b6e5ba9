//! What is used of the host: programs by name, and files that no other process reads yet.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use os_sys::{Child, SpawnError, SpawnRequest};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::VmError;

/// How long a program that has closed its output may take to end.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// A program on `PATH`, or in the directories that a plain user's `PATH` lacks.
pub(crate) fn find_program(
    program: &'static str,
    package: &'static str,
) -> Result<PathBuf, VmError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    places
        .map(|place| place.join(program))
        .find(|file| file.is_file())
        .ok_or(VmError::ProgramMissing { program, package })
}

/// Writes a file of a machine.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), VmError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a temporary file that no other process reads yet"
    )]
    std::fs::write(path, contents).map_err(VmError::file("write", path))
}

/// What a program says of its version, the first line.
pub(crate) fn version_of(program: &Path) -> Result<String, VmError> {
    let pipe = std::io::pipe().map_err(VmError::file("make pipe for", program));
    let (mut output, input) = pipe?;
    let request = SpawnRequest::new(program).arg("--version").stdout(input);
    let mut child = spawn_bound(request).map_err(|source| VmError::Start {
        machine: "to ask QEMU for its version".to_owned(),
        source,
    })?;
    let mut said = String::new();
    output
        .read_to_string(&mut said)
        .map_err(VmError::file("read the version of", program))?;
    child.wait(VERSION_TIMEOUT)?;
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

/// Makes a pipe with a name; an old one is replaced.
pub(crate) fn make_pipe(path: &Path) -> Result<(), VmError> {
    drop(std::fs::remove_file(path));
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .map_err(|errno| VmError::file("make pipe", path)(errno.into()))
}

type Job = (SpawnRequest, mpsc::SyncSender<Result<Child, SpawnError>>);

/// Starts a program that the kernel kills when this process ends, however it ends.
///
/// The kernel's promise is about the thread that started it, and a test may start a machine in a
/// thread of its own and go on without it. So there is one thread for all, which never ends.
pub(crate) fn spawn_bound(request: SpawnRequest) -> Result<Child, SpawnError> {
    static KEEPER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (request, answer) in jobs {
                // The caller waits for it below, and has the only other end.
                drop(answer.send(os_sys::spawn(request.dies_with_thread())));
            }
        });
        sender
    });
    let (sender, answer) = mpsc::sync_channel(1);
    keeper
        .send((request, sender))
        .expect("the keeper ends with the process");
    answer.recv().expect("the keeper answers each job")
}
