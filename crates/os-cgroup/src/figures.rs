//! What a group uses. A controller that is mounted as version 1 is read so, else as version 2.

use std::path::Path;
use std::time::Duration;

use crate::controller::Controller;
use crate::error::CgroupError;
use crate::layout::Layout;
use crate::open_files::OpenFiles;
use crate::path::CgroupPath;

/// What a group and those below it use at this moment.
///
/// A figure is None where the host lacks the controller, or the group is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Memory in bytes, page cache included.
    pub memory_bytes: Option<u64>,
    /// Processor time since the group was made.
    pub cpu: Option<CpuTime>,
    /// Processes and threads: the kernel counts and limits them as one (`pids.current`).
    pub tasks: Option<u64>,
}

/// Processor time used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    /// Altogether.
    pub total: Duration,
    /// Spent in programs; None where the kernel does not tell. With [`CpuTime::system`] it need
    /// not sum up to the total, for the kernel samples the two.
    pub user: Option<Duration>,
    /// Spent in the kernel on their behalf.
    pub system: Option<Duration>,
}

/// Reads all figures of the group that is at `group` in every hierarchy.
pub(crate) fn read(
    layout: &Layout,
    group: &CgroupPath,
    files: &OpenFiles,
) -> Result<Figures, CgroupError> {
    let one = |controller, legacy: &str, unified: &str| match (
        layout.legacy(controller),
        layout.unified(),
    ) {
        (Some(root), _) => number(files, &group.below(root).join(legacy)),
        (None, Some(root)) => number(files, &group.below(root).join(unified)),
        (None, None) => Ok(None),
    };
    Ok(Figures {
        memory_bytes: one(
            Controller::Memory,
            "memory.usage_in_bytes",
            "memory.current",
        )?,
        cpu: cpu(layout, group, files)?,
        tasks: one(Controller::Pids, "pids.current", "pids.current")?,
    })
}

fn cpu(
    layout: &Layout,
    group: &CgroupPath,
    files: &OpenFiles,
) -> Result<Option<CpuTime>, CgroupError> {
    if let Some(root) = layout.legacy(Controller::CpuAcct) {
        let folder = group.below(root);
        let time = |file| {
            let nanos = number(files, &folder.join(file));
            nanos.map(|nanos| nanos.map(Duration::from_nanos))
        };
        let Some(total) = time("cpuacct.usage")? else {
            return Ok(None);
        };
        return Ok(Some(CpuTime {
            total,
            user: time("cpuacct.usage_user")?,
            system: time("cpuacct.usage_sys")?,
        }));
    }
    let Some(root) = layout.unified() else {
        return Ok(None);
    };
    let text = files.read(&group.below(root).join("cpu.stat"))?;
    let text = text.unwrap_or_default();
    let time = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = lines.find(|(name, _)| *name == key)?;
        value.trim().parse().ok().map(Duration::from_micros)
    };
    Ok(time("usage_usec").map(|total| CpuTime {
        total,
        user: time("user_usec"),
        system: time("system_usec"),
    }))
}

/// The number that a file holds.
fn number(files: &OpenFiles, file: &Path) -> Result<Option<u64>, CgroupError> {
    Ok(files.read(file)?.and_then(|text| text.trim().parse().ok()))
}
