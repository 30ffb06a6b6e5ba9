//! Tables, `show`, JSON.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use os_api::{OperationState, StepState};
use serde_json::{Value, json};

use crate::fixtures::{container, disabled, group, id_range, id_table, operation, pool, user};
use crate::server::Server;

fn server() -> Server {
    let server = Server::start();
    let mut bob = user("tank", "bob", None);
    (bob.health, bob.failure) = disabled();
    server
        .answer("GET /v1/pools", &[pool("tank"), pool("a-second-pool")])
        .answer("GET /v1/pools/tank", &pool("tank"))
        .answer(
            "GET /v1/users",
            &[user("tank", "alice", Some(100_000)), bob.clone()],
        )
        .answer(
            "GET /v1/users?pool=a-second-pool",
            &[user("a-second-pool", "carol", None)],
        )
        .answer("GET /v1/users/alice", &user("tank", "alice", Some(100_000)))
        .answer(
            "GET /v1/users/tank/alice",
            &user("tank", "alice", Some(100_000)),
        )
        .answer("GET /v1/users/carol", &user("a-second-pool", "carol", None))
        .answer("GET /v1/id-ranges", &[id_range()])
        .answer("GET /v1/id-ranges/default", &id_range())
        .answer("GET /v1/id-ranges/tank/default/table", &id_table())
        .answer(
            "GET /v1/groups",
            &[
                group("tank", "/", Some(9 << 20)),
                group("tank", "/default", None),
                group("tank", "/a", Some(1 << 30)),
                group("tank", "/a/b", Some(1_000_000)),
                group("tank", "/a/c", Some(999)),
                group("a-second-pool", "/", None),
                group("a-second-pool", "/default", None),
            ],
        )
        .answer(
            "GET /v1/groups/tank/%2Fa%2Fb",
            &group("tank", "/a/b", Some(1_000_000)),
        )
        .answer(
            "GET /v1/operations",
            &[operation(
                OperationState::Running,
                [StepState::Done, StepState::Running],
            )],
        );
    server
}

#[test]
fn tables() {
    let server = server();
    for (name, line) in [
        ("pool_ls", "pool ls"),
        (
            "pool_ls_sizes",
            "pool ls -o name,size,used,available,org.example:rack tank",
        ),
        ("user_ls", "user ls"),
        (
            "user_ls_attr",
            "user ls -H -o +ugid,org.example:x --registered",
        ),
        ("group_ls", "group ls"),
        (
            "group_ls_sorted_raw",
            "group ls -s memory,name -p -o name,memory",
        ),
        ("id_range_ls", "id-range ls"),
        ("id_table", "id-range table ls default"),
        (
            "id_table_free",
            "id-range table ls tank:default free -o block_index,block_count",
        ),
        ("user_map", "user map alice uid"),
        ("operation_ls", "operation ls"),
        ("list_parameters", "user ls -L"),
    ] {
        assert_snapshot!(name, server.osctl(line).to_string());
    }
}

#[test]
fn listings_take_names_and_patterns() {
    let server = server();
    for (line, expected) in [
        ("pool ls a*", "a-second-pool"),
        ("pool ls tank *pool", "tank a-second-pool"),
        ("user ls al*", "alice"),
        ("user ls bob tank:alice", "alice bob"),
        ("user ls other:*", ""),
        ("group ls /a* -s name", "/a /a/b /a/c"),
        ("group ls tank:/default", "/default"),
        ("id-range ls def?ult", "default"),
    ] {
        let ran = server.osctl(&format!("{line} -H -o name"));
        assert_eq!(
            ran.out.lines().collect::<Vec<_>>().join(" "),
            expected,
            "{line}: {ran}"
        );
    }
    assert_eq!(server.osctl("pool ls nothing").status, 3);
}

