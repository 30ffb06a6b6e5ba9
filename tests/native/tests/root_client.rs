//! The command line as a real client calls it: the agent of vpsAdmin on a node of vpsAdminOS.
//!
//! The agent joins global options, words, options and arguments with blanks and gives that to a shell. A
//! switch that is off is `--no-x`, an option without a value is `--x ""`, `-j` is always given, also where
//! nothing is answered, and it reads standard output only. So each line here goes through a shell, too.
//!
//! The numbers of the rows are those of the list of its command lines that this project keeps. Rows whose
//! commands do not exist yet are in [`LATER`].

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use native::{wait_for, with_pool};
use os_sys::{PidFd, Signal};
use os_testkit::{Ran, Sandbox, image, sandbox};
use serde_json::{Value, json};

/// Rows that are called here.
const CALLED: &[u8] = &[
    1, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 20, 21, 22, 23, 36, 37, 40,
];

/// Rows whose commands exist and that cannot be called as written on every host, and why.
const OF_THE_HOST: &[(u8, &str)] = &[(
    16,
    "prlimits: a host has to allow a million open files; limits, devices and figures raise its limits",
)];

/// Rows whose commands do not exist yet: the first words or the option that is missing, and what they come with. A
/// row whose line is understood has to be called here instead.
const LATER: &[(u8, &str, &str)] = &[
    (2, "ct top --rate 1", FIGURES),
    (3, "ct console 101", LIVING),
    (12, "ct passwd 101 root secret", LIVING),
    (14, "ct mounts clear 101", LIVING),
    (18, "ct reinstall 101", LIVING),
    (19, "ct boot --force 101", LIVING),
    (24, "ct cp 101 102", COPIES),
    (25, "ct set memory-limit 101 512M", FIGURES),
    (25, "ct cgparams set --version 2 101 memory.low 1", FIGURES),
    (25, "ct set cpu-limit 101 100", FIGURES),
    (
        26,
        "ct devices add --parents 101 char 10 229 rwm /dev/fuse",
        FIGURES,
    ),
    (27, "ct set impermanence 101", LIVING),
    (28, "ct set start-menu --timeout 5 101", LIVING),
    (
        29,
        "group devices add --parents /default char 10 229 rwm /dev/fuse",
        FIGURES,
    ),
    (30, "ct netif new routed 101 venet0", NETWORK),
    (31, "ct netif ls", NETWORK),
    (32, "ct mounts register --map-ids 101 /mnt", LIVING),
    (33, "ct recover cleanup 101", LIVING),
    (34, "ct send config 101 node2", COPIES),
    (35, "send key path public", COPIES),
    (38, "trash-bin dataset add tank/x", LIVING),
    (39, "ct cat 101 /etc/os-release", LIVING),
    (40, "ct runscript 101 /tmp/script", LIVING),
    (41, "exportfs", "a program of its own, osctl-exportfs"),
];

const FIGURES: &str = "limits, devices and figures";
const LIVING: &str = "living with containers: entering, mounts, rescue";
const NETWORK: &str = "network and guests: interfaces and addresses";
const COPIES: &str = "copies of containers, on this host and on others";

/// The agent.
struct Client<'a>(&'a Sandbox);

