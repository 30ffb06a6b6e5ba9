//! Reading without a daemon: from the files on the pools.
#![expect(
    clippy::disallowed_methods,
    reason = "files as a person might leave them"
)]

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::osctl;

/// A root directory with an imported pool, as a killed daemon leaves it.
fn root() -> TempDir {
    let root = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let user = |host: u32| {
        format!(
            "schema = 1\nuid_map = [\"0:{host}:65536\"]\nstandalone = true\n[attrs]\n\"a:b\" = \"c\"\n# end\n"
        )
    };
    write(
        "tank/conf/pool/config.toml",
        "schema = 1\nparallel_start = 3\n# end\n",
    );
    write("tank/conf/user/alice.toml", &user(1_000_000));
    write("tank/conf/user/bob.toml", "schema = 1\nuid_map = [\"0:");
    write("tank/conf/user/carol.toml", &user(1_000_100));
    let container = "schema = 1\nuser = \"alice\"\ngroup = \"/default\"\ndistribution = \"debian\"\n\
        version = \"13\"\narch = \"x86_64\"\n[attrs]\n\"a:b\" = \"c\"\n# end\n";
    write("tank/conf/ct/web.toml", container);
    write("tank/conf/ct/mail.toml", "schema = 1\nuser = 3\n# end\n");
    write("tank/conf/group/config.toml", "schema = 1\n# end\n");
    write("tank/conf/group/default/config.toml", "schema = 1\n# end\n");
    write("tank/conf/group/a/config.toml", "schema = 1\n# end\n");
    write(
        "tank/conf/id-range/default.toml",
        "schema = 1\nstart_id = 1000000\nblock_size = 65536\nblock_count = 10\n\
        [[allocations]]\nblock_index = 0\nblock_count = 1\nowner = \"user:alice\"\n# end\n",
    );
    write(
        "etc/passwd",
        &format!(
            "root:x:0:0:root:/root:/bin/bash\n# osctl begin (managed by osctld, do not edit)\n\
            tank-alice:x:100000:100000:osctl:{}/run/osctl/pools/tank/users/alice:/usr/sbin/nologin\n\
            # osctl end\n",
            root.path().display()
        ),
    );
    fs::create_dir_all(root.path().join("run/osctl/pools/tank")).unwrap();
    fs::create_dir_all(root.path().join("run/osctl/pools/scoped")).unwrap();
    root
}

#[test]
fn listings() {
    let root = root();
    let run = |line| osctl(root.path(), line).to_string();
    for (name, line) in [
        ("user_ls", "user ls -o +ugid,health,a:b"),
        ("user_show", "user show alice -o -problem"),
        ("user_map", "user map tank:alice"),
        ("ct_ls", "ct ls -o +hostname,a:b,health"),
        ("ct_show", "ct show tank:web -o id,rootfs,log_file,uid_map"),
        ("ct_tree", "ct tree"),
        ("group_tree", "group tree tank"),
        ("group_ls", "group ls -o pool,name"),
        ("id_range_ls", "id-range ls"),
        ("id_table", "id-range table ls default"),
        ("pool_ls", "pool ls -o +parallel_start,disabled"),
        ("no_user", "user show alcie"),
    ] {
        assert_snapshot!(name, run(line));
    }
}

#[test]
fn changes_need_the_daemon() {
    let root = root();
    let ran = osctl(root.path(), "user del alice");
    assert_eq!(ran.status, 10, "{ran}");
    assert!(root.path().join("tank/conf/user/alice.toml").exists());
}

#[test]
fn a_host_without_pools_lists_none() {
    let root = TempDir::new().unwrap();
    let ran = osctl(root.path(), "user ls -H");
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("osctld cannot be reached"), "{ran}");
    assert_eq!(osctl(root.path(), "user show x").status, 3);
    assert_eq!(osctl(Path::new("/nonexistent"), "pool ls tank").status, 3);
}
