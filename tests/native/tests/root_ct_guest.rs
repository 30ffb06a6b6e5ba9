//! Names and resolvers, as guests have them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use os_testkit::Sandbox;

/// A file of the guest of a container.
fn file(sandbox: &Sandbox, container: &str, name: &str) -> PathBuf {
    let root = sandbox.root().join("tank/ct").join(container);
    root.join("private").join(name)
}

fn read(sandbox: &Sandbox, container: &str, name: &str) -> Result<String> {
    let path = file(sandbox, container, name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn name_within(container: &os_testkit::Container<'_>) -> Result<String> {
    Ok(container.sh("hostname")?.trim().to_owned())
}

#[test]
fn a_name_arrives_stopped_and_running_and_goes() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["pool", "new", "--size", "512M", "tank"])?;
    let web = sandbox.new_container("web", &[])?;
    let own = fs::read(file(&sandbox, "web", "etc/resolv.conf")).ok();
    sandbox.ok(&["ct", "set", "hostname", "web", "one.example.org"])?;
    sandbox.ok(&[
        "ct",
        "set",
        "dns-resolver",
        "web",
        "192.0.2.1",
        "2001:db8::1",
    ])?;
    let resolvers = read(&sandbox, "web", "etc/resolv.conf")?;
    let lines = "nameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0\n";
    ensure!(resolvers.ends_with(lines), "{resolvers}");
    ensure!(read(&sandbox, "web", "etc/hostname")? == "one\n");
    let hosts = read(&sandbox, "web", "etc/hosts")?;
    ensure!(
        hosts.contains("127.0.0.1\tone.example.org one localhost\n"),
        "{hosts}"
    );

    // What somebody spoiled meanwhile a start writes again.
    fs::remove_file(file(&sandbox, "web", "etc/hostname"))?;
    web.start()?;
    ensure!(name_within(&web)? == "one");

    sandbox.ok(&["ct", "set", "hostname", "web", "two.example.org"])?;
    ensure!(name_within(&web)? == "two");
    let hosts = web.sh("cat /etc/hosts")?;
    ensure!(
        hosts.contains("two.example.org two localhost") && !hosts.contains("one"),
        "{hosts}"
    );
    sandbox.ok(&["undo"])?;
    ensure!(name_within(&web)? == "one");
    sandbox.ok(&["ct", "unset", "hostname", "web"])?;
    ensure!(name_within(&web)? == "web");
    sandbox.ok(&["ct", "unset", "dns-resolver", "web"])?;
    ensure!(fs::read(file(&sandbox, "web", "etc/resolv.conf")).ok() == own);
    web.kill()?;
    sandbox.finish(daemon)
}

