use os_types::{Code, Explain};

use super::*;
use crate::document::RememberedIds;
use crate::testing::{pool, pool_with_users, user_text};

fn path(pool: &str, relative: &str) -> PoolPath {
    PoolPath::new(&pool.parse().unwrap(), relative).unwrap()
}

fn two_pools() -> State {
    let mut state = State::new();
    assert_eq!(
        state.insert(pool_with_users("tank", ["alice", "bob"]).0),
        []
    );
    state.insert(pool("dozer"));
    state
}

#[test]
fn a_change_says_what_changed() {
    let mut state = two_pools();
    let file = path("tank", "conf/user/carol.toml");
    let text = user_text(3_000_000);
    let changed = state.apply_file(&file, Some(&text));
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].entity.to_string(), "user tank:carol");
    assert_eq!(changed[0].change, EntityChange::Added);
    assert_eq!(state.apply_file(&file, Some(&text)), []);
    let commented = format!("{text}# by hand\n");
    let changed = state.apply_file(&file, Some(&commented));
    assert_eq!(changed[0].change, EntityChange::Changed);
    let changed = state.apply_file(&file, None);
    assert_eq!(changed[0].change, EntityChange::Removed);
    assert_eq!(state.apply_file(&file, None), []);
    assert_eq!(
        state.apply_file(&path("tank", "conf/pool/host.toml"), Some("x")),
        []
    );
    assert_eq!(
        state.apply_file(&path("other", "conf/user/a.toml"), Some("x")),
        []
    );
}

#[test]
fn a_snapshot_does_not_see_later_changes() {
    let mut state = two_pools();
    let before = state.clone();
    state.apply_file(&path("tank", "conf/user/alice.toml"), None);
    assert_eq!(before.pools()[0].users().len(), 2);
    assert_eq!(state.pools()[0].users().len(), 1);
}

#[test]
fn a_damaged_file_disables_its_own_entity_only() {
    let mut state = two_pools();
    let text = "schema = 1\nuid_map = [\"0:2000";
    state.apply_file(&path("tank", "conf/user/alice.toml"), Some(text));
    let tank = &state.pools()[0];
    let failures: Vec<_> = tank.failures().collect();
    assert_eq!(failures.len(), 1);
    let failure = failures[0];
    assert_eq!(failure.code, Code::Damaged);
    assert!(
        failure
            .message
            .starts_with("/tank/conf/user/alice.toml:2: user: "),
        "{failure}"
    );
    assert_eq!(failure.object.as_deref(), Some("user tank:alice"));
    assert_eq!(failure.next.as_deref(), Some("osctl pool reload tank"));
    assert_eq!(tank.users()[&"alice".parse().unwrap()].text(), Some(text));
}

#[test]
fn the_later_of_two_overlapping_users_stands_back() {
    let mut state = two_pools();
    // `aaron` is before `alice` by name, but his pool was imported later.
    let file = path("dozer", "conf/user/aaron.toml");
    let changed = state.apply_file(&file, Some(&user_text(2_000_005)));
    assert_eq!(changed.len(), 1);
    let (dozer, aaron) = ("dozer".parse().unwrap(), "aaron".parse().unwrap());
    let failure = state.disabled(&dozer, &aaron).unwrap();
    assert_eq!(failure.code, Code::Overlap);
    assert_eq!(
        failure.message,
        "user ids 2065536-2131071 belong to user tank:bob"
    );

    let bob = path("tank", "conf/user/bob.toml");
    state.apply_file(&bob, None);
    assert!(
        state
            .disabled(&dozer, &aaron)
            .unwrap()
            .message
            .contains("tank:alice")
    );
    let changed = state.apply_file(&path("tank", "conf/user/alice.toml"), None);
    assert_eq!(changed.len(), 2, "alice is gone and aaron may come");
    assert!(state.failure(&dozer, &aaron).is_none());
    let changed = state.apply_file(&bob, Some(&user_text(2_000_000)));
    assert_eq!(changed.len(), 1, "aaron keeps what he has been using");
    let tank = "tank".parse().unwrap();
    assert!(state.disabled(&tank, &"bob".parse().unwrap()).is_some());
}

