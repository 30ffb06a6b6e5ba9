//! From a command to the steps that carry it out, or to the reason why not.
//!
//! One file a command. Each checks everything that can be known before the first step; what is
//! found out only by doing (a full disk, a device that is not a pool) fails in its step.
//!
//! *Locks*: a plan touches the entities it changes and those it relies on. Whatever touches
//! something on a pool shares the pool, which the engine sees to, so that no pool is closed under
//! it; only what concerns a pool as a whole touches the pool. Ids are checked over all pools, but no
//! plan touches the host for that: what it gives to somebody is reserved (ADR-13).

mod activate;
mod attr;
mod blocks;
mod container_move;
mod container_new;
mod container_run;
mod container_settings;
mod context;
mod group_del;
mod group_new;
mod guest;
mod id_range_allocate;
mod id_range_del;
mod id_range_free;
mod id_range_new;
mod part;
mod pool_destroy;
mod pool_export;
mod pool_forget;
mod pool_import;
mod pool_install;
mod pool_new;
mod pool_reload;
mod pool_set;
mod pool_uninstall;
mod prune;
mod schema;
mod source;
mod undo;
mod user_del;
mod user_ids;
mod user_new;
mod user_register;
mod user_set;

pub use undo::check_undo;

use context::Context;
use os_api::Command;
use os_types::{Code, Failure, Plan};

use crate::facts::Facts;
use crate::state::State;

/// The user property of a pool's dataset that makes it a pool: `yes`.
pub const ACTIVE_PROPERTY: &str = "org.vpsadminos.osctl:active";

/// The user property of a pool's dataset that names the scoped dataset.
pub const DATASET_PROPERTY: &str = "org.vpsadminos.osctl:dataset";

/// The steps that carry out `command`, given what is and what the host is like.
///
/// *Shape*: no steps at all if everything is as wanted already.
///
/// # Errors
/// What stands in the way, with its code and the next command. `undo` has no plan here: the engine
/// makes it from the journal.
pub fn plan(command: &Command, state: &State, facts: &Facts) -> Result<Plan, Failure> {
    let context = Context { state, facts };
    match command {
        Command::PoolNew(body) => pool_new::plan(body, &context),
        Command::PoolInstall(body) => pool_install::plan(body, &context),
        Command::PoolUninstall(body) => pool_uninstall::plan(body, &context),
        Command::PoolDestroy(body) => pool_destroy::plan(body, &context),
        Command::PoolForget(body) => pool_forget::plan(body, &context),
        Command::PoolImport(body) => pool_import::plan(body, &context),
        Command::PoolExport(body) => pool_export::plan(body, &context),
        Command::PoolReload(body) => pool_reload::plan(body, &context),
        Command::PoolSet(body) => pool_set::set(body, &context),
        Command::PoolUnset(body) => pool_set::unset(body, &context),
        Command::IdRangeNew(body) => id_range_new::plan(body, &context),
        Command::IdRangeDel(body) => id_range_del::plan(body, &context),
        Command::IdRangeAllocate(body) => id_range_allocate::plan(body, &context),
        Command::IdRangeFree(body) => id_range_free::plan(body, &context),
        Command::UserNew(body) => user_new::plan(body, &context),
        Command::UserDel(body) => user_del::plan(body, &context),
        Command::UserRegister(body) => user_register::register(body, &context),
        Command::UserUnregister(body) => user_register::unregister(body, &context),
        Command::UserSet(body) => user_set::plan(body, &context),
        Command::GroupNew(body) => group_new::plan(body, &context),
        Command::GroupDel(body) => group_del::plan(body, &context),
        Command::ContainerNew(body) => container_new::plan(body, &context),
        Command::ContainerDel(body) => container_move::del(body, &context),
        Command::ContainerStart(body) => container_run::start(body, &context),
        Command::ContainerStop(body) => container_run::stop(body, &context),
        Command::ContainerRestart(body) => container_run::restart(body, &context),
        Command::ContainerFreeze(body) => container_run::freeze(body, &context),
        Command::ContainerUnfreeze(body) => container_run::unfreeze(body, &context),
        Command::ContainerSet(body) => container_settings::set(body, &context),
        Command::ContainerUnset(body) => container_settings::unset(body, &context),
        Command::ContainerChown(body) => container_move::chown(body, &context),
        Command::ContainerChgrp(body) => container_move::chgrp(body, &context),
        Command::ContainerRename(body) => container_move::rename(body, &context),
        Command::ContainerConfigReplace(body) => container_settings::replace(body, &context),
        Command::ContainerConfigReload(body) => container_settings::reload(body, &context),
        Command::TrashPrune(body) => prune::trash(body, &context),
        Command::ImagePrune(body) => prune::images(body, &context),
        Command::AttrSet(body) => attr::set(body, &context),
        Command::AttrUnset(body) => attr::unset(body, &context),
        Command::PrlimitSet(body) => part::set_prlimit(body, &context),
        Command::PrlimitUnset(body) => part::unset(body, &context),
        Command::Activate(body) => Ok(activate::plan(body)),
        Command::Undo(_) => Err(Failure::new(
            Code::NoUndo,
            "undo is planned from the journal of the operation, not from a command",
        )),
    }
}
