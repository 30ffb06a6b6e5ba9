//! Root: our blocks beside the tools that own these files. Needs Debian's passwd and uidmap.
#![expect(
    clippy::disallowed_methods,
    reason = "the host's own tools are what is tested, and os-cmd is not below this crate"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use os_store::block::{self, Repair};
use os_store::{Attributes, atomic};

const PATIENCE: Duration = Duration::from_secs(30);

/// A root directory with the account files of a small host.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().expect("a temporary directory"));
        for folder in ["etc", "home"] {
            let path = host.0.path().join(folder);
            atomic::create_dir(&path, Attributes::mode(0o755)).expect("a directory");
        }
        for (name, content) in [
            ("passwd", "root:x:0:0::/root:/bin/sh\n"),
            ("shadow", "root:*:19000:0:99999:7:::\n"),
            ("group", "root:x:0:\nusers:x:100:\n"),
            ("gshadow", "root:*::\nusers:!::\n"),
            ("subuid", "host:500000:1000\n"),
            ("subgid", "host:500000:1000\n"),
            ("login.defs", "USERGROUPS_ENAB yes\n"),
        ] {
            let mode = Attributes::mode(0o644);
            atomic::replace(&host.file(name), content.as_bytes(), mode).expect("an account file");
        }
        host
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("etc").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("the file is there")
    }

    /// Runs an account tool on this root; panics with what it said if it fails.
    fn run(&self, tool: &str, arguments: &[&str]) {
        let mut command = Command::new(tool);
        command.arg("--prefix").arg(self.0.path()).args(arguments);
        let output = command.output().expect(tool);
        assert!(output.status.success(), "{tool} {arguments:?}: {output:?}");
    }

    /// Runs a shell command in a mount namespace in which this root's files replace the host's.
    fn inside(&self, script: &str) -> Output {
        let binds: String = ["passwd", "group", "subuid", "subgid"]
            .map(|name| format!("mount --bind {} /etc/{name} && ", self.file(name).display()))
            .concat();
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--propagation",
            "private",
            "timeout",
            "60",
            "sh",
            "-c",
        ]);
        command.arg(format!("{binds}{script}"));
        command.output().expect("unshare is in util-linux")
    }

    fn stdout(&self, script: &str) -> String {
        let output = self.inside(script);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).expect("names are ASCII")
    }
}

fn set(path: &Path, lines: &[&str]) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    block::set_all(&[(path, lines)], &|_| false, Repair::Refuse, PATIENCE)
        .expect("the block is written");
}

const ALICE: &str = "tank.alice:*:100000:100000::/nonexistent:/usr/sbin/nologin";
const BELLA: &str = "tank.bella:*:100001:100001::/nonexistent:/usr/sbin/nologin";
const RANGES: [&str; 2] = ["tank.bella:2000000:65536", "tank.alice:1000000:65536"];

fn fill(host: &Host) {
    set(&host.file("passwd"), &[ALICE, BELLA]);
    set(
        &host.file("group"),
        &["tank.alice:*:100000:", "tank.bella:*:100001:"],
    );
    set(&host.file("subuid"), &RANGES);
    set(&host.file("subgid"), &RANGES);
}

