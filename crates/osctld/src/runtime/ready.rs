//! Whether a guest is up.
//!
//! systemd is asked: `systemctl is-system-running` in the guest, like a command of the administrator's.
//! Of any other init the kernel shows enough: who waits for a login, who has nothing left to start.

use std::time::{Duration, Instant};

use os_api::view::{Readiness, ReadyState};

use super::{Slot, enter, place, process};
use crate::host::Steps;

/// Programs that ask for a login: whoever runs one has come to the end of booting.
const LOGINS: &[&str] = &["agetty", "getty", "login", "sulogin", "askfirst"];

/// systemctl answers within this time, or is asked again.
const ANSWER: Duration = Duration::from_secs(5);

/// An init that has only waited for so long has started all it is going to.
const QUIET: u64 = 3;

/// Looks whether the guest of this slot is up.
pub(crate) fn ask(host: &Steps, slot: &Slot) -> Readiness {
    let Some(init) = slot.init_pid() else {
        return not_yet("it has no init yet".to_owned());
    };
    let program = process::program(init).unwrap_or_default();
    if program == "systemd" {
        ask_systemd(host, slot)
    } else {
        look(host, slot, init, &program)
    }
}

fn ask_systemd(host: &Steps, slot: &Slot) -> Readiness {
    let limit = Instant::now() + ANSWER;
    let said = systemctl(host, slot, &["is-system-running"], limit).unwrap_or_default();
    match said.as_str() {
        "running" => ready("systemd says running".to_owned()),
        "degraded" => {
            let list = [
                "list-units",
                "--failed",
                "--plain",
                "--no-legend",
                "--no-pager",
            ];
            let failed = systemctl(host, slot, &list, limit).unwrap_or_default();
            ready(format!("systemd says degraded{}", failed_units(&failed)))
        }
        "" => not_yet("systemd does not answer yet".to_owned()),
        word => not_yet(format!("systemd says {word}")),
    }
}

/// What systemctl prints in the guest, without what a terminal would obey.
fn systemctl(host: &Steps, slot: &Slot, args: &[&str], deadline: Instant) -> Option<String> {
    let argv = ["systemctl"].iter().chain(args);
    let argv = argv.map(|word| (*word).to_owned()).collect();
    let job = enter::job(slot, argv, "dumb")?;
    match enter::capture(host, &job, deadline) {
        Ok(text) => Some(
            text.trim()
                .replace(|c: char| c.is_control() && c != '\n', "?"),
        ),
        Err(error) => {
            tracing::debug!(%error, "systemctl in a guest");
            None
        }
    }
}

/// As in ` (2 failed units: a.service, b.service)`; nothing if there are none.
fn failed_units(list: &str) -> String {
    let units: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    match units.len() {
        0 => String::new(),
        1 => format!(" (1 failed unit: {})", units.join("")),
        count => format!(" ({count} failed units: {})", units.join(", ")),
    }
}

/// What the kernel shows.
fn look(host: &Steps, slot: &Slot, init: u32, program: &str) -> Readiness {
    let pids = place::parse(&slot.cgroup).ok();
    let pids = pids.and_then(|path| host.cgroups().procs(&path).ok());
    let names = pids.into_iter().flatten().filter_map(process::name);
    let login = names
        .into_iter()
        .find(|name| LOGINS.contains(&name.as_str()));
    if let Some(login) = login {
        return ready(format!("{login} waits for a login"));
    }
    let children = process::children(init);
    let sleeps = process::stat(init).is_some_and(|stat| stat.state == 'S');
    if sleeps && children == 0 {
        return ready(format!("{program} has nothing left to start"));
    }
    if sleeps && process::age_seconds(init) >= QUIET {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_units_are_named() {
        assert_eq!(failed_units(""), "");
        let one = "foo.service loaded failed failed Foo";
        assert_eq!(failed_units(one), " (1 failed unit: foo.service)");
        let two = format!("{one}\nbar.mount loaded failed failed Bar");
        assert_eq!(
            failed_units(&two),
            " (2 failed units: foo.service, bar.mount)"
        );
    }
}
