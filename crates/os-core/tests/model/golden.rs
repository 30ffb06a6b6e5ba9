//! Plans as `--plan` prints them.

use os_api::view::SourceKind;
use os_core::KnownSource;
use os_types::step::PoolOpenStep;
use os_types::{ByteSize, Step};

use crate::commands::command;
use crate::world::{World, inverse};

fn known(world: &mut World, pool: &str, path: &str, kind: SourceKind) {
    let source = KnownSource {
        path: path.into(),
        kind,
        size: ByteSize::gib(1),
    };
    world.facts.sources.insert(pool.parse().unwrap(), source);
}

/// The plan as text: its steps, then what it touches and where its journal is.
fn show(world: &World, name: &str, body: &str) -> String {
    let plan = world.plan(command(name, body)).unwrap();
    let mut lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    let touches: Vec<_> = plan.touches.iter().map(ToString::to_string).collect();
    lines.push(format!("touches {}", touches.join(", ")));
    lines.push(
        format!("{:?}", plan.journal)
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned(),
    );
    lines.join("\n")
}

/// A pool in use and some that are not.
fn hosts() -> World {
    let mut world = World::with(&["tank"]);
    known(
        &mut world,
        "tank",
        "/var/lib/osctl/images/tank.img",
        SourceKind::Image,
    );
    known(&mut world, "old", "/dev/sdb", SourceKind::Device);
    known(&mut world, "image", "/srv/image.img", SourceKind::Image);
    known(&mut world, "lost", "/gone", SourceKind::Missing);
    world
}

