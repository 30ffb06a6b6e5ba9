//! The crash matrix: each command is crashed at each point, forward and during rollback. It runs on a host in
//! plain files, with the real planners, the real engine and journal and nearly all real steps. After a restart
//! the host has to be exactly as before the command or as after it: all files, the state in memory, the assets.
//! No journal is open, and no ids are reserved.
//!
//! The points are those of `os_engine::fault`, and one between the intent of each step and its effect. At each
//! point the test also cuts the last line of the journal in half, if the daemon may have been writing it then.
//!
//! The native tests show what needs a kernel and real programs (`tests/native`): `root_crash.rs` has a scenario
//! for each kind of step, `root_kill.rs` kills the daemon at random times. This matrix has every scenario that
//! `root_crash.rs` once had, under the same name. These scenarios are no longer native:
//!
//! - pools: `pool_install`, `pool_uninstall`, `pool_forget`, `pool_export_in_an_older_schema`, `pool_set`,
//!   `pool_unset`, `prlimit_set`, `prlimit_unset`;
//! - entities: `id_range_new`, `id_range_del`, `id_range_allocate`, `id_range_free`, `user_del`,
//!   `user_register`, `user_unregister`, `user_set`, `group_del`, `attr_set`, `attr_unset`, `undo`;
//! - containers: `ct_new_with_a_user_of_its_own`, `ct_del_of_a_running_one`, `ct_stop_of_an_ephemeral_one`,
//!   `ct_kill`, `ct_restart`, `ct_unfreeze`, `ct_set`, `ct_set_description`, `ct_prlimit_set`, `ct_unset`,
//!   `ct_chown`, `ct_chgrp`, `ct_rename`, `ct_config_reload`, `pool_export_of_running_ones`, `image_prune`.
//!
//! These are native only in machines with ZFS, with the prefix `zfs_`: `pool_destroy`, `pool_import`,
//! `pool_export`, `ct_new_from_the_cache`, `ct_del`.

mod cuts;
mod daemon;
mod plain_host;
mod plain_storage;
mod stage;
mod world;

use std::fs;
use std::path::Path;

use os_api::Command;

use cuts::Way;
use stage::Stage;

/// A command of the API and its body, in which `@` stands for the root directory. If the first word begins with
/// `>`, it is the path of a file instead, and the second word is the text to write there.
type Words = (&'static str, &'static str);

/// A command, and the commands that prepare the host for it.
struct Scenario {
    before: &'static [Words],
    command: Words,
}

