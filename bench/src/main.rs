//! What `make bench` runs: the real programs with 0, 100 and 1000 users and groups on a loop pool.
//!
//! ```text
//!   main    for each size: fixture -> phases -> report
//!   fixture    a sandbox whose pool has that many users and groups, written as files
//!   listing    osctl against the same question asked raw, with the daemon and without it
//!   start      from exec to an answer, to ready; import and export
//!   change     user new and user del, with useradd and userdel as the anchor
//!   memory     what the daemon holds when it is idle
//!   series     samples of one thing -> p50, p95
//!   report     a Markdown table on standard output, JSON in target/bench/latest.json
//! ```
//!
//! What this is not: a test. It asserts nothing about times, because they are those of a machine and
//! of its other work. Read the ratios first: both sides of each were measured in the same run.
//!
//! Invariants: programs are those beside this one, so all are of the same build; nothing is measured
//! on a fixture that `osctl healthcheck` complains about; the names of rows never change their
//! meaning, so that two JSON files can be compared.
//!
//! To measure one more thing add a row in the phase it belongs to. More kinds of entities, such as
//! containers, are one more field of [`fixture::Size`].
#![forbid(unsafe_code)]

mod change;
mod fixture;
mod listing;
mod machine;
mod memory;
mod report;
mod series;
mod start;

use std::io::Write as _;

use anyhow::Context as _;
use clap::Parser;

use crate::fixture::{Fixture, Size};
use crate::report::Report;

/// Measures osctld and osctl with many entities; needs root.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// How many users, and as many groups.
    #[arg(
        long,
        value_name = "N,N,...",
        value_delimiter = ',',
        default_value = "0,100,1000"
    )]
    sizes: Vec<u32>,
    /// Samples of a listing; there are a third as many of a start or a change.
    #[arg(long, value_name = "N", default_value_t = 30)]
    runs: u32,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut report = Report::new(machine::describe());
    for &entities in &args.sizes {
        let size = Size { entities };
        say(&format!("bench: {entities} users and groups"))?;
        measure(&mut report, size, args.runs).with_context(|| format!("with {entities}"))?;
    }
    report.finish(machine::load());
    let path = report.save()?;
    write!(std::io::stdout().lock(), "{report}")?;
    say(&format!("bench: figures are in {}", path.display()))
}

fn measure(report: &mut Report, size: Size, runs: u32) -> anyhow::Result<()> {
    let few = runs.div_ceil(3);
    let mut fixture = Fixture::new(size)?;
    start::cold(&mut fixture, report, few)?;
    start::restart(&mut fixture, report, few)?;
    start::import(&fixture, report, few)?;
    listing::online(&fixture, report, runs)?;
    memory::idle(&fixture, report)?;
    change::users(&fixture, report, few)?;
    change::anchor(size, report, few)?;
    listing::offline(&mut fixture, report, runs)?;
    fixture.finish()
}

/// Progress goes to standard error, so that standard output is the table.
fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr().lock(), "{text}").context("cannot write to standard error")
}