#[test]
fn the_host_comes_before_every_user() {
    let mut state = two_pools();
    let foreign = ForeignIds::parse("", "", "games:2000000:10\ntank-bob:2065536:65536\n", "");
    let changed = state.set_foreign(foreign.into());
    assert_eq!(changed.len(), 1);
    let tank = "tank".parse().unwrap();
    let failure = state.disabled(&tank, &"alice".parse().unwrap()).unwrap();
    assert_eq!(
        failure.message,
        "user ids 2000000-2000009 belong to games in /etc/subuid"
    );
    assert_eq!(state.set_foreign(Arc::default()).len(), 1);
    state.apply_file(&path("tank", "conf/user/low.toml"), Some(&user_text(0)));
    let failure = state.disabled(&tank, &"low".parse().unwrap()).unwrap();
    assert!(failure.message.ends_with("belong to the host"), "{failure}");
}

#[test]
fn lookup_takes_the_first_pool_and_suggests() {
    let mut state = two_pools();
    state.apply_file(
        &path("dozer", "conf/user/bob.toml"),
        Some(&user_text(5_000_000)),
    );
    let (bob, dozer) = ("bob".parse::<UserName>().unwrap(), "dozer".parse().unwrap());
    assert_eq!(
        state.find(None, &bob).unwrap().entity.to_string(),
        "user tank:bob"
    );
    let found = state.find(Some(&dozer), &bob).unwrap();
    assert_eq!(found.entity.to_string(), "user dozer:bob");
    assert_eq!(state.pool_or_default(None).unwrap().name().as_str(), "tank");

    let error = state
        .find(None, &"alcie".parse::<UserName>().unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no user alcie on any imported pool (did you mean alice?)"
    );
    assert_eq!(
        (error.code(), error.next().as_deref()),
        (Code::NotFound, Some("osctl user ls"))
    );
    let error = state
        .find(Some(&"tnak".parse().unwrap()), &bob)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool tnak is not imported (did you mean tank?)"
    );
    let error = State::new().find(None, &bob).unwrap_err();
    assert_eq!(error, LookupError::NoPool);
}

