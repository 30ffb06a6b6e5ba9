//! Columns of containers.

use std::path::PathBuf;

use os_api::view::{Attrs, Container};
use os_types::Failure;

use super::user::map;
use super::{problem, word};
use crate::listing::{Column, Row, Value, text};

impl Row for Container {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("pool", |ct| text(&ct.pool)),
        Column::of("name", Column::main("id", |ct| text(&ct.name))),
        Column::main("user", |ct| ct.user.as_ref().map(text).into()),
        Column::main("group", |ct| ct.group.as_ref().map(text).into()),
        Column::more("dataset", |ct| text(&ct.dataset)),
        Column::more("rootfs", |ct| path(ct.rootfs.as_ref())),
        Column::more("lxc_path", |ct| path(ct.lxc_path.as_ref())),
        Column::more("lxc_dir", |ct| path(ct.lxc_dir.as_ref())),
        Column::more("group_path", |ct| ct.group_path.as_ref().map(text).into()),
        Column::main("distribution", |ct| {
            ct.distribution.as_ref().map(text).into()
        }),
        Column::main("version", |ct| ct.version.as_ref().map(text).into()),
        Column::more("arch", |ct| ct.arch.as_ref().map(text).into()),
        Column::more("image", |ct| ct.image.as_ref().map(text).into()),
        Column::main("state", |ct| text(ct.state)),
        Column::main("init_pid", |ct| ct.init_pid.into()),
        Column::more("monitor_pid", |ct| ct.monitor_pid.into()),
        Column::more("started", |ct| ct.started.into()),
        Column::derived(Column::more("autostart", |ct| {
            ct.autostart.is_some().into()
        })),
        Column::more("autostart_priority", |ct| {
            ct.autostart.map(|autostart| autostart.priority).into()
        }),
        Column::more("autostart_delay", |ct| {
            ct.autostart.map(|autostart| autostart.delay_s).into()
        }),
        Column::more("ephemeral", |ct| ct.ephemeral.into()),
        Column::more("hostname", |ct| ct.hostname.as_ref().map(text).into()),
        Column::more("dns_resolvers", |ct| {
            Value::List(ct.dns_resolvers.iter().map(ToString::to_string).collect())
        }),
        Column::more("nesting", |ct| ct.nesting.into()),
        Column::more("seccomp_profile", |ct| path(ct.seccomp_profile.as_ref())),
        Column::more("init_cmd", |ct| text(ct.init_cmd.join(" "))),
        Column::more("raw_lxc", |ct| {
            let lines = ct.raw_lxc.as_ref();
            lines.map(|lines| text(lines.trim_end())).into()
        }),
        Column::of(
            "memory_bytes",
            Column::main("memory", |ct| ct.memory_bytes.map(Value::Bytes).into()),
        ),
        Column::main("cpu_us", |ct| ct.cpu_us.map(Value::Micros).into()),
        Column::more("cpu_user_us", |ct| ct.cpu_user_us.map(Value::Micros).into()),
        Column::more("cpu_system_us", |ct| {
            ct.cpu_system_us.map(Value::Micros).into()
        }),
        Column::more("nproc", |ct| ct.nproc.into()),
        Column::more("log_file", |ct| path(ct.log_file.as_ref())),
        Column::more("uid_map", |ct| map(&ct.uid_map)),
        Column::more("gid_map", |ct| map(&ct.gid_map)),
        Column::more("health", |ct| text(word(ct.health))),
        Column::of(
            "failure",
            Column::more("problem", |ct| problem(ct.failure.as_ref())),
        ),
    ];

    fn attrs(&self) -> Option<&Attrs> {
        Some(&self.attrs)
    }

    fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

fn path(path: Option<&PathBuf>) -> Value {
    path.map(|path| text(path.display())).into()
}
