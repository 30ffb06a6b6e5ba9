//! Columns of containers.

use std::path::PathBuf;

use os_api::view::{Attrs, Container};
use os_types::Failure;

use super::user::map;
use super::{prlimits, problem, word};
use crate::listing::{Column, Row, Value, text};
use crate::setting::Input;

/// The columns of a container, with those of the table of settings in the middle.
macro_rules! columns {
    ($($(#[doc = $help:literal])+ $variant:ident $field:ident: $type:ty = $word:literal,
        default $default:expr, effect $effect:ident, example $example:literal, unset $unset:literal;)*) => {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("pool", |ct| text(&ct.pool)),
        Column::of("name", Column::main("id", |ct| text(&ct.name))),
        Column::main("user", |ct| ct.user.as_ref().map(text).into()),
        Column::main("group", |ct| ct.group.as_ref().map(text).into()),
        Column::more("dataset", |ct| text(&ct.dataset)),
        Column::more("rootfs", |ct| path(ct.rootfs.as_ref())),
        // Until a container can be booted from another dataset for once, they are the same.
        Column::of("dataset", Column::more("boot_dataset", |ct| text(&ct.dataset))),
        Column::of("rootfs", Column::more("boot_rootfs", |ct| path(ct.rootfs.as_ref()))),
        Column::more("lxc_path", |ct| path(ct.lxc_path.as_ref())),
        Column::more("lxc_dir", |ct| path(ct.lxc_dir.as_ref())),
        Column::more("group_path", |ct| ct.group_path.as_ref().map(text).into()),
        Column::main("distribution", |ct| {
            ct.distribution.as_ref().map(text).into()
        }),
        Column::main("version", |ct| ct.version.as_ref().map(text).into()),
        Column::more("arch", |ct| ct.arch.as_ref().map(text).into()),
        Column::more("vendor", |ct| ct.vendor.as_ref().map(text).into()),
        Column::more("variant", |ct| ct.variant.as_ref().map(text).into()),
        Column::more("image", |ct| ct.image.as_ref().map(text).into()),
        Column::main("state", |ct| text(ct.state)),
        Column::main("init_pid", |ct| ct.init_pid.into()),
        Column::more("monitor_pid", |ct| ct.monitor_pid.into()),
        Column::more("hostname_readout", |ct| ct.hostname_readout.as_ref().map(text).into()),
        Column::more("started", |ct| ct.started.into()),
        $(Column {
            member: if <$type as Input>::MEMBER { Some(stringify!($field)) } else { None },
            ..Column::more(stringify!($field), |ct| {
                let value = ct.settings.$field.as_ref();
                value.map_or_else(<$type as Input>::shown_unset, Input::shown)
            })
        },)*
        Column::more("autostart_priority", |ct| {
            ct.settings.autostart.map(|autostart| autostart.priority).into()
        }),
        Column::more("autostart_delay", |ct| {
            ct.settings.autostart.map(|autostart| autostart.delay_s).into()
        }),
        Column::more("prlimits", |ct| prlimits(&ct.prlimits)),
        Column::more("pending", |ct| Value::List(ct.pending.clone())),
        Column::of(
            "memory_bytes",
            Column::main("memory", |ct| ct.figures.memory_bytes.map(Value::Bytes).into()),
        ),
        Column::main("cpu_us", |ct| ct.figures.cpu_us.map(Value::Micros).into()),
        Column::more("cpu_user_us", |ct| ct.figures.cpu_user_us.map(Value::Micros).into()),
        Column::more("cpu_system_us", |ct| {
            ct.figures.cpu_system_us.map(Value::Micros).into()
        }),
        Column::more("nproc", |ct| ct.figures.nproc.into()),
        Column::more("log_file", |ct| path(ct.log_file.as_ref())),
        Column::more("uid_map", |ct| map(&ct.uid_map)),
        Column::more("gid_map", |ct| map(&ct.gid_map)),
        Column::more("health", |ct| text(word(ct.health))),
        Column::of(
            "failure",
            Column::more("problem", |ct| problem(ct.failure.as_ref())),
        ),
    ];
    };
}

impl Row for Container {
    os_api::container_settings!(columns);

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
