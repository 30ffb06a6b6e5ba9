//! Datasets and their properties.

use std::time::{Duration, SystemTime};

use os_storage::{Change, DestroyScope, PropertyEdit, StorageError};
use os_types::ByteSize;

use crate::fixture::Make;

fn user(key: &str, value: Option<&str>) -> PropertyEdit {
    PropertyEdit::User(key.parse().unwrap(), value.map(str::to_owned))
}

pub(crate) fn create_lists_everything(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    let edits = [
        PropertyEdit::Refquota(Some(ByteSize::mib(100))),
        user("org.vpsadminos.osctl:active", Some("yes")),
    ];
    c.create(&f.dataset("ct"), &[]).unwrap();
    assert_eq!(
        c.create(&f.dataset("ct/a"), &edits).unwrap(),
        Change::Created
    );
    assert_eq!(f.names(), ["ct", "ct/a"]);
    let list = c.list().unwrap();
    let a = list.last().unwrap();
    assert_eq!(a.refquota, Some(ByteSize::mib(100)));
    assert_eq!(a.quota, None);
    assert_eq!(a.origin, None);
    assert_eq!(a.properties.values().collect::<Vec<_>>(), ["yes"]);
    let properties = c.properties(&a.name).unwrap();
    assert_eq!(properties.as_ref(), Some(&a.properties));
    assert_eq!(c.properties(&f.dataset("ct/b")).unwrap(), None);
    assert_eq!(c.properties(&f.dataset("ct/b/c")).unwrap(), None);
    let age = SystemTime::now().duration_since(a.created).unwrap();
    assert!(age < Duration::from_mins(1), "{age:?}");
    let guids: std::collections::BTreeSet<_> = list.iter().map(|d| &d.guid).collect();
    assert_eq!(guids.len(), 3);
    assert_eq!(c.mountpoint(&f.dataset("ct/a")), f.file("ct/a"));
    assert!(f.file("ct/a").is_dir());
    f.finish();
}

pub(crate) fn create_repeats_and_refuses_difference(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    let name = f.dataset("a");
    let edits = [user("a:b", Some("1"))];
    assert_eq!(c.create(&name, &edits).unwrap(), Change::Created);
    assert_eq!(c.create(&name, &edits).unwrap(), Change::Unchanged);
    let error = c.create(&name, &[]).unwrap_err();
    assert!(matches!(error, StorageError::Exists { .. }), "{error}");
    std::fs::create_dir(f.file("plain")).unwrap();
    let error = c.create(&f.dataset("plain"), &[]).unwrap_err();
    assert!(matches!(error, StorageError::Exists { .. }), "{error}");
    f.finish();
}

pub(crate) fn create_needs_its_parent(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    match c.create(&f.dataset("no/a"), &[]) {
        Err(StorageError::NotFound { object }) => assert_eq!(object, f.called("no")),
        other => panic!("{other:?}"),
    }
    let other = "other/a".parse().unwrap();
    c.create(&other, &[]).unwrap_err();
    f.finish();
}

pub(crate) fn strange_neighbours_are_no_datasets(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    std::fs::create_dir(f.file("a/private")).unwrap();
    std::fs::write(f.file("a/with\nnewline"), "").unwrap();
    std::fs::create_dir(f.file("with space")).unwrap();
    assert_eq!(f.names(), ["a"]);
    c.set(&f.dataset("a/private"), &[]).unwrap_err();
    assert_eq!(
        c.destroy(&f.dataset("a/private"), DestroyScope::Recursive)
            .unwrap(),
        Change::Unchanged
    );
    assert!(f.file("a/private").is_dir());
    f.finish();
}

pub(crate) fn rename_takes_children_and_snapshots_along(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    for name in ["a", "a/b", "x"] {
        c.create(&f.dataset(name), &[]).unwrap();
    }
    f.write("a/b/file", "1");
    c.snapshot(&f.snapshot("a/b@s")).unwrap();
    let guid = c
        .list()
        .unwrap()
        .into_iter()
        .find(|d| d.name == f.dataset("a/b"))
        .unwrap()
        .guid;
    let (from, to) = (f.dataset("a"), f.dataset("x/y"));
    assert_eq!(c.rename(&from, &to).unwrap(), Change::Changed);
    assert_eq!(c.rename(&from, &to).unwrap(), Change::Unchanged);
    assert_eq!(f.names(), ["x", "x/y", "x/y/b"]);
    assert_eq!(f.snapshot_names(), ["x/y/b@s"]);
    assert_eq!(f.read("x/y/b/file"), "1");
    assert_eq!(c.list().unwrap().last().unwrap().guid, guid);
    let error = c.rename(&f.dataset("x"), &f.dataset("x/y/z")).unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error}");
    let error = c
        .rename(&f.dataset("no"), &f.dataset("nowhere"))
        .unwrap_err();
    assert!(matches!(error, StorageError::NotFound { .. }), "{error}");
    f.finish();
}