#[test]
fn a_folder_is_read_with_all_its_faults() {
    #![expect(clippy::disallowed_methods, reason = "the test makes a broken pool")]
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write(
        "conf/pool/config.toml",
        b"schema = 1\nparallel_start = 7\n# end\n",
    );
    write("conf/user/good.toml", user_text(2_000_000).as_bytes());
    write("conf/user/cut.toml", b"schema = 1\nuid_m");
    write("conf/user/bytes.toml", b"schema = 1\n\n\xff");
    write("conf/user/README", b"hello");
    write("conf/group/config.toml", b"schema = 1\n# end\n");
    write("conf/group/a/b/config.toml", b"schema = 1\n# end\n");
    write("conf/group/.hidden/config.toml", b"schema = 1\n# end\n");
    std::fs::create_dir(folder.path().join("conf/user/folder.toml")).unwrap();
    let dataset = "tank".parse().unwrap();
    let pool = PoolState::load_dir(&dataset, folder.path()).unwrap();
    assert_eq!(pool.settings().parallel_start(), 7);
    assert_eq!(pool.users().len(), 3);
    let failures: Vec<_> = pool.failures().map(|f| f.message.clone()).collect();
    assert_eq!(failures.len(), 2);
    assert!(
        failures[0].ends_with("conf/user/bytes.toml:3: is not UTF-8"),
        "{failures:?}"
    );
    assert!(
        failures[1].contains("conf/user/cut.toml:2: user: "),
        "{failures:?}"
    );
    let groups: Vec<_> = pool.groups().keys().map(ToString::to_string).collect();
    assert_eq!(groups, ["/", "/a/b"]);
    let strays: Vec<_> = pool.strays().iter().map(String::as_str).collect();
    assert_eq!(
        strays,
        [
            "conf/group/.hidden",
            "conf/user/README",
            "conf/user/folder.toml"
        ]
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(
        PoolState::load_dir(&dataset, empty.path())
            .unwrap()
            .config()
            .is_none()
    );
}

/// A state in which two pools have a user with the same ids.
fn with_the_same_ids(first: &str, second: &str, remembered: RememberedIds) -> State {
    let mut state = State::remembering(remembered);
    for name in [first, second] {
        let mut pool = pool(name);
        pool.apply_file("conf/user/alice.toml", Some(&user_text(2_000_000)));
        state.insert(pool);
    }
    state
}

fn stands_back(state: &State, pool: &str) -> Option<String> {
    let user = "alice".parse().unwrap();
    let failure = state.disabled(&pool.parse().unwrap(), &user);
    failure.map(|failure| failure.message.clone())
}

#[test]
fn the_user_that_is_remembered_keeps_its_ids_in_any_order_of_imports() {
    let state = with_the_same_ids("tank", "aaa", RememberedIds::default());
    assert_eq!(stands_back(&state, "tank"), None);
    let taken = stands_back(&state, "aaa").unwrap();
    assert!(taken.ends_with("belong to user tank:alice"), "{taken}");
    // After a restart.
    let remembered = RememberedIds::clone(state.remembered());
    let state = with_the_same_ids("aaa", "tank", remembered.clone());
    assert_eq!(stands_back(&state, "tank"), None);
    assert!(stands_back(&state, "aaa").is_some());
    // The file of the state directory reads back.
    let text = crate::document::text(&remembered);
    assert_eq!(
        os_store::document::parse::<RememberedIds>(&text).unwrap(),
        remembered
    );
}

#[test]
fn an_exported_pool_keeps_its_ids_until_it_is_forgotten() {
    let mut state = with_the_same_ids("tank", "aaa", RememberedIds::default());
    let tank = "tank".parse().unwrap();
    assert_eq!(state.remove(&tank), []);
    assert!(stands_back(&state, "aaa").is_some());
    assert_eq!(state.forget(&tank).len(), 1);
    assert_eq!(stands_back(&state, "aaa"), None);
    // A deleted user gives its ids up at once.
    state.apply_file(&path("aaa", "conf/user/alice.toml"), None);
    assert_eq!(state.remembered().pools, BTreeMap::new());
}

#[test]
fn a_user_whose_file_is_damaged_keeps_its_ids() {
    let mut state = two_pools();
    let before = Arc::clone(state.remembered());
    state.apply_file(&path("tank", "conf/user/alice.toml"), Some("schema = 1\n"));
    assert_eq!(*state.remembered(), before);
    let text = user_text(2_000_000);
    state.apply_file(&path("dozer", "conf/user/late.toml"), Some(&text));
    let failure = state.disabled(&"dozer".parse().unwrap(), &"late".parse().unwrap());
    assert!(failure.is_some(), "its ids are those of the damaged user");
}

/// The pool brings a user whose ids an operation is about to give to another one.
#[test]
fn a_reservation_comes_before_the_users_of_a_pool_that_is_imported() {
    let mut state = State::new();
    state.insert(pool("dozer"));
    let (dozer, alice) = ("dozer".parse().unwrap(), "alice".parse().unwrap());
    let (tank, carol) = ("tank".parse().unwrap(), "carol".parse().unwrap());
    let (imported, ..) = pool_with_users("tank", ["carol", "dave"]);
    let ids = {
        let doc = imported.users()[&carol].doc().unwrap();
        crate::document::UserIds::new(&doc.uid_map, doc.gid_map())
    };
    let mut wanted = RememberedIds::default();
    let on_dozer = wanted.pools.entry(dozer).or_default();
    on_dozer.users.insert(alice, ids);
    let (reservation, _) = state.reserve(wanted.clone());
    assert_eq!(**state.remembered(), wanted, "before any file has them");
    state.insert(imported);
    let why = state.disabled(&tank, &carol).unwrap();
    assert!(why.message.contains("user dozer:alice"), "{why}");
    // Nothing has come of it.
    state.release(reservation);
    assert_eq!(state.disabled(&tank, &carol), None);
    assert!(
        !state
            .remembered()
            .pools
            .contains_key(&"dozer".parse().unwrap())
    );
}
