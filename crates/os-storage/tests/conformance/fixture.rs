//! Pools to test with. Each lives in a directory of its own and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use os_cmd::{CommandError, Flow, HostRunner, Invocation, Output, Runner, Running};
use os_storage::{Btrfs, NewImage, PoolContents, PoolPlace, PoolSource, Pools, Takeover, Zfs};
use os_sys::{Access, LoopDevice, LoopOptions, MountTable};
use os_types::{ByteSize, DatasetName, FileSystem, SnapshotName};
use tempfile::TempDir;

/// Makes a pool of a name that is neither created nor open yet.
pub(crate) type Make = fn(&str) -> Fixture;

const SIZE: ByteSize = ByteSize::mib(512);

/// What a test makes of an image; each backend makes its own file system in it.
pub(crate) fn image() -> NewImage {
    NewImage {
        size: SIZE,
        file_system: FileSystem::Btrfs,
    }
}

pub(crate) struct Fixture {
    pub(crate) pools: Box<dyn Pools>,
    pub(crate) place: PoolPlace,
    pub(crate) source: PoolSource,
    /// What the pool is on, for a directory pool.
    outer: Option<Outer>,
    pub(crate) dir: TempDir,
    runner: Arc<Counting>,
}

/// The host's programs, counted.
#[derive(Debug)]
struct Counting {
    host: HostRunner,
    run: AtomicU32,
}

impl Runner for Counting {
    fn run(&self, invocation: Invocation) -> Result<Output, CommandError> {
        self.run.fetch_add(1, Ordering::Relaxed);
        self.host.run(invocation)
    }

    fn start(&self, invocation: Invocation, flow: Flow) -> Result<Running, CommandError> {
        self.run.fetch_add(1, Ordering::Relaxed);
        self.host.start(invocation, flow)
    }
}

struct Outer {
    device: LoopDevice,
    mountpoint: PathBuf,
}

fn fixture(name: &str) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let runner = Arc::new(Counting {
        host: HostRunner::new(),
        run: AtomicU32::new(0),
    });
    Fixture {
        pools: Box::new(Btrfs::new(Arc::<Counting>::clone(&runner))),
        runner,
        place: PoolPlace {
            name: name.parse().unwrap(),
            mountpoint: path.join(name),
        },
        source: PoolSource::Image(path.join("pool image.img")),
        outer: None,
        dir,
    }
}

/// A file that is a zpool. Its name is that of no other test: a host has each name once.
pub(crate) fn zfs_file(name: &str) -> Fixture {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let zfs = os_storage::ZFS_DEVICE;
    assert!(
        Path::new(zfs).exists(),
        "there is no {zfs}: needs a kernel with ZFS"
    );
    let mut fixture = fixture(&format!("{name}{}", MADE.fetch_add(1, Ordering::Relaxed)));
    fixture.pools = Box::new(Zfs::new(Arc::<Counting>::clone(&fixture.runner)));
    fixture
}

/// A file with a btrfs of its own.
pub(crate) fn btrfs_image(name: &str) -> Fixture {
    fixture(name)
}

/// A subvolume of a btrfs that somebody else has mounted.
pub(crate) fn btrfs_directory(name: &str) -> Fixture {
    let mut fixture = fixture(name);
    let path = fixture.dir.path().canonicalize().unwrap();
    let image = path.join("outer.img");
    std::fs::File::create(&image)
        .unwrap()
        .set_len(SIZE.0)
        .unwrap();
    let mkfs = Invocation::new("mkfs.btrfs").arg("-q").arg(&image);
    HostRunner::new().run(mkfs).unwrap();
    let options = LoopOptions {
        access: Access::ReadWrite,
        direct_io: false,
    };
    let device = LoopDevice::attach(&image, options).unwrap();
    let mountpoint = path.join("outer");
    std::fs::create_dir(&mountpoint).unwrap();
    os_sys::mount_filesystem(device.node(), &mountpoint, "btrfs", Access::ReadWrite, "").unwrap();
    let root = os_sys::btrfs::open_directory(&mountpoint).unwrap();
    os_sys::btrfs::enable_quotas(&root).unwrap();
    std::fs::create_dir(mountpoint.join("a directory")).unwrap();
    fixture.source = PoolSource::Directory(mountpoint.join("a directory").join("pool"));
    fixture.outer = Some(Outer { device, mountpoint });
    fixture
}

