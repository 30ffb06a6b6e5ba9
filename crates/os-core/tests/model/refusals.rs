//! What planners refuse: code, message and next command.

use os_api::view::SourceKind;
use os_core::{ForeignIds, KnownSource};
use os_types::{ByteSize, Code, Failure};

use crate::commands::command;
use crate::world::{World, inverse};

fn world() -> World {
    let mut world = World::with(&["tank", "dozer"]);
    let source = |path: &str, kind| KnownSource {
        path: path.into(),
        kind,
        size: ByteSize(0),
    };
    let known = [
        ("tank", source("/t.img", SourceKind::Image)),
        ("old", source("/dev/sdb", SourceKind::Device)),
        ("zfs", source("/dev/zfs", SourceKind::Zpool)),
    ];
    for (pool, source) in known {
        world.facts.sources.insert(pool.parse().unwrap(), source);
    }
    for body in [r#"{"name":"alice"}"#, r#"{"name":"bob","pool":"dozer"}"#] {
        world.run(command("user-new", body)).unwrap();
    }
    world
        .run(command("group-new", r#"{"name":"/a/b","parents":true}"#))
        .unwrap();
    world
}

fn refused(world: &World, name: &str, body: &str) -> Failure {
    world.plan(command(name, body)).unwrap_err()
}

/// Each line of `cases`: command, body, `->`, code, part of the message.
fn check(world: &World, cases: &str) {
    for case in cases.lines().map(str::trim).filter(|case| !case.is_empty()) {
        let (request, answer) = case.split_once(" -> ").unwrap();
        let (name, body) = request.split_once(' ').unwrap();
        let (code, part) = answer.split_once(' ').unwrap();
        let failure = refused(world, name, body);
        assert_eq!(failure.code.as_str(), code, "{case}: {failure}");
        assert!(failure.message.contains(part), "{case}: {failure}");
    }
}

#[test]
fn pools() {
    check(
        &world(),
        r#"
        pool-new {"pool":"new","size_bytes":1000} -> E-BODY 256M to
        pool-new {"pool":"new","size_bytes":18446744073709551615} -> E-BODY not 15.9E
        pool-new {"pool":"new","size_bytes":1073741824,"file_system":"zfs"} -> E-NOT-FOUND no ZFS
        pool-new {"pool":"old","size_bytes":1073741824} -> E-EXISTS knows a pool old
        pool-new {"pool":"dozer","size_bytes":1073741824} -> E-EXISTS dozer
        pool-new {"pool":"etc","size_bytes":1073741824} -> E-EXISTS /etc exists
        pool-new {"pool":"new","size_bytes":1073741824,"file":"/t.img"} -> E-IN-USE is pool tank
        pool-install {"pool":"new"} -> E-NOT-FOUND no source is given
        pool-install {"pool":"etc","source":"/dev/sdc"} -> E-EXISTS /etc exists
        pool-install {"pool":"new","source":"/dev/sdc","dataset":"x/y"} -> E-BODY x/y
        pool-install {"pool":"tank"} -> E-POOL-STATE pool tank is imported
        pool-import {"pool":"tank"} -> E-POOL-STATE is imported
        pool-import {"pool":"new"} -> E-NOT-FOUND does not know
        pool-export {"pool":"old"} -> E-POOL-STATE is exported
        pool-export {"pool":"tnak"} -> E-NOT-FOUND did you mean tank?
        pool-uninstall {"pool":"tank"} -> E-POOL-STATE is imported
        pool-uninstall {"pool":"new"} -> E-NOT-FOUND does not know
        pool-destroy {"pool":"old"} -> E-NOT-A-POOL not an image
        pool-destroy {"pool":"zfs"} -> E-NOT-A-POOL not an image
        pool-destroy {"pool":"tank"} -> E-POOL-STATE is imported
        pool-set {"pool":"old"} -> E-POOL-STATE exported
        undo {} -> E-NO-UNDO journal
        "#,
    );
}

#[test]
fn id_ranges() {
    let mut world = world();
    world
        .run(command(
            "id-range-allocate",
            r#"{"name":"default","block_index":9,"owner":"web"}"#,
        ))
        .unwrap();
    check(
        &world,
        r#"
        id-range-new {"name":"default","start_id":1,"block_size":1,"block_count":1} -> E-EXISTS default
        id-range-new {"name":"n","start_id":1,"block_size":0,"block_count":1} -> E-BODY cannot be
        id-range-new {"name":"n","start_id":999999,"block_size":2,"block_count":1} -> E-OVERLAP tank:default
        id-range-del {"name":"default"} -> E-IN-USE allocated to user:alice
        id-range-del {"name":"defualt"} -> E-NOT-FOUND did you mean default?
        id-range-allocate {"name":"default","block_count":0} -> E-BODY at least one
        id-range-allocate {"name":"default","block_count":70000} -> E-NO-IDS no 70000
        id-range-allocate {"name":"default","block_index":70000} -> E-BODY not in the range
        id-range-allocate {"name":"default","block_index":0} -> E-OVERLAP allocated to user:alice
        id-range-allocate {"name":"default","block_index":1} -> E-OVERLAP user dozer:bob
        id-range-allocate {"name":"default","owner":"user:x"} -> E-NAME osctl user new
        id-range-allocate {"name":"default","owner":"a\nb"} -> E-NAME printable
        id-range-allocate {"name":"default","owner":""} -> E-NAME 1 to 100
        id-range-free {"name":"default"} -> E-BODY either
        id-range-free {"name":"default","block_index":9,"owner":"web"} -> E-BODY either
        id-range-free {"name":"default","block_index":5} -> E-NOT-FOUND block 5
        id-range-free {"name":"default","owner":"ghost"} -> E-NOT-FOUND ghost
        id-range-free {"name":"default","block_index":0} -> E-IN-USE user tank:alice
        id-range-free {"name":"default","owner":"user:alice"} -> E-IN-USE user tank:alice
        "#,
    );
    let failure = refused(
        &world,
        "id-range-free",
        r#"{"name":"default","block_index":0}"#,
    );
    assert_eq!(failure.next.as_deref(), Some("osctl user del tank:alice"));
}

#[test]
fn users() {
    let mut world = world();
    world
        .run(command(
            "id-range-allocate",
            r#"{"name":"default","block_index":9,"block_count":3,"owner":"web"}"#,
        ))
        .unwrap();
    let foreign = ForeignIds::parse(
        "games:x:600000:600000::/:/bin/sh\ntank-taken:x:1:1::/:/bin/sh\n",
        "",
        "games:5000000:65536\n",
        "",
    );
    world.facts.foreign = foreign.into();
    check(
        &world,
        r#"
        user-new {"name":"alice"} -> E-EXISTS user tank:alice exists
        user-new {"name":"x","pool":"old"} -> E-POOL-STATE exported
        user-new {"name":"taken"} -> E-EXISTS account tank-taken
        user-new {"name":"x","id_range":"nope"} -> E-NOT-FOUND id range nope on pool tank
        user-new {"name":"x","gid_map":["0:700000:10"]} -> E-BODY group ids
        user-new {"name":"x","id_range":"default","uid_map":["0:700000:10"]} -> E-BODY id range
        user-new {"name":"x","uid_map":["0:1000005:1"]} -> E-OVERLAP user tank:alice
        user-new {"name":"x","uid_map":["0:1065536:1"]} -> E-OVERLAP user dozer:bob
        user-new {"name":"x","uid_map":["0:700000:1"],"gid_map":["0:1000005:1"]} -> E-OVERLAP group ids 1000000
        user-new {"name":"x","uid_map":["0:599999:2"]} -> E-OVERLAP account games in /etc/passwd
        user-new {"name":"x","uid_map":["0:5065535:2"]} -> E-OVERLAP games in /etc/subuid
        user-new {"name":"x","uid_map":["0:65535:1"]} -> E-OVERLAP the host
        user-new {"name":"x","uid_map":["0:100000:1"]} -> E-OVERLAP system user tank-alice
        user-new {"name":"x","uid_map":["0:199999:1"]} -> E-OVERLAP system users of osctl
        user-new {"name":"x","uid_map":["0:1589824:1"]} -> E-OVERLAP id range allocation tank:default block 9 of web
        user-new {"name":"x","block_index":10} -> E-OVERLAP begins at block 9
        user-new {"name":"x","block_index":0} -> E-OVERLAP allocated to user tank:alice
        user-new {"name":"x","block_index":1} -> E-OVERLAP user dozer:bob
        user-new {"name":"x","block_index":99999} -> E-BODY not in the range
        user-del {"name":"alcie"} -> E-NOT-FOUND did you mean alice?
        user-del {"name":"alice","pool":"dozer"} -> E-NOT-FOUND no user alice on pool dozer
        user-set {"name":"x","standalone":true} -> E-NOT-FOUND no user x
        user-register {"name":"x"} -> E-NOT-FOUND no user x
        "#,
    );
    let large = format!(
        r#"{{"target":{{"kind":"user","name":"alice"}},"key":"a:b","value":"{}"}}"#,
        "x".repeat(16_385)
    );
    assert_eq!(refused(&world, "attr-set", &large).code, Code::Body);
}

#[test]
fn a_pool_and_a_user_with_hyphens_get_system_users_of_their_own() {
    let mut world = World::with(&["a", "a-b"]);
    world
        .run(command("user-new", r#"{"pool":"a","name":"b-c"}"#))
        .unwrap();
    world
        .run(command("user-new", r#"{"pool":"a-b","name":"c"}"#))
        .unwrap();
    let names = world.facts.accounts.iter().map(|account| &account.name);
    let names: std::collections::BTreeSet<_> = names.collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn groups() {
    check(
        &world(),
        r#"
        group-new {"name":"/"} -> E-EXISTS tank:/ exists
        group-new {"name":"/a/b"} -> E-EXISTS tank:/a/b
        group-new {"name":"/x/y"} -> E-NOT-FOUND no group /x
        group-del {"name":"/"} -> E-IN-USE every pool
        group-del {"name":"/default"} -> E-IN-USE every pool
        group-del {"name":"/a"} -> E-IN-USE in use by group tank:/a/b
        group-del {"name":"/x"} -> E-NOT-FOUND no group /x
        "#,
    );
    let long = format!(
        r#"{{"name":"{}","parents":true}}"#,
        format!("/{}", "x".repeat(99)).repeat(16)
    );
    assert_eq!(refused(&world(), "group-new", &long).code, Code::Name);
    let failure = refused(&world(), "group-new", r#"{"name":"/x/y"}"#);
    assert_eq!(
        failure.next.as_deref(),
        Some("osctl group new --parents tank:/x/y")
    );
}

#[test]
fn damaged_entities_can_only_be_deleted() {
    let mut world = world();
    let damaged = [
        (
            "conf/user/alice.toml",
            "schema = 1\nuid_map = [\"0:1000000:65536\"\n",
        ),
        ("conf/group/a/b/config.toml", "schema = 1\nx = 1\n"),
        ("conf/id-range/broken.toml", "schema"),
        (
            "conf/pool/config.toml",
            "schema = 1\nparallel_start = \"x\"\n",
        ),
    ];
    for (path, text) in damaged {
        world.edit("tank", path, text);
    }
    check(
        &world,
        r#"
        user-set {"name":"alice","standalone":false} -> E-DAMAGED /tank/conf/user/alice.toml:
        user-register {"name":"alice","pool":"tank"} -> E-DAMAGED alice.toml:
        attr-unset {"target":{"kind":"group","name":"/a/b"},"key":"a:b"} -> E-DAMAGED /a/b/config.toml:2: 
        group-new {"name":"/a/b/c"} -> E-DAMAGED /a/b/config.toml:2: 
        id-range-allocate {"name":"broken"} -> E-DAMAGED broken.toml:1: 
        user-new {"name":"x","id_range":"broken"} -> E-DAMAGED broken.toml:1: 
        pool-set {"pool":"tank","parallel_stop":3} -> E-DAMAGED config.toml:2: 
        user-new {"name":"x","uid_map":["0:1000000:1"]} -> E-OVERLAP user tank:alice
        id-range-free {"name":"default","block_index":0} -> E-IN-USE user tank:alice
        "#,
    );
    let failure = refused(&world, "user-set", r#"{"name":"alice","standalone":false}"#);
    assert_eq!(failure.next.as_deref(), Some("osctl pool reload tank"));
    let before = world.files.clone();
    let mut undo = Vec::new();
    for (name, body) in [
        ("user-del", r#"{"name":"alice"}"#),
        ("group-del", r#"{"name":"/a/b"}"#),
        ("id-range-del", r#"{"name":"broken"}"#),
    ] {
        undo.push(inverse(&world.run(command(name, body)).unwrap()));
    }
    assert_eq!(world.state.pools()[0].failures().count(), 1);
    let table = &world.state.pools()[0].id_ranges()[&"default".parse().unwrap()];
    assert_eq!(table.doc().unwrap().table.allocations(), []);
    for steps in undo.into_iter().rev() {
        // A damaged user cannot be registered again; its files come back all the same.
        let steps: Vec<_> = steps
            .into_iter()
            .filter(|s| s.kind() != "system-user")
            .collect();
        world.apply_all(&steps).unwrap();
    }
    assert_eq!(world.files, before);
}