#[test]
fn tables_fit_the_terminal() {
    let server = server();
    let narrow = |words: &[&str]| crate::osctl_on(server.root(), words, Some(64)).out;
    assert_snapshot!(narrow(&["operation", "ls"]), @r"
    ID                        STATE    PROGRESS  CLI           WAITS_FOR
    20261122-213015.123-4f2a  running  1/2       osctl user …  -
    ");
    // Names are never cut, nor is what a program reads.
    for words in [["user", "ls"].as_slice(), &["operation", "ls", "-p"]] {
        assert_eq!(narrow(words), crate::osctl_words(server.root(), words).out);
    }
}

#[test]
fn one_entity() {
    let server = server();
    for (name, line) in [
        ("pool_show", "pool show tank"),
        ("pool_show_values", "pool show tank -H -o state,size"),
        (
            "user_show_second_pool",
            "user show carol -o -uid_map,gid_map",
        ),
        ("group_show", "group show tank:/a/b -p"),
        ("id_table_show", "id-range table show default 3"),
        ("id_table_show_none", "id-range table show default 5"),
    ] {
        assert_snapshot!(name, server.osctl(line).to_string());
    }
}

#[test]
fn json() {
    let server = server();
    let ran = server.osctl("user ls -j");
    let users: Vec<os_api::view::User> = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!(ran.err, "");
    assert_snapshot!(server.osctl("-j group ls -o memory,name -s memory").out.lines().next().unwrap(),
        @r#"[{"memory":null,"name":"/default"},{"memory":null,"name":"/"},{"memory":null,"name":"/default"},{"memory":999,"name":"/a/c"},{"memory":1000000,"name":"/a/b"},{"memory":9437184,"name":"/"},{"memory":1073741824,"name":"/a"}]"#);
    assert_snapshot!(server.osctl("pool show tank --json -o name,org.example:rack").out,
        @r#"{"name":"tank","org.example:rack":"r 7\n"}"#);
}

/// `-o`, `-L` and JSON have the same names.
#[test]
fn json_has_the_names_of_the_parameters() {
    let server = server();
    server.answer(
        "GET /v1/containers",
        &[container("tank", "web", Some(4242))],
    );
    for entity in ["pool", "user", "group", "id-range", "ct"] {
        let names = server.osctl(&format!("{entity} ls -L")).out;
        let names: BTreeSet<&str> = names.lines().collect();
        for (options, rest) in [("-j -o all", None), ("-j", Some("attrs"))] {
            let out = server.osctl(&format!("{entity} ls {options}")).out;
            let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(&out).unwrap();
            let keys: BTreeSet<&str> = rows[0].keys().map(String::as_str).collect();
            let wanted: BTreeSet<&str> = names.iter().copied().chain(rest).collect();
            assert_eq!(keys, wanted, "{entity} ls {options}");
        }
    }
    let out = server.osctl("ct ls -j").out;
    let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(&out).unwrap();
    assert_eq!(rows[0]["memory"], json!(4242 << 14));
    assert_eq!(rows[0]["cpu_us"], json!(4_242_000));
}

#[test]
fn an_empty_value_of_an_option_is_not_given() {
    let server = server();
    let ran = crate::osctl_words(server.root(), &["--pool", "", "user", "ls", "-o", ""]);
    assert_eq!(ran.to_string(), server.osctl("user ls").to_string());
}

#[test]
fn tree() {
    assert_snapshot!(server().osctl("group tree"), @r"
    tank:/
    ├── a
    │   ├── b
    │   └── c
    └── default
    a-second-pool:/
    └── default
    ");
    let colored = server().osctl("group tree --color always");
    assert!(colored.out.contains("\x1b["), "{colored}");
}

#[test]
fn abbreviations() {
    let server = server();
    for (short, long) in [
        ("us ls", "user list"),
        ("id t ls default", "id-ranges table list default"),
        ("po inf --help", "pool info --help"),
        ("g l", "group ls"),
        ("op ls", "operation list"),
        ("gr tree", "group tree"),
        ("user uns st --help", "user unset standalone --help"),
    ] {
        let (short, long) = (server.osctl(short), server.osctl(long));
        assert_eq!(short.to_string(), long.to_string());
    }
    // `history`, `healthcheck` and `help`: nothing is guessed.
    assert_eq!(server.osctl("h").status, 2);
}

#[test]
fn a_pool_of_its_own_counts_more_than_the_option() {
    let server = server();
    assert!(
        server
            .osctl("--pool a-second-pool user ls")
            .out
            .contains("carol")
    );
    assert!(
        server
            .osctl("user show tank:alice --pool a-second-pool")
            .out
            .contains("alice")
    );
    assert_eq!(
        server.osctl("user show alice --pool a-second-pool").status,
        3
    );
}
