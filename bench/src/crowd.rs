//! Many containers at once: listed, started together, found again after a crash of the daemon.

use std::time::Instant;

use anyhow::Context as _;

use crate::command;
use crate::contender::{Action, Contender, Listing};
use crate::memory;
use crate::series::Series;
use crate::table::Table;

/// How many run at once.
const RUNNING: usize = 100;
/// How many are started together, and how often.
const TOGETHER: usize = 40;
const ROUNDS: usize = 3;

/// The row of the time until all are found again.
pub(crate) const FOUND: &str = "kill -9, then 100 running found again";

/// The name of a row of a full listing.
pub(crate) fn list_row(what: &str) -> String {
    format!("list, {what}")
}

/// The name of a row of the daemon's memory.
pub(crate) fn daemon_row(what: &str) -> String {
    format!("daemon with {what}, resident")
}

/// Containers from the first to the 100th, of one contender; all others are at rest.
pub(crate) fn measure(
    contender: &mut dyn Contender,
    table: &mut Table,
    runs: u32,
) -> anyhow::Result<()> {
    daemon(contender, table, "0 containers")?;
    contender.make(&name(0))?;
    list(contender, table, "1 stopped", runs)?;
    for index in 1..RUNNING {
        contender.make(&name(index))?;
    }
    list(contender, table, "100 stopped", runs)?;
    together(contender, table)?;
    for index in TOGETHER..RUNNING {
        act(contender, Action::Start, index)?;
    }
    list(contender, table, "100 running", runs)?;
    daemon(contender, table, "100 running")?;
    monitors(contender, table)?;
    recover(contender, table, runs)?;
    for index in 0..RUNNING {
        act(contender, Action::Kill, index)?;
    }
    Ok(())
}

/// Stopped containers up to `count`, more than [`RUNNING`], and the listing of them.
pub(crate) fn stopped(
    contender: &mut dyn Contender,
    table: &mut Table,
    count: usize,
    runs: u32,
) -> anyhow::Result<()> {
    let names: Vec<_> = (RUNNING..count).map(name).collect();
    contender.stock(&names)?;
    let what = format!("{count} stopped");
    list(contender, table, &what, runs)?;
    daemon(contender, table, &what)
}

fn name(index: usize) -> String {
    format!("crowd{index:04}")
}

fn act(contender: &dyn Contender, action: Action, index: usize) -> anyhow::Result<()> {
    let request = contender.command(action, &name(index));
    command::run(request.context("there is no program for it")?).map(drop)
}

/// Full listings, and those of names and states alone.
fn list(contender: &dyn Contender, table: &mut Table, what: &str, runs: u32) -> anyhow::Result<()> {
    let rows = [
        (Listing::Full, list_row(what)),
        (Listing::States, format!("list of names and states, {what}")),
    ];
    for (listing, row) in rows {
        let mut series = Series::default();
        let began = Instant::now();
        for _ in 0..runs {
            let request = contender.listing(listing);
            series.push(command::run(request.context("there is no such listing")?)?.took);
            // One that takes seconds is known well enough after a few.
            if began.elapsed().as_secs() >= 5 && series.count() >= 3 {
                break;
            }
        }
        table.time(&row, contender.name(), &series);
    }
    Ok(())
}

/// Starts containers together, each by a program of its own, and stops them.
fn together(contender: &dyn Contender, table: &mut Table) -> anyhow::Result<()> {
    let mut series = Series::default();
    for round in 1..=ROUNDS {
        series.time(|| all(contender, Action::Start))?;
        if round < ROUNDS {
            all(contender, Action::Kill)?;
        }
    }
    let row = format!("{TOGETHER} starts in parallel");
    table.time(&row, contender.name(), &series);
    Ok(())
}

fn all(contender: &dyn Contender, action: Action) -> anyhow::Result<()> {
    let requests = (0..TOGETHER).map(|index| contender.command(action, &name(index)));
    let requests: Option<Vec<_>> = requests.collect();
    let requests = requests.context("there is no program for it")?;
    let running: Vec<_> = requests
        .into_iter()
        .map(command::start)
        .collect::<anyhow::Result<_>>()?;
    for program in running {
        program.finish()?;
    }
    Ok(())
}

fn daemon(contender: &dyn Contender, table: &mut Table, what: &str) -> anyhow::Result<()> {
    if let Some(pid) = contender.processes()?.daemon {
        let bytes = memory::of(pid)?.resident;
        table.bytes(&daemon_row(what), contender.name(), bytes);
    }
    Ok(())
}

/// What watches a container: the parent of its init; the mean of all.
fn monitors(contender: &dyn Contender, table: &mut Table) -> anyhow::Result<()> {
    let inits = contender.processes()?.inits;
    let (mut resident, mut proportional) = (0, 0);
    for init in &inits {
        let memory = memory::of(memory::parent(*init)?)?;
        resident += memory.resident;
        proportional += memory.proportional;
    }
    let count = u64::try_from(inits.len())?.max(1);
    table.bytes(
        "monitor of a container, resident",
        contender.name(),
        resident / count,
    );
    table.bytes(
        "monitor of a container, Pss",
        contender.name(),
        proportional / count,
    );
    Ok(())
}

fn recover(contender: &mut dyn Contender, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let mut series = Series::default();
    for _ in 0..runs.div_ceil(3) {
        match contender.recover(RUNNING)? {
            Some(took) => series.push(took),
            None => break,
        }
    }
    table.time(FOUND, contender.name(), &series);
    Ok(())
}
