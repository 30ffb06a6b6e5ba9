//! `osctl completion`.

use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use os_types::{Code, Failure};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bash: osctl completion bash > /etc/bash_completion.d/osctl\n  zsh:  source <(osctl completion zsh)\n  fish: osctl completion fish > ~/.config/fish/completions/osctl.fish"
)]
pub(crate) struct Completion {
    /// Which shell
    shell: Shell,
}

/// Bash takes a colon for the end of a word, our names have one: puts the words together again
/// around the function that clap made.
const BASH_COLONS: &str = include_str!("completion/colons.bash");

/// Shells that can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Run for Completion {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let completer: &dyn EnvCompleter = match self.shell {
            Shell::Bash => &Bash,
            Shell::Zsh => &Zsh,
            Shell::Fish => &Fish,
        };
        let mut script = Vec::new();
        completer
            .write_registration(complete::VARIABLE, "osctl", "osctl", "osctl", &mut script)
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        ctx.printer.text(&String::from_utf8_lossy(&script))?;
        match self.shell {
            Shell::Bash => ctx.printer.text(BASH_COLONS),
            Shell::Zsh | Shell::Fish => Ok(()),
        }
    }
}
