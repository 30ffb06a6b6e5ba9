//! What a group uses: one table says where each figure is found in either version.

use std::path::Path;
use std::time::Duration;

use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::layout::Layout;
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

/// Where a figure is found.
struct Source {
    /// The controller that decides: read as version 1 if it is mounted so, else as version 2.
    controller: Controller,
    legacy: Place,
    unified: Place,
}

/// A file that holds one number, or lines of `key number`.
struct Place {
    file: &'static str,
    key: Option<&'static str>,
    /// How many of its units make one of ours: bytes, microseconds, tasks.
    divisor: u64,
}

const fn number(file: &'static str, divisor: u64) -> Place {
    Place {
        file,
        key: None,
        divisor,
    }
}

const fn keyed(file: &'static str, key: &'static str) -> Place {
    Place {
        file,
        key: Some(key),
        divisor: 1,
    }
}

const MEMORY: Source = Source {
    controller: Controller::Memory,
    legacy: number("memory.usage_in_bytes", 1),
    unified: number("memory.current", 1),
};
const CPU_TOTAL: Source = Source {
    controller: Controller::CpuAcct,
    legacy: number("cpuacct.usage", 1000),
    unified: keyed("cpu.stat", "usage_usec"),
};
const CPU_USER: Source = Source {
    controller: Controller::CpuAcct,
    legacy: number("cpuacct.usage_user", 1000),
    unified: keyed("cpu.stat", "user_usec"),
};
const CPU_SYSTEM: Source = Source {
    controller: Controller::CpuAcct,
    legacy: number("cpuacct.usage_sys", 1000),
    unified: keyed("cpu.stat", "system_usec"),
};
const TASKS: Source = Source {
    controller: Controller::Pids,
    legacy: number("pids.current", 1),
    unified: number("pids.current", 1),
};

/// Reads all figures of the group that is at `group` in every hierarchy.
pub(crate) fn read(layout: &Layout, group: &CgroupPath) -> Result<Figures, CgroupError> {
    let figure = |source: &Source| source.read(layout, group);
    let time = |source: &Source| figure(source).map(|value| value.map(Duration::from_micros));
    let cpu = match time(&CPU_TOTAL)? {
        Some(total) => Some(CpuTime {
            total,
            user: time(&CPU_USER)?,
            system: time(&CPU_SYSTEM)?,
        }),
        None => None,
    };
    Ok(Figures {
        memory_bytes: figure(&MEMORY)?,
        cpu,
        tasks: figure(&TASKS)?,
    })
}

impl Source {
    fn read(&self, layout: &Layout, group: &CgroupPath) -> Result<Option<u64>, CgroupError> {
        if let Some(root) = layout.legacy(self.controller) {
            return self.legacy.read(&group.below(root));
        }
        match layout.unified() {
            Some(root) => self.unified.read(&group.below(root)),
            None => Ok(None),
        }
    }
}

impl Place {
    fn read(&self, folder: &Path) -> Result<Option<u64>, CgroupError> {
        let text = files::read(&folder.join(self.file))?;
        Ok(text
            .and_then(|text| self.parse(&text))
            .map(|value| value / self.divisor))
    }

    fn parse(&self, text: &str) -> Option<u64> {
        match self.key {
            None => text.trim().parse().ok(),
            Some(key) => text.lines().find_map(|line| {
                let (name, value) = line.split_once(' ')?;
                (name == key).then(|| value.trim().parse().ok()).flatten()
            }),
        }
    }
}
