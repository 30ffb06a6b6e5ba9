//! Completion, asked as the shells ask.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell itself is what is tested"
)]

use std::path::Path;
use std::process::Command;

use crate::fixtures::{container, group, operation, pool, user};
use crate::osctl;
use crate::server::Server;

/// What bash offers when the last of `words` (split as bash splits, at colons too) is begun.
fn bash(root: &Path, words: &[&str]) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_osctl"));
    let script = r#"
        source <(osctl completion bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _osctl osctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = Command::new("bash")
        .args(["--norc", "-c", script, "bash", "osctl"])
        .args(words)
        .env("PATH", path)
        .env("OSCTL_ROOT", root)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty() && !line.starts_with('-'))
        .collect()
}

#[test]
fn names_come_from_the_daemon() {
    let server = Server::start();
    server
        .answer("GET /v1/pools", &[pool("tank"), pool("twin")])
        .answer(
            "GET /v1/users",
            &[user("tank", "alice", None), user("twin", "albert", None)],
        )
        .answer(
            "GET /v1/groups",
            &[group("tank", "/", None), group("tank", "/default", None)],
        )
        .answer(
            "GET /v1/operations",
            &[operation(
                os_api::OperationState::Running,
                [os_api::StepState::Done; 2],
            )],
        );
    let root = server.root();
    assert_eq!(bash(root, &["user", "sh"]), ["show"]);
    assert_eq!(bash(root, &["user", "show", "al"]), ["albert", "alice"]);
    assert_eq!(bash(root, &["user", "show", "tank", ":", "a"]), ["alice"]);
    assert_eq!(bash(root, &["user", "show", "tw", ":"]), [""; 0]);
    assert_eq!(bash(root, &["user", "show", "twin", ":"]), ["albert"]);
    assert_eq!(bash(root, &["group", "show", "/d"]), ["/default"]);
    assert_eq!(bash(root, &["--pool", "tw"]), ["twin"]);
    assert_eq!(
        bash(root, &["operation", "show", "4f2a"]),
        ["20261122-213015.123-4f2a"]
    );
    assert_eq!(
        bash(root, &["id-range", "table", "ls", "default", "al"]),
        ["all", "allocated"]
    );
}

#[test]
fn containers_and_their_states() {
    let server = Server::start();
    server
        .answer(
            "GET /v1/containers",
            &[
                container("tank", "web", None),
                container("tank", "wiki", None),
                container("twin", "mail", None),
            ],
        )
        .answer("GET /v1/users", &[user("tank", "alice", None)]);
    let root = server.root();
    assert_eq!(bash(root, &["ct", "start", "w"]), ["web", "wiki"]);
    assert_eq!(bash(root, &["vps", "stop", "web", "m"]), ["mail"]);
    assert_eq!(bash(root, &["ct", "exec", "twin", ":"]), ["mail"]);
    assert_eq!(bash(root, &["ct", "chown", "web", "a"]), ["alice"]);
    assert_eq!(
        bash(root, &["ct", "ls", "-S", "fr"]),
        ["freezing", "frozen"]
    );
    assert_eq!(
        bash(root, &["ct", "wait", "web", "sto"]),
        ["stopped", "stopping"]
    );
    assert_eq!(bash(root, &["ct", "set", "attr", "wi"]), ["wiki"]);
}

#[test]
fn without_a_daemon_there_is_silence() {
    let root = tempfile::TempDir::new().unwrap();
    assert_eq!(bash(root.path(), &["user", "show", "al"]), [""; 0]);
}

#[test]
fn a_daemon_that_hangs_does_not_stop_the_shell() {
    let root = tempfile::TempDir::new().unwrap();
    let run = root.path().join("run/osctl");
    std::fs::create_dir_all(&run).unwrap();
    // Accepts, by its backlog, and never answers.
    let listener = std::os::unix::net::UnixListener::bind(run.join("osctld.sock")).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(bash(root.path(), &["user", "show", "al"]), [""; 0]);
    assert!(start.elapsed() < std::time::Duration::from_secs(30));
    drop(listener);
}

#[test]
fn scripts_exist_for_three_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let script = osctl(Path::new("/nonexistent"), &format!("completion {shell}")).out;
        assert!(script.contains("OSCTL_COMPLETE"), "{script}");
    }
    assert_eq!(
        osctl(Path::new("/nonexistent"), "completion tcsh").status,
        2
    );
}