pub(crate) fn destroy_refuses_dependents_by_name(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.create(&f.dataset("a/b"), &[]).unwrap();
    c.snapshot(&f.snapshot("a@s")).unwrap();
    match c.destroy(&f.dataset("a"), DestroyScope::Only) {
        Err(StorageError::InUse { by, .. }) => {
            assert_eq!(by, [f.called("a/b"), f.called("a@s")]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(f.names(), ["a", "a/b"]);
    assert_eq!(
        c.destroy(&f.dataset("a/b"), DestroyScope::Only).unwrap(),
        Change::Removed
    );
    assert_eq!(
        c.destroy(&f.dataset("a"), DestroyScope::Recursive).unwrap(),
        Change::Removed
    );
    assert_eq!(
        c.destroy(&f.dataset("a"), DestroyScope::Recursive).unwrap(),
        Change::Unchanged
    );
    assert!(f.names().is_empty() && f.snapshot_names().is_empty());
    f.finish();
}

pub(crate) fn destroy_recursive_spares_outer_clones(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.snapshot(&f.snapshot("a@s")).unwrap();
    c.clone_snapshot(&f.snapshot("a@s"), &f.dataset("a/inner"), &[])
        .unwrap();
    c.clone_snapshot(&f.snapshot("a@s"), &f.dataset("outer"), &[])
        .unwrap();
    match c.destroy(&f.dataset("a"), DestroyScope::Recursive) {
        Err(StorageError::InUse { by, .. }) => assert_eq!(by, [f.called("outer")]),
        other => panic!("{other:?}"),
    }
    c.destroy(&f.dataset("outer"), DestroyScope::Only).unwrap();
    c.destroy(&f.dataset("a"), DestroyScope::Recursive).unwrap();
    assert!(f.names().is_empty());
    f.finish();
}

pub(crate) fn properties_are_set_and_unset(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    let name = f.dataset("a");
    c.create(&name, &[]).unwrap();
    let edits = [
        user("a:b", Some("1 2\n3")),
        PropertyEdit::Quota(Some(ByteSize::mib(50))),
    ];
    assert_eq!(c.set(&name, &edits).unwrap(), Change::Changed);
    assert_eq!(c.set(&name, &edits).unwrap(), Change::Unchanged);
    let info = c.list().unwrap().pop().unwrap();
    assert_eq!(info.properties.values().collect::<Vec<_>>(), ["1 2\n3"]);
    assert_eq!(info.quota, Some(ByteSize::mib(50)));
    c.set(&name, &[user("a:b", None), PropertyEdit::Quota(None)])
        .unwrap();
    let info = c.list().unwrap().pop().unwrap();
    assert!(info.properties.is_empty() && info.quota.is_none());
    let long = "x".repeat(9000);
    let error = c.set(&name, &[user("a:b", Some(&long))]).unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error}");
    let pool = f.place.name.as_str().parse().unwrap();
    assert_eq!(
        c.set(&pool, &[user("a:b", Some("pool"))]).unwrap(),
        Change::Changed
    );
    f.finish();
}

pub(crate) fn the_pool_itself_cannot_be_destroyed(make: Make) {
    let f = make("tank").started();
    let pool = f.place.name.as_str().parse().unwrap();
    let error = f
        .contents()
        .destroy(&pool, DestroyScope::Recursive)
        .unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error}");
    f.finish();
}

pub(crate) fn guest_symlinks_are_not_followed(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.create(&f.dataset("b"), &[]).unwrap();
    c.create(&f.dataset("b/inner"), &[]).unwrap();
    std::os::unix::fs::symlink(f.file("b"), f.file("a/link")).unwrap();
    assert_eq!(f.names(), ["a", "b", "b/inner"]);
    let through = f.dataset("a/link/inner");
    assert_eq!(
        c.destroy(&through, DestroyScope::Recursive).unwrap(),
        Change::Unchanged
    );
    let error = c.create(&f.dataset("a/link/new"), &[]).unwrap_err();
    assert!(matches!(error, StorageError::NotFound { .. }), "{error}");
    assert_eq!(f.names(), ["a", "b", "b/inner"]);
    f.finish();
}

/// Asking for each of 60 datasets alone would take three times as long. The best of several, since
/// other tests run at the same time.
/// However many there are: one process at most, so that a listing of thousands takes no minutes.
pub(crate) fn many_datasets_are_listed_at_once(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    for i in 0..20 {
        c.create(&f.dataset(&format!("d{i:03}")), &[user("a:b", Some("x"))])
            .unwrap();
    }
    let before = f.programs_run();
    assert_eq!(c.list().unwrap().len(), 21);
    let run = f.programs_run() - before;
    assert!(run <= 1, "{run} programs");
    f.finish();
}
