//! Pools of another schema: `tests/schema_1` was written by the osctld of commit b75ceeb.

use std::path::{Path, PathBuf};

use os_api::view::{Container, Health};
use os_core::PoolState;
use os_core::document::{self, Document};
use os_core::view::{Extent, PoolFigures};
use os_types::Step;
use os_types::step::FileStep;

use crate::commands::command;
use crate::world::World;

/// The configuration files of the pool, by their path on it.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema_1");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.push((relative, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    assert_eq!(files.len(), 10);
    files
}

fn world(files: &[(String, String)]) -> World {
    let mut world = World::with(&["tank"]);
    for (path, text) in files {
        world.edit("tank", path, text);
    }
    let pool = world.state.pools().first().unwrap();
    assert_eq!(
        pool.failures().collect::<Vec<_>>(),
        Vec::<&os_types::Failure>::new()
    );
    world
}

/// A file as our schema has it; it stays as it is if it has no other.
fn in_ours(path: &str, text: &str) -> String {
    fn render<T: Document>(text: &str) -> String {
        document::text(&os_store::document::parse::<T>(text).unwrap())
    }
    match path.split('/').nth(1) {
        Some("ct") => render::<document::ContainerDoc>(text),
        Some("group") => render::<document::GroupDoc>(text),
        Some("pool") => render::<document::PoolDoc>(text),
        _ => text.to_owned(),
    }
}

fn container(world: &World, name: &str) -> Container {
    let pool = world.state.pools().first().unwrap();
    let name = name.parse().unwrap();
    let (state, facts) = (&world.state, &world.facts);
    os_core::view::container(state, facts, pool, &name, None, Extent::Full).unwrap()
}

#[test]
fn a_pool_of_schema_1_is_read_whole() {
    let world = world(&files());
    let web = container(&world, "web");
    let settings = os_store::document::Table::try_from(&web.settings).unwrap();
    let expected = "ephemeral = true\nhostname = 'www.example.org'\n\
        dns_resolvers = ['192.0.2.1', '2001:db8::1']\nmap_mode = 'native'\nnesting = true\n\
        seccomp_profile = '/etc/osctl/strict.seccomp'\n\
        init_cmd = ['/sbin/init', '--log', 'two words']\n\
        raw_lxc = \"lxc.environment = FROM=raw\\n\"\n\
        autostart = { priority = 7, delay_s = 1 }\n";
    let expected: os_store::document::Table = expected.parse().unwrap();
    assert_eq!(settings, expected);
    assert_eq!(web.attrs.len(), 1);
    let pool: &PoolState = world.state.pools().first().unwrap();
    assert_eq!(pool.settings().parallel_start(), 3);
    assert_eq!(pool.settings().attrs.len(), 1);
}

#[test]
fn a_pool_that_is_half_migrated_says_the_same() {
    let old = files();
    let web = container(&world(&old), "web");
    for migrated in 0..=old.len() {
        let mut mixed = old.clone();
        for (path, text) in mixed.iter_mut().take(migrated) {
            *text = in_ours(path, text);
        }
        assert_eq!(container(&world(&mixed), "web"), web, "{migrated} files");
    }
}

