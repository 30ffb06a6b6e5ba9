//! The table after a restart of the daemon, from what the kernel says.

use std::sync::Arc;

use os_cgroup::CgroupPath;
use os_types::{ContainerState, Failure};

use crate::containers::LiveContainer;
use crate::operation::Unattended;
use crate::process::{self, Process};
use crate::record::{self, ProcessId, Record};
use crate::runtime::Runtime;
use crate::seccomp;
use crate::spec::{self, StopTarget};
use crate::state::Event;

impl Runtime {
    /// Looks whether a container runs, and takes it into the table if so. One that has ended while no
    /// daemon was there is queued as an exit; groups and processes without an init are removed.
    pub fn recover(&self, target: &StopTarget) -> Result<(), Failure> {
        let container = &target.container;
        let known = record::read(&target.run);
        // It runs where it was started, whatever its configuration says by now.
        let started_in = known.as_ref().and_then(|known| known.cgroup.parse().ok());
        let cgroup: CgroupPath = started_in.unwrap_or_else(|| target.cgroup.clone());
        let folders = self.cgroups.folders(&cgroup);
        if !folders.iter().any(|folder| folder.exists()) && known.is_none() {
            return Ok(());
        }
        let payload = spec::payload(&cgroup, &container.name)?;
        // Also an init that was moved out of its groups is its init.
        let recorded = known.as_ref().and_then(Record::init);
        let init = recorded.or_else(|| self.find_init(&payload));
        if init.is_none() && known.is_none() {
            let remains = StopTarget {
                cgroup,
                spec: None,
                ..target.clone()
            };
            if let Err(failure) = self.finish(&remains, None, &Unattended) {
                tracing::error!(%failure, "cannot clear the remains of a container");
            }
            return Ok(());
        }
        let files = Arc::default();
        let is_frozen = || self.cgroups.is_frozen(&payload, &files).unwrap_or(false);
        let state = match &init {
            Some(_) if is_frozen() => ContainerState::Frozen,
            Some(_) | None => ContainerState::Running,
        };
        let live = LiveContainer {
            state,
            init: init.clone(),
            init_kind: known.as_ref().map(|known| known.kind).unwrap_or_default(),
            monitor_pid: known.as_ref().and_then(|known| known.monitor_pid),
            started: known.as_ref().map(|known| known.started),
            restart_at: None,
            quick_reboots: known.as_ref().map_or(0, |known| known.quick_reboots),
            run: target.run.clone(),
            cgroup,
            seccomp: seccomp::of_running(&target.run)?,
            started_with: known.as_ref().and_then(Record::started_with),
            files,
        };
        let is_exec_only = live.is_exec_only();
        self.containers
            .insert(container, Event::Found(state), live)?;
        let Some(init) = init else {
            self.exits().push(container.clone());
            return Ok(());
        };
        self.watch(container, &init);
        if is_exec_only {
            // It has a purpose as long as its command runs; the daemon may have died before that.
            let command = known.and_then(|known| known.command);
            match command.and_then(ProcessId::open) {
                Some(command) => self.watch(container, &command),
                None => self.exits().push(container.clone()),
            }
        }
        Ok(())
    }

    /// The first process of the guest's pid namespace, if it has executed a program.
    fn find_init(&self, payload: &CgroupPath) -> Option<Process> {
        let has_execed =
            |pid: u32| os_sys::ProcessStat::read(pid).is_some_and(|stat| stat.has_execed);
        let is_init = |pid: &u32| process::is_init_of_guest(*pid) && has_execed(*pid);
        let pids = self.cgroups.procs(payload).unwrap_or_default();
        pids.into_iter().find(is_init).and_then(Process::open)
    }
}
