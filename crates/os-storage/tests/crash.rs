//! kill -9 at any moment: after the next open everything is as before or as wanted, and repeating
//! the operation gets there.
//!
//! The test starts itself again as the victim, which works until it is killed. The moments are
//! spread over the duration of a whole round, so that over the rounds every part of it is hit.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test code outside of #[test] functions; plain files, no atomicity needed"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use os_cmd::HostRunner;
use os_storage::{
    Btrfs, DestroyScope, NewImage, PoolPlace, PoolSource, Pools, ReceivePolicy, ReceiveRequest,
    SendRequest, Takeover,
};
use os_sys::{LoopDevice, MountTable, SpawnRequest, spawn};
use os_types::{ByteSize, DatasetName, FileSystem, SnapshotName};

const VICTIM: &str = "OS_STORAGE_VICTIM";
const ROUNDS: u32 = 25;

const IMAGE: NewImage = NewImage {
    size: ByteSize::mib(256),
    file_system: FileSystem::Btrfs,
};

struct World {
    pools: Btrfs,
    place: PoolPlace,
    source: PoolSource,
}

/// After a failed test too, nothing stays mounted.
impl Drop for World {
    fn drop(&mut self) {
        if let Err(e) = self.pools.close(&self.place, &self.source) {
            eprintln!("{e}");
        }
    }
}

fn world(dir: &Path) -> World {
    World {
        pools: Btrfs::new(Arc::new(HostRunner::new())),
        place: PoolPlace {
            name: "tank".parse().unwrap(),
            mountpoint: dir.join("tank"),
        },
        source: PoolSource::Image(dir.join("tank.img")),
    }
}

fn dataset(name: &str) -> DatasetName {
    name.parse().unwrap()
}

fn snapshot(name: &str) -> SnapshotName {
    name.parse().unwrap()
}

/// One round of everything that changes a pool. Every step is one that may be repeated.
fn work(w: &World, stream: &[u8]) {
    w.pools.create(&w.place, &w.source, Some(IMAGE)).unwrap();
    w.pools
        .open(&w.place, &w.source, Takeover::Refuse, &mut |_| Ok(()))
        .unwrap();
    let c = w.pools.contents(&w.place);
    c.create(&dataset("tank/a"), &[]).unwrap();
    c.create(&dataset("tank/a/child"), &[]).unwrap();
    c.snapshot(&snapshot("tank/a@s")).unwrap();
    std::fs::write(w.place.mountpoint.join("a/scratch"), "x").unwrap();
    c.rollback(&snapshot("tank/a@s")).unwrap();
    c.clone_snapshot(&snapshot("tank/a@s"), &dataset("tank/b"), &[])
        .unwrap();
    let request = ReceiveRequest {
        snapshot: snapshot("tank/r@s"),
        policy: ReceivePolicy::Keep,
    };
    c.receive(&request, &mut &*stream).unwrap();
    c.destroy(&dataset("tank/r"), DestroyScope::Recursive)
        .unwrap();
    c.destroy(&dataset("tank/b"), DestroyScope::Recursive)
        .unwrap();
    w.pools.close(&w.place, &w.source).unwrap();
}

#[test]
#[ignore = "not a test of its own: started, and killed, by the other one"]
fn victim() {
    let dir = PathBuf::from(std::env::var_os(VICTIM).unwrap());
    let stream = std::fs::read(dir.join("stream")).unwrap();
    let w = world(&dir);
    loop {
        work(&w, &stream);
    }
}

#[test]
fn killed_at_any_moment_it_converges() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let w = world(&path);
    let stream = prepare(&w, &path);
    let start = Instant::now();
    work(&w, &stream);
    let round = start.elapsed();
    for i in 0..ROUNDS {
        kill_after(&path, round * (i + 1) * 2 / ROUNDS);
        check(&w);
        work(&w, &stream);
    }
    let table = MountTable::read().unwrap();
    assert_eq!(table.below(&path).count(), 0);
    assert_eq!(LoopDevice::attached_to(w.source.path()).unwrap(), None);
}

/// A stream that the victim receives; the pool starts with a file in dataset a.
fn prepare(w: &World, path: &Path) -> Vec<u8> {
    w.pools.create(&w.place, &w.source, Some(IMAGE)).unwrap();
    w.pools
        .open(&w.place, &w.source, Takeover::Refuse, &mut |_| Ok(()))
        .unwrap();
    let c = w.pools.contents(&w.place);
    c.create(&dataset("tank/a"), &[]).unwrap();
    std::fs::write(w.place.mountpoint.join("a/file"), "precious").unwrap();
    c.create(&dataset("tank/a/child"), &[]).unwrap();
    std::fs::write(w.place.mountpoint.join("a/child/file"), "child").unwrap();
    c.snapshot(&snapshot("tank/a@s")).unwrap();
    let mut stream = Vec::new();
    let request = SendRequest {
        snapshot: snapshot("tank/a@s"),
        base: None,
        resume: None,
    };
    c.send(&request, &mut stream).unwrap();
    w.pools.close(&w.place, &w.source).unwrap();
    std::fs::write(path.join("stream"), &stream).unwrap();
    stream
}

fn kill_after(path: &Path, delay: Duration) {
    let log = std::fs::File::create(path.join("victim.log")).unwrap();
    let request = SpawnRequest::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(VICTIM, path)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stderr(log);
    let mut child = spawn(request).unwrap();
    let early = child.pidfd().wait_exit(delay).unwrap();
    if early {
        eprintln!(
            "{}",
            std::fs::read_to_string(path.join("victim.log")).unwrap()
        );
    }
    assert!(!early, "the victim failed by itself");
    child.signal_group(os_sys::Signal::KILL).unwrap();
    child.wait(Duration::from_secs(20)).unwrap().unwrap();
}

/// After an open nothing half-made is there, whatever the moment was.
fn check(w: &World) {
    w.pools
        .open(&w.place, &w.source, Takeover::Refuse, &mut |_| Ok(()))
        .unwrap();
    let root = &w.place.mountpoint;
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    assert_eq!(
        (read("a/file").as_str(), read("a/child/file").as_str()),
        ("precious", "child")
    );
    let staged = std::fs::read_dir(root.join(".storage/staging")).unwrap();
    assert_eq!(staged.count(), 0);
    for info in w.pools.contents(&w.place).list().unwrap() {
        let known = ["tank", "tank/a", "tank/a/child", "tank/b", "tank/r"];
        assert!(known.contains(&info.name.as_str()), "{info:?}");
    }
}
