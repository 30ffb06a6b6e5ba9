//! The steps about control groups and the processes in them.
//!
//! A process is known by its control group, which is its own: it is there as long as the group is
//! populated, whoever started it.

use std::time::Duration;

use os_cgroup::{CgroupError, CgroupPath, Presence as Found, Tree};
use os_engine::Readiness;
use os_sys::{SpawnRequest, spawn};
use os_types::{Code, Failure, GroupName, PoolName, Presence, chain};

/// Processes that were killed may take so long to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// A thread that waits for the end of a process looks up so often.
const REAP: Duration = Duration::from_hours(24);

fn parse(path: &str) -> Result<CgroupPath, Failure> {
    path.parse()
        .map_err(|error| Failure::new(Code::Name, chain(&error)))
}

fn failed(error: &CgroupError) -> Failure {
    let code = match error {
        CgroupError::Busy { .. } => Code::InUse,
        CgroupError::Unkillable { .. } => Code::Deadline,
        _ => Code::Step,
    };
    Failure::new(code, chain(error))
}

pub(super) fn look(tree: &Tree, path: &str, to: Presence) -> Result<Readiness, Failure> {
    Ok(match (tree.presence(&parse(path)?), to) {
        (Found::Present, Presence::Present) | (Found::Absent, Presence::Absent) => Readiness::Done,
        _ => Readiness::Ready,
    })
}

pub(super) fn go(tree: &Tree, path: &str, to: Presence) -> Result<(), Failure> {
    let path = parse(path)?;
    let changed = match to {
        Presence::Present => tree.create(&path).map(drop),
        Presence::Absent => tree.remove(&path, PATIENCE).map(drop),
    };
    changed.map_err(|error| failed(&error))
}

/// Removes the groups of a pool that is being closed. Whoever is still in one of them stays.
pub(super) fn forget(tree: &Tree, pool: &PoolName) {
    let path = os_core::layout::cgroup(pool, &GroupName::root());
    let removed = parse(&path).and_then(|path| {
        let removed = tree.remove(&path, Duration::ZERO);
        removed.map_err(|error| failed(&error))
    });
    if let Err(failure) = removed {
        tracing::warn!(%pool, %failure, "control groups of a closed pool are left");
    }
}

pub(super) fn look_process(tree: &Tree, cgroup: &str, to: Presence) -> Result<Readiness, Failure> {
    let path = parse(cgroup)?;
    let runs = tree.is_populated(&path).map_err(|error| failed(&error))?;
    Ok(match (runs, to) {
        (true, Presence::Present) => Readiness::Done,
        (false, Presence::Absent) if tree.presence(&path) == Found::Absent => Readiness::Done,
        _ => Readiness::Ready,
    })
}

pub(super) fn go_process(
    tree: &Tree,
    cgroup: &str,
    argv: &[String],
    to: Presence,
) -> Result<(), Failure> {
    let path = parse(cgroup)?;
    match to {
        Presence::Present => {
            tree.create(&path).map_err(|error| failed(&error))?;
            start(tree, &path, argv)
        }
        Presence::Absent => {
            tree.kill(&path, PATIENCE).map_err(|error| failed(&error))?;
            tree.remove(&path, PATIENCE)
                .map(drop)
                .map_err(|error| failed(&error))
        }
    }
}

/// Starts the process in its group. Nobody waits for it: it outlives this daemon.
fn start(tree: &Tree, path: &CgroupPath, argv: &[String]) -> Result<(), Failure> {
    let Some((program, args)) = argv.split_first() else {
        return Err(Failure::new(
            Code::Internal,
            "a process step without a program",
        ));
    };
    let mut request = SpawnRequest::new(program).args(args);
    for procs in tree.join_fds(path).map_err(|error| failed(&error))? {
        request = request.cgroup(procs);
    }
    let mut child = spawn(request).map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    // While this daemon lives it is the parent, and has to collect the process when it ends.
    let reaper = std::thread::Builder::new().name(format!("reap-{}", child.pid()));
    let reaping = reaper.spawn(move || while let Ok(None) = child.wait(REAP) {});
    reaping
        .map(drop)
        .map_err(|error| Failure::new(Code::Step, error.to_string()))
}
