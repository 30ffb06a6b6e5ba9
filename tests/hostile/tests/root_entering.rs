//! Guests that harm what comes into them: a command of the administrator's, a setting, a stop.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hostile::{Guests, elf};

/// `getppid()`, and its negated result as exit status, by `int 0x80`.
const GETPPID_32: &[u8] = &[
    0xb8, 64, 0, 0, 0, 0xcd, 0x80, 0xf7, 0xd8, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0xcd, 0x80,
];

#[expect(clippy::disallowed_methods, reason = "a policy of a test")]
fn write(path: &Path, text: &str) -> Result<()> {
    Ok(std::fs::write(path, text)?)
}

/// A 32-bit program is under the container's policy, not killed: as a child of init, and by exec.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_32_bit_program_has_the_policy_of_its_container() -> Result<()> {
    let guests = Guests::new()?;
    let root = || -> Result<_> {
        Ok(Guests::busybox_without(&["etc/inittab"])?
            .file("bin/p32", elf::i386(GETPPID_32))
            .file(
                "etc/inittab",
                "::sysinit:/bin/sh -c '/bin/p32; echo $? > /run/status; touch /run/ready'\n",
            ))
    };
    guests.run("usual", root()?)?;
    guests.wait_ready("usual")?;
    let direct = guests.sandbox.osctl(&["ct", "exec", "usual", "/bin/p32"])?;
    // Its parent is in no namespace that it sees.
    ensure!(direct.code == 0, "{direct:?}");
    let below = guests.sh("usual", "/bin/p32; echo $?; cat /run/status")?;
    ensure!(
        below.stdout.lines().all(|status| status != "159") && below.stdout.lines().count() == 2,
        "{below:?}"
    );
    let policies = tempfile::tempdir()?;
    // An answer of its own for one interface, and for all of them.
    for section in ["all", "x86"] {
        let policy = policies.path().join(section);
        write(
            &policy,
            &format!("2\ndenylist\n[{section}]\ngetppid errno 99\n"),
        )?;
        let made = guests.make(section, root()?)?;
        ensure!(made.code == 0, "{made:?}");
        let set = [
            "ct",
            "set",
            "seccomp",
            section,
            &policy.display().to_string(),
        ];
        guests.sandbox.ok(&set)?;
        guests.sandbox.ok(&["ct", "start", section])?;
        guests.wait_ready(section)?;
        let ran = guests.sh(section, "/bin/p32; echo $?; cat /run/status")?;
        ensure!(ran.stdout == "99\n99\n", "{section}: {ran:?}");
    }
    guests.finish()
}

/// How a guest keeps its init, and what joins init's control groups, from going on.
const FREEZERS: [(&str, &str); 2] = [
    (
        "cgroup2",
        "mount -t cgroup2 none /tmp && mkdir /tmp/x && echo 1 > /tmp/x/cgroup.procs && \
         echo 1 > /tmp/x/cgroup.freeze",
    ),
    (
        "freezer",
        "mount -t cgroup -o freezer none /tmp && mkdir /tmp/x && echo 1 > /tmp/x/cgroup.procs && \
         echo FROZEN > /tmp/x/freezer.state",
    ),
];

/// A guest that freezes itself is refused at once, with the way out; a forced stop works, and so does a
/// new daemon.
#[test]
fn a_guest_that_freezes_itself_is_in_nobodys_way() -> Result<()> {
    let mut guests = Guests::new()?;
    for (name, freeze) in FREEZERS {
        if name == "freezer" && !Path::new("/sys/fs/cgroup/freezer").exists() {
            continue;
        }
        guests.run(name, Guests::busybox()?)?;
        let froze = guests.sh(name, freeze)?;
        ensure!(froze.code == 0, "{name}: {froze:?}");
        let began = Instant::now();
        let ran = guests.sh(name, "true")?;
        ensure!(ran.code != 0 && ran.stderr.contains("frozen"), "{ran:?}");
        let hint = format!("osctl ct unfreeze tank:{name}");
        ensure!(ran.stderr.contains(&hint), "{ran:?}");
        guests
            .sandbox
            .ok(&["ct", "set", "hostname", name, "cold.example"])?;
        ensure!(
            began.elapsed() < Duration::from_secs(20),
            "{name} took {:?}",
            began.elapsed()
        );
        guests.sandbox.ok(&["ct", "ls"])?;
        guests = guests.crash()?;
        let began = Instant::now();
        let stop = [
            "ct",
            "stop",
            "--message",
            "good bye",
            "--timeout",
            "1",
            name,
        ];
        guests.sandbox.ok(&stop)?;
        ensure!(
            began.elapsed() < Duration::from_secs(20),
            "{name} stopped after {:?}",
            began.elapsed()
        );
        guests.sandbox.ok(&["ct", "start", name])?;
        let froze = guests.sh(name, freeze)?;
        ensure!(froze.code == 0, "{name}: {froze:?}");
        guests.sandbox.ok(&["ct", "stop", "--kill", name])?;
        let listed = guests
            .sandbox
            .ok(&["ct", "ls", "-H", "-o", "state", name])?;
        ensure!(listed.trim() == "stopped", "{name}: {listed}");
    }
    guests.finish()
}