#[test]
fn a_change_writes_our_schema_and_an_export_the_old_one() {
    let old = files();
    let mut world = world(&old);
    let set = command(
        "container-set",
        r#"{"name":"web","settings":{"nesting":false}}"#,
    );
    world.run(set).unwrap();
    let set = r#"{"owner":{"kind":"group","name":"/a"},"key":"core","value":{"soft":0,"hard":0}}"#;
    world.run(command("prlimit-set", set)).unwrap();

    // What the old schema cannot say is refused by name, and no file is touched.
    let export = || command("pool-export", r#"{"pool":"tank","schema":1}"#);
    let failure = world.plan(export()).unwrap_err();
    assert!(
        failure.message.contains("unset `prlimits.core` first"),
        "{failure}"
    );
    assert_eq!(failure.object.as_deref(), Some("group tank:/a"));

    let unset = r#"{"owner":{"kind":"group","name":"/a"},"key":"core"}"#;
    world.run(command("prlimit-unset", unset)).unwrap();
    let plan = world.plan(export()).unwrap();
    let written = plan.steps.iter().filter_map(|step| match step {
        Step::File(FileStep { path, after, .. }) => Some((path.relative(), after.as_deref()?)),
        _ => None,
    });
    let written: Vec<_> = written.collect();
    let names: Vec<_> = written.iter().map(|(path, _)| *path).collect();
    // Of the others nothing was changed, so they are still as the old osctld wrote them.
    assert_eq!(names, ["conf/group/a/config.toml", "conf/ct/web.toml"]);
    for (path, text) in written {
        assert!(text.starts_with("schema = 1\n"), "{text}");
        let before = old.iter().find(|(name, _)| name == path).unwrap();
        let expected = before.1.replace("nesting = true\n", "");
        let table = |text: &str| text.parse::<os_store::document::Table>().unwrap();
        assert_eq!(table(text), table(&expected), "{path}");
    }
}

/// The pool of schema 1 with one document of a version that comes after ours.
fn with_newer(path: &str, change: impl Fn(&str) -> String) -> World {
    let mut world = World::with(&["tank", "dozer"]);
    for (name, text) in &files() {
        let newer = || change(text).replacen("schema = 1", "schema = 3", 1);
        let text = if name == path { newer() } else { text.clone() };
        world.edit("tank", name, &text);
    }
    world
}

fn with_a_new_key(text: &str) -> String {
    text.replacen('\n', "\ncolour = \"red\"\n", 1)
}

/// Refused because the file is of a later schema.
fn refused(world: &World, name: &str, body: &str) {
    let failure = world.plan(command(name, body)).unwrap_err();
    assert_eq!(
        failure.code,
        os_types::Code::PoolSchema,
        "{name} {body}: {failure}"
    );
}

#[test]
fn a_container_of_a_newer_schema_is_disabled_and_stays() {
    let world = with_newer("conf/ct/web.toml", with_a_new_key);
    let web = container(&world, "web");
    let failure = web.failure.unwrap();
    assert_eq!(failure.code, os_types::Code::PoolSchema);
    assert!(
        failure.message.contains("schema 3 is newer than schema 2"),
        "{failure}"
    );
    assert_eq!(container(&world, "bare").failure, None);
    // Whose it is can be read.
    let user = web.user.unwrap();
    for (name, body) in [
        ("container-start", r#"{"name":"web"}"#),
        (
            "container-set",
            r#"{"name":"web","settings":{"nesting":false}}"#,
        ),
        ("container-del", r#"{"name":"web","force":true}"#),
        ("container-rename", r#"{"name":"web","to":"shop"}"#),
        (
            "container-config-replace",
            r#"{"name":"web","text":"schema = 2\n# end\n"}"#,
        ),
        ("pool-export", r#"{"pool":"tank","schema":1}"#),
    ] {
        refused(&world, name, body);
    }
    let body = format!(r#"{{"name":"{user}"}}"#);
    let failure = world.plan(command("user-del", &body)).unwrap_err();
    assert_eq!(failure.code, os_types::Code::InUse, "{failure}");

    let pool = world.state.pools().first().unwrap();
    let activity = os_api::view::PoolState::Active;
    let shown = os_core::view::pool(&world.state, pool, activity, PoolFigures::default());
    assert_eq!((shown.health, shown.disabled), (Health::Degraded, 1));
    assert_eq!(
        shown.failure.unwrap().object.as_deref(),
        Some("container tank:web")
    );
}

/// It may belong to any of them.
#[test]
fn a_container_of_a_newer_schema_without_an_owner_keeps_all_users() {
    let world = with_newer("conf/ct/web.toml", |text| {
        text.replace("user = ", "owner = ")
    });
    assert_eq!(container(&world, "web").user, None);
    for user in world.state.pools().first().unwrap().users().keys() {
        let body = format!(r#"{{"name":"{user}"}}"#);
        let failure = world.plan(command("user-del", &body)).unwrap_err();
        assert_eq!(failure.code, os_types::Code::InUse, "{failure}");
    }
}

#[test]
fn ids_of_a_newer_schema_stay_reserved() {
    let name = files()
        .into_iter()
        .map(|(path, _)| path)
        .find(|path| path.starts_with("conf/user/"));
    let path = name.unwrap();
    let user = path
        .strip_prefix("conf/user/")
        .unwrap()
        .strip_suffix(".toml")
        .unwrap();
    let taken = |world: &World, uid_map: &str| {
        let body = format!(r#"{{"name":"other","pool":"dozer","uid_map":["{uid_map}"]}}"#);
        world.plan(command("user-new", &body)).unwrap_err()
    };
    let whole = world(&files());
    let doc = whole.state.pools()[0].users()[&user.parse().unwrap()]
        .doc()
        .cloned()
        .unwrap();
    let uid_map = doc.uid_map.entries()[0].to_string();

    let mut world = with_newer(&path, with_a_new_key);
    assert_eq!(taken(&world, &uid_map).code, os_types::Code::Overlap);
    // Also when the pool has gone, and when a later version writes them in another form.
    let tank = "tank".parse().unwrap();
    world.state.remove(&tank);
    assert_eq!(taken(&world, &uid_map).code, os_types::Code::Overlap);

    let mut world = whole;
    world.edit("tank", &path, "schema = 3\nids = \"elsewhere\"\n# end\n");
    world
        .state
        .insert(World::with(&["dozer"]).state.pools()[0].clone());
    assert_eq!(taken(&world, &uid_map).code, os_types::Code::Overlap);
}

#[test]
fn allocations_of_a_newer_schema_stay_reserved() {
    let range = "schema = 1\nstart_id = 500000\nblock_size = 1000\nblock_count = 10\n\n\
        [[allocations]]\nblock_index = 3\nblock_count = 1\nowner = \"somebody\"\n# end\n";
    let path = "conf/id-range/web.toml";
    for newer in [
        with_a_new_key(range).replacen("schema = 1", "schema = 2", 1),
        "schema = 2\nblocks = \"elsewhere\"\n# end\n".to_owned(),
    ] {
        let mut world = World::with(&["tank", "dozer"]);
        world.edit("tank", path, range);
        world.edit("tank", path, &newer);
        refused(&world, "id-range-del", r#"{"name":"web"}"#);
        let body = r#"{"name":"other","pool":"dozer","uid_map":["0:503500:10"]}"#;
        let failure = world.plan(command("user-new", body)).unwrap_err();
        assert_eq!(failure.code, os_types::Code::Overlap, "{newer}: {failure}");
    }
}
