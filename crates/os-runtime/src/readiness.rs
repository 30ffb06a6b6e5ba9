//! Whether a guest has finished booting.
//!
//! systemd is asked by `systemctl is-system-running` in the guest, like a command of the administrator.
//! For any other init the kernel shows enough: a process waits for a login, or init has no children left.

use std::time::{Duration, Instant};

use os_api::view::{Readiness, ReadyState};
use os_types::ContainerRef;

use crate::containers::LiveContainer;
use crate::process::{self, Process};
use crate::runtime::Runtime;

/// Programs that ask for a login, which is the end of booting.
const LOGINS: &[&str] = &["agetty", "getty", "login", "sulogin", "askfirst"];

/// Deadline for an answer of systemctl.
const ANSWER: Duration = Duration::from_secs(5);

/// Age in seconds after which an init that sleeps has started everything that it will start.
const QUIET: u64 = 3;

impl Runtime {
    /// Whether the guest of this container has finished booting.
    ///
    /// # Blocking
    /// Up to 10 s, while systemd in the guest is asked.
    pub fn readiness(&self, container: &ContainerRef, live: &LiveContainer) -> Readiness {
        let Some(init) = &live.init else {
            return not_yet("it has no init yet".to_owned());
        };
        let program = process::program(init.pid()).unwrap_or_default();
        if program == "systemd" {
            self.ask_systemd(container, live)
        } else {
            self.look_at_processes(live, init, &program)
        }
    }

    fn ask_systemd(&self, container: &ContainerRef, live: &LiveContainer) -> Readiness {
        let deadline = Instant::now() + ANSWER;
        let ask = |args: &[&str]| self.systemctl(container, live, args, deadline);
        let answer = ask(&["is-system-running"]);
        match answer.unwrap_or_default().as_str() {
            "running" => ready("systemd says running".to_owned()),
            "degraded" => {
                let list = [
                    "list-units",
                    "--failed",
                    "--plain",
                    "--no-legend",
                    "--no-pager",
                ];
                let failed = ask(&list).unwrap_or_default();
                ready(format!("systemd says degraded{}", failed_units(&failed)))
            }
            "" => not_yet("systemd does not answer yet".to_owned()),
            word => not_yet(format!("systemd says {word}")),
        }
    }

    /// Output of systemctl in the guest, without control characters.
    fn systemctl(
        &self,
        container: &ContainerRef,
        live: &LiveContainer,
        args: &[&str],
        deadline: Instant,
    ) -> Option<String> {
        let argv = ["systemctl"].iter().chain(args);
        let argv = argv.map(|word| (*word).to_owned()).collect();
        let entry = self.entry(container, live, argv, "dumb");
        let captured = entry
            .map_err(std::io::Error::other)
            .and_then(|entry| self.capture(entry, deadline));
        match captured {
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

    fn look_at_processes(&self, live: &LiveContainer, init: &Process, program: &str) -> Readiness {
        let pids = self.cgroups.procs(&live.cgroup).unwrap_or_default();
        let mut names = pids.into_iter().filter_map(process::name);
        let login = names.find(|name| LOGINS.contains(&name.as_str()));
        if let Some(login) = login {
            return ready(format!("{login} waits for a login"));
        }
        let children = process::children(init.pid());
        let sleeps = os_sys::ProcessStat::read(init.pid()).is_some_and(|stat| stat.state == 'S');
        if sleeps && children == 0 {
            return ready(format!("{program} has nothing left to start"));
        }
        if sleeps && process::age_seconds(init.pid()) >= QUIET {
            return ready(format!("{program} runs {children} process(es) and waits"));
        }
        not_yet(format!("{program} is starting {children} process(es)"))
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
