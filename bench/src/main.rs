//! What `make bench` runs: the real programs, with 0, 100 and 1000 users and groups, and containers
//! beside those of LXC and Incus, a busy host, and the operating system in a virtual machine.
//!
//! ```text
//!   main       users and groups of each size, then containers -> report
//!   fixture    a sandbox whose pool has that many users and groups, written as files
//!   listing    osctl against the same question asked raw, with the daemon and without it
//!   start      from exec to an answer, to ready; import and export
//!   change     user new and user del, with useradd and userdel as the anchor
//!   memory     what the daemon and the monitors of containers hold
//!   containers ours, LXC, Incus -> life, crowd
//!   contender  what runs containers: its programs, its processes
//!   life       one container: made, started, entered, stopped, deleted
//!   crowd      100 and 1000: listed, started together, found again after a crash
//!   busy       what is quick on a host where much else is slow
//!   view       account files of this process's own, in which LXC has a user
//!   system     the operating system: its size, its boot, its memory
//!   as_user    a program of the user that runs LXC, in a control group of that user
//!   command    runs a program, and how long it takes
//!   series     samples of one thing -> p50, p95
//!   table      figures by row and column
//!   budget     what containers may cost
//!   report     Markdown on standard output, JSON in target/bench/latest.json
//! ```
//!
//! What this is not: a test. It asserts nothing about times, because they are those of a machine and
//! of its other work. Read the ratios first: both sides of each were measured in the same run.
//!
//! Invariants: programs are those beside this one, so all are of the same build; nothing is measured
//! on a fixture that `osctl healthcheck` complains about; the names of rows never change their
//! meaning, so that two JSON files can be compared.
//!
//! To measure one more thing add a row in the phase it belongs to.
#![forbid(unsafe_code)]

mod as_user;
mod budget;
mod busy;
mod change;
mod command;
mod containers;
mod contender;
mod crowd;
mod fixture;
mod life;
mod listing;
mod machine;
mod memory;
mod report;
mod series;
mod start;
mod system;
mod table;
mod view;

use std::io::Write as _;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use crate::fixture::{Fixture, Size};
use crate::report::Report;
use crate::table::Table;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Users and groups.
    Users,
    /// Containers, beside those of LXC and Incus.
    Containers,
    /// A busy host; takes six minutes, since guests have five to shut down.
    Busy,
    /// The operating system, as `make bench` and `make netboot` have left it.
    Os,
}

/// Measures osctld and osctl; needs root.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// What to measure.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "users,containers,busy,os"
    )]
    parts: Vec<Part>,
    /// How many users, and as many groups.
    #[arg(
        long,
        value_name = "N,N,...",
        value_delimiter = ',',
        default_value = "0,100,1000"
    )]
    sizes: Vec<u32>,
    /// Samples of a listing and of a container's life; there are a third as many of a start of the
    /// daemon or a change, and a sixth as many boots.
    #[arg(long, value_name = "N", default_value_t = 30)]
    runs: u32,
}

fn main() -> anyhow::Result<()> {
    as_user::become_if_asked()?;
    let args = Args::parse();
    // First of all: it works only as long as there is one thread.
    let view = view::enter()?;
    let mut report = Report::new();
    if args.parts.contains(&Part::Users) {
        for &entities in &args.sizes {
            let size = Size { entities };
            say(&format!("bench: {entities} users and groups"))?;
            users(&mut report.entities, size, args.runs)
                .with_context(|| format!("with {entities}"))?;
        }
    }
    let mut done = Ok(());
    if args.parts.contains(&Part::Containers) {
        done = containers::measure(&mut report, view.path(), args.runs);
    }
    if done.is_ok() && args.parts.contains(&Part::Busy) {
        done = busy::measure(&mut report, args.runs);
    }
    if done.is_ok() && args.parts.contains(&Part::Os) {
        done = system::measure(&mut report, args.runs.div_ceil(6));
    }
    // What was measured before a failure is worth having.
    report.finish();
    let path = report.save()?;
    write!(std::io::stdout().lock(), "{report}")?;
    say(&format!("bench: figures are in {}", path.display()))?;
    done
}

fn users(table: &mut Table, size: Size, runs: u32) -> anyhow::Result<()> {
    let few = runs.div_ceil(3);
    let mut fixture = Fixture::new(size)?;
    start::cold(&mut fixture, table, few)?;
    start::restart(&mut fixture, table, few)?;
    start::import(&fixture, table, few)?;
    listing::online(&fixture, table, runs)?;
    memory::idle(&fixture, table)?;
    change::users(&fixture, table, few)?;
    change::anchor(size, table, few)?;
    listing::offline(&mut fixture, table, runs)?;
    fixture.finish()
}

/// Progress goes to standard error, so that standard output is the table.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr().lock(), "{text}").context("cannot write to standard error")
}