/// Freezes the group of init as soon as another process has joined it.
const TRAP: &str = "mount -t cgroup2 none /tmp && mkdir /tmp/x && echo 1 > /tmp/x/cgroup.procs && \
    (while test $(wc -l < /tmp/x/cgroup.procs) -lt 2; do :; done; echo 1 > /tmp/x/cgroup.freeze) \
    > /dev/null 2>&1 < /dev/null &";

/// A guest that freezes what is entering it, after it was looked at: those that hang block nothing else,
/// however many they are.
#[test]
fn commands_that_hang_block_nothing_else() -> Result<()> {
    let mut guests = Guests::new()?;
    guests.run("g", Guests::busybox()?)?;
    let set = guests.sh("g", TRAP)?;
    ensure!(set.code == 0, "{set:?}");
    let hanging: Vec<_> = (0..30)
        .map(|_| {
            let argv = ["ct", "exec", "g", "/bin/sleep", "300"];
            let mut command = guests.sandbox.osctl_command(&argv)?;
            let null = std::process::Stdio::null;
            Ok(command
                .stdin(null())
                .stdout(null())
                .stderr(null())
                .spawn()?)
        })
        .collect::<Result<_>>()?;
    let until = Instant::now() + Duration::from_secs(20);
    let events = || guests.sandbox.osctl(&["ct", "exec", "g", "/bin/true"]);
    while !events()?.stderr.contains("frozen") {
        ensure!(Instant::now() < until, "the trap did not shut");
    }
    let quick = |guests: &Guests| -> Result<()> {
        for command in [
            &["ping"][..],
            &["ct", "ls"],
            &["ct", "show", "g"],
            &["ct", "set", "hostname", "g", "cold.example"],
        ] {
            let began = Instant::now();
            guests.sandbox.ok(command)?;
            let took = began.elapsed();
            ensure!(took < Duration::from_secs(20), "{command:?} took {took:?}");
        }
        Ok(())
    };
    quick(&guests)?;
    guests = guests.crash()?;
    quick(&guests)?;
    let began = Instant::now();
    guests.sandbox.ok(&["ct", "stop", "--kill", "g"])?;
    for mut command in hanging {
        ensure!(!command.wait()?.success(), "a command ended well");
    }
    let took = began.elapsed();
    ensure!(took < Duration::from_secs(20), "they ended after {took:?}");
    guests.finish()
}

/// Writes the number of its session keyring, eight bytes: `keyctl(KEYCTL_GET_KEYRING_ID,
/// KEY_SPEC_SESSION_KEYRING, 0)`.
const KEYRING_64: &[u8] = &[
    0xb8, 250, 0, 0, 0, 0x31, 0xff, 0x48, 0xc7, 0xc6, 0xfd, 0xff, 0xff, 0xff, 0x31, 0xd2, 0x0f,
    0x05, 0x50, 0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0x89, 0xe6, 0xba, 8, 0, 0, 0, 0x0f, 0x05,
    0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05,
];

/// The keyring of the daemon's session holds the keys of the user that started it.
#[test]
#[cfg(target_arch = "x86_64")]
fn no_guest_gets_the_keyring_of_the_daemon() -> Result<()> {
    let ours = u64::from(os_sys::new_session_keyring()?);
    let guests = Guests::new()?;
    let root = Guests::busybox_without(&["etc/inittab"])?
        .file("bin/keyring", elf::x86_64(KEYRING_64))
        .file(
            "etc/inittab",
            "::sysinit:/bin/sh -c '/bin/keyring > /run/keyring; touch /run/ready'\n",
        );
    guests.run("g", root)?;
    guests.wait_ready("g")?;
    for line in ["/bin/keyring", "cat /run/keyring"] {
        let found = guests.sh("g", &format!("{line} > /tmp/found; stat -c %s /tmp/found"))?;
        ensure!(found.stdout == "8\n", "{line}: {found:?}");
        let bytes = std::fs::read(guests.sandbox.path("tank/ct/g/private/tmp/found"))?;
        let number = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        ensure!(number != ours, "{line} is in the keyring of the daemon");
    }
    guests.finish()
}

/// A daemon that is killed while it starts helpers is followed by another one at once.
#[test]
fn a_killed_daemon_leaves_no_lock() -> Result<()> {
    let mut guests = Guests::new()?;
    guests.run("g", Guests::busybox()?)?;
    for round in 0..15 {
        let mut running = Vec::new();
        for _ in 0..6 {
            let mut command = guests
                .sandbox
                .osctl_command(&["ct", "exec", "g", "/bin/true"])?;
            let null = std::process::Stdio::null;
            running.push(
                command
                    .stdin(null())
                    .stdout(null())
                    .stderr(null())
                    .spawn()?,
            );
        }
        // At another point of their start each time.
        std::thread::sleep(Duration::from_millis(4 * round));
        guests = guests.crash()?;
        for mut command in running {
            command.wait()?;
        }
    }
    guests.finish()
}