/// U10: the command does not wait for a frozen guest, says so, and the thaw makes up for it.
#[test]
fn settings_of_a_frozen_container_arrive_when_it_is_thawed() -> Result<()> {
    let (sandbox, daemon) = native::with_pool()?;
    let web = sandbox.container("web")?;
    web.sh("rm -f /etc/resolv.conf && echo 'nameserver 192.0.2.99' > /etc/resolv.conf")?;
    let pending = || -> Result<String> { Ok(web.show()?["pending"].to_string()) };
    let told = |words: &[&str], setting: &str| -> Result<()> {
        let ran = sandbox.osctl(words)?;
        let note = format!("{setting} takes effect when the container is thawed");
        ensure!(ran.code == 0 && ran.stderr.contains(&note), "{ran:?}");
        Ok(())
    };
    sandbox.ok(&["ct", "freeze", "web"])?;
    told(
        &["ct", "set", "hostname", "web", "two.example.org"],
        "hostname",
    )?;
    let resolver = "dns-resolver";
    told(&["ct", "set", resolver, "web", "192.0.2.1"], resolver)?;
    assert_eq!(pending()?, r#"["hostname","dns_resolvers"]"#);
    // A daemon that was started meanwhile knows it, too.
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(pending()?, r#"["hostname","dns_resolvers"]"#);
    sandbox.ok(&["ct", "unfreeze", "web"])?;
    ensure!(name_within(&web)? == "two");
    ensure!(
        web.sh("cat /etc/resolv.conf")?
            .contains("nameserver 192.0.2.1\n")
    );
    assert_eq!(pending()?, "[]");

    // The guest's own file comes back, also if the container is killed before it is thawed.
    sandbox.ok(&["ct", "freeze", "web"])?;
    told(&["ct", "unset", resolver, "web"], resolver)?;
    web.kill()?;
    web.start()?;
    assert_eq!(web.sh("cat /etc/resolv.conf")?, "nameserver 192.0.2.99\n");
    assert_eq!(pending()?, "[]");
    // What takes effect at once needs no note.
    let ran = sandbox.osctl(&["ct", "set", "hostname", "web", "three.example.org"])?;
    ensure!(
        ran.code == 0 && !ran.stderr.contains("takes effect"),
        "{ran:?}"
    );
    let ran = sandbox.osctl(&["ct", "set", "nesting", "web"])?;
    ensure!(
        ran.stderr
            .contains("takes effect when the container starts"),
        "{ran:?}"
    );
    sandbox.finish(daemon)
}

/// A guest that prevents a write causes no failure, and no file of the host is written instead.
#[test]
fn a_guest_that_does_not_want_it() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["pool", "new", "--size", "512M", "tank"])?;
    let web = sandbox.container("web")?;
    web.sh("echo mine > /etc/hosts; chmod u-w /etc/hosts
         rm -f /etc/hostname /etc/resolv.conf
         mkfifo /etc/hostname
         ln -s ../../../../etc/passwd /etc/resolv.conf")?;
    let passwd = fs::read_to_string(sandbox.root().join("etc/passwd"))?;
    let set = |name: &str| {
        sandbox.ok(&["ct", "set", "hostname", "web", name])?;
        sandbox.ok(&["ct", "set", "dns-resolver", "web", "192.0.2.1"])
    };
    set("one.example.org")?;
    ensure!(web.sh("cat /etc/hosts")? == "mine\n");
    // Its kernel knows no pipes.
    ensure!(name_within(&web)? == "one");
    web.kill()?;
    sandbox.ok(&["ct", "unset", "dns-resolver", "web"])?;
    set("two.example.org")?;
    web.start()?;
    ensure!(web.sh("cat /etc/hosts")? == "mine\n");
    ensure!(
        web.sh("test -p /etc/hostname && cat /etc/resolv.conf")?
            .contains("192.0.2.1")
    );
    ensure!(fs::read_to_string(sandbox.root().join("etc/passwd"))? == passwd);
    let ran = sandbox.osctl(&["ct", "set", "hostname", "web", "three.example.org"])?;
    let warning = "warning: tank:web: /etc/hosts was left alone: its owner may not write it";
    ensure!(ran.code == 0 && ran.stderr.contains(warning), "{ran:?}");
    // With a pipe for a name its init does not come up.
    web.sh("rm /etc/hostname")?;
    web.kill()?;
    web.start()?;

    // The stop does not depend on logged-in users.
    sandbox.ok(&["ct", "stop", "-m", "good night", "web"])?;
    sandbox.finish(daemon)
}

/// A daemon that dies around the step settles it at its next start, before its pool is loaded. What
/// the file of the container says and what its guest has are then the same.
#[test]
fn a_crash_around_the_step() -> Result<()> {
    for (point, fails) in [
        ("2:before", None),
        ("2:after", None),
        ("revert-2:before", Some("2")),
        ("revert-2:after", Some("2")),
    ] {
        crash(point, fails).with_context(|| format!("killed at {point}"))?;
    }
    Ok(())
}

fn crash(point: &str, fails: Option<&str>) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["pool", "new", "--size", "512M", "tank"])?;
    let web = sandbox.new_container("web", &[])?;
    sandbox.ok(&["ct", "set", "hostname", "web", "one.example.org"])?;
    daemon.stop()?;

    let fail = fails.map(|step| format!(",container-set:{step}:after:fail"));
    let fault = format!(
        "container-set:{point}:kill{}",
        fail.as_deref().unwrap_or("")
    );
    let daemon = sandbox.start_with(&["--fault", &fault])?;
    sandbox.wait_ready()?;
    let ran = sandbox.osctl(&["ct", "set", "hostname", "web", "two.example.org"])?;
    ensure!(ran.code != 0, "its daemon was to die: {ran:?}");
    let patience = std::time::Duration::from_secs(20);
    daemon.wait(patience).context("the daemon did not die")?;

    let daemon = sandbox.start_ready()?;
    let shown = web.show()?;
    let name = if fails.is_some() { "one" } else { "two" };
    ensure!(
        shown["hostname"] == format!("{name}.example.org"),
        "{shown}"
    );
    let written = read(&sandbox, "web", "etc/hostname")?;
    ensure!(written == format!("{name}\n"), "{written}");
    let hosts = read(&sandbox, "web", "etc/hosts")?;
    ensure!(
        hosts.contains(&format!("127.0.0.1\t{name}.example.org {name} localhost\n")),
        "{hosts}"
    );
    sandbox.finish(daemon)
}