impl Client<'_> {
    /// A shell that runs a line as the agent does; `osctl` is the one under test.
    fn shell(&self, line: &str) -> Result<Command> {
        let program = sandbox::program_path("osctl")?;
        let folder = program.parent().context("a program has a directory")?;
        let path = std::env::var("PATH").unwrap_or_default();
        #[expect(clippy::disallowed_methods, reason = "what the agent does")]
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line).stdin(Stdio::null());
        shell.env("OSCTL_ROOT", self.0.root());
        shell.env("PATH", format!("{}:{path}", folder.display()));
        Ok(shell)
    }

    fn run(&self, line: &str) -> Result<Ran> {
        Ran::of(&mut self.shell(line)?)
    }

    /// Runs a line that has to succeed. With `-j`, each line on standard output has to be JSON.
    fn ok(&self, line: &str) -> Result<String> {
        let ran = self.run(line)?;
        let log = self.0.log();
        ensure!(
            ran.code == 0,
            "{line}: {} {}{}\n{log}",
            ran.code,
            ran.stderr,
            ran.stdout
        );
        if line.contains(" -j ") {
            for answer in ran.stdout.lines() {
                serde_json::from_str::<Value>(answer)
                    .with_context(|| format!("{line}: {answer}"))?;
            }
        }
        Ok(ran.stdout)
    }

    fn json(&self, line: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.ok(line)?)?)
    }

    /// What `osctl -j ct show` says of a container.
    fn shown(&self, id: u32) -> Result<Value> {
        self.json(&format!("osctl -j ct show {id}"))
    }

    fn expect(&self, id: u32, expected: &Value) -> Result<()> {
        let shown = self.shown(id)?;
        for (key, value) in expected.as_object().context("an object")? {
            ensure!(shown[key] == *value, "{key} is {}, not {value}", shown[key]);
        }
        Ok(())
    }

    /// Runs a line that has to succeed, do nothing and say so in plain words on standard error.
    fn does_nothing(&self, line: &str) -> Result<()> {
        let ran = self.run(line)?;
        ensure!(ran.code == 0, "{line}: {ran:?}");
        ensure!(
            ran.stderr == "note: nothing had to be done\n",
            "{line}: {ran:?}"
        );
        Ok(())
    }
}

/// Puts the image of the tests into the host's repository.
fn deploy(sandbox: &Sandbox) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "what an administrator does")]
    let mut deploy = Command::new(sandbox::program_path("osctl-image")?);
    deploy
        .args(["deploy", "--tag", "stable"])
        .arg(image::busybox()?);
    let deployed = Ran::of(deploy.arg(sandbox.path("var/lib/osctl/repository")))?;
    ensure!(deployed.code == 0, "{deployed:?}");
    Ok(())
}

#[test]
fn every_row_is_called_or_known_to_come_later() -> Result<()> {
    let later = LATER.iter().map(|(row, ..)| *row);
    let later = later.chain(OF_THE_HOST.iter().map(|(row, _)| *row));
    let all: BTreeSet<u8> = CALLED.iter().copied().chain(later).collect();
    assert_eq!(all, (1..=41).collect());
    let sandbox = Sandbox::new()?;
    for (row, line, why) in LATER {
        let ran = sandbox.osctl(&line.split(' ').collect::<Vec<_>>())?;
        let is_unknown = ran.code == 2 && ran.stderr.contains("there is no command `osctl ");
        ensure!(
            is_unknown,
            "row {row} ({why}) can be called now: {line}: {ran:?}"
        );
    }
    Ok(())
}

/// Rows 8 to 11, 13, 15, 17, 20 to 23, 36, 37: a container from its first to its last command.
#[test]
fn a_container_from_create_to_del() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    deploy(&sandbox)?;
    let client = Client(&sandbox);

    assert_eq!(client.json("osctl -j pool show tank")?["state"], "active");
    let absent = client.run("osctl -j pool show other")?;
    assert_ne!(absent.code, 0);

    for (name, first) in [("1001", 660_000_000), ("1002", 661_000_000)] {
        let map = format!("0:{first}:65536");
        client.ok(&format!(
            "osctl --pool \"tank\" -j user new --map-uid \"{map}\" --map-gid \"{map}\" {name}"
        ))?;
    }

    create(&client)?;
    settings(&client)?;
    start_and_stop(&client)?;
    owner_and_distribution(&client)?;

    let running = client.run("osctl -j ct start --wait \"60\" 101 && osctl -j ct del 101")?;
    assert_ne!(running.code, 0, "{running:?}");
    client.ok("osctl -j ct del --force 101")?;
    client.ok("osctl -j ct del --no-force 102")?;
    let absent = client.run("osctl -j ct del --force 102")?;
    assert_eq!(absent.code, 1, "{absent:?}");
    assert_eq!(absent.stdout, "", "{absent:?}");
    client.ok("osctl --pool \"tank\" -j user del 1001")?;
    client.ok("osctl --pool \"tank\" -j user del 1002")?;
    sandbox.finish(daemon)
}

