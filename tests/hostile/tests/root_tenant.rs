//! A tenant's system user on the host, who wants to be heard as a hook of LXC.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hostile::{Guests, image_of};
use os_testkit::Ran;

#[expect(clippy::disallowed_methods, reason = "files of a test")]
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

fn wait_for(what: &str, path: &Path) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    while !path.exists() {
        ensure!(Instant::now() < until, "no {what} within 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Two containers of the user `bob`, whose system user has the id that is returned.
fn siblings(guests: &Guests) -> Result<u32> {
    guests.sandbox.ok(&["user", "new", "bob"])?;
    for name in ["a", "ab"] {
        let file = guests.sandbox.path(&format!("{name}.img"));
        image_of(&file, Guests::busybox()?)?;
        let file = file.display().to_string();
        guests
            .sandbox
            .ok(&["ct", "new", "--from-file", &file, "--user", "bob", name])?;
    }
    let shown = guests.sandbox.json(&["user", "show", "bob"])?;
    let id = shown["ugid"].as_u64().and_then(|id| u32::try_from(id).ok());
    id.with_context(|| format!("no ugid in {shown}"))
}

/// The files by which one joins the groups of a container in every hierarchy that lets its user.
fn groups(guests: &Guests, name: &str) -> Vec<PathBuf> {
    let parent = guests.sandbox.cgroup_parent();
    let below = format!("{parent}/pool.tank/group.default/user.bob/ct.{name}/user-owned");
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(top).into_iter().flatten().flatten();
    let all = hierarchies
        .map(|entry| entry.path())
        .chain([top.to_owned()]);
    all.map(|root| root.join(&below).join("cgroup.procs"))
        .filter(|file| file.exists())
        .collect()
}

/// Connects, sends a line, and prints the response.
const SPEAK: &str = "use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); \
    connect(S, pack_sockaddr_un($ARGV[0])) or die; syswrite(S, $ARGV[1].qq{\\n}); \
    alarm 8; sysread(S, $b, 1000); print $b";

/// As the system user, in these control groups, with `evil` in place of the shell.
#[expect(clippy::disallowed_methods, reason = "an attacker of a test")]
fn attack(
    guests: &Guests,
    (ugid, evil): (u32, &Path),
    groups: &[PathBuf],
    message: &str,
) -> Result<Ran> {
    let socket = guests.sandbox.path("run/osctl/hook.sock");
    let join: Vec<String> = groups
        .iter()
        .map(|file| format!("echo $$ > {} || true;", file.display()))
        .collect();
    let shell = fs::canonicalize("/bin/sh")?;
    let script = format!(
        "{}\nexec unshare -Urm /bin/sh -c 'mount --bind {} {} && exec perl -e \"$2\" {} \"$1\"' \
         x \"$1\" \"$2\"",
        join.concat(),
        evil.display(),
        shell.display(),
        socket.display()
    );
    let id = ugid.to_string();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "/bin/sh"])
        .args(["-c", &script, "x", message, SPEAK]);
    Ran::of(&mut command)
}

/// The three messages that start something.
const MESSAGES: [&str; 3] = [
    r#"{"hook":"pre-mount"}"#,
    r#"{"hook":"mount"}"#,
    r#"{"hook":"start-host","init_pid":1}"#,
];

/// What is in the control group of a container that is being started is not a hook of it, whatever it
/// says, and no script runs a program that the user has put into a mount namespace.
#[test]
fn a_system_user_is_no_hook() -> Result<()> {
    let guests = Guests::new()?;
    let ugid = siblings(&guests)?;
    fs::set_permissions(guests.sandbox.root(), fs::Permissions::from_mode(0o755))?;
    let owned = tempfile::tempdir()?;
    let own = owned.path().display().to_string();
    let evil = format!("#!/bin/busybox sh\n/bin/busybox touch {own}/$(/bin/busybox id -u)\n");
    let tools = tempfile::tempdir()?;
    fs::set_permissions(tools.path(), fs::Permissions::from_mode(0o755))?;
    let shell = tools.path().join("evil");
    write(&shell, &evil, 0o755)?;
    let (here, go, log) = (
        owned.path().join("here"),
        owned.path().join("go"),
        owned.path().join("log"),
    );
    let held = format!(
        "#!/bin/sh\necho $OSCTL_HOOK_NAME >> {}\ntouch {}\nwhile ! test -e {}; do sleep 0.05; done\n",
        log.display(),
        here.display(),
        go.display()
    );
    for hook in ["pre-start", "pre-mount"] {
        for file in [&here, &go] {
            if file.exists() {
                fs::remove_file(file)?;
            }
        }
        let file = guests.sandbox.path(&format!("tank/hook/ct/a/{hook}"));
        write(&file, &held, 0o700)?;
        std::thread::scope(|scope| -> Result<()> {
            let start = scope.spawn(|| guests.sandbox.osctl(&["ct", "start", "a"]));
            let attacked = wait_for("script", &here).and_then(|()| {
                let inside = groups(&guests, "a");
                ensure!(!inside.is_empty(), "the container has no groups");
                for message in MESSAGES {
                    for groups in [&inside[..], &[]] {
                        let ran = attack(&guests, (ugid, &shell), groups, message)?;
                        ensure!(
                            ran.stdout.is_empty() && !ran.stderr.contains("denied"),
                            "{hook}, {message}: {ran:?}"
                        );
                    }
                }
                Ok(())
            });
            write(&go, "", 0o600)?;
            let ran = start
                .join()
                .map_err(|_panic| anyhow::anyhow!("the start died"))??;
            attacked?;
            ensure!(ran.code == 0, "{ran:?}");
            Ok(())
        })?;
        ensure!(guests.sh("a", "echo up")?.stdout == "up\n", "it is not up");
        guests.sandbox.ok(&["ct", "stop", "--kill", "a"])?;
        fs::remove_file(file)?;
    }
    let ran = fs::read_to_string(&log)?;
    ensure!(ran == "pre-start\npre-mount\n", "{ran}");
    let files: Vec<_> = fs::read_dir(owned.path())?.flatten().collect();
    ensure!(files.len() == 3, "made by somebody else: {files:?}");
    guests.finish()
}

/// Strangers who connect again and again do not fill the log of the host.
#[test]
fn strangers_do_not_flood_the_log() -> Result<()> {
    let guests = Guests::new()?;
    let socket = guests.sandbox.path("run/osctl/hook.sock");
    let size = || fs::metadata(guests.sandbox.path("osctld.log")).map(|file| file.len());
    let before = size()?;
    for _ in 0..5000 {
        drop(std::os::unix::net::UnixStream::connect(&socket)?);
    }
    guests.sandbox.ok(&["ping"])?;
    let grown = size()?.saturating_sub(before);
    ensure!(grown < 64 << 10, "the log has grown by {grown} bytes");
    guests.finish()
}
