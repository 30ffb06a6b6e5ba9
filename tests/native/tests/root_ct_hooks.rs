//! The administrator's scripts, and the socket that LXC's hooks speak to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use native::{wait_for, with_pool, write};
use os_testkit::Sandbox;

/// A script that is run for a container at a moment.
fn script(sandbox: &Sandbox, container: &str, name: &str, text: &str) -> Result<()> {
    let path = sandbox.path(&format!("tank/hook/ct/{container}/{name}"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write(&path, format!("#!/bin/sh\n{text}\n"))?;
    Ok(fs::set_permissions(
        &path,
        fs::Permissions::from_mode(0o700),
    )?)
}

const MOMENTS: [&str; 6] = [
    "pre-start",
    "on-start",
    "post-start",
    "pre-stop",
    "on-stop",
    "post-stop",
];

#[test]
fn scripts_run_in_order_and_know_what_for() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let log = sandbox.path("scripts.log");
    for moment in MOMENTS {
        let text = format!(
            "echo \"$OSCTL_HOOK_NAME $OSCTL_POOL_NAME $OSCTL_CT_ID $(id -u) ${{OSCTL_CT_INIT_PID:+init}}\" >> {0}\n\
             env | sed \"s/^/$OSCTL_HOOK_NAME /\" >> {0}.env",
            log.display()
        );
        script(&sandbox, "web", moment, &text)?;
    }
    web.start()?;
    sandbox.ok(&["ct", "stop", "web"])?;
    let ran = fs::read_to_string(&log)?;
    let moments: Vec<&str> = ran
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(moments, MOMENTS);
    ensure!(
        ran.lines().all(|line| line.contains(" tank web 0 ")),
        "{ran}"
    );
    ensure!(ran.contains("post-start tank web 0 init"), "{ran}");
    let env = fs::read_to_string(format!("{}.env", log.display()))?;
    let shown = web.show()?;
    for (name, key) in [
        ("OSCTL_CT_USER", "user"),
        ("OSCTL_CT_GROUP", "group"),
        ("OSCTL_CT_DATASET", "dataset"),
        ("OSCTL_CT_ROOTFS", "rootfs"),
        ("OSCTL_CT_LXC_PATH", "lxc_path"),
        ("OSCTL_CT_LXC_DIR", "lxc_dir"),
        ("OSCTL_CT_DISTRIBUTION", "distribution"),
        ("OSCTL_CT_VERSION", "version"),
        ("OSCTL_CT_LOG_FILE", "log_file"),
    ] {
        let value = shown[key]
            .as_str()
            .with_context(|| format!("{key} in {shown}"))?;
        for moment in MOMENTS {
            let line = format!("{moment} {name}={value}\n");
            ensure!(env.contains(&line), "no {line:?} in {env}");
        }
    }
    for moment in MOMENTS {
        for name in ["OSCTL_CT_CGROUP_PATH", "OSCTL_CT_HOSTNAME"] {
            ensure!(
                env.contains(&format!("{moment} {name}=")),
                "no {name} at {moment}: {env}"
            );
        }
    }
    ensure!(
        !env.contains("OSCTL_ROOT="),
        "the daemon's own environment is not theirs: {env}"
    );
    sandbox.finish(daemon)
}

#[test]
fn folders_of_scripts_are_run_by_name() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let log = sandbox.path("order");
    for name in ["post-start.d/20-b", "post-start.d/10-a", "post-start"] {
        script(
            &sandbox,
            "web",
            name,
            &format!("basename $0 >> {}", log.display()),
        )?;
    }
    web.start()?;
    assert_eq!(fs::read_to_string(log)?, "10-a\n20-b\npost-start\n");
    sandbox.finish(daemon)
}

#[test]
fn a_script_that_refuses_stops_the_start() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    for moment in ["pre-start", "on-start"] {
        script(
            &sandbox,
            "web",
            moment,
            "echo because of the weather >&2; exit 3",
        )?;
        let ran = sandbox.osctl(&["ct", "start", "web"])?;
        ensure!(
            ran.code == 8 && ran.stderr.contains("E-HOOK"),
            "{moment}: {ran:?}"
        );
        ensure!(
            ran.stderr.contains("because of the weather"),
            "{moment}: {ran:?}"
        );
        assert_eq!(web.state()?, "stopped");
        let left = native::process::of_container(&sandbox, "web", "")?;
        ensure!(left.is_empty(), "{moment} left {left:?}");
        fs::remove_file(sandbox.path(&format!("tank/hook/ct/web/{moment}")))?;
    }
    web.start()?;
    script(&sandbox, "web", "pre-stop", "exit 1")?;
    let ran = sandbox.osctl(&["ct", "stop", "web"])?;
    ensure!(ran.code == 8 && ran.stderr.contains("E-HOOK"), "{ran:?}");
    assert_eq!(web.state()?, "running");
    fs::remove_file(sandbox.path("tank/hook/ct/web/pre-stop"))?;
    for moment in ["post-start", "on-stop", "post-stop"] {
        script(&sandbox, "web", moment, "exit 1")?;
    }
    sandbox.ok(&["ct", "stop", "web"])?;
    web.start()?;
    sandbox.finish(daemon)
}

