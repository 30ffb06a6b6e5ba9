//! Steps as lines for people, e.g. `create file tank:conf/user/alice.toml`.

use std::fmt;

use super::{Presence, Step};
use crate::file_system::FileSystem;

fn pick(to: Presence, present: &'static str, absent: &'static str) -> &'static str {
    match to {
        Presence::Present => present,
        Presence::Absent => absent,
    }
}

/// The verb for a move between two optional values: made, changed or removed.
fn verb<T>(ends: [Option<&T>; 2], verbs: [&'static str; 3]) -> &'static str {
    let [make, change, remove] = verbs;
    match ends {
        [None, _] => make,
        [Some(_), Some(_)] => change,
        [Some(_), None] => remove,
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory {
                path,
                mode,
                to: Presence::Present,
            } => {
                write!(f, "create directory {path} (mode {mode:04o})")
            }
            Self::Directory {
                path,
                to: Presence::Absent,
                ..
            } => {
                write!(f, "remove directory {path}")
            }
            Self::File {
                path,
                before,
                after,
            } => {
                let verb = verb(
                    [before.as_ref(), after.as_ref()],
                    ["create", "change", "remove"],
                );
                write!(f, "{verb} file {path}")
            }
            Self::IdBlocks {
                pool,
                range,
                index,
                count,
                owner,
                to,
            } => {
                let verb = pick(*to, "allocate", "free");
                if *count == 1 {
                    write!(f, "{verb} block {index} of id range {pool}:{range}")?;
                } else {
                    let last = u64::from(*index) + u64::from(*count).saturating_sub(1);
                    write!(
                        f,
                        "{verb} blocks {index} to {last} of id range {pool}:{range}"
                    )?;
                }
                owner
                    .as_ref()
                    .map_or(Ok(()), |owner| write!(f, " for {owner}"))
            }
            Self::SystemUser { pool, user, to } => {
                write!(
                    f,
                    "{} system user {pool}-{user}",
                    pick(*to, "register", "unregister")
                )
            }
            others => fmt_storage(others, f),
        }
    }
}

/// The steps about datasets.
fn fmt_storage(step: &Step, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match step {
        Step::Dataset { dataset, to } => {
            write!(f, "{} dataset {dataset}", pick(*to, "create", "destroy"))
        }
        Step::DatasetName { before, after } => {
            write!(f, "rename dataset {before} to {after}")
        }
        Step::Purge { dataset } => write!(f, "destroy dataset {dataset} for good"),
        Step::Clone {
            origin,
            dataset,
            to: Presence::Present,
        } => write!(f, "clone {origin} to {dataset}"),
        Step::Clone { dataset, .. } => write!(f, "destroy clone {dataset}"),
        Step::Image {
            pool,
            digest,
            file,
            to: Presence::Present,
            ..
        } => {
            let digest = digest.short();
            write!(f, "unpack image {digest} from {} to {pool}", file.display())
        }
        Step::Image { pool, digest, .. } => {
            write!(f, "drop image {} from the cache of {pool}", digest.short())
        }
        Step::Property {
            dataset,
            name,
            after: Some(value),
            ..
        } => {
            write!(f, "set property {name}={value} on {dataset}")
        }
        Step::Property {
            dataset,
            name,
            after: None,
            ..
        } => {
            write!(f, "unset property {name} on {dataset}")
        }
        running => fmt_running(running, f),
    }
}

/// The steps about what runs.
fn fmt_running(step: &Step, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match step {
        Step::Cgroup { path, to } => {
            write!(f, "{} control group {path}", pick(*to, "create", "remove"))
        }
        Step::Process { cgroup, argv, to } => {
            let program = argv.first().map_or("?", String::as_str);
            write!(
                f,
                "{} {program} in control group {cgroup}",
                pick(*to, "start", "kill")
            )
        }
        Step::Run {
            pool,
            container,
            to,
            ..
        } => {
            let verb = pick(*to, "start", "stop");
            write!(f, "{verb} container {pool}:{container}")
        }
        Step::Freeze {
            pool,
            container,
            to,
        } => {
            let verb = pick(*to, "freeze", "unfreeze");
            write!(f, "{verb} container {pool}:{container}")
        }
        Step::Guest {
            pool, container, ..
        } => {
            write!(
                f,
                "write name and resolvers inside container {pool}:{container}"
            )
        }
        Step::AccountFiles {} => f.write_str("write the account files anew"),
        pools => fmt_pool(pools, f),
    }
}

/// The steps about a pool as a whole.
fn fmt_pool(step: &Step, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match step {
        Step::PoolImage {
            file,
            size,
            file_system,
            to: Presence::Present,
            ..
        } => {
            let inside = file_system.unwrap_or(FileSystem::Btrfs);
            write!(f, "create image {} of {size} with {inside}", file.display())
        }
        Step::PoolImage { file, .. } => write!(f, "destroy image {}", file.display()),
        Step::PoolSource {
            pool,
            before,
            after,
        } => {
            let verb = verb(
                [before.as_ref(), after.as_ref()],
                ["remember", "change", "forget"],
            );
            let path = after.as_ref().or(before.as_ref());
            let path = path
                .map(|path| path.display().to_string())
                .unwrap_or_default();
            write!(f, "{verb} the source of pool {pool}: {path}")
        }
        Step::PoolOpen { pool, to, .. } => {
            write!(
                f,
                "{} pool {pool}",
                pick(*to, "attach and mount", "unmount and detach")
            )
        }
        Step::PoolMark { pool, to } => {
            write!(
                f,
                "{} this host's mark on pool {pool}",
                pick(*to, "set", "remove")
            )
        }
        Step::PoolActive {
            pool,
            to: Presence::Present,
            ..
        } => {
            write!(
                f,
                "settle the journal of pool {pool}, load it and register its users"
            )
        }
        Step::PoolReload { pool } => write!(f, "read the configuration of pool {pool} again"),
        Step::PoolActive { pool, .. } => write!(f, "unload pool {pool} and unregister its users"),
        other => f.write_str(other.kind()),
    }
}