#[test]
fn root_account_tools_and_our_blocks_leave_each_other_alone() {
    let host = Host::new();
    fill(&host);
    host.run("useradd", &["bob"]);
    host.run("useradd", &["carol"]);
    host.run("usermod", &["--comment", "hello", "bob"]);
    host.run("userdel", &["carol"]);
    assert_eq!(block::read(&host.file("passwd")).unwrap(), [ALICE, BELLA]);
    assert_eq!(block::read(&host.file("group")).unwrap().len(), 2);
    // useradd has sorted the ranges and thrown the comments to the end: ours are still known.
    let frame = format!("{}\n{}", block::BEGIN, RANGES[0]);
    for name in ["subuid", "subgid"] {
        assert!(
            !host.text(name).contains(&frame),
            "useradd sorts no more: {}",
            host.text(name)
        );
        let mut found = block::read(&host.file(name)).unwrap();
        found.sort();
        assert_eq!(found, [RANGES[1], RANGES[0]]);
        set(&host.file(name), &RANGES);
        assert!(host.text(name).contains(&frame), "{}", host.text(name));
        assert_eq!(host.text(name).matches("tank.alice:").count(), 1);
    }
    for name in ["passwd", "group", "subuid", "subgid"] {
        set(&host.file(name), &[]);
        assert!(!host.text(name).contains("tank"), "{}", host.text(name));
        assert!(!host.text(name).contains('#'), "{}", host.text(name));
    }
    assert!(
        host.text("passwd")
            .ends_with("\nbob:x:1000:1000:hello:/home/bob:/bin/bash\n")
    );
    assert_eq!(host.text("subuid"), "bob:100000:65536\nhost:500000:1000\n");
}

#[test]
fn root_lookups_see_the_lines_in_our_blocks() {
    let host = Host::new();
    fill(&host);
    for round in ["as written", "after useradd"] {
        let by_name = host.stdout("getent passwd tank.alice");
        assert_eq!(by_name.trim_end(), ALICE, "{round}");
        assert_eq!(
            host.stdout("getent passwd 100001").trim_end(),
            BELLA,
            "{round}"
        );
        assert_eq!(
            host.stdout("getent group 100000").trim_end(),
            "tank.alice:*:100000:"
        );
        for option in ["", "-g "] {
            let ranges = host.stdout(&format!("getsubids {option}tank.alice"));
            assert_eq!(ranges.trim_end(), "0: tank.alice 1000000 65536", "{round}");
        }
        // No tag passes for a range of somebody.
        assert!(!host.inside("getsubids '#= tank.alice'").status.success());
        host.run("useradd", &[&format!("bob-{}", round.len())]);
    }
}

#[test]
fn root_newuidmap_grants_a_range_in_our_block() {
    let host = Host::new();
    fill(&host);
    // A process in a user namespace made by alice, mapped from outside as alice. The outer shell
    // opens its files, since alice may not enter this directory.
    let alice = "setpriv --reuid 100000 --regid 100000 --clear-groups";
    let child = "sh -c 'echo $$; exec cat'";
    let script = format!(
        "cd {} && mkfifo hold && exec 3<>hold && ({alice} unshare --user {child} <&3 >pid &) && \
         until [ -s pid ]; do :; done && pid=$(cat pid) && \
         {alice} newuidmap $pid 0 1000000 65536; status=$?; \
         cat /proc/$pid/uid_map; kill $pid; exit $status",
        host.0.path().display()
    );
    let map = host.stdout(&script);
    assert_eq!(
        map.split_whitespace().collect::<Vec<_>>(),
        ["0", "1000000", "65536"]
    );
}

#[test]
fn root_useradd_at_the_same_time_loses_nothing() {
    const ROUNDS: usize = 15;
    let host = Host::new();
    let names = ["passwd", "subuid"];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                host.run("useradd", &[&format!("host{round}")]);
            }
        });
        scope.spawn(|| {
            let (mut accounts, mut ranges) = (Vec::new(), Vec::new());
            for round in 0..ROUNDS * 4 {
                accounts.push(format!("tank.u{round}:*:{round}:1::/:/"));
                ranges.push(format!("tank.u{round}:{round}:1"));
                for (name, lines) in names.iter().zip([&accounts, &ranges]) {
                    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
                    set(&host.file(name), &lines);
                }
            }
        });
    });
    for name in names {
        assert_eq!(
            block::read(&host.file(name)).unwrap().len(),
            ROUNDS * 4,
            "{name}"
        );
        for round in 0..ROUNDS {
            let start = format!("host{round}:");
            let text = host.text(name);
            let found = text.lines().filter(|line| line.starts_with(&start)).count();
            assert_eq!(found, 1, "{start} in {name}: {text}");
        }
    }
}
