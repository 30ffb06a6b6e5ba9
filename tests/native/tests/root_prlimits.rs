//! Limits of processes: inherited from pool and groups, applied when a container starts.

use anyhow::{Result, ensure};
use native::with_pool;
use os_testkit::Sandbox;

/// The limits of `owner` as `name soft hard from`.
fn list(sandbox: &Sandbox, owner: &[&str]) -> Result<Vec<String>> {
    let mut words = vec![
        owner[0],
        "prlimits",
        "ls",
        "-H",
        "-o",
        "name,soft,hard,from",
    ];
    words.extend(&owner[1..]);
    let table = sandbox.ok(&words)?;
    let rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(rows.collect())
}

#[test]
fn limits_are_inherited_and_apply_at_the_next_start() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["group", "new", "-p", "/a/b"])?;
    let web = sandbox.new_container("web", &["--group", "/a/b"])?;
    assert_eq!(
        list(&sandbox, &["ct", "web"])?,
        ["nofile 1024 1048576 default"]
    );

    sandbox.ok(&["pool", "prlimits", "set", "tank", "nofile", "100", "200"])?;
    sandbox.ok(&["pool", "prlimits", "set", "tank", "core", "0", "unlimited"])?;
    sandbox.ok(&["group", "prlimits", "set", "/", "memlock", "65536"])?;
    sandbox.ok(&["group", "prlimits", "set", "/a", "nofile", "300", "400"])?;
    sandbox.ok(&[
        "ct",
        "prlimits",
        "set",
        "web",
        "stack",
        "1048576",
        "unlimited",
    ])?;
    let expected = [
        "core 0 unlimited pool",
        "memlock 65536 65536 group /",
        "nofile 300 400 group /a",
        "stack 1048576 unlimited container",
    ];
    assert_eq!(list(&sandbox, &["ct", "web"])?, expected);
    assert_eq!(list(&sandbox, &["group", "/a/b"])?, expected[..3]);
    assert_eq!(
        list(&sandbox, &["pool", "tank"])?,
        ["core 0 unlimited pool", "nofile 100 200 pool"]
    );

    web.start()?;
    let limits = web.sh("cat /proc/1/limits")?;
    for (name, soft, hard) in [
        ("Max core file size", "0", "unlimited"),
        ("Max locked memory", "65536", "65536"),
        ("Max open files", "300", "400"),
        ("Max stack size", "1048576", "unlimited"),
    ] {
        let line = limits
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        let words: Vec<_> = line.split_whitespace().rev().collect();
        ensure!(words.contains(&soft) && words.contains(&hard), "{line}");
    }

    // What was set is on the pool, and what is removed is inherited again.
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(list(&sandbox, &["ct", "web"])?, expected);
    sandbox.ok(&["ct", "prlimits", "unset", "web", "stack"])?;
    sandbox.ok(&["ct", "prlimits", "unset", "web", "stack"])?;
    sandbox.ok(&["group", "prlimits", "unset", "/a", "nofile"])?;
    let expected = [expected[0], expected[1], "nofile 100 200 pool"];
    assert_eq!(list(&sandbox, &["ct", "web"])?, expected);
    web.kill()?;
    web.start()?;
    let limits = web.sh("grep 'open files' /proc/1/limits")?;
    ensure!(limits.contains("100") && limits.contains("200"), "{limits}");
    sandbox.finish(daemon)
}

#[test]
fn bad_limits_are_refused_and_undo_restores() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    for (limit, values) in [("files", "1"), ("nofile", "-1"), ("nofile", "many")] {
        let ran = sandbox.osctl(&["ct", "prlimits", "set", "web", limit, "--", values])?;
        ensure!(ran.code == 2, "{ran:?}");
    }
    let ran = sandbox.osctl(&["ct", "prlimits", "set", "web", "nofile", "2", "1"])?;
    ensure!(
        ran.code == 2 && ran.stderr.contains("above the hard limit"),
        "{ran:?}"
    );
    // The kernel refuses it even for root: fs.nr_open is below it.
    let ran = sandbox.osctl(&[
        "ct",
        "prlimits",
        "set",
        "web",
        "nofile",
        "4096",
        "unlimited",
    ])?;
    ensure!(
        ran.code == 2 && ran.stderr.contains("4096:unlimited: the hard limits"),
        "{ran:?}"
    );
    sandbox.ok(&["ct", "prlimits", "set", "web", "nofile", "10", "20"])?;
    sandbox.ok(&["undo"])?;
    assert_eq!(
        list(&sandbox, &["ct", "web"])?,
        ["nofile 1024 1048576 default"]
    );
    sandbox.finish(daemon)
}
