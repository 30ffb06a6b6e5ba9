//! What a change costs: a user made and deleted, through us and through the system's own tools.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::fixture::{Fixture, Size};
use crate::series::Series;
use crate::table::Table;

/// `osctl user new` and `user del`: a journaled plan with an id block, a file, an account.
pub(crate) fn users(fixture: &Fixture, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let (mut new, mut del) = (Series::default(), Series::default());
    for _ in 0..runs {
        new.time(|| fixture.sandbox().ok(&["user", "new", "guest"]))?;
        del.time(|| fixture.sandbox().ok(&["user", "del", "guest"]))?;
    }
    table.time("osctl user new", fixture.size(), &new);
    table.time("osctl user del", fixture.size(), &del);
    Ok(())
}

/// `useradd` and `userdel` in a directory of its own, whose account files have as many users: what
/// administrators know. They have no undo, no id map and no pool, but the same four files.
pub(crate) fn anchor(size: Size, table: &mut Table, runs: u32) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("osctl-bench-").tempdir()?;
    accounts(&dir.path().join("etc"), size)?;
    let prefix = dir.path().to_str().context("the path is not text")?;
    let (mut new, mut del) = (Series::default(), Series::default());
    for _ in 0..runs {
        new.time(|| run("/usr/sbin/useradd", &["--prefix", prefix, "guest"]))?;
        del.time(|| run("/usr/sbin/userdel", &["--prefix", prefix, "guest"]))?;
    }
    table.time("useradd --prefix", size, &new);
    table.time("userdel --prefix", size, &del);
    table.ratio(
        "osctl user new / useradd",
        size,
        "osctl user new",
        "useradd --prefix",
    );
    table.ratio(
        "osctl user del / userdel",
        size,
        "osctl user del",
        "userdel --prefix",
    );
    Ok(())
}

/// Account files as the daemon's are with as many users.
fn accounts(etc: &Path, size: Size) -> anyhow::Result<()> {
    let mut passwd = "root:x:0:0:root:/root:/bin/bash\n".to_owned();
    let (mut group, mut sub) = ("root:x:0:\n".to_owned(), String::new());
    for index in 0..size.entities {
        let (id, first) = (2000 + index, 1_000_000 + 65_536 * index);
        writeln!(passwd, "tank-user{index:04}:x:{id}:{id}::/:/bin/false")?;
        writeln!(group, "tank-user{index:04}:x:{id}:")?;
        writeln!(sub, "tank-user{index:04}:{first}:65536")?;
    }
    fs::create_dir(etc)?;
    // useradd looks for free subordinate ids in the range of login.defs, which has room for few.
    let defs = "SUB_UID_MIN 100000\nSUB_UID_MAX 4000000000\nSUB_GID_MIN 100000\nSUB_GID_MAX 4000000000\nUID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\n";
    for (name, text) in [
        ("passwd", passwd.as_str()),
        ("group", &group),
        ("subuid", &sub),
        ("subgid", &sub),
        ("login.defs", defs),
    ] {
        put(&etc.join(name), text)?;
    }
    Ok(())
}

fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the other side of the comparison, whose end we wait for"
    )]
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {args:?}: {said}");
    Ok(())
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a temporary file that no other process reads yet"
    )]
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