#[test]
fn scripts_in_the_mounts_of_the_container() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let log = sandbox.path("mounts.log");
    let note = format!(
        "echo $OSCTL_HOOK_NAME $(id -u) $(readlink /proc/self/ns/mnt) >> {}",
        log.display()
    );
    script(&sandbox, "web", "pre-mount", &note)?;
    let mount = "mount -t tmpfs ours $OSCTL_CT_ROOTFS_MOUNT/var";
    script(&sandbox, "web", "post-mount", &format!("{note}\n{mount}"))?;
    web.start()?;
    let own = fs::read_link("/proc/self/ns/mnt")?.display().to_string();
    let said = fs::read_to_string(&log)?;
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split(' ').collect()).collect();
    let [before, after] = &lines[..] else {
        anyhow::bail!("they ran otherwise: {said}");
    };
    assert_eq!((before[0], before[1]), ("pre-mount", "0"));
    assert_eq!((after[0], after[1]), ("post-mount", "0"));
    ensure!(
        before[2] != own && after[2] != own,
        "they ran in the mounts of the host: {said}"
    );
    let mounts = web.sh("cat /proc/self/mountinfo")?;
    ensure!(
        mounts
            .lines()
            .any(|line| line.contains(" /var ") && line.contains("tmpfs")),
        "{mounts}"
    );
    web.kill()?;
    for moment in ["pre-mount", "post-mount"] {
        script(&sandbox, "web", moment, "echo no thanks >&2; exit 1")?;
        let ran = sandbox.osctl(&["ct", "start", "web"])?;
        ensure!(
            ran.code == 8 && ran.stderr.contains("no thanks"),
            "{moment}: {ran:?}"
        );
        assert_eq!(web.state()?, "stopped");
        fs::remove_file(sandbox.path(&format!("tank/hook/ct/web/{moment}")))?;
    }
    web.start()?;
    sandbox.finish(daemon)
}

#[test]
fn a_renamed_container_keeps_its_scripts() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    script(&sandbox, "web", "pre-start", "exit 1")?;
    let renamed = sandbox.osctl(&["ct", "rename", "web", "shop"])?;
    assert_eq!(renamed.code, 0, "{renamed:?}");
    // They are the administrator's: found under the old id or the new one, but never lost.
    let kept = ["web", "shop"].map(|id| sandbox.path(&format!("tank/hook/ct/{id}/pre-start")));
    ensure!(kept.iter().any(|path| path.exists()), "the script is gone");
    sandbox.finish(daemon)
}

#[test]
fn a_stranger_cannot_speak_for_a_container() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let (here, go) = (sandbox.path("here"), sandbox.path("go"));
    // Held between the moment that hooks are expected from and that of the first one.
    let text = format!(
        "touch {}\nwhile ! test -e {}; do sleep 0.05; done",
        here.display(),
        go.display()
    );
    script(&sandbox, "web", "pre-start", &text)?;
    std::thread::scope(|scope| {
        let start = scope.spawn(|| sandbox.osctl(&["ct", "start", "web"]));
        wait_for("the script", || Ok(here.exists().then_some(())))?;
        let claimed = claim(&sandbox);
        write(&go, "")?;
        let ran = start
            .join()
            .map_err(|_panic| anyhow::anyhow!("the start died"))??;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(claimed?, "", "a stranger got an answer");
        anyhow::Ok(())
    })?;
    ensure!(
        web.init_pid()? != std::process::id(),
        "our word was taken for it"
    );
    assert_eq!(web.sh("echo up")?, "up\n");
    sandbox.finish(daemon)
}

/// Says that this process is the init of a container; returns the response.
fn claim(sandbox: &Sandbox) -> Result<String> {
    let mut stream = UnixStream::connect(sandbox.path("run/osctl/hook.sock"))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let message = format!(
        "{{\"hook\":\"start-host\",\"init_pid\":{}}}\n",
        std::process::id()
    );
    match stream.write_all(message.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error.into()),
        _ => Ok(answer),
    }
}
