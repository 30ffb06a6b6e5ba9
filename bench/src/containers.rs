//! Containers: ours beside those of LXC and Incus, in one run.

use std::path::Path;

use anyhow::Context as _;

use crate::budget::Verdict;
use crate::contender::{Contender, FIRST, INCUS, Incus, LXC, Lxc, OURS, Ours};
use crate::report::Report;
use crate::table::Table;
use crate::{command, crowd, life, say};

/// How many stopped containers are listed at most.
const MANY: usize = 1000;

/// Measures everything; `folder` is for others to run in, and goes afterwards.
pub(crate) fn measure(report: &mut Report, folder: &Path, runs: u32) -> anyhow::Result<()> {
    let mut ours = Ours::new()?;
    // Never started, and so the same for all.
    ours.make(FIRST)?;
    let root = ours.root_of(FIRST)?;
    let mut lxc = noted(report, LXC, Lxc::new(folder, &root))?;
    let mut incus = if command::find("incusd").is_ok() {
        noted(report, INCUS, Incus::new(folder, &root))?
    } else {
        let hint = "not measured, since it is not installed; see docs/src/benchmarks.md";
        report.notes.push(format!("{INCUS}: {hint}"));
        None
    };
    let result = all(
        &mut report.containers,
        &mut ours,
        &mut lxc,
        &mut incus,
        runs,
    );
    // What runs is stopped whether or not something failed.
    let ended = [
        incus.map_or(Ok(()), Incus::finish),
        lxc.map_or(Ok(()), Lxc::finish),
        ours.finish(),
    ];
    for other in [LXC, INCUS] {
        report.containers.compare(OURS, other);
    }
    report
        .verdicts
        .extend(Verdict::of_containers(&report.containers));
    result?;
    ended.into_iter().collect()
}

/// Somebody who cannot be set up is left out, and the report says why.
fn noted<T>(report: &mut Report, name: &str, made: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(error) => {
            let note = format!("{name}: not measured: {error:#}");
            say(&format!("bench: {note}"))?;
            report.notes.push(note);
            Ok(None)
        }
    }
}

fn all(
    table: &mut Table,
    ours: &mut Ours,
    lxc: &mut Option<Lxc>,
    incus: &mut Option<Incus>,
    runs: u32,
) -> anyhow::Result<()> {
    say("bench: containers, one after another")?;
    let mut contenders: Vec<&mut dyn Contender> = vec![ours];
    contenders.extend(lxc.as_mut().map(|lxc| lxc as &mut dyn Contender));
    contenders.extend(incus.as_mut().map(|incus| incus as &mut dyn Contender));
    life::measure(&mut contenders, table, runs)?;
    for contender in contenders {
        let name = contender.name();
        say(&format!("bench: 100 containers of {name}"))?;
        crowd::measure(contender, table, runs).with_context(|| name.to_owned())?;
    }
    // Incus would take minutes to make them.
    let mut contenders: Vec<&mut dyn Contender> = vec![ours];
    contenders.extend(lxc.as_mut().map(|lxc| lxc as &mut dyn Contender));
    for contender in contenders {
        let name = contender.name();
        say(&format!("bench: {MANY} containers of {name}"))?;
        crowd::stopped(contender, table, MANY, runs).with_context(|| name.to_owned())?;
    }
    ours.question(table, MANY, runs)
}
