//! Settings of containers, and what they do in the guest.

use anyhow::{Context as _, Result, ensure};
use native::{with_pool, write};
use os_testkit::Sandbox;
use serde_json::{Value, json};

/// Changes settings of the container `web`, as the API has them.
fn set(sandbox: &Sandbox, settings: &Value) -> Result<()> {
    let body = json!({ "name": "web", "settings": settings });
    sandbox.command("container-set", &body).map(drop)
}

fn unset(sandbox: &Sandbox, setting: &str) -> Result<()> {
    let body = json!({ "name": "web", "setting": setting });
    sandbox.command("container-unset", &body).map(drop)
}

#[test]
fn its_host_name() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.kill()?;
    sandbox.ok(&["ct", "set", "hostname", "web", "www.example.org"])?;
    assert_eq!(web.show()?["hostname"], "www.example.org");
    web.start()?;
    let name = web.sh("hostname")?;
    ensure!(name.starts_with("www"), "{name}");
    web.kill()?;
    sandbox.ok(&["ct", "unset", "hostname", "web"])?;
    assert_eq!(web.show()?["hostname"], json!(null));
    for bad in ["-a", "a..b", "a_b", &"x".repeat(65)] {
        let ran = sandbox.osctl(&["ct", "set", "hostname", "web", "--", bad])?;
        ensure!(ran.code == 2, "{bad}: {ran:?}");
    }
    sandbox.finish(daemon)
}

#[test]
fn its_description() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &["--description", "old"])?;
    sandbox.ok(&["ct", "set", "description", "web", "the shop"])?;
    assert_eq!(web.show()?["description"], "the shop");
    let ran = sandbox.osctl(&["pool", "export", "--schema", "1", "tank"])?;
    ensure!(ran.stderr.contains("no setting `description`"), "{ran:?}");
    sandbox.ok(&["ct", "unset", "description", "web"])?;
    assert_eq!(web.show()?["description"], json!(null));
    sandbox.finish(daemon)
}

#[test]
fn its_clock_begins_at_its_start() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let uptime = web.sh("cut -d. -f1 /proc/uptime")?;
    ensure!(uptime.trim().parse::<u64>()? < 60, "up for {uptime}");
    let host = std::fs::read_to_string("/proc/uptime")?;
    let host: f64 = host.split(' ').next().context("uptime")?.parse()?;
    ensure!(
        host > 60.0,
        "a host that was started just now tells nothing"
    );
    sandbox.finish(daemon)
}

#[test]
fn its_init() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let script = "echo \"$1\" > /root/said; exec sleep 100000";
    set(
        &sandbox,
        &json!({ "init_cmd": ["/bin/sh", "-c", script, "sh", "two words"] }),
    )?;
    web.start()?;
    native::wait_for("its word", || {
        let ran = web.exec(&["cat", "/root/said"])?;
        Ok((ran.stdout == "two words\n").then_some(()))
    })?;
    assert_eq!(web.sh("cat /proc/1/comm")?, "sleep\n");
    web.kill()?;
    unset(&sandbox, "init-cmd")?;
    web.start()?;
    assert_eq!(web.sh("cat /proc/1/comm")?, "init\n");
    for bad in [json!(["sh"]), json!([]), json!(["/bin/sh", ""])] {
        ensure!(set(&sandbox, &json!({ "init_cmd": bad })).is_err(), "{bad}");
    }
    sandbox.finish(daemon)
}

#[test]
fn an_init_that_is_not_there() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    for init in ["/no/such/init", "/etc/passwd"] {
        set(&sandbox, &json!({ "init_cmd": [init] }))?;
        let ran = sandbox.osctl(&["ct", "start", "web"])?;
        ensure!(ran.code == 8 && ran.stderr.contains("E-START"), "{ran:?}");
        ensure!(
            ran.stderr.contains(init) || ran.stderr.contains("init"),
            "{ran:?}"
        );
        assert_eq!(web.state()?, "stopped");
        ensure!(native::process::of_container(&sandbox, "web", "")?.is_empty());
    }
    sandbox.finish(daemon)
}

#[test]
fn containers_within_are_allowed_if_asked() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    set(&sandbox, &json!({ "nesting": true }))?;
    assert_eq!(web.show()?["nesting"], true);
    web.start()?;
    web.sh("unshare -m -p -f mount -t proc proc /proc")?;
    // What LXC within needs to mount its own: a whole proc and sysfs somewhere.
    let mounts = web.sh("cat /proc/self/mountinfo")?;
    ensure!(mounts.contains(" /dev/.lxc/proc "), "{mounts}");
    web.kill()?;
    unset(&sandbox, "nesting")?;
    assert_eq!(web.show()?["nesting"], false);
    web.start()?;
    let mounts = web.sh("cat /proc/self/mountinfo")?;
    ensure!(!mounts.contains("/dev/.lxc"), "{mounts}");
    sandbox.finish(daemon)
}

