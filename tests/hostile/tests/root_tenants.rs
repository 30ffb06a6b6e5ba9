//! Two attackers on the host itself: the system user of a tenant, and another local user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use hostile::Guests;
use os_testkit::Ran;
use rustix::fs::{Mode, OFlags};

/// A user of the host that has nothing to do with osctl; its id is also one inside of guests.
const LOCAL_USER: u32 = 1000;

/// Runs a line of the shell on the host as a user without privileges.
#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at what another user can do"
)]
fn as_user(id: u32, line: &str) -> Result<Ran> {
    let mut command = std::process::Command::new("setpriv");
    let id = id.to_string();
    command
        .args([
            "--reuid",
            &id,
            "--regid",
            &id,
            "--clear-groups",
            "--no-new-privs",
        ])
        .args(["--inh-caps=-all", "/bin/sh", "-c", line]);
    Ran::of(&mut command)
}

/// The id and the home of the system user of a container's user, from the sandbox's passwd.
fn tenant(guests: &Guests, user: &str) -> Result<(u32, PathBuf)> {
    let passwd = fs::read_to_string(guests.sandbox.path("etc/passwd"))?;
    let line = passwd
        .lines()
        .find(|line| line.starts_with(&format!("tank-{user}:")))
        .with_context(|| format!("no system user of {user} in {passwd}"))?;
    let fields: Vec<&str> = line.split(':').collect();
    let (id, home) = (fields.get(2).context("id")?, fields.get(5).context("home")?);
    Ok((id.parse()?, PathBuf::from(home)))
}

/// A directory and a file of root that no tenant may change, with their original attributes.
struct Victim {
    dir: PathBuf,
    before: Vec<String>,
}

impl Victim {
    fn new(guests: &Guests) -> Result<Self> {
        let dir = guests.outside.path().to_owned();
        let before = look(&dir)?;
        Ok(Self { dir, before })
    }

    fn is_well(&self, after: &str) -> Result<()> {
        let now = look(&self.dir)?;
        ensure!(now == self.before, "{after}: {now:?} was {:?}", self.before);
        Ok(())
    }
}

fn look(dir: &Path) -> Result<Vec<String>> {
    let mut found = vec![attributes(dir)?];
    for entry in fs::read_dir(dir)? {
        found.push(attributes(&entry?.path())?);
    }
    found.sort();
    Ok(found)
}

fn attributes(path: &Path) -> Result<String> {
    let stat = fs::symlink_metadata(path)?;
    let path = path.display();
    Ok(format!(
        "{path} {}:{} {:o} {}",
        stat.uid(),
        stat.gid(),
        stat.mode(),
        stat.size()
    ))
}

/// Every name that the tenant's user can write leads to a directory of root: none changes hands.
#[test]
fn a_tenants_user_gets_no_directory_of_root() -> Result<()> {
    let guests = Guests::new()?;
    let victim = Victim::new(&guests)?;
    guests.run("web", Guests::busybox()?)?;
    guests.sandbox.ok(&["ct", "stop", "-k", "web"])?;
    let (ugid, home) = tenant(&guests, "web")?;
    let console = guests
        .sandbox
        .path("run/osctl/pools/tank/containers/web/console");
    let target = victim.dir.display().to_string();
    let file = victim.dir.join("shadow").display().to_string();
    // Whatever of these names exists is in the tenant's hands; the others are made to cover all names.
    let mut tricks = Vec::new();
    for name in [".home/run", ".home", ".run"] {
        let path = home.join(name).display().to_string();
        tricks.push(format!("mv {path} {path}.old; ln -sfn {target} {path}"));
        tricks.push(format!("rm -rf {path}; ln -sfn {target} {path}"));
    }
    for name in ["log", "log.1", "reboot"] {
        let path = console.join(name).display().to_string();
        tricks.push(format!("rm -rf {path}; ln -sfn {file} {path}"));
        tricks.push(format!("rm -rf {path}; ln -sfn {target} {path}"));
        tricks.push(format!("rm -rf {path}; ln {file} {path}"));
        tricks.push(format!("rm -rf {path}; mkfifo {path}"));
        tricks.push(format!("rm -rf {path}; mkdir -p {path}/a/b"));
    }
    let console = console.display().to_string();
    tricks.push(format!(
        "mv {console} {console}.old; ln -sfn {target} {console}"
    ));
    for trick in tricks {
        let done = as_user(ugid, &trick)?;
        for command in [&["ct", "start", "web"][..], &["ct", "stop", "-k", "web"]] {
            let ran = guests.sandbox.osctl(command)?;
            victim.is_well(&format!("{trick}, {done:?}, {command:?} {ran:?}"))?;
        }
        guests.are_contained()?;
    }
    // The tenant can break nothing but its own container, and that only until its user cleans up.
    let own = format!(
        "rm -rf {console}/*; find {} -user {ugid} -mindepth 2 -delete",
        home.display()
    );
    as_user(ugid, &own)?;
    guests.sandbox.ok(&["ct", "start", "web"])?;
    guests.finish()
}