const POOL: Words = ("pool-new", r#"{"pool":"tank","size_bytes":536870912}"#);
const EXPORT: Words = ("pool-export", r#"{"pool":"tank"}"#);
const IMPORT: Words = ("pool-import", r#"{"pool":"tank"}"#);
const UNINSTALL: Words = ("pool-uninstall", r#"{"pool":"tank"}"#);
const RANGE: Words = (
    "id-range-new",
    r#"{"name":"web","start_id":500000,"block_size":1000,"block_count":10}"#,
);
const ALLOCATE: Words = (
    "id-range-allocate",
    r#"{"name":"web","block_count":2,"owner":"somebody"}"#,
);
const ALICE: Words = ("user-new", r#"{"name":"alice"}"#);
const BOB: Words = ("user-new", r#"{"name":"bob"}"#);
const UNREGISTER: Words = ("user-unregister", r#"{"name":"alice"}"#);
const GROUP: Words = ("group-new", r#"{"name":"/web"}"#);
const POOL_LIMIT: Words = (
    "prlimit-set",
    r#"{"owner":{"kind":"pool","pool":"tank"},"key":"nofile","value":{"soft":100,"hard":100}}"#,
);
const POOL_SET: Words = ("pool-set", r#"{"pool":"tank","parallel_stop":9}"#);
const ATTR: Words = (
    "attr-set",
    r#"{"target":{"kind":"user","name":"alice"},"key":"org.example:role","value":"web"}"#,
);
const CT: Words = (
    "container-new",
    r#"{"name":"web","root":{"kind":"file","path":"/image"},"user":"alice"}"#,
);
const CT_OWN: Words = (
    "container-new",
    r#"{"name":"web","root":{"kind":"file","path":"/image"}}"#,
);
const CT_OTHER: Words = (
    "container-new",
    r#"{"name":"other","root":{"kind":"file","path":"/image"},"user":"alice"}"#,
);
const CT_THIRD: Words = (
    "container-new",
    r#"{"name":"third","root":{"kind":"file","path":"/image"},"user":"alice"}"#,
);
const EMPTY: Words = (
    "container-new",
    concat!(
        r#"{"name":"web","user":"alice","root":"#,
        r#"{"kind":"empty","distribution":"busybox","version":"1","arch":"x86_64"}}"#
    ),
);
const SCRIPT: Words = (">tank/hook/ct/web/pre-start", "#!/bin/sh\n");
const EPHEMERAL: Words = (
    "container-set",
    r#"{"name":"web","settings":{"ephemeral":true}}"#,
);
const START: Words = ("container-start", r#"{"name":"web"}"#);
const START_OTHER: Words = ("container-start", r#"{"name":"other"}"#);
const START_THIRD: Words = ("container-start", r#"{"name":"third"}"#);
const STOP: Words = ("container-stop", r#"{"name":"web"}"#);
const KILL: Words = (
    "container-stop",
    r#"{"name":"web","policy":{"method":"kill"}}"#,
);
const FREEZE: Words = ("container-freeze", r#"{"name":"web"}"#);
const DEL: Words = ("container-del", r#"{"name":"web"}"#);
const RENAME: Words = ("container-rename", r#"{"name":"web","to":"shop"}"#);
const EMPTY_TRASH: Words = ("trash-prune", r#"{"pool":"tank"}"#);
const DROP_IMAGES: Words = ("image-prune", r#"{"pool":"tank"}"#);

macro_rules! matrix {
    ($($test:ident: after [$($before:expr),*] is $command:expr;)*) => {
        $(#[test]
        fn $test() {
            run(
                concat!(module_path!(), "::", stringify!($test)),
                &Scenario { before: &[$($before),*], command: $command },
            );
        })*

        /// The commands of the matrix.
        const COMMANDS: &[Words] = &[$($command),*];
    };
}

matrix! {
    pool_new: after [] is POOL;
    pool_install: after [POOL, EXPORT, UNINSTALL] is
        ("pool-install", r#"{"pool":"tank","source":"@/var/lib/osctl/images/tank.img"}"#);
    pool_uninstall: after [POOL, EXPORT] is UNINSTALL;
    pool_destroy: after [POOL, EXPORT] is ("pool-destroy", r#"{"pool":"tank"}"#);
    pool_forget: after [POOL, ALICE, EXPORT] is ("pool-forget", r#"{"pool":"tank"}"#);
    pool_import: after [POOL, ALICE, EXPORT] is IMPORT;
    pool_export: after [POOL, ALICE] is EXPORT;
    pool_export_in_an_older_schema: after [POOL, ALICE, GROUP] is
        ("pool-export", r#"{"pool":"tank","schema":1}"#);
    prlimit_set: after [POOL] is (
        "prlimit-set",
        r#"{"owner":{"kind":"group","name":"/default"},"key":"nofile","value":{"soft":100,"hard":100}}"#
    );
    prlimit_unset: after [POOL, POOL_LIMIT] is
        ("prlimit-unset", r#"{"owner":{"kind":"pool","pool":"tank"},"key":"nofile"}"#);
    pool_reload: after [POOL, ALICE] is ("pool-reload", r#"{"pool":"tank"}"#);
    pool_set: after [POOL] is ("pool-set", r#"{"pool":"tank","parallel_start":7}"#);
    pool_unset: after [POOL, POOL_SET] is
        ("pool-unset", r#"{"pool":"tank","setting":"parallel-stop"}"#);
    id_range_new: after [POOL] is RANGE;
    id_range_del: after [POOL, RANGE] is ("id-range-del", r#"{"name":"web"}"#);
    id_range_allocate: after [POOL, RANGE] is ALLOCATE;
    id_range_free: after [POOL, RANGE, ALLOCATE] is
        ("id-range-free", r#"{"name":"web","owner":"somebody"}"#);
    user_new: after [POOL] is ALICE;
    user_del: after [POOL, ALICE] is ("user-del", r#"{"name":"alice"}"#);
    user_register: after [POOL, ALICE, UNREGISTER] is ("user-register", r#"{"name":"alice"}"#);
    user_unregister: after [POOL, ALICE] is UNREGISTER;
    user_set: after [POOL, ALICE] is ("user-set", r#"{"name":"alice","standalone":false}"#);
    group_new: after [POOL] is ("group-new", r#"{"name":"/a/b/c","parents":true}"#);
    group_del: after [POOL, GROUP] is ("group-del", r#"{"name":"/web"}"#);
    attr_set: after [POOL, ALICE] is ATTR;
    attr_unset: after [POOL, ALICE, ATTR] is (
        "attr-unset",
        r#"{"target":{"kind":"user","name":"alice"},"key":"org.example:role"}"#
    );
    activate: after [POOL, ALICE] is ("activate", "{}");
    undo: after [POOL, ALICE] is ("undo", "{}");
    ct_new: after [POOL, ALICE] is CT;
    ct_new_with_a_user_of_its_own: after [POOL, ALICE, CT_OTHER] is CT_OWN;
    ct_new_from_the_cache: after [POOL, ALICE, CT_OTHER] is CT;
    ct_new_without_an_image: after [POOL, ALICE] is EMPTY;
    ct_del: after [POOL, CT_OWN] is DEL;
    ct_del_of_a_running_one: after [POOL, ALICE, CT, START] is
        ("container-del", r#"{"name":"web","force":true}"#);
    ct_start: after [POOL, ALICE, CT] is START;
    ct_stop: after [POOL, ALICE, CT, START] is STOP;
    ct_stop_of_an_ephemeral_one: after [POOL, ALICE, CT, EPHEMERAL, START] is STOP;
    ct_kill: after [POOL, ALICE, CT, START] is KILL;
    ct_restart: after [POOL, ALICE, CT, START] is
        ("container-restart", r#"{"name":"web","policy":{"method":"kill"}}"#);
    ct_freeze: after [POOL, ALICE, CT, START] is FREEZE;
    ct_unfreeze: after [POOL, ALICE, CT, START, FREEZE] is
        ("container-unfreeze", r#"{"name":"web"}"#);
    ct_set: after [POOL, ALICE, CT] is
        ("container-set", r#"{"name":"web","settings":{"nesting":true}}"#);
    ct_set_description: after [POOL, ALICE, CT] is
        ("container-set", r#"{"name":"web","settings":{"description":"for tests"}}"#);
    ct_prlimit_set: after [POOL, ALICE, CT] is (
        "prlimit-set",
        r#"{"owner":{"kind":"container","name":"web"},"key":"nofile","value":{"soft":100,"hard":100}}"#
    );
    ct_unset: after [POOL, ALICE, CT, EPHEMERAL] is
        ("container-unset", r#"{"name":"web","setting":"ephemeral"}"#);
    ct_chown: after [POOL, BOB, CT_OWN] is ("container-chown", r#"{"name":"web","user":"bob"}"#);
    ct_chgrp: after [POOL, ALICE, CT, GROUP] is
        ("container-chgrp", r#"{"name":"web","group":"/web"}"#);
    ct_rename: after [POOL, ALICE, CT] is RENAME;
    ct_rename_with_hook_scripts: after [POOL, ALICE, CT, SCRIPT] is RENAME;
    ct_config_replace: after [POOL, ALICE, EMPTY] is (
        "container-config-replace",
        concat!(
            r#"{"name":"web","text":"schema = 1\nuser = \"alice\"\ngroup = \"/default\"\n"#,
            r#"distribution = \"busybox\"\nversion = \"1\"\narch = \"x86_64\"\n"#,
            r#"hostname = \"replaced\"\n# end\n"}"#
        )
    );
    ct_config_reload: after [POOL, ALICE, CT] is
        ("container-config-reload", r#"{"name":"web"}"#);
    pool_export_of_running_ones: after
        [POOL, ALICE, CT, CT_OTHER, CT_THIRD, START, START_OTHER, START_THIRD] is
        ("pool-export", r#"{"pool":"tank","force":true}"#);
    trash_prune: after [POOL, ALICE, CT, DEL, CT, DEL] is EMPTY_TRASH;
    image_prune: after [POOL, ALICE, CT, DEL, EMPTY_TRASH] is DROP_IMAGES;
}

#[test]
fn every_command_is_in_the_matrix() {
    let mut found: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
    found.sort_unstable();
    found.dedup();
    let mut all: Vec<_> = Command::ALL.iter().map(|info| info.name).collect();
    all.sort_unstable();
    assert_eq!(found, all);
}

fn write(path: &Path, text: &str) {
    #[expect(clippy::disallowed_methods, reason = "what people do with an editor")]
    fs::write(path, text).unwrap();
}

fn run(test: &str, scenario: &Scenario) {
    if in_a_user_namespace(test) {
        return;
    }
    let stage = Stage::set(scenario);
    stage.crash_all(Way::There, "");
    for failed in 1..=stage.steps() {
        if stage.destroys() {
            // The rollback of an irreversible step fails.
            break;
        }
        let name = scenario.command.0;
        stage.crash_all(Way::Back, &format!("{name}:{failed}:after:fail"));
    }
}

/// If this process is not root, runs the test again as root of a new user namespace, because the modes of the
/// daemon's directories stop other users from writing. Returns whether it did.
fn in_a_user_namespace(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return false;
    }
    let name = test.split_once("::").unwrap().1;
    #[expect(clippy::disallowed_methods, reason = "a child that the test waits for")]
    let ran = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .status()
        .unwrap();
    assert!(ran.success(), "{ran}: it needs root, or user namespaces");
    true
}
