//! The life of a pool.

use std::fs::File;
use std::time::Duration;

use os_storage::{Change, PoolError, PoolStatus, Takeover};
use os_sys::MountTable;

use crate::fixture::{Make, image};

pub(crate) fn create_open_close_destroy_repeat(make: Make) {
    let f = make("tank");
    let create = || f.pools.create(&f.place, &f.source, Some(image())).unwrap();
    assert_eq!((create(), create()), (Change::Created, Change::Unchanged));
    let open = || {
        f.pools
            .open(&f.place, &f.source, Takeover::Refuse, &mut |_| Ok(()))
            .unwrap()
    };
    assert_eq!((open(), open()), (Change::Created, Change::Unchanged));
    let close = || f.pools.close(&f.place, &f.source).unwrap();
    assert_eq!((close(), close()), (Change::Removed, Change::Unchanged));
    let destroy = || f.pools.destroy(&f.place, &f.source).unwrap();
    assert_eq!((destroy(), destroy()), (Change::Removed, Change::Unchanged));
    assert!(!f.source.path().exists());
    f.finish();
}

pub(crate) fn status_follows_the_life_of_a_pool(make: Make) {
    let f = make("tank");
    let status = || f.pools.status(&f.place, &f.source).unwrap();
    assert_eq!(status(), PoolStatus::Missing);
    f.create();
    assert_eq!(status(), PoolStatus::Closed);
    f.open();
    match status() {
        PoolStatus::Open {
            size, available, ..
        } => {
            assert!(size >= available && available.0 > 0, "{size} {available}");
        }
        other => panic!("{other:?}"),
    }
    f.close();
    assert_eq!(status(), PoolStatus::Closed);
    f.finish();
}

pub(crate) fn open_is_refused_by_the_inspector_without_a_trace(make: Make) {
    let f = make("tank").started();
    f.write("mark", "of another host");
    f.close();
    let mut seen = String::new();
    let result = f
        .pools
        .open(&f.place, &f.source, Takeover::Refuse, &mut |view| {
            let root = view.folder(&f.place.name.as_str().parse()?)?;
            seen = std::fs::read_to_string(root.join("mark"))?;
            Err("not ours".into())
        });
    match result {
        Err(PoolError::Refused { source, .. }) => assert_eq!(source.to_string(), "not ours"),
        other => panic!("{other:?}"),
    }
    assert_eq!(seen, "of another host");
    assert_eq!(
        f.pools.status(&f.place, &f.source).unwrap(),
        PoolStatus::Closed
    );
    f.finish();
}

/// A container that starts takes a copy of the mount table along, for as long as it runs.
pub(crate) fn an_inspection_is_not_taken_along_by_others(make: Make) {
    let f = make("tank");
    f.create();
    let mut other = None;
    let opened = f
        .pools
        .open(&f.place, &f.source, Takeover::Refuse, &mut |_| {
            other = Some(other_mount_namespace()?);
            Ok(())
        });
    if let Some(mut other) = other {
        other.signal_group(os_sys::Signal::KILL).unwrap();
        other.wait(Duration::from_secs(20)).unwrap().unwrap();
    }
    assert_eq!(opened.unwrap(), Change::Created);
    f.finish();
}

/// A process with a private copy of the mount table that waits.
fn other_mount_namespace() -> std::io::Result<os_sys::Child> {
    let request = os_sys::SpawnRequest::new("/usr/bin/unshare")
        .args(["--mount", "--propagation", "private", "sleep", "60"])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let child = os_sys::spawn(request).map_err(std::io::Error::other)?;
    let own = std::fs::read_link("/proc/self/ns/mnt")?;
    let theirs = format!("/proc/{}/ns/mnt", child.pid());
    os_sys::patience::until(Duration::from_secs(10), || {
        let there = std::fs::read_link(&theirs)? != own;
        Ok::<_, std::io::Error>(there.then_some(()))
    })?
    .ok_or_else(|| std::io::Error::other("unshare did nothing"))?;
    Ok(child)
}

pub(crate) fn mountpoint_with_files_is_refused(make: Make) {
    let f = make("tank");
    f.create();
    std::fs::create_dir(&f.place.mountpoint).unwrap();
    std::fs::write(f.place.mountpoint.join("precious"), "x").unwrap();
    let error = f
        .pools
        .open(&f.place, &f.source, Takeover::Refuse, &mut |_| Ok(()))
        .unwrap_err();
    assert!(
        matches!(error, PoolError::MountpointTaken { .. }),
        "{error}"
    );
    f.finish();
}

pub(crate) fn mountpoint_of_another_mount_is_refused(make: Make) {
    let f = make("tank");
    f.create();
    let other = f.dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::create_dir(&f.place.mountpoint).unwrap();
    os_sys::bind_mount(&other, &f.place.mountpoint).unwrap();
    let opened = f
        .pools
        .open(&f.place, &f.source, Takeover::Refuse, &mut |_| Ok(()));
    let closed = f.pools.close(&f.place, &f.source);
    os_sys::unmount(&f.place.mountpoint).unwrap();
    for error in [opened.unwrap_err(), closed.unwrap_err()] {
        assert!(
            matches!(error, PoolError::MountpointTaken { .. }),
            "{error}"
        );
    }
    f.finish();
}

pub(crate) fn close_names_who_holds_the_pool(make: Make) {
    let f = make("tank").started();
    let file = File::create(f.file("held")).unwrap();
    match f.pools.close(&f.place, &f.source) {
        Err(PoolError::Busy { holders, .. }) => {
            let me = Some(std::process::id());
            let holder = holders.iter().find(|h| h.pid == me).unwrap();
            assert!(holder.what.contains("held"), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    drop(file);
    f.finish();
}

pub(crate) fn open_pool_is_not_destroyed(make: Make) {
    let f = make("tank").started();
    let error = f.pools.destroy(&f.place, &f.source).unwrap_err();
    assert!(matches!(error, PoolError::Busy { .. }), "{error}");
    f.finish();
}

pub(crate) fn contents_survive_close_and_open(make: Make) {
    let f = make("tank").started();
    f.contents().create(&f.dataset("ct"), &[]).unwrap();
    f.write("ct/file", "kept");
    let before = f.contents().list().unwrap();
    f.close();
    f.open();
    let after = f.contents().list().unwrap();
    assert_eq!(f.read("ct/file"), "kept");
    let ids = |list: &[os_storage::DatasetInfo]| {
        list.iter()
            .map(|d| (d.name.clone(), d.guid.clone(), d.created))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&before), ids(&after));
    f.finish();
}

pub(crate) fn mounted_nosuid_nodev(make: Make) {
    let f = make("tank").started();
    let table = MountTable::read().unwrap();
    let entry = table.at(&f.place.mountpoint).unwrap();
    assert!(
        entry.has_option("nosuid") && entry.has_option("nodev"),
        "{entry:?}"
    );
    f.finish();
}
