//! Whether a guest is up, from what the kernel shows of it. Nothing of the guest is run or read.

use std::path::Path;
use std::time::Instant;

use os_api::view::{Readiness, ReadyState};
use os_cgroup::Tree;

use super::process;

/// Programs that ask for a login: whoever runs one has come to the end of booting.
const LOGINS: &[&str] = &["agetty", "getty", "login", "sulogin", "askfirst"];

/// Looks whether the guest with this init is up.
pub(crate) fn ask(
    init: u32,
    _log: &Path,
    cgroup: &str,
    cgroups: &Tree,
    _deadline: Instant,
) -> Readiness {
    let pids = super::place::parse(cgroup).ok();
    let pids = pids
        .and_then(|path| cgroups.procs(&path).ok())
        .unwrap_or_default();
    let program = process::program(init).unwrap_or_default();
    let names: Vec<String> = pids.iter().filter_map(|pid| process::name(*pid)).collect();
    let login = names.iter().find(|name| LOGINS.contains(&name.as_str()));
    if let Some(login) = login {
        return ready(format!("{login} waits for a login"));
    }
    if program == "systemd" {
        return not_yet("systemd has not come to a login prompt".to_owned());
    }
    // An init without children that sleeps has done all that it was told.
    let children = process::children(init);
    let sleeps = process::stat(init).is_some_and(|stat| stat.state == 'S');
    if sleeps && children == 0 {
        return ready(format!("{program} has nothing left to start"));
    }
    if sleeps && program != "busybox" && process::age_seconds(init) >= 3 {
        return ready(format!("{program} runs {children} process(es) and waits"));
    }
    not_yet(format!("{program} is starting {children} process(es)"))
}

fn ready(by: String) -> Readiness {
    Readiness {
        state: ReadyState::Ready,
        by,
    }
}

fn not_yet(by: String) -> Readiness {
    Readiness {
        state: ReadyState::NotYet,
        by,
    }
}
