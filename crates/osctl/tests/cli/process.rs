//! The program as a process: signals and pipes.
#![expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use os_api::{OperationState, StepState};
use rustix::process::{Pid, Signal, kill_process};

use crate::fixtures::{operation, user};
use crate::server::Server;

fn program(server: &Server, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osctl"));
    command
        .args(line.split(' '))
        .env("OSCTL_ROOT", server.root());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Interrupts a command that follows its operation; its exit status and what it said.
fn interrupt(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    // Its first line of progress: the operation is known and being followed.
    err.read_line(&mut said).unwrap();
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .unwrap();
    kill_process(pid, Signal::INT).unwrap();
    err.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn ctrl_c_leaves_the_operation_and_says_so() {
    let server = Server::start();
    let running = operation(
        OperationState::Running,
        [StepState::Done, StepState::Running],
    );
    server
        .answer("POST /v1/commands/user-new", &running)
        .answer("GET /v1/operations/20261122-213015.123-4f2a", &running);
    let (status, said) = interrupt(program(&server, "user new alice"));
    assert_eq!(status, Some(130), "{said}");
    let hint = "hint: osctl operation cancel 20261122-213015.123-4f2a";
    assert!(said.contains(hint), "{said}");
}

#[test]
fn ctrl_c_withdraws_an_operation_that_waits_in_a_queue() {
    let server = Server::start();
    let mut queued = operation(OperationState::Queued, [StepState::Pending; 2]);
    queued.waits_for = Some("user tank:alice".to_owned());
    let withdrawn = operation(OperationState::Cancelled, [StepState::Pending; 2]);
    let path = "v1/operations/20261122-213015.123-4f2a";
    server
        .answer("POST /v1/commands/user-new", &queued)
        .answer(&format!("GET /{path}"), &queued)
        .answer(&format!("POST /{path}/cancel?if_queued=true"), &withdrawn);
    let (status, said) = interrupt(program(&server, "user new alice"));
    assert_eq!(status, Some(130), "{said}");
    assert!(said.contains("had not begun and is withdrawn"), "{said}");
    assert!(!said.contains("goes on"), "{said}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let server = Server::start();
    let users: Vec<_> = (0..5000)
        .map(|n| user("tank", &format!("u{n}"), None))
        .collect();
    server.answer("GET /v1/users", &users);
    let mut child = program(&server, "user ls").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
