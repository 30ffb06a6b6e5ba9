//! Images through `os-helper unpack`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise, and writes plain files"
)]

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use os_cmd::os_helper::{Helper, HelperError};
use os_helper_api::{Answer, Job, UnpackJob};
use os_image::archive::write;
use os_image::import::{ImportError, folder};
use os_image::{Identity, Limits};
use os_types::{Code, IdMap, IdMapEntry};
use tempfile::TempDir;

/// Ids that no user has.
const FIRST_ID: u32 = 2_100_100_000;
/// `CAP_NET_RAW`, permitted and effective: struct `vfs_cap_data`, revision 2.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

struct Rig {
    dir: TempDir,
    job: UnpackJob,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["source", "target"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let entry = IdMapEntry::new(0, FIRST_ID, 65_536).unwrap();
        let map = IdMap::try_from(vec![entry]).unwrap();
        let job = UnpackJob {
            archive: dir.path().join("image"),
            target: dir.path().join("target"),
            uid_map: map.clone(),
            gid_map: map,
            limits: Limits::default(),
            memory_bytes: 1 << 30,
            cpu_seconds: 60,
        };
        Self { dir, job }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes an image of the directory `source`.
    fn pack(&self) {
        let identity = Identity {
            distribution: "busybox".parse().unwrap(),
            version: "1".parse().unwrap(),
            arch: "x86_64".parse().unwrap(),
            vendor: "test".parse().unwrap(),
            variant: "test".parse().unwrap(),
            config: os_types::image::ImageConfig::default(),
        };
        write(&self.path("image"), &identity, |out| {
            Ok::<_, ImportError>(folder(&self.path("source"), out)?.measure)
        })
        .unwrap();
    }

    fn unpack(&self) -> Result<Answer, HelperError> {
        let helper = Helper::new(env!("CARGO_BIN_EXE_os-helper"));
        let job = Job::Unpack(self.job.clone());
        helper.call(job, Vec::new(), Duration::from_mins(1))
    }

    fn failure(&self) -> (Code, String) {
        match self.unpack() {
            Err(HelperError::Failed(failure)) => (failure.code, failure.message),
            other => panic!("{other:?}"),
        }
    }
}

/// A file with an owner of its own, in a root.
fn file(path: &Path, owner: u32, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "data").unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_root_arrives_as_it_was() {
    let rig = Rig::new();
    let source = rig.path("source");
    file(&source.join("bin/su"), 0, 0o4755);
    file(&source.join("home/u/x"), 1000, 0o600);
    file(&source.join("bin/ping"), 0, 0o755);
    os_sys::set_xattr(&source.join("bin/ping"), "security.capability", &CAPABILITY).unwrap();
    symlink("/etc/passwd", source.join("link")).unwrap();
    rig.pack();
    let begin = Instant::now();
    let answer = rig.unpack();
    println!("{answer:?} in {:?}", begin.elapsed());
    assert!(matches!(answer, Ok(Answer::Unpacked { .. })), "{answer:?}");
    let target = rig.path("target");
    let seen = |name: &str| {
        let meta = fs::symlink_metadata(target.join(name)).unwrap();
        (meta.uid(), meta.gid(), meta.mode() & 0o7777)
    };
    assert_eq!(seen("bin/su"), (0, 0, 0o4755));
    assert_eq!(seen("home/u/x"), (1000, 1000, 0o600));
    assert_eq!(
        fs::read_link(target.join("link")).unwrap(),
        Path::new("/etc/passwd")
    );
    let capability = os_sys::read_xattr(&target.join("bin/ping"), "security.capability").unwrap();
    assert_eq!(capability.as_deref(), Some(CAPABILITY.as_slice()));
}

#[test]
fn ids_that_no_tenant_has_are_refused() {
    let rig = Rig::new();
    file(&rig.path("source/etc/x"), 70_000, 0o644);
    rig.pack();
    let (code, message) = rig.failure();
    assert_eq!(code, Code::Image, "{message}");
    assert!(message.contains("etc/x"), "{message}");
}

#[test]
fn damage_and_limits_are_reported() {
    let mut rig = Rig::new();
    file(&rig.path("source/etc/x"), 0, 0o644);
    rig.pack();
    rig.job.limits.entries = 1;
    let (code, message) = rig.failure();
    assert_eq!(code, Code::Image, "{message}");
    rig.job.limits.entries = 100;
    let image = rig.path("image");
    let size = fs::metadata(&image).unwrap().len();
    let cut = File::options().write(true).open(&image).unwrap();
    cut.set_len(size / 2).unwrap();
    let (code, message) = rig.failure();
    assert_eq!(code, Code::Image, "{message}");
    symlink(rig.path("source"), rig.path("link")).unwrap();
    rig.job.target = rig.path("link");
    let (code, message) = rig.failure();
    assert_eq!(code, Code::System, "{message}");
}
