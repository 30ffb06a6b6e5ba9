//! Mistakes, and daemons that are not there or not sound.

use std::path::Path;

use insta::assert_snapshot;

use crate::osctl;
use crate::server::Server;

#[test]
fn without_a_daemon() {
    let root = tempfile::TempDir::new().unwrap();
    assert_snapshot!(
        "no_daemon",
        osctl(root.path(), "user new alice").to_string()
    );
    assert_eq!(osctl(root.path(), "ping").status, 2);
    assert_eq!(osctl(root.path(), "ping 0").status, 2);
}

#[test]
fn mistakes_in_arguments() {
    let root = Path::new("/nonexistent");
    for (name, line) in [
        ("bad_name", "user new Alice!"),
        ("bad_command", "user nwe alice"),
        ("bad_command_json", "--json user nwe alice"),
        ("bad_option_json", "user ls --nosuch -j"),
        ("ambiguous_command", "ct s"),
        (
            "bad_number",
            "id-range new x --start-id 99999999999 --block-size 1 --block-count 1",
        ),
        ("bad_size", "pool new tank --size 10X"),
        ("bad_map", "user new a --map 0:1:2 --map 0:5:1"),
        ("missing", "id-range free default"),
        ("bad_parameter", "user ls -o nmae"),
    ] {
        let ran = osctl(root, line);
        assert_eq!(ran.status, 2, "{line}");
        assert_snapshot!(name, ran.to_string());
    }
}

#[test]
fn answers_that_make_no_sense() {
    let server = Server::start();
    server
        .answer_raw("GET /v1/users", 200, "<html>")
        .answer_raw("GET /v1/ping", 200, "{}");
    assert_snapshot!("bad_answer", server.osctl("user ls").to_string());
    assert_eq!(server.osctl("ping").status, 3);
    server.answer_raw("GET /v1/groups", 500, "oops");
    assert_eq!(server.osctl("group ls").status, 10);
}

#[test]
fn ping_waits_until_ready() {
    let pong = |state: &str| {
        format!(
            r#"{{"version":"0.1.0","pid":7,"started":"2026-11-22T21:30:15Z","state":"{state}","revision":1}}"#
        )
    };
    let server = Server::start();
    server
        .answer_raw("GET /v1/ping", 200, &pong("starting"))
        .answer_raw("GET /v1/ping", 200, &pong("starting"))
        .answer_raw("GET /v1/ping", 200, &pong("ready"));
    assert_snapshot!(server.osctl("ping"), @"osctld 0.1.0 is starting, pid 7");
    assert_snapshot!(server.osctl("ping 5"), @"osctld 0.1.0 is ready, pid 7");
}
