//! Users, id ranges and groups through the command line.

use anyhow::{Context as _, Result, ensure};
use os_testkit::{Daemon, Sandbox};

fn with_pool() -> Result<(Sandbox, Daemon)> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    Ok((sandbox, daemon))
}

fn etc(sandbox: &Sandbox, name: &str) -> Result<String> {
    Ok(std::fs::read_to_string(sandbox.path("etc").join(name))?)
}

#[test]
fn a_user_has_an_account_and_loses_it() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let before = ["passwd", "group", "subuid", "subgid"].map(|name| etc(&sandbox, name));
    let before: Vec<String> = before.into_iter().collect::<Result<_>>()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let user = sandbox.json(&["user", "show", "alice"])?;
    let ugid = user["ugid"]
        .as_u64()
        .context("a registered user has an id")?;
    ensure!((100_000..200_000).contains(&ugid), "{ugid}");
    ensure!(etc(&sandbox, "passwd")?.contains(&format!("tank-alice:x:{ugid}:{ugid}:osctl:")));
    ensure!(etc(&sandbox, "group")?.contains(&format!("tank-alice:x:{ugid}:")));
    ensure!(etc(&sandbox, "subuid")?.contains("tank-alice:1000000:65536\n"));
    ensure!(etc(&sandbox, "subgid")?.contains("tank-alice:1000000:65536\n"));
    ensure!(sandbox.path("run/osctl/pools/tank/users/alice").is_dir());
    sandbox.ok(&["user", "unreg", "alice"])?;
    assert_eq!(
        sandbox.json(&["user", "show", "alice"])?["registered"],
        false
    );
    sandbox.ok(&["user", "reg", "all"])?;
    assert_eq!(sandbox.json(&["user", "show", "alice"])?["ugid"], ugid);
    sandbox.ok(&["user", "del", "alice"])?;
    for (name, before) in ["passwd", "group", "subuid", "subgid"]
        .into_iter()
        .zip(before)
    {
        assert_eq!(etc(&sandbox, name)?, before, "{name}");
    }
    sandbox.finish(daemon)
}

#[test]
fn the_accounts_of_others_stay_as_they_are() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let theirs = "games:x:5:60:games:/usr/games:/usr/sbin/nologin\n# a comment\n\n";
    let path = sandbox.path("etc/passwd");
    let text = format!("{}{theirs}", etc(&sandbox, "passwd")?);
    #[expect(clippy::disallowed_methods, reason = "what useradd does")]
    std::fs::write(&path, text)?;
    sandbox.ok(&["user", "new", "bob"])?;
    ensure!(etc(&sandbox, "passwd")?.contains(theirs));
    sandbox.ok(&["pool", "export", "tank"])?;
    assert_eq!(
        etc(&sandbox, "passwd")?,
        format!("root:x:0:0:root:/root:/bin/bash\n{theirs}")
    );
    sandbox.ok(&["pool", "import", "tank"])?;
    sandbox.finish(daemon)
}

#[test]
fn maps_by_index_and_by_hand() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "--id-range-block-index", "5", "five"])?;
    let map = sandbox.ok(&["user", "map", "-H", "five", "uid"])?;
    ensure!(map.contains("1327680") && map.contains("65536"), "{map}");
    sandbox.ok(&[
        "id-range",
        "allocate",
        "--block-index",
        "9",
        "--owner",
        "me",
        "default",
    ])?;
    sandbox.ok(&["user", "new", "--id-range-block-index", "9", "nine"])?;
    let maps = ["--map", "0:500000:1000", "--map", "5000:700000:10"];
    sandbox.ok(&[&["user", "new"], &maps[..], &["hand"]].concat())?;
    let user = sandbox.json(&["user", "show", "hand"])?;
    assert_eq!(
        user["uid_map"],
        serde_json::json!(["0:500000:1000", "5000:700000:10"])
    );
    assert_eq!(user["gid_map"], user["uid_map"]);
    let table = sandbox.ok(&["id-range", "table", "ls", "default", "allocated"])?;
    ensure!(
        table.contains("user:five") && table.contains("me"),
        "{table}"
    );
    for user in ["five", "nine", "hand"] {
        sandbox.ok(&["user", "del", user])?;
    }
    let table = sandbox.ok(&["id-range", "table", "ls", "default", "allocated"])?;
    ensure!(
        !table.contains("user:five") && table.contains("me"),
        "{table}"
    );
    sandbox.finish(daemon)
}

#[test]
fn groups_are_a_tree() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let ran = sandbox.osctl(&["group", "new", "/a/b"])?;
    ensure!(ran.code != 0 && ran.stderr.contains("--parents"), "{ran:?}");
    sandbox.ok(&["group", "new", "-p", "/a/b"])?;
    let ran = sandbox.osctl(&["group", "del", "/a"])?;
    ensure!(ran.code == 4 && ran.stderr.contains("/a/b"), "{ran:?}");
    for group in ["/", "/default"] {
        let ran = sandbox.osctl(&["group", "del", group])?;
        ensure!(ran.code == 4, "{ran:?}");
    }
    let tree = sandbox.ok(&["group", "tree", "tank"])?;
    ensure!(tree.contains('b') && tree.lines().count() >= 4, "{tree}");
    let groups = sandbox.ok(&["group", "ls", "-H", "-o", "name"])?;
    assert_eq!(
        groups.split_whitespace().collect::<Vec<_>>(),
        ["/", "/a", "/a/b", "/default"]
    );
    sandbox.ok(&["group", "del", "/a/b"])?;
    sandbox.ok(&["group", "del", "/a"])?;
    sandbox.finish(daemon)
}

#[test]
fn attributes_are_columns_of_every_entity() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    for (kind, name) in [
        ("pool", "tank"),
        ("user", "alice"),
        ("group", "/default"),
        ("id-range", "default"),
    ] {
        sandbox.ok(&[kind, "set", "attr", name, "org.example:note", "hello world"])?;
        let list = sandbox.ok(&[kind, "ls", "-H", "-o", "name,org.example:note"])?;
        ensure!(list.contains("hello world"), "{kind}: {list}");
        sandbox.ok(&[kind, "unset", "attr", name, "org.example:note"])?;
        let list = sandbox.ok(&[kind, "ls", "-H", "-o", "name,org.example:note"])?;
        ensure!(!list.contains("hello"), "{kind}: {list}");
    }
    sandbox.finish(daemon)
}

#[test]
fn names_are_found_on_any_pool() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.pool("extra")?;
    sandbox.ok(&["user", "new", "extra:alice"])?;
    assert_eq!(sandbox.json(&["user", "show", "alice"])?["pool"], "extra");
    let ran = sandbox.osctl(&["user", "show", "tank:alice"])?;
    ensure!(ran.code == 3, "{ran:?}");
    let ran = sandbox.osctl(&["user", "show", "alcie"])?;
    ensure!(
        ran.code == 3 && ran.stderr.contains("alice"),
        "no suggestion: {ran:?}"
    );
    sandbox.ok(&["us", "ls"])?;
    sandbox.finish(daemon)
}