#[test]
fn a_seccomp_policy_of_its_own() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    // On a mount of its own, which LXC's monitor does not see; by a symlink.
    let elsewhere = tempfile::tempdir_in("/dev/shm")?;
    let file = elsewhere.path().join("policy");
    write(&file, "2\ndenylist\nmkdir errno 95\nmkdirat errno 95\n")?;
    let policy = sandbox.path("policy");
    std::os::unix::fs::symlink(&file, &policy)?;
    let policy_text = policy.to_str().context("path")?;
    set(&sandbox, &json!({ "seccomp_profile": policy }))?;
    web.start()?;
    // Neither of these is for a guest that runs already.
    unset(&sandbox, "seccomp")?;
    write(&file, "2\ndenylist\n")?;
    let refused = || -> Result<()> {
        let ran = web.exec(&["mkdir", "/root/folder"])?;
        ensure!(ran.code != 0, "exec goes past the policy: {ran:?}");
        Ok(())
    };
    refused()?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    refused()?;
    web.kill()?;
    web.start()?;
    web.sh("mkdir /root/folder")?;
    web.kill()?;
    for (bad, why) in [
        ("/no/such/policy", "No such file"),
        ("/dev/zero", "not a regular file"),
    ] {
        let ran = sandbox.osctl(&["ct", "set", "seccomp", "web", bad])?;
        ensure!(
            ran.code != 0 && [bad, why].iter().all(|text| ran.stderr.contains(text)),
            "{ran:?}"
        );
    }
    write(&file, "2\nno such list\n")?;
    let ran = sandbox.osctl(&["ct", "set", "seccomp", "web", policy_text])?;
    ensure!(ran.code != 0 && ran.stderr.contains("line 2"), "{ran:?}");
    assert_eq!(web.show()?["seccomp_profile"], json!(null));
    // One that is damaged later is named when the container starts.
    write(&file, "2\ndenylist\n")?;
    sandbox.ok(&["ct", "set", "seccomp", "web", policy_text])?;
    std::fs::remove_file(&file)?;
    let ran = sandbox.osctl(&["ct", "start", "web"])?;
    let told = [
        policy_text,
        "No such file",
        "osctl ct unset seccomp tank:web",
    ];
    ensure!(
        ran.code != 0 && told.iter().all(|text| ran.stderr.contains(text)),
        "{ran:?}"
    );
    sandbox.finish(daemon)
}

#[test]
fn raw_lines_for_lxc() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    set(
        &sandbox,
        &json!({ "raw_lxc": "lxc.environment = FROM=raw\nlxc.prlimit.nofile = 123\n" }),
    )?;
    web.start()?;
    let environment = web.sh("tr '\\0' '\\n' < /proc/1/environ")?;
    ensure!(
        environment.lines().any(|line| line == "FROM=raw"),
        "{environment}"
    );
    web.kill()?;
    for bad in [
        "this is not lxc\n",
        "lxc.environment = A=B\nlxc.idmap = u 0 0 1\n",
    ] {
        let refused = set(&sandbox, &json!({ "raw_lxc": bad }));
        ensure!(refused.is_err(), "{bad}");
    }
    assert_eq!(
        web.show()?["raw_lxc"],
        "lxc.environment = FROM=raw\nlxc.prlimit.nofile = 123\n"
    );
    unset(&sandbox, "raw-lxc")?;
    web.start()?;
    sandbox.finish(daemon)
}

#[test]
fn its_resolvers() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    set(
        &sandbox,
        &json!({ "dns_resolvers": ["192.0.2.1", "2001:db8::1"] }),
    )?;
    assert_eq!(
        web.show()?["dns_resolvers"],
        json!(["192.0.2.1", "2001:db8::1"])
    );
    ensure!(set(&sandbox, &json!({ "dns_resolvers": ["nowhere"] })).is_err());
    web.start()?;
    web.kill()?;
    unset(&sandbox, "dns-resolver")?;
    assert_eq!(web.show()?["dns_resolvers"], json!([]));
    sandbox.finish(daemon)
}