impl Fixture {
    /// How many programs the backend has run.
    pub(crate) fn programs_run(&self) -> u32 {
        self.runner.run.load(Ordering::Relaxed)
    }

    pub(crate) fn create(&self) {
        self.pools
            .create(&self.place, &self.source, Some(image()))
            .unwrap();
    }

    pub(crate) fn open(&self) {
        self.pools
            .open(&self.place, &self.source, Takeover::Refuse, &mut |_| Ok(()))
            .unwrap();
    }

    pub(crate) fn close(&self) {
        self.pools.close(&self.place, &self.source).unwrap();
    }

    /// Creates and opens the pool.
    pub(crate) fn started(self) -> Self {
        self.create();
        self.open();
        self
    }

    pub(crate) fn contents(&self) -> Box<dyn PoolContents> {
        self.pools.contents(&self.place)
    }

    /// A dataset of this pool by its relative name.
    pub(crate) fn dataset(&self, relative: &str) -> DatasetName {
        DatasetName::from(&self.place.name).join(relative).unwrap()
    }

    /// What a message calls a dataset or a snapshot of this pool.
    pub(crate) fn called(&self, relative: &str) -> String {
        format!("{}/{relative}", self.place.name)
    }

    /// A snapshot of this pool, as `relative@short`.
    pub(crate) fn snapshot(&self, name: &str) -> SnapshotName {
        self.called(name).parse().unwrap()
    }

    /// Path of something in a dataset.
    pub(crate) fn file(&self, relative: &str) -> PathBuf {
        self.place.mountpoint.join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        std::fs::write(self.file(relative), text).unwrap();
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.file(relative)).unwrap()
    }

    /// Names of all datasets but the pool's own, without the pool.
    pub(crate) fn names(&self) -> Vec<String> {
        let list = self.contents().list().unwrap();
        list.iter()
            .skip(1)
            .map(|d| d.name.relative().to_owned())
            .collect()
    }

    /// Names of all snapshots, without the pool.
    pub(crate) fn snapshot_names(&self) -> Vec<String> {
        let prefix = format!("{}/", self.place.name);
        let list = self.contents().snapshots().unwrap();
        list.iter()
            .map(|s| s.name.as_str().replace(&prefix, ""))
            .collect()
    }

    /// Ends the test: closes everything and fails if anything is left.
    pub(crate) fn finish(mut self) {
        self.close();
        self.drop_outer();
        let left = self.leaks();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    fn drop_outer(&mut self) {
        if let Some(outer) = self.outer.take() {
            os_sys::unmount(&outer.mountpoint).unwrap();
            outer.device.detach(Duration::from_secs(10)).unwrap();
        }
    }

    fn leaks(&self) -> Vec<String> {
        let path = self.dir.path().canonicalize().unwrap();
        let table = MountTable::read().unwrap();
        let mounts = table
            .below(&path)
            .map(|m| m.mount_point.display().to_string());
        mounts.chain(attached_below(&path)).collect()
    }
}

fn attached_below(path: &Path) -> Vec<String> {
    let images = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
    let files = images.filter(|p| p.is_file());
    files
        .filter_map(|p| LoopDevice::attached_to(&p).unwrap())
        .map(|d| d.node().display().to_string())
        .collect()
}

/// After a failed test: as clean as can be, without a second panic.
impl Drop for Fixture {
    fn drop(&mut self) {
        if let Err(e) = self.pools.close(&self.place, &self.source) {
            eprintln!("{e}");
        }
        if let Some(outer) = self.outer.take() {
            let unmounted = os_sys::unmount(&outer.mountpoint);
            let detached = outer.device.detach(Duration::from_secs(10));
            if let Err(e) = unmounted.and(detached) {
                eprintln!("{e}");
            }
        }
    }
}
