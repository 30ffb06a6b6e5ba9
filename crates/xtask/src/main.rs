//! Checks of the source tree, and whatever is generated from it.
//!
//! `cargo run -p xtask -- check` is the part of `make lint` that no ready-made tool does: the rules
//! of this repository that a reviewer would otherwise have to remember. Each rule is a [`check`]:
//! a name, a sentence and a function from the [`tree::Tree`] to [`report::Finding`]s.
//!
//! ```text
//!   main -> tree::Tree::load()      every text file, symlink and crate, read once
//!        -> check::ALL              one file per check under check/
//!        -> report                  findings, errors first; any error is exit code 1
//! ```
//!
//! `cargo run -p xtask -- openapi` writes the one generated file, [`openapi`]; a check compares it.
//!
//! Invariants: a check does no I/O, all it needs is in the tree, so its tests are literals; a
//! finding names the file (and line) and says what to do instead; a note never fails.
//!
//! It is not a place for building or testing: that is the Makefile's. To add a check write
//! `check/noun.rs` with a failing example as a test, and add a line to `check::ALL`.
#![forbid(unsafe_code)]

mod check;
mod openapi;
mod report;
mod tree;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};

use crate::check::Check;
use crate::report::Report;
use crate::tree::Tree;

/// Checks of the source tree and generated files.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check the source tree against the rules of this repository.
    Check {
        /// Only these checks; default: all.
        names: Vec<String>,
    },
    /// Write docs/openapi.json again, after a change of the API.
    Openapi,
}

fn main() -> Result<ExitCode> {
    match Args::parse().task {
        Task::Check { names } => run_checks(&names),
        Task::Openapi => openapi::write().map(|()| ExitCode::SUCCESS),
    }
}

fn run_checks(names: &[String]) -> Result<ExitCode> {
    let checks = chosen(names)?;
    let tree = Tree::load().context("the source tree cannot be read")?;
    let report: Report = checks
        .iter()
        .map(|check| (check.name, check.rule, (check.run)(&tree)))
        .collect();
    write!(std::io::stdout().lock(), "{report}").context("the report cannot be printed")?;
    Ok(report.exit_code())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Check>> {
    if names.is_empty() {
        return Ok(check::ALL.iter().collect());
    }
    let find = |name: &String| {
        let Some(check) = check::ALL.iter().find(|check| check.name == name) else {
            let known: Vec<_> = check::ALL.iter().map(|check| check.name).collect();
            bail!(
                "there is no check {name:?}; there are: {}",
                known.join(", ")
            );
        };
        Ok(check)
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_check_lists_the_known_ones() {
        let error = chosen(&["no-such".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("layers"), "{error}");
    }

    #[test]
    fn check_names_are_unique() {
        let mut names: Vec<_> = check::ALL.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), check::ALL.len());
    }
}
