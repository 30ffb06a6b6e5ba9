//! Snapshots, clones, rollback.

use os_storage::{Change, PropertyEdit, StorageError};

use crate::fixture::Make;

pub(crate) fn snapshot_is_frozen_and_repeats(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    f.write("a/file", "old");
    assert_eq!(c.snapshot(&f.snapshot("a@s")).unwrap(), Change::Created);
    f.write("a/file", "new");
    assert_eq!(c.snapshot(&f.snapshot("a@s")).unwrap(), Change::Unchanged);
    c.clone_snapshot(&f.snapshot("a@s"), &f.dataset("b"), &[])
        .unwrap();
    assert_eq!(f.read("b/file"), "old");
    let error = c.snapshot(&f.snapshot("no@s")).unwrap_err();
    assert!(matches!(error, StorageError::NotFound { .. }), "{error}");
    f.finish();
}

pub(crate) fn snapshots_are_listed_oldest_first(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.create(&f.dataset("b"), &[]).unwrap();
    for name in ["b@1", "a@z", "a@y", "a@x"] {
        c.snapshot(&f.snapshot(name)).unwrap();
    }
    assert_eq!(f.snapshot_names(), ["a@z", "a@y", "a@x", "b@1"]);
    let guids: std::collections::BTreeSet<_> =
        c.snapshots().unwrap().into_iter().map(|s| s.guid).collect();
    assert_eq!(guids.len(), 4);
    assert_eq!(
        c.destroy_snapshot(&f.snapshot("a@y")).unwrap(),
        Change::Removed
    );
    assert_eq!(
        c.destroy_snapshot(&f.snapshot("a@y")).unwrap(),
        Change::Unchanged
    );
    assert_eq!(f.snapshot_names(), ["a@z", "a@x", "b@1"]);
    let has = |name| c.has_snapshot(&f.snapshot(name)).unwrap();
    assert!(has("a@x") && has("b@1"));
    assert!(!has("a@y") && !has("b@x") && !has("c@x"));
    f.finish();
}

pub(crate) fn clone_has_origin_and_own_identity(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    let edit = |value: &str| PropertyEdit::User("a:b".parse().unwrap(), Some(value.to_owned()));
    c.create(&f.dataset("a"), &[edit("original")]).unwrap();
    c.create(&f.dataset("a/child"), &[]).unwrap();
    f.write("a/file", "x");
    let snapshot = f.snapshot("a@s");
    c.snapshot(&snapshot).unwrap();
    let clone = |edits: &[PropertyEdit]| c.clone_snapshot(&snapshot, &f.dataset("b"), edits);
    assert_eq!(clone(&[edit("clone")]).unwrap(), Change::Created);
    assert_eq!(clone(&[edit("clone")]).unwrap(), Change::Unchanged);
    assert!(matches!(
        clone(&[]).unwrap_err(),
        StorageError::Exists { .. }
    ));
    assert_eq!(f.names(), ["a", "a/child", "b"]);
    let list = c.list().unwrap();
    let (a, b) = (&list[1], &list[3]);
    assert_ne!(a.guid, b.guid);
    assert_eq!(b.origin.as_ref(), Some(&snapshot));
    assert_eq!(b.properties.values().collect::<Vec<_>>(), ["clone"]);
    assert_eq!(c.snapshots().unwrap()[0].clones, [f.dataset("b")]);
    // What the clone has in place of the child must not block a child of its own.
    c.create(&f.dataset("b/child"), &[]).unwrap();
    f.write("b/file", "y");
    assert_eq!(f.read("a/file"), "x");
    // The origin is known by identity, not by name.
    c.rename(&f.dataset("a"), &f.dataset("c")).unwrap();
    let b = c.list().unwrap().remove(1);
    assert_eq!(b.origin, Some(f.snapshot("c@s")));
    f.finish();
}

pub(crate) fn snapshot_with_clones_stays(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.snapshot(&f.snapshot("a@s")).unwrap();
    c.clone_snapshot(&f.snapshot("a@s"), &f.dataset("b"), &[])
        .unwrap();
    match c.destroy_snapshot(&f.snapshot("a@s")) {
        Err(StorageError::InUse { by, .. }) => assert_eq!(by, [f.called("b")]),
        other => panic!("{other:?}"),
    }
    assert_eq!(f.snapshot_names(), ["a@s"]);
    f.finish();
}

pub(crate) fn rollback_restores_and_keeps_identity(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    let edit = PropertyEdit::User("a:b".parse().unwrap(), Some("kept".to_owned()));
    c.create(&f.dataset("a"), &[]).unwrap();
    f.write("a/file", "old");
    c.snapshot(&f.snapshot("a@s")).unwrap();
    f.write("a/file", "new");
    f.write("a/more", "x");
    c.set(&f.dataset("a"), &[edit]).unwrap();
    let before = c.list().unwrap().pop().unwrap();
    assert_eq!(c.rollback(&f.snapshot("a@s")).unwrap(), Change::Changed);
    assert_eq!(c.rollback(&f.snapshot("a@s")).unwrap(), Change::Unchanged);
    assert_eq!(f.read("a/file"), "old");
    assert!(!f.file("a/more").exists());
    let after = c.list().unwrap().pop().unwrap();
    assert_eq!(
        (before.guid, before.created, before.properties),
        (after.guid, after.created, after.properties)
    );
    assert_eq!(f.snapshot_names(), ["a@s"]);
    f.write("a/file", "newer");
    assert_eq!(c.rollback(&f.snapshot("a@s")).unwrap(), Change::Changed);
    assert_eq!(f.read("a/file"), "old");
    f.finish();
}

pub(crate) fn rollback_keeps_children(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    c.create(&f.dataset("a/before"), &[]).unwrap();
    c.create(&f.dataset("a/gone"), &[]).unwrap();
    c.snapshot(&f.snapshot("a@s")).unwrap();
    c.destroy(&f.dataset("a/gone"), os_storage::DestroyScope::Only)
        .unwrap();
    c.create(&f.dataset("a/after"), &[]).unwrap();
    f.write("a/before/file", "1");
    f.write("a/after/file", "2");
    f.write("a/file", "lost");
    c.rollback(&f.snapshot("a@s")).unwrap();
    assert_eq!(f.names(), ["a", "a/after", "a/before"]);
    assert_eq!(
        (f.read("a/before/file"), f.read("a/after/file")),
        ("1".into(), "2".into())
    );
    assert!(!f.file("a/file").exists());
    f.finish();
}

pub(crate) fn rollback_needs_the_newest(make: Make) {
    let f = make("tank").started();
    let c = f.contents();
    c.create(&f.dataset("a"), &[]).unwrap();
    for name in ["a@1", "a@2", "a@3"] {
        c.snapshot(&f.snapshot(name)).unwrap();
    }
    match c.rollback(&f.snapshot("a@1")) {
        Err(StorageError::NotNewest { newer, .. }) => {
            assert_eq!(newer, [f.called("a@2"), f.called("a@3")]);
        }
        other => panic!("{other:?}"),
    }
    f.finish();
}