#[test]
fn started_with_its_pool() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let other = sandbox.new_container("other", &[])?;
    sandbox.ok(&["ct", "set", "autostart", "web"])?;
    sandbox.ok(&["pool", "export", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    web.wait_for("running")?;
    assert_eq!(other.state()?, "stopped");
    sandbox.ok(&["ct", "unset", "autostart", "web"])?;
    sandbox.ok(&["pool", "export", "-f", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    assert_eq!(web.state()?, "stopped");
    sandbox.finish(daemon)
}

#[test]
fn attributes_and_its_distribution() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    sandbox.ok(&["ct", "set", "attr", "web", "org.example:role", "front"])?;
    let list = sandbox.ok(&["ct", "ls", "-H", "-o", "org.example:role"])?;
    assert_eq!(list.trim(), "front");
    sandbox.ok(&["ct", "unset", "attr", "web", "org.example:role"])?;
    sandbox.ok(&["ct", "set", "distribution", "web", "debian", "trixie"])?;
    let shown = web.show()?;
    assert_eq!(
        (&shown["distribution"], &shown["version"]),
        (&json!("debian"), &json!("trixie"))
    );
    sandbox.finish(daemon)
}

#[test]
fn its_file_is_shown_replaced_and_read_again() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let text = sandbox.ok(&["ct", "config", "cat", "web"])?;
    let file = sandbox.path("tank/conf/ct/web.toml");
    assert_eq!(text, std::fs::read_to_string(&file)?);
    let changed = text.replace("# end", "[settings]\nhostname = \"by-hand\"\n# end");

    // By hand, with an editor, and read again.
    write(&file, &changed)?;
    sandbox.ok(&["ct", "config", "reload", "web"])?;
    assert_eq!(web.show()?["hostname"], "by-hand");

    // Replaced as a whole.
    let replace = json!({ "name": "web", "text": text });
    sandbox.command("container-config-replace", &replace)?;
    assert_eq!(web.show()?["hostname"], json!(null));
    for (bad, why) in [
        (format!("{text}junk"), "cut off or more"),
        (text.replace("/default", "/nowhere"), "no such group"),
        (
            text.replace("arch =", "colour = \"red\"\narch ="),
            "an unknown key",
        ),
        (
            text.replace("arch =", "dataset = \"tank/ct/other\"\narch ="),
            "another dataset",
        ),
        (text.replace("schema = 2", "schema = 99"), "a newer schema"),
    ] {
        let replace = json!({ "name": "web", "text": bad });
        let said = sandbox.command("container-config-replace", &replace);
        ensure!(said.is_err(), "{why}: {said:?}");
        assert_eq!(std::fs::read_to_string(&file)?, text, "{why}");
    }

    // A damaged file disables its own container, and no other.
    sandbox.new_container("other", &[])?;
    write(&file, text.replace("schema", "shcema"))?;
    sandbox.ok(&["ct", "config", "reload", "web"])?;
    let ran = sandbox.osctl(&["ct", "start", "web"])?;
    ensure!(ran.code == 5 && ran.stderr.contains("web.toml"), "{ran:?}");
    sandbox.ok(&["ct", "start", "other"])?;
    sandbox.command(
        "container-config-replace",
        &json!({ "name": "web", "text": text }),
    )?;
    web.start()?;
    let ran = sandbox.osctl(&["ct", "config", "reload", "web"])?;
    ensure!(ran.code == 4, "of a running one: {ran:?}");
    sandbox.finish(daemon)
}

#[test]
fn what_waits_for_a_start_is_pending() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let pending = || sandbox.ok(&["ct", "show", "-H", "-o", "pending", "web"]);
    sandbox.ok(&["ct", "set", "nesting", "web"])?;
    assert_eq!(pending()?, "-\n", "a stopped container waits for nothing");
    web.start()?;
    assert_eq!(pending()?, "-\n");
    sandbox.ok(&["ct", "unset", "nesting", "web"])?;
    sandbox.ok(&["ct", "set", "init-cmd", "web", "/sbin/init", "-x"])?;
    sandbox.ok(&["ct", "set", "hostname", "web", "now"])?;
    sandbox.ok(&["pool", "prlimits", "set", "tank", "core", "0"])?;
    assert_eq!(pending()?, "nesting,init_cmd,prlimits.core\n");
    let limits = sandbox.ok(&["ct", "prlimits", "ls", "-H", "-o", "name,pending", "web"])?;
    let rows = limits
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let expected = [["core", "true"], ["nofile", "false"]];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    // The daemon does not have to remember it, and what is as it was is not pending.
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["ct", "unset", "init-cmd", "web"])?;
    assert_eq!(pending()?, "nesting,prlimits.core\n");
    web.kill()?;
    web.start()?;
    assert_eq!(pending()?, "-\n");
    sandbox.finish(daemon)
}