/// Neither another local user nor the tenant's own system user comes into a root: not by the container's
/// dataset, not by the image it was cloned from, not by what is being destroyed.
#[test]
fn roots_are_closed_to_the_host() -> Result<()> {
    let guests = Guests::new()?;
    let open = Guests::busybox()?
        .mode(0o777)
        .folder("./")
        .folder("drop")
        .mode(0o755);
    guests.run("web", open)?;
    guests.sh(
        "web",
        "chmod 0777 /; echo inside > /drop/secret; chmod 0666 /drop/secret",
    )?;
    let pool = guests.sandbox.path("tank");
    ensure!(
        find(&pool, "secret")?.len() == 1,
        "the secret is on the pool"
    );
    let (ugid, _home) = tenant(&guests, "web")?;
    for id in [LOCAL_USER, ugid] {
        for root in find(&pool, "drop")? {
            let root = root.display();
            let line = format!("cat {root}/secret; ls {root}; echo x > {root}/mine");
            let ran = as_user(id, &line)?;
            ensure!(
                ran.code != 0 && ran.stdout.is_empty(),
                "{id}: {line}: {ran:?}"
            );
            ensure!(
                ran.stderr.contains("ermission denied"),
                "{id}: {line}: {ran:?}"
            );
        }
    }
    ensure!(find(&pool, "mine")?.is_empty(), "a file came into a root");
    guests.finish()
}

/// The top of a root has the mode that we give it, whatever the image says.
#[test]
fn an_image_does_not_open_the_top_of_its_root() -> Result<()> {
    let guests = Guests::new()?;
    let open = Guests::busybox()?.mode(0o7777).folder("./").mode(0o755);
    guests.run("web", open)?;
    let roots = find(&guests.sandbox.path("tank"), "private")?;
    ensure!(roots.len() >= 2, "the image and its clone: {roots:?}");
    for root in roots {
        let mode = fs::symlink_metadata(&root)?.mode() & 0o7777;
        ensure!(mode == 0o755, "{}: {mode:o}", root.display());
    }
    guests.finish()
}

/// Local users cannot read the LXC configuration of a container.
#[test]
fn the_configuration_of_lxc_is_closed() -> Result<()> {
    let guests = Guests::new()?;
    guests.run("web", Guests::busybox()?)?;
    let (ugid, home) = tenant(&guests, "web")?;
    let files = find(&home, "config")?;
    ensure!(!files.is_empty(), "there is a configuration");
    for file in files {
        let read = format!("cat {}", file.display());
        let ran = as_user(LOCAL_USER, &read)?;
        ensure!(ran.code != 0 && ran.stdout.is_empty(), "{ran:?}");
        // Its own monitor has to.
        ensure!(as_user(ugid, &read)?.code == 0, "{read}");
        ensure!(as_user(ugid, &format!("echo x >> {}", file.display()))?.code != 0);
    }
    guests.finish()
}

/// A tenant's user that links its hooks' mark of a reboot to a file of root makes nothing of root vanish.
#[test]
fn a_link_as_the_mark_of_a_reboot_is_only_a_link() -> Result<()> {
    let guests = Guests::new()?;
    let victim = Victim::new(&guests)?;
    guests.run("web", Guests::busybox()?)?;
    let mark = guests
        .sandbox
        .path("run/osctl/pools/tank/containers/web/console/reboot");
    symlink(victim.dir.join("shadow"), &mark)?;
    guests.sandbox.ok(&["ct", "stop", "-k", "web"])?;
    guests.sandbox.ok(&["ct", "start", "web"])?;
    victim.is_well("a stop and a start")?;
    guests.finish()
}

/// Everything called `name` below a directory, links not followed.
fn find(top: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![top.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_name() == name {
                found.push(entry.path());
            }
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// A tree of any depth goes with its container: the daemon neither overflows its stack nor runs out of
/// descriptors on the way down.
#[test]
fn a_deep_tree_of_a_tenant_is_removed() -> Result<()> {
    let guests = Guests::new()?;
    guests.run("web", Guests::busybox()?)?;
    guests.sandbox.ok(&["ct", "stop", "-k", "web"])?;
    let (_, home) = tenant(&guests, "web")?;
    let run = guests.sandbox.path("run/osctl/pools/tank/containers/web");
    // As the user could: what is below `.run` and `console` is its own.
    for top in [home.join(".run"), run.join("console")] {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut at = rustix::fs::open(&top, flags, Mode::empty())?;
        for _ in 0..8000 {
            rustix::fs::mkdirat(&at, "d", Mode::from_raw_mode(0o700))?;
            at = rustix::fs::openat(&at, "d", flags, Mode::empty())?;
        }
    }
    guests.sandbox.ok(&["ct", "del", "web"])?;
    ensure!(!run.exists(), "its run directory is left");
    guests.sandbox.ok(&["ping"])?;
    Ok(())
}
