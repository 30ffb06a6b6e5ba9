//! What parts a container from the host and from the others.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, ensure};
use native::{process, with_pool};

#[test]
fn nobody_in_it_is_privileged() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let shown = web.show()?;
    let user = sandbox.json(&["user", "show", "web"])?;
    let ugid = u32::try_from(user["ugid"].as_u64().context("an id")?)?;
    let monitor = web.monitor_pid()?;
    assert_eq!(process::status(monitor, "Uid")?, [ugid; 4]);
    assert_eq!(process::status(monitor, "Gid")?, [ugid; 4]);
    assert_eq!(process::status(monitor, "Groups")?, Vec::<u32>::new());
    let map = shown["uid_map"][0].as_str().context("a map")?;
    let first: u32 = map.split(':').nth(1).context("outside")?.parse()?;
    let init = web.init_pid()?;
    assert_eq!(process::status(init, "Uid")?, [first; 4]);
    assert_eq!(process::status(init, "Gid")?, [first; 4]);
    for pid in process::of_container(&sandbox, "web", "")? {
        let uid = process::status(pid, "Uid")?[0];
        ensure!(
            uid == ugid || (first..first + 65_536).contains(&uid),
            "{pid} is {uid}"
        );
    }
    for namespace in ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup", "time"] {
        let name = format!("ns/{namespace}");
        let (own, theirs) = (
            process::link(std::process::id(), &name)?,
            process::link(init, &name)?,
        );
        ensure!(own != theirs, "it has the host's {namespace} namespace");
    }
    sandbox.finish(daemon)
}

#[test]
fn its_processes_are_below_its_group() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["group", "new", "-p", "/a/b"])?;
    let web = sandbox.new_container("web", &["--group", "/a/b"])?;
    web.start()?;
    let group = format!(
        "/{}/pool.tank/group.a/group.b/user.web/ct.web/user-owned",
        sandbox.cgroup_parent()
    );
    for (pid, below) in [
        (web.init_pid()?, "lxc.payload.web"),
        (web.monitor_pid()?, "lxc.monitor.web"),
    ] {
        let groups = process::groups(pid)?;
        let inside = format!("{group}/{below}");
        ensure!(
            groups.iter().any(|path| path.starts_with(&inside)),
            "{pid}: {groups:?}"
        );
    }
    sandbox.finish(daemon)
}

#[test]
fn mounts_stay_on_their_side() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let host = || -> Result<BTreeSet<String>> {
        let table = fs::read_to_string("/proc/1/mountinfo")?;
        let points = table.lines().filter_map(|line| line.split(' ').nth(4));
        let root = sandbox.root().to_string_lossy().into_owned();
        Ok(points
            .filter(|point| point.starts_with(&root))
            .map(str::to_owned)
            .collect())
    };
    let web = sandbox.new_container("web", &[])?;
    // What a pool mounts for it by itself is there.
    let before = host()?;
    web.start()?;
    web.sh("mkdir /mnt && mount -t tmpfs none /mnt && echo inside > /mnt/file")?;
    assert_eq!(host()?, before, "the host sees mounts of the guest");

    let root = sandbox.root().to_string_lossy().into_owned();
    let guest = web.sh("cat /proc/self/mountinfo")?;
    let mut roots = 0;
    for line in guest.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let point = *fields.get(4).context("a mount point")?;
        roots += usize::from(point == "/");
        let ours = ["/", "/dev", "/proc", "/sys", "/mnt"];
        let lxc = ours.contains(&point)
            || ["/dev/", "/proc/", "/sys/"]
                .iter()
                .any(|top| point.starts_with(top));
        ensure!(lxc, "a mount of the host: {line}");
        ensure!(!point.starts_with(&root), "{line}");
    }
    assert_eq!(roots, 1, "{guest}");
    // Nor does the monitor keep anything of the host busy.
    let table = fs::read_to_string(format!("/proc/{}/mountinfo", web.monitor_pid()?))?;
    let pools = format!("{root}/tank");
    ensure!(!table.contains(&pools), "the monitor has the pool: {table}");
    sandbox.finish(daemon)
}

#[test]
fn files_on_disk_are_unshifted() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.sh("touch /root/mine; touch /root/theirs; chown 1000:1000 /root/theirs")?;
    let root = web.show()?["rootfs"].as_str().context("root")?.to_owned();
    let owner = |name: &str| {
        fs::metadata(format!("{root}/root/{name}")).map(|found| (found.uid(), found.gid()))
    };
    assert_eq!(owner("mine")?, (0, 0));
    assert_eq!(owner("theirs")?, (1000, 1000));
    sandbox.finish(daemon)
}

#[test]
fn two_containers_share_no_id() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for name in ["one", "two", "three"] {
        let ct = sandbox.container(name)?;
        let map = ct.show()?["uid_map"][0]
            .as_str()
            .context("a map")?
            .to_owned();
        let numbers: Vec<u64> = map.split(':').map(str::parse).collect::<Result<_, _>>()?;
        let [_, first, count] = numbers[..] else {
            anyhow::bail!("a map has three numbers: {map}");
        };
        ensure!(
            ranges
                .iter()
                .all(|(other, many)| first + count <= *other || other + many <= first),
            "{map} and {ranges:?}"
        );
        ranges.push((first, count));
    }
    let one = sandbox.known_container("one");
    let other = sandbox.known_container("two").init_pid()?;
    let seen = one.sh("ls /proc")?;
    ensure!(
        !seen.split_whitespace().any(|pid| pid == other.to_string()),
        "{seen}"
    );
    sandbox.finish(daemon)
}

/// What root of a guest must not be able to do.
#[test]
fn root_of_the_guest_is_nobody_outside() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for script in [
        "mknod /root/disk b 8 0",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "mount -o remount,rw /proc/sys",
        "echo 0 > /proc/1/oom_score_adj; echo -1000 > /proc/self/oom_score_adj",
        "mount -t btrfs /dev/loop0 /root",
    ] {
        let ran = web.exec(&["/bin/sh", "-c", script])?;
        ensure!(ran.code != 0, "{script:?} is possible in a guest: {ran:?}");
    }
    sandbox.finish(daemon)
}