/// Row 13, as written, with values that are missing.
fn create(client: &Client<'_>) -> Result<()> {
    let arch = std::env::consts::ARCH;
    client.ok(&format!(
        "osctl --pool \"tank\" -j ct create --user \"1001\" --dataset \"tank/ct/101\" --map-mode \"native\" \
         --distribution \"busybox\" --version \"stable\" --arch \"{arch}\" --variant \"\" --vendor \"\" \
         --no-skip-image 101"
    ))?;
    client.expect(101, &json!({
        "id": "101", "pool": "tank", "user": "1001", "group": "/default", "dataset": "tank/ct/101",
        "boot_dataset": "tank/ct/101", "distribution": "busybox", "version": "1", "map_mode": "native",
        "state": "stopped", "init_pid": null,
    }))?;
    client.ok(&format!(
        "osctl --pool \"tank\" -j ct create --user \"1001\" --dataset \"tank/ct/102\" --map-mode \"\" \
         --distribution \"debian\" --version \"13\" --arch \"{arch}\" --variant \"minimal\" --vendor \
         \"vpsadminos\" --skip-image 102"
    ))?;
    client.expect(
        102,
        &json!({ "vendor": "vpsadminos", "variant": "minimal", "image": null }),
    )?;
    let zfs = client.run(
        "osctl --pool \"tank\" -j ct create --map-mode \"zfs\" --distribution \"busybox\" 103",
    )?;
    ensure!(
        zfs.code == 2 && zfs.stderr.contains("use native"),
        "{zfs:?}"
    );
    Ok(())
}

/// Rows 11, 15, 20.
fn settings(client: &Client<'_>) -> Result<()> {
    client.ok("osctl -j ct set hostname 101 vps.example.org")?;
    client.ok("osctl -j ct set dns-resolver 101 192.0.2.53 2001:db8::53")?;
    client.ok("osctl -j ct set autostart --priority \"10\" 101")?;
    client.expect(
        101,
        &json!({
            "hostname": "vps.example.org", "dns_resolvers": ["192.0.2.53", "2001:db8::53"],
            "autostart": true, "autostart_priority": 10,
        }),
    )?;
    client.ok("osctl -j ct set autostart --priority \"\" 101")?;
    client.expect(101, &json!({ "autostart_priority": 1000 }))?;
    client.ok("osctl -j ct unset autostart 101")?;
    client.does_nothing("osctl ct unset autostart 101")?;
    Ok(())
}

/// Rows 8 to 10, and 15 and 20 while it runs.
fn start_and_stop(client: &Client<'_>) -> Result<()> {
    client.does_nothing("osctl ct stop --no-kill 101")?;
    client.ok("osctl -j ct start --wait \"120\" 101")?;
    client.does_nothing("osctl ct start --wait \"infinity\" 101")?;
    client.expect(
        101,
        &json!({ "state": "running", "hostname_readout": "vps" }),
    )?;
    client.ok("osctl -j ct unset hostname 101")?;
    client.ok("osctl -j ct unset dns-resolver 101")?;
    client.expect(
        101,
        &json!({ "hostname": null, "dns_resolvers": [], "hostname_readout": "101" }),
    )?;
    client.ok("osctl -j ct restart --wait \"60\" --kill 101")?;
    client.ok("osctl -j ct restart --wait \"\" --no-kill 101")?;
    client.ok("osctl -j ct stop --kill 101")?;
    client.does_nothing("osctl ct stop --kill 101")?;
    let accepted = client.json("osctl -j ct start --wait \"0\" 101")?;
    ensure!(accepted["id"].is_string(), "{accepted}");
    client.ok("osctl -j ct wait 101 running")?;
    client.ok("osctl -j ct stop --kill 101")?;
    Ok(())
}

/// Rows 21 to 23.
fn owner_and_distribution(client: &Client<'_>) -> Result<()> {
    let arch = std::env::consts::ARCH;
    client.ok("osctl -j ct chown 101 1002")?;
    client.ok("osctl -j ct set map-mode 101 native")?;
    // Absent values are blanks.
    client.ok("osctl -j ct set distribution 101 debian 13  ")?;
    client.expect(
        101,
        &json!({ "user": "1002", "version": "13", "vendor": null, "arch": arch }),
    )?;
    client.ok(&format!(
        "osctl -j ct set distribution 101 debian 12 {arch} vpsadminos minimal"
    ))?;
    client.expect(
        101,
        &json!({ "version": "12", "vendor": "vpsadminos", "variant": "minimal" }),
    )?;
    Ok(())
}

