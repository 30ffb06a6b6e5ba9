//! `osctl man`, hidden: for packages.

use std::path::PathBuf;

use clap::Args;
use os_types::{Code, Failure};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;

/// Write the manual pages of all commands to a directory
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// An existing directory
    #[arg(value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
}

impl Run for Man {
    fn run(self, _ctx: &mut Ctx) -> Outcome {
        let written = clap_mangen::generate_to(crate::cli::command(), &self.dir);
        written.map_err(|error| {
            let message = format!(
                "cannot write manual pages to {}: {error}",
                self.dir.display()
            );
            Failure::new(Code::Name, message).into()
        })
    }
}
