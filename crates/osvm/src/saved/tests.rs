use super::*;

fn key(platform: &str, details: &str) -> Key {
    Key {
        platform: platform.to_owned(),
        details: details.to_owned(),
    }
}

fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("saved")).unwrap();
    (dir, store)
}

/// Makes a state whose memory has this text.
fn make(store: &Store, name: &str, key: &Key, memory: &str) -> SavedState {
    let made = store.scratch().unwrap();
    host::write(&made.path().join("memory"), memory.as_bytes()).unwrap();
    store.publish(name, key, made).unwrap()
}

#[test]
fn states_are_found_by_their_whole_key() {
    let (_dir, store) = store();
    let ready = key("qemu 10", "recipe");
    assert_eq!(store.find("ready", &ready), None);
    let made = make(&store, "ready", &ready, "m");
    assert_eq!(store.find("ready", &ready), Some(made.clone()));
    for other in [key("qemu 11", "recipe"), key("qemu 10", "other")] {
        assert_eq!(store.find("ready", &other), None);
    }
    // Another key with the same hash.
    host::write(&made.folder.join("key"), b"something else").unwrap();
    assert_eq!(store.find("ready", &ready), None);
}

#[test]
fn incomplete_states_are_none_and_are_replaced() {
    let (_dir, store) = store();
    let ready = key("qemu", "recipe");
    let made = make(&store, "ready", &ready, "m");
    fs::remove_file(made.memory()).unwrap();
    assert_eq!(store.find("ready", &ready), None);
    let again = make(&store, "ready", &ready, "again");
    assert_eq!(store.find("ready", &ready), Some(again));
}

#[test]
fn states_of_another_platform_go() {
    let (_dir, store) = store();
    let (old, new) = (key("image 1", "a"), key("image 2", "a"));
    make(&store, "ready", &old, "m");
    make(&store, "pool", &old, "m");
    // The platform ends with its line.
    make(&store, "pool", &key("image 22", "a"), "m");
    make(&store, "pool", &new, "m");
    make(&store, "ready", &new, "m");
    assert_eq!(store.find("ready", &old), None);
    assert_eq!(store.find("pool", &old), None);
    assert_eq!(store.find("pool", &key("image 22", "a")), None);
    assert!(store.find("pool", &new).is_some() && store.find("ready", &new).is_some());
}

#[test]
fn a_discarded_state_is_only_that_one() {
    let (_dir, store) = store();
    let ready = key("qemu", "recipe");
    let first = make(&store, "ready", &ready, "m");
    let second = make(&store, "ready", &ready, "m");
    // Another process has replaced it meanwhile.
    first.discard().unwrap();
    assert_eq!(store.find("ready", &ready), Some(second.clone()));
    second.discard().unwrap();
    assert_eq!(store.find("ready", &ready), None);
    second.discard().unwrap();
}

#[test]
fn what_a_killed_maker_left_goes_after_an_hour() {
    let (_dir, store) = store();
    let (fresh, old) = (
        store.scratch().unwrap().keep(),
        store.scratch().unwrap().keep(),
    );
    let before = SystemTime::now() - Duration::from_hours(2);
    File::open(&old).unwrap().set_modified(before).unwrap();
    make(&store, "ready", &key("qemu", "recipe"), "m");
    assert!(fresh.exists() && !old.exists());
}

#[test]
fn one_process_makes_a_state_at_a_time() {
    let (_dir, store) = store();
    let none = Duration::ZERO;
    let held = store.lock("ready", none).unwrap();
    assert!(held.is_some() && store.lock("pool", none).unwrap().is_some());
    assert!(store.lock("ready", none).unwrap().is_none());
    drop(held);
    assert!(store.lock("ready", none).unwrap().is_some());
}

#[test]
fn copies_keep_contents_and_holes() {
    use std::os::unix::fs::FileExt as _;

    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = File::create(&from).unwrap();
    file.set_len(64 << 20).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(b"middle", 9 << 20).unwrap();
    host::write(&to, b"something that was there before").unwrap();
    copy_sparse(&from, &to).unwrap();
    let copied = fs::read(&to).unwrap();
    assert_eq!(copied.len(), 64 << 20);
    assert!(copied == fs::read(&from).unwrap(), "the copy differs");
    assert!(fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
}