/// Rows 4 to 7.
#[test]
fn lists() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let client = Client(&sandbox);
    sandbox.container("101")?;
    sandbox.new_container("102", &[])?;
    let all = client.json("osctl -j ct ls")?;
    assert_eq!(all.as_array().context("an array")?.len(), 2);
    let keys = [
        "pool",
        "id",
        "user",
        "group",
        "dataset",
        "rootfs",
        "boot_dataset",
        "boot_rootfs",
        "state",
        "init_pid",
    ];
    for container in [&all[0], &all[1], &client.shown(101)?] {
        for key in keys {
            ensure!(container.get(key).is_some(), "{key} in {container}");
        }
        assert_eq!(container["dataset"], container["boot_dataset"]);
        assert_eq!(container["rootfs"], container["boot_rootfs"]);
        assert_eq!(container.get("name"), None);
    }
    ensure!(all[0]["init_pid"].is_u64(), "{all}");
    assert_eq!(all[1]["init_pid"], json!(null));
    // A name that the guest has given itself.
    sandbox.known_container("101").sh("hostname renamed")?;
    assert_eq!(
        client.json("osctl -j ct ls --output \"id,hostname_readout\" 101 102")?,
        json!([
            { "id": "101", "hostname_readout": "renamed" },
            { "id": "102", "hostname_readout": null },
        ])
    );
    for line in [
        "osctl -j ct ls --state \"running\"",
        "osctl -j ct ls --state \"running\" 101 102",
    ] {
        let running = client.json(line)?;
        assert_eq!(running.as_array().map(Vec::len), Some(1), "{line}");
        assert_eq!(running[0]["id"], "101");
    }
    sandbox.finish(daemon)
}

/// A program whose lines of output are read while it runs.
struct Lines {
    child: Child,
    lines: Receiver<String>,
}

impl Lines {
    fn of(mut shell: Command) -> Result<Self> {
        let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().context("its output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// The next event of a type that the agent reads.
    fn next(&self) -> Result<Value> {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30))?;
            let event: Value = serde_json::from_str(&line)?;
            if ["state", "ct_exit", "osctld_shutdown"]
                .contains(&event["type"].as_str().context("a type")?)
            {
                return Ok(event);
            }
        }
    }

    /// Reads on to an event.
    fn expect(&self, kind: &str, opts: &Value) -> Result<()> {
        wait_for(&format!("{kind} {opts}"), || {
            let event = self.next()?;
            let opts = opts.as_object().context("an object")?;
            let is_it = event["type"] == kind
                && opts.iter().all(|(key, value)| event["opts"][key] == *value);
            Ok(is_it.then_some(()))
        })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Row 1.
#[test]
fn monitor() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let client = Client(&sandbox);
    let web = sandbox.new_container("101", &[])?;
    let events = Lines::of(client.shell("exec osctl -j monitor")?)?;
    // The subscription has begun when an event comes.
    wait_for("the first event", || {
        sandbox.ok(&["ct", "set", "attr", "101", "a:b", "c"])?;
        sandbox.ok(&["ct", "unset", "attr", "101", "a:b"])?;
        Ok(events.lines.try_recv().ok())
    })?;
    let state = |state: &str| json!({ "pool": "tank", "id": "101", "state": state });
    let exit = |exit: &str| json!({ "pool": "tank", "id": "101", "exit_type": exit });
    web.start()?;
    events.expect("state", &state("starting"))?;
    events.expect("state", &state("running"))?;
    web.exec(&["reboot", "-f"])?;
    events.expect("ct_exit", &exit("reboot"))?;
    events.expect("state", &state("running"))?;
    web.wait_for("running")?;
    client.ok("osctl -j ct stop 101")?;
    events.expect("state", &state("stopping"))?;
    events.expect("ct_exit", &exit("halt"))?;
    events.expect("state", &state("stopped"))?;
    sandbox.ok(&["ct", "del", "101"])?;
    let held = PidFd::open(daemon.pid())?.context("the daemon")?;
    held.send_signal(Signal::TERM)?;
    events.expect("osctld_shutdown", &json!({}))?;
    daemon.wait(Duration::from_secs(30))?;
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}

