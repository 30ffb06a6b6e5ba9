//! `osctl ct config edit`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerConfigReplace;
use os_types::{Code, ContainerName, Failure};

use super::read;
use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::operation;
use crate::target::Ref;

/// Edit the configuration file of a stopped container
///
/// The editor of $VISUAL or $EDITOR gets a copy; the file itself is replaced when the editor ends,
/// unless nothing was changed. A copy that is refused is kept.
#[derive(Debug, Args)]
#[command(after_help = "Example: EDITOR=nano osctl ct config edit web")]
pub(crate) struct Edit {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Edit {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        if !ctx.is_interactive {
            let failure = Failure::new(Code::Name, "there is no terminal to edit it on");
            let next = format!("osctl ct config replace {} < FILE", self.id);
            return Err(failure.next(next).into());
        }
        let (part, before) = read(ctx, self.id)?;
        let name = format!("osctl-{}-{}.toml", part.name, std::process::id());
        let copy = Copy::make(std::env::temp_dir().join(name), &before)?;
        let after = copy.edit()?;
        if after == before {
            ctx.printer.note("nothing was changed");
            return copy.remove();
        }
        let command = ContainerConfigReplace {
            pool: Some(part.pool),
            name: part.name,
            text: after,
        };
        if let Err(fault) = operation::run(ctx, command) {
            let path = copy.0.display();
            ctx.printer
                .say(format_args!("what you wrote is kept in {path}"));
            return Err(fault);
        }
        copy.remove()
    }
}

/// A file for the editor.
struct Copy(PathBuf);

impl Copy {
    fn make(path: PathBuf, text: &str) -> Result<Self, Failure> {
        let mut options = File::options();
        // Exclusive, so that no existing file and no link is written to.
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| failed("write", &path, &error))?;
        Ok(Self(path))
    }

    /// What is in it when the editor has ended.
    fn edit(&self) -> Result<String, Fault> {
        let status = run_editor(&self.0).map_err(|error| failed("edit", &self.0, &error))?;
        if !status.success() {
            let message = format!("the editor ended with {status}; nothing was done");
            fs::remove_file(&self.0).map_err(|error| failed("remove", &self.0, &error))?;
            return Err(Failure::new(Code::Cancelled, message).into());
        }
        let text = fs::read_to_string(&self.0);
        Ok(text.map_err(|error| failed("read", &self.0, &error))?)
    }

    fn remove(self) -> Outcome {
        let removed = fs::remove_file(&self.0);
        Ok(removed.map_err(|error| failed("remove", &self.0, &error))?)
    }
}

/// Runs the user's editor as the user would: it may be several words.
#[expect(
    clippy::disallowed_methods,
    reason = "an editor is to have the user's terminal, session and environment, and all the time"
)]
fn run_editor(path: &Path) -> io::Result<ExitStatus> {
    std::process::Command::new("/bin/sh")
        .args(["-c", r#"exec ${VISUAL:-${EDITOR:-vi}} "$1""#, "sh"])
        .arg(path)
        .status()
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Code::File,
        format!("cannot {what} {}: {error}", path.display()),
    )
}