#[test]
fn loop_pools_are_zpools_where_there_is_zfs() {
    let mut world = hosts();
    world.facts.zfs = Some("/dev/zfs".into());
    let made = |more: &str| {
        let body = format!(r#"{{"pool":"new","size_bytes":1073741824{more}}}"#);
        show(&world, "pool-new", &body)
    };
    let plan = made("");
    assert!(plan.contains("\ncreate image /var/lib/osctl/images/new.img of 1G with zfs\n"));
    let plan = made(r#","file_system":"btrfs""#);
    assert!(plan.contains("\ncreate image /var/lib/osctl/images/new.img of 1G with btrfs\n"));
}

#[test]
fn pools_come() {
    let world = hosts();
    assert_eq!(
        show(
            &world,
            "pool-new",
            r#"{"pool":"new","size_bytes":1073741824}"#
        ),
        "remember the source of pool new: /var/lib/osctl/images/new.img\n\
         create image /var/lib/osctl/images/new.img of 1G with btrfs\n\
         attach and mount pool new\n\
         set property org.vpsadminos.osctl:active=yes on new\n\
         set this host's mark on pool new\n\
         create missing directories and settle the journal of pool new\n\
         find the running containers of pool new\n\
         load the configuration of pool new\n\
         register the users of pool new\n\
         touches pool new\nHost"
    );
    assert_eq!(
        show(
            &world,
            "pool-install",
            r#"{"pool":"new","source":"/dev/sdc","dataset":"new/osctl"}"#
        ),
        "remember the source of pool new: /dev/sdc\n\
         attach and mount pool new\n\
         set property org.vpsadminos.osctl:active=yes on new\n\
         set property org.vpsadminos.osctl:dataset=new/osctl on new\n\
         set this host's mark on pool new\n\
         create missing directories and settle the journal of pool new\n\
         find the running containers of pool new\n\
         load the configuration of pool new\n\
         register the users of pool new\n\
         touches pool new\nHost"
    );
    assert_eq!(
        show(
            &world,
            "pool-import",
            r#"{"pool":"old","source":"/dev/sdz","force":true}"#
        ),
        "change the source of pool old: /dev/sdz\n\
         attach and mount pool old\n\
         set this host's mark on pool old\n\
         create missing directories and settle the journal of pool old\n\
         find the running containers of pool old\n\
         load the configuration of pool old\n\
         register the users of pool old\n\
         touches pool old\nHost"
    );
}

#[test]
fn pools_go() {
    let world = hosts();
    assert_eq!(
        show(&world, "pool-uninstall", r#"{"pool":"old"}"#),
        "attach and mount pool old\n\
         unset property org.vpsadminos.osctl:active on old\n\
         unmount and detach pool old\n\
         forget the source of pool old: /dev/sdb\n\
         touches pool old\nHost"
    );
    assert_eq!(
        show(&world, "pool-destroy", r#"{"pool":"image"}"#),
        "destroy image /srv/image.img\n\
         forget the source of pool image: /srv/image.img\n\
         touches pool image\nHost"
    );
    assert_eq!(
        show(&world, "pool-destroy", r#"{"pool":"lost"}"#),
        "forget the source of pool lost: /gone\ntouches pool lost\nHost"
    );
    assert_eq!(
        show(&world, "pool-export", r#"{"pool":"tank"}"#),
        "unregister the users of pool tank\n\
         unload the configuration of pool tank\n\
         forget the running containers of pool tank\n\
         remove the runtime directory of pool tank\n\
         remove this host's mark on pool tank\n\
         unmount and detach pool tank\n\
         touches pool tank\nHost"
    );
    assert_eq!(
        show(
            &world,
            "pool-export",
            r#"{"pool":"old","if_imported":true}"#
        ),
        "touches pool old\nHost"
    );
    assert_eq!(
        show(&world, "pool-reload", r#"{"pool":"tank"}"#),
        "read the configuration of pool tank again\ntouches pool tank\nHost"
    );
}

/// Any number of zpools, all through one device; a pool without a source is a zpool.
#[test]
fn zpools_are_found_by_their_names() {
    let mut world = World::with(&[]);
    world.facts.zfs = Some("/dev/zfs".into());
    known(&mut world, "first", "/dev/zfs", SourceKind::Zpool);
    let shown = show(&world, "pool-install", r#"{"pool":"tank"}"#);
    let given = r#"{"pool":"tank","source":"/dev/zfs"}"#;
    assert_eq!(show(&world, "pool-install", given), shown);
    let found = shown.lines().next().unwrap();
    assert_eq!(found, "remember the source of pool tank: /dev/zfs");
}

#[test]
fn uninstalling_can_be_taken_back() {
    let mut world = World::with(&[]);
    known(&mut world, "old", "/dev/sdb", SourceKind::Device);
    let plan = world
        .plan(command("pool-uninstall", r#"{"pool":"old"}"#))
        .unwrap();
    let back = inverse(&plan);
    // The pool is opened again while it is not installed.
    let opens = back.iter().find(|step| step.kind() == "pool-open").unwrap();
    assert!(matches!(
        opens,
        Step::PoolOpen(PoolOpenStep {
            installed: false,
            ..
        })
    ));
}

#[test]
fn settings_and_attributes() {
    let mut world = World::with(&["tank"]);
    let set = r#"{"pool":"tank","parallel_start":7}"#;
    assert_eq!(
        show(&world, "pool-set", set),
        "change file tank:conf/pool/config.toml\ntouches pool tank\nPool"
    );
    world.run(command("pool-set", set)).unwrap();
    assert_eq!(show(&world, "pool-set", set), "touches pool tank\nPool");
    world
        .run(command(
            "pool-unset",
            r#"{"pool":"tank","setting":"parallel-start"}"#,
        ))
        .unwrap();
    let config = world.state.pools()[0].config().unwrap();
    assert_eq!(config.text(), Some("schema = 2\n# end\n"));

    for (target, entity) in [
        (r#"{"kind":"pool","pool":"tank"}"#, "pool tank"),
        (
            r#"{"kind":"id-range","name":"default"}"#,
            "id-range tank:default",
        ),
        (
            r#"{"kind":"group","name":"/default"}"#,
            "group tank:/default",
        ),
    ] {
        let body = format!(r#"{{"target":{target},"key":"a:b","value":"c"}}"#);
        let shown = show(&world, "attr-set", &body);
        assert!(shown.contains("change file tank:conf/"), "{shown}");
        assert!(
            shown.ends_with(&format!("touches {entity}\nPool")),
            "{shown}"
        );
        world.run(command("attr-set", &body)).unwrap();
        assert_eq!(world.plan(command("attr-set", &body)).unwrap().steps, []);
        let unset = format!(r#"{{"target":{target},"key":"a:b"}}"#);
        assert_eq!(
            world
                .run(command("attr-unset", &unset))
                .unwrap()
                .steps
                .len(),
            1
        );
        assert_eq!(world.plan(command("attr-unset", &unset)).unwrap().steps, []);
    }
    assert_eq!(
        show(&world, "activate", "{}"),
        "rewrite the account files\ntouches host\nRun"
    );
}

#[test]
fn id_ranges() {
    let mut world = World::with(&["tank"]);
    let new = r#"{"name":"small","start_id":500000,"block_size":100,"block_count":10}"#;
    assert_eq!(
        show(&world, "id-range-new", new),
        "create file tank:conf/id-range/small.toml\ntouches id-range tank:default, id-range tank:small\nPool"
    );
    world.run(command("id-range-new", new)).unwrap();
    let allocate = r#"{"name":"small","block_count":2,"owner":"web"}"#;
    assert_eq!(
        show(&world, "id-range-allocate", allocate),
        "allocate blocks 0 to 1 of id range tank:small for web\n\
         touches id-range tank:small\nPool"
    );
    world.run(command("id-range-allocate", allocate)).unwrap();
    world.run(command("id-range-allocate", allocate)).unwrap();
    assert_eq!(
        show(&world, "id-range-free", r#"{"name":"small","owner":"web"}"#),
        "free blocks 0 to 1 of id range tank:small for web\n\
         free blocks 2 to 3 of id range tank:small for web\n\
         touches id-range tank:small\nPool"
    );
    world
        .run(command(
            "id-range-free",
            r#"{"name":"small","block_index":0}"#,
        ))
        .unwrap();
    world
        .run(command(
            "id-range-free",
            r#"{"name":"small","block_index":2}"#,
        ))
        .unwrap();
    assert_eq!(
        show(&world, "id-range-del", r#"{"name":"small"}"#),
        "remove file tank:conf/id-range/small.toml\ntouches id-range tank:small\nPool"
    );
}

#[test]
fn users() {
    let mut world = World::with(&["tank"]);
    let new = r#"{"name":"alice"}"#;
    assert_eq!(
        show(&world, "user-new", new),
        "allocate block 0 of id range tank:default for user:alice\n\
         create file tank:conf/user/alice.toml\n\
         register system user tank-alice\n\
         touches id-range tank:default, user tank:alice\nPool"
    );
    world.run(command("user-new", new)).unwrap();
    let path = "conf/user/alice.toml";
    let path = os_types::PoolPath::new(&"tank".parse().unwrap(), path).unwrap();
    assert_eq!(
        world.files[&path],
        "schema = 1\nuid_map = [\"0:1000000:65536\"]\n\n[block]\nid_range = \"default\"\nindex = 0\n# end\n"
    );
    assert_eq!(
        show(
            &world,
            "user-new",
            r#"{"name":"bob","uid_map":["0:700000:1000"]}"#
        ),
        "create file tank:conf/user/bob.toml\n\
         register system user tank-bob\n\
         touches user tank:bob\nPool"
    );
    assert_eq!(
        show(&world, "user-set", r#"{"name":"alice","standalone":false}"#),
        "change file tank:conf/user/alice.toml\ntouches user tank:alice\nPool"
    );
    assert_eq!(show(&world, "user-register", "{}"), "touches \nRun");
    assert_eq!(
        show(&world, "user-unregister", r#"{"name":"alice"}"#),
        "unregister system user tank-alice\ntouches user tank:alice\nRun"
    );
    assert_eq!(
        show(&world, "user-del", r#"{"name":"alice"}"#),
        "unregister system user tank-alice\n\
         remove file tank:conf/user/alice.toml\n\
         free block 0 of id range tank:default for user:alice\n\
         touches id-range tank:default, user tank:alice\nPool"
    );
    world.run(command("user-unregister", "{}")).unwrap();
    let del = show(&world, "user-del", r#"{"name":"alice"}"#);
    assert!(!del.contains("unregister"), "{del}");
    assert_eq!(
        show(&world, "user-register", "{}"),
        "register system user tank-alice\ntouches user tank:alice\nRun"
    );
}

#[test]
fn a_block_that_was_there_before_stays() {
    let mut world = World::with(&["tank"]);
    let allocate = r#"{"name":"default","block_count":2,"block_index":5,"owner":"web"}"#;
    world.run(command("id-range-allocate", allocate)).unwrap();
    let plan = world
        .run(command("user-new", r#"{"name":"web","block_index":5}"#))
        .unwrap();
    assert!(plan.steps.iter().all(|step| step.kind() != "id-blocks"));
    let web = &world.state.pools()[0].users()[&"web".parse().unwrap()];
    assert_eq!(
        web.doc().unwrap().uid_map.entries()[0].to_string(),
        "0:1327680:131072"
    );
    let refused = world
        .plan(command("user-new", r#"{"name":"b","block_index":5}"#))
        .unwrap_err();
    assert_eq!(
        refused.message,
        "user ids 1327680-1458751 belong to user tank:web"
    );
    let plan = world.run(command("user-del", r#"{"name":"web"}"#)).unwrap();
    assert!(plan.steps.iter().all(|step| step.kind() != "id-blocks"));
}

#[test]
fn maps_in_a_block() {
    let mut world = World::with(&["tank"]);
    let body = r#"{"name":"a","block_index":0,"uid_map":["0:1000000:10","10:1000100:5"]}"#;
    let plan = world.run(command("user-new", body)).unwrap();
    assert_eq!(plan.steps[0].kind(), "id-blocks");
    let body = r#"{"name":"b","block_index":1,"uid_map":["0:1000000:10"]}"#;
    let refused = world.plan(command("user-new", body)).unwrap_err();
    assert_eq!(
        refused.message,
        "user ids 1000000-1000009 are not in the block, which has ids 1065536-1131071"
    );
}

#[test]
fn groups() {
    let mut world = World::with(&["tank"]);
    let new = r#"{"name":"/a/b","parents":true}"#;
    assert_eq!(
        show(&world, "group-new", new),
        "create directory tank:conf/group/a (mode 0500)\n\
         create file tank:conf/group/a/config.toml\n\
         create directory tank:conf/group/a/b (mode 0500)\n\
         create file tank:conf/group/a/b/config.toml\n\
         touches group tank:/, group tank:/a, group tank:/a/b\nPool"
    );
    world.run(command("group-new", new)).unwrap();
    assert_eq!(
        show(&world, "group-del", r#"{"name":"/a/b"}"#),
        "remove file tank:conf/group/a/b/config.toml\n\
         remove directory tank:conf/group/a/b\n\
         touches group tank:/a, group tank:/a/b\nPool"
    );
}