/// The lines of row 40 about `exec`.
#[test]
fn exec() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let client = Client(&sandbox);
    let web = sandbox.container("101")?;
    let script = "#!/bin/sh\n[ \"$*\" = \"is-system-running --wait\" ] && echo running\n";
    web.sh(&format!(
        "printf '{script}' >/bin/systemctl; chmod 755 /bin/systemctl"
    ))?;
    let script = "#!/bin/sh\n[ \"$1\" = passwd ] && grep \"^[^:]*:[^:]*:$2:\" /etc/passwd\n";
    web.sh(&format!(
        "printf '{script}' >/bin/getent; chmod 755 /bin/getent"
    ))?;
    for j in ["", "-j "] {
        let running = client.run(&format!(
            "osctl {j}ct exec 101 systemctl is-system-running --wait"
        ))?;
        assert_eq!(
            (running.code, running.stdout.as_str()),
            (0, "running\n"),
            "{running:?}"
        );
        let root = client.run(&format!("osctl {j}ct exec 101 getent passwd 0"))?;
        ensure!(
            root.code == 0 && root.stdout.starts_with("root:"),
            "{root:?}"
        );
        let nobody = client.run(&format!("osctl {j}ct exec 101 getent passwd 4242"))?;
        assert_eq!((nobody.code, nobody.stdout.as_str()), (1, ""), "{nobody:?}");
    }
    // Blanks, quotes, empty words and options belong to the command.
    let words =
        client.run(r#"osctl ct exec 101 printf '[%s]' --pool "" -j 'a "b"' "it's" --no-x"#)?;
    assert_eq!(
        words.stdout, r#"[--pool][][-j][a "b"][it's][--no-x]"#,
        "{words:?}"
    );
    sandbox.finish(daemon)
}

/// Blanks and quotes where the agent does not expect them: refused, and nothing has changed.
#[test]
fn blanks_and_quotes() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let client = Client(&sandbox);
    sandbox.new_container("101", &[])?;
    let before = client.shown(101)?;
    for line in [
        // A value with a blank is two words.
        "osctl -j ct set hostname 101 two words",
        "osctl -j ct chown 101 one two",
        "osctl -j ct set hostname \"101 \" name",
        "osctl -j ct set hostname 101 \"\"",
        "osctl -j ct set hostname 101 'a\"b'",
        "osctl -j ct set dns-resolver 101 \"192.0.2.1 192.0.2.2\"",
        "osctl --pool \" tank\" -j ct set hostname 101 name",
        "osctl --pool \"tank\\\"\" -j ct set hostname 101 name",
        "osctl -j ct set autostart --priority \" 1\" 101",
        "osctl -j ct start --wait \"soon\" 101",
        "osctl -j ct start --wait \"-1\" 101",
        "osctl -j ct start --wait=' ' 101",
        "osctl -j ct create --distribution \"\" --version \"13\" 102",
        "osctl -j ct create --user \"a b\" --distribution \"busybox\" 102",
        "osctl -j ct set distribution 101 debian",
        "osctl -j ct set distribution 101 debian '' ''",
        "osctl -j ct stop --no-such 101",
        "osctl -j ct del \"\"",
        "osctl -j \"ct del\" 101",
    ] {
        let ran = client.run(line)?;
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert_eq!(ran.stdout, "", "{line}");
        assert_ne!(ran.stderr, "", "{line}");
    }
    assert_eq!(client.shown(101)?, before);
    // These have a meaning.
    client.ok("osctl  --pool ''  -j  ct   set hostname   101  'name' ")?;
    client.ok("osctl -j ct stop --message \"it's \\\"late\\\"\" 101")?;
    client.ok("osctl ct ls -j --output ' id , state '")?;
    client.expect(101, &json!({ "hostname": "name" }))?;
    sandbox.finish(daemon)
}
