use os_api::view::{Health, PoolState as Activity, SegmentKind};

use super::*;
use crate::testing::{facts, pool_with_users};

fn state() -> State {
    let mut state = State::new();
    state.insert(pool_with_users("tank", ["alice", "bob"]).0);
    // The same ids: its users are disabled.
    state.insert(pool_with_users("dozer", ["carol", "dave"]).0);
    state
}

#[test]
fn lists_are_by_pool_and_name() {
    let (state, facts) = (state(), facts());
    let list = users(&state, &facts, None).unwrap();
    let names: Vec<_> = list.iter().map(|u| u.username.as_str()).collect();
    assert_eq!(
        names,
        ["dozer-carol", "dozer-dave", "tank-alice", "tank-bob"]
    );
    assert_eq!(list[0].health, Health::Disabled);
    assert!(list[0].failure.is_some());
    assert_eq!(list[2].health, Health::Ok);
    assert_eq!(
        list[2].homedir.to_str(),
        Some("/run/osctl/pools/tank/users/alice")
    );
    assert!(!list[2].registered && list[2].standalone);
    assert_eq!(list[2].uid_map, list[2].gid_map);
    let tank = "tank".parse().unwrap();
    assert_eq!(users(&state, &facts, Some(&tank)).unwrap().len(), 2);
    users(&state, &facts, Some(&"x".parse().unwrap())).unwrap_err();
}

#[test]
fn groups_show_their_control_group() {
    let mut state = state();
    let path = os_types::PoolPath::new(&"tank".parse().unwrap(), "conf/group/a/b/config.toml");
    state.apply_file(&path.unwrap(), Some("schema = 1\n# end\n"));
    let groups = groups(&state, &facts(), Some(&"tank".parse().unwrap())).unwrap();
    let paths: Vec<_> = groups
        .iter()
        .map(|g| (g.path.as_str(), g.full_path.as_str()))
        .collect();
    assert_eq!(
        paths,
        [
            ("", "osctl/pool.tank"),
            ("group.a/group.b", "osctl/pool.tank/group.a/group.b"),
            ("group.default", "osctl/pool.tank/group.default"),
        ]
    );
}

#[test]
fn a_range_and_its_table_agree() {
    let mut state = state();
    let text = "schema = 1\nstart_id = 5000000\nblock_size = 10\nblock_count = 8\n\
                [[allocations]]\nblock_index = 2\nblock_count = 3\nowner = \"web\"\n# end\n";
    let path = os_types::PoolPath::new(&"tank".parse().unwrap(), "conf/id-range/small.toml");
    let path = path.unwrap();
    state.apply_file(&path, Some(text));
    let (tank, small) = (&state.pools()[0], "small".parse().unwrap());
    let range = id_range(tank, &small).unwrap();
    assert_eq!(
        (range.allocated, range.free, range.last_id),
        (3, 5, 5_000_079)
    );
    let segments = segments(tank, &small).unwrap();
    let kinds: Vec<_> = segments.iter().map(|s| s.kind).collect();
    assert_eq!(
        kinds,
        [SegmentKind::Free, SegmentKind::Allocated, SegmentKind::Free]
    );
    assert_eq!(
        (segments[1].first_id, segments[1].id_count),
        (5_000_020, 30)
    );
    state.apply_file(&path, Some("garbage"));
    let range = id_range(&state.pools()[0], &small).unwrap();
    assert_eq!(range.block_count, 0);
    assert_eq!(range.health, Health::Disabled);
}

#[test]
fn a_pool_counts_what_is_disabled() {
    let state = state();
    let view = pool(
        &state,
        &state.pools()[1],
        Activity::Active,
        PoolFigures::default(),
    );
    assert_eq!((view.users, view.groups, view.disabled), (2, 2, 2));
    assert_eq!((view.parallel_start, view.parallel_stop), (8, 4));
    assert_eq!(view.health, Health::Degraded);
}
