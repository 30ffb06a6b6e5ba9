//! Work inside a guest, done by `os-helper` and never by the daemon itself.
//!
//! Each wait has a deadline: if the guest's control groups or a file system in the guest do not let it go
//! on, the helper is killed.

use std::fs::File;
use std::time::Duration;

use os_helper_api::{
    Answer, Dress, GuestJob, GuestReport, GuestTarget, GuestWork, Job, RunningGuest, StoppedGuest,
};
use os_types::{Code, ContainerRef, Failure, GuestSettings};

use crate::process::Process;
use crate::record;
use crate::runtime::Runtime;
use crate::spec::ContainerSpec;

/// Deadline for writing a few files, also on a busy disk.
const CONFIG_TIMEOUT: Duration = Duration::from_secs(10);

/// Deadline for writing a message to the terminals of logged-in users.
pub(crate) const WALL_TIMEOUT: Duration = Duration::from_secs(2);

impl Runtime {
    /// Writes host name and resolvers before a container starts, if they are set. A failure is logged and
    /// does not keep the container from starting.
    pub(crate) fn write_guest_config_before_start(&self, spec: &ContainerSpec) {
        let config = spec.guest_config();
        if config.is_empty() {
            return;
        }
        let guest = StoppedGuest {
            root: spec.paths.root.clone(),
            uid_map: spec.uid_map.clone(),
            gid_map: spec.gid_map.clone(),
        };
        let groups = spec.delegated().and_then(|group| {
            let groups = self.cgroups.join_fds(&group);
            groups.map_err(Failure::from)
        });
        let written = groups.and_then(|groups| self.write_stopped(guest, config, groups));
        log_report(&spec.container, &written);
    }

    /// Writes host name and resolvers into the root of a stopped guest.
    pub fn write_guest_config(
        &self,
        guest: StoppedGuest,
        config: Dress,
    ) -> Result<GuestReport, Failure> {
        self.write_stopped(guest, config, Vec::new())
    }

    /// Writes host name and resolvers into a running guest, and tells its kernel the host name. With
    /// `config` written, the guest has `settings`; that is remembered for what is pending.
    pub fn write_running_guest_config(
        &self,
        (container, init): (&ContainerRef, &Process),
        config: Dress,
        settings: &GuestSettings,
    ) -> Result<GuestReport, Failure> {
        let work = GuestWork::Dress(config);
        let report = self.run_inside((container, init), work, CONFIG_TIMEOUT)?;
        self.containers.note_guest_settings(container, settings);
        if let Some(live) = self.containers.recorded(container) {
            record::update(&live.run, |record| {
                record.started_with = live.record().started_with;
            })?;
        }
        Ok(report)
    }

    /// Writes a message to the terminals of users who are logged in to a running guest.
    pub(crate) fn wall(
        &self,
        container: &ContainerRef,
        init: &Process,
        message: &str,
    ) -> Result<GuestReport, Failure> {
        let message = message.to_owned();
        self.run_inside((container, init), GuestWork::Tell { message }, WALL_TIMEOUT)
    }

    /// The helper joins `groups`.
    fn write_stopped(
        &self,
        guest: StoppedGuest,
        config: Dress,
        groups: Vec<File>,
    ) -> Result<GuestReport, Failure> {
        let job = GuestJob {
            guest: GuestTarget::Stopped(guest),
            work: GuestWork::Dress(config),
        };
        self.run_guest_job(job, groups, CONFIG_TIMEOUT)
    }

    fn run_inside(
        &self,
        (container, init): (&ContainerRef, &Process),
        work: GuestWork,
        timeout: Duration,
    ) -> Result<GuestReport, Failure> {
        let groups = self.groups_of(container, init)?;
        let job = GuestJob {
            guest: GuestTarget::Running(RunningGuest {
                init_pid: init.pid(),
                init_start: init.start_time(),
            }),
            work,
        };
        self.run_guest_job(job, groups, timeout)
    }

    fn run_guest_job(
        &self,
        job: GuestJob,
        groups: Vec<File>,
        timeout: Duration,
    ) -> Result<GuestReport, Failure> {
        let helper = &self.programs()?.helper;
        match helper.call(Job::Guest(job), groups, timeout) {
            Ok(Answer::Guest(report)) => Ok(report),
            Ok(_) => Err(Failure::new(Code::Internal, "another answer of os-helper")),
            Err(error) => Err(Failure::from(error)),
        }
    }
}

/// Logs what was done inside a guest.
pub fn log_report(container: &ContainerRef, written: &Result<GuestReport, Failure>) {
    match written {
        Ok(report) => {
            tracing::debug!(%container, done = ?report.done, "inside");
            for left in &report.left {
                tracing::warn!(%container, left = %left, "inside");
            }
        }
        Err(failure) => tracing::warn!(%container, %failure, "nothing was written inside"),
    }
}
