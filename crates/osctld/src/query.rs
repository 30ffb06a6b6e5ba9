//! Reading endpoints: views of the present state, one file a kind of entity.

pub(crate) mod asset;
pub(crate) mod container;
pub(crate) mod daemon;
pub(crate) mod group;
pub(crate) mod id_range;
pub(crate) mod operation;
pub(crate) mod pool;
pub(crate) mod user;

use std::time::Duration;

use os_api::view::Figures;
use os_cgroup::{CgroupPath, OpenFiles};
use os_types::{Code, EntityRef, Failure};

use crate::app::App;

/// Something was found and could not be shown: the state is not what it says it is.
fn vanished(entity: &EntityRef) -> Failure {
    Failure::new(
        Code::Internal,
        format!("{entity} was found and then was not there"),
    )
}

/// What a control group uses. Figures that cannot be read are left out: a listing is not to fail because
/// a group just went.
fn figures(app: &App, cgroup: &CgroupPath, files: &OpenFiles) -> Figures {
    let read = app.host().cgroups().figures(cgroup, files);
    let read = read.unwrap_or_default();
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Figures {
        memory_bytes: read.memory_bytes,
        cpu_us: read.cpu.map(|cpu| micros(cpu.total)),
        cpu_user_us: read.cpu.and_then(|cpu| cpu.user).map(micros),
        cpu_system_us: read.cpu.and_then(|cpu| cpu.system).map(micros),
        nproc: read.tasks,
    }
}
