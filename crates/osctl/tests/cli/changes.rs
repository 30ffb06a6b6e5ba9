//! Commands that change something: what is sent, how it is followed.

use insta::assert_snapshot;
use os_api::OperationState::{Cancelled, Finished, Reverted, Running};
use os_api::StepState::{Done, Pending, Running as Busy};
use os_types::plan::JournalPlace;
use os_types::step::{AccountFilesStep, DatasetStep};
use os_types::{Code, Failure, Plan, Presence, Step};

use crate::fixtures::operation;
use crate::server::Server;

#[test]
fn every_command_sends_its_body() {
    let server = Server::start();
    let lines = [
        "pool new tank --size 1.5G --file /srv/tank.img",
        "pool install tank --source /dev/sdb1 --dataset tank/osctl",
        "pool uninstall tank",
        "pool destroy tank --yes",
        "pool import tank --force --no-autostart",
        "pool export tank --no-unregister-users --if-imported",
        "pool reload tank",
        "pool set parallel-start tank 8",
        "pool set parallel-stop tank 8",
        "pool unset parallel-stop tank",
        "pool set attr tank a:b c",
        "id-range new big --start-id 3000000 --block-size 10 --block-count 20",
        "id-range del tank:big",
        "id-range allocate default --block-count 4 --owner backup",
        "id-range free default --block-index 7",
        "id-range set attr tank:big a:b c",
        "user new tank:bob --map 0:2000000:100 --map-gid 100:3000000:1 --no-standalone",
        "user new carol --id-range default --id-range-block-index 3",
        "user del bob --pool tank",
        "user reg all",
        "user unreg tank:all",
        "user set standalone bob",
        "user unset standalone bob",
        "user unset attr bob a:b",
        "user subugids",
        "group new -p tank:/a/b",
        "group del /a/b",
        "group set attr /a a:b c",
        "activate",
        "undo",
        "undo 4f2a",
    ];
    for line in lines {
        let mut words = line.split(' ');
        let (entity, verb) = (words.next().unwrap(), words.next().unwrap_or_default());
        // Whatever the command: it finishes at once.
        for name in os_api::Command::ALL {
            let path = format!("POST /v1/commands/{}", name.name);
            server.answer(&path, &operation(Finished, [Done, Done]));
        }
        let ran = server.osctl(line);
        assert_eq!(ran.to_string(), "", "{entity} {verb}");
    }
    assert_snapshot!("requests_of_changes", server.requests());
}

#[test]
fn progress_is_followed_to_the_end() {
    let server = Server::start();
    server
        .answer(
            "POST /v1/commands/user-new",
            &operation(Running, [Pending, Pending]),
        )
        .answer(
            "GET /v1/operations/20261122-213015.123-4f2a",
            &operation(Running, [Busy, Pending]),
        )
        .answer(
            "GET /v1/operations/20261122-213015.123-4f2a",
            &operation(Running, [Done, Busy]),
        )
        .answer(
            "GET /v1/operations/20261122-213015.123-4f2a",
            &operation(Finished, [Done, Done]),
        );
    assert_snapshot!("progress", server.osctl("user new alice").to_string());
    assert_eq!(server.osctl("user new alice -q").to_string(), "");
}

#[test]
fn what_was_left_undone_is_told() {
    let server = Server::start();
    let mut done = operation(Finished, [Done, Done]);
    done.warnings = vec!["/etc/hosts was left alone: its owner may not write it".into()];
    server.answer("POST /v1/commands/container-set", &done);
    let ran = server.osctl("-q ct set hostname web www").to_string();
    assert_snapshot!(ran, @r"
    --- stderr ---
    warning: /etc/hosts was left alone: its owner may not write it
    ");
}

#[test]
fn a_failure_is_told_with_its_code() {
    let server = Server::start();
    let mut failed = operation(Reverted, [Done, Pending]);
    failed.failure = Some(Failure::new(
        Code::NoSpace,
        "cannot write conf/user/alice.toml: no space left on device",
    ));
    server.answer("POST /v1/commands/user-new", &failed);
    assert_snapshot!(
        "operation_failure",
        server.osctl("user new alice").to_string()
    );
}

#[test]
fn refusals_come_with_object_and_hint() {
    let server = Server::start();
    let failure = Failure::new(Code::Overlap, "ids 2000000-2000099 belong to tank:alice")
        .about("user tank:bob")
        .next("osctl user show tank:alice");
    server.refuse("POST /v1/commands/user-new", failure);
    assert_snapshot!(
        "refusal",
        server.osctl("user new bob --map 0:2000000:100").to_string()
    );
}

#[test]
fn plans_are_printed() {
    let server = Server::start();
    let plan = Plan {
        steps: vec![
            Step::Dataset(DatasetStep {
                dataset: "tank/ct".parse().unwrap(),
                to: Presence::Absent,
            }),
            Step::AccountFiles(AccountFilesStep {}),
        ],
        touches: vec![],
        journal: JournalPlace::Host,
        parallel: Vec::new(),
    };
    server
        .answer("POST /v1/plans/user-del", &plan)
        .answer("POST /v1/plans/container-stop", &plan)
        .answer(
            r#"POST /v1/plans/container-stop {"name":"idle","policy":{"method":"kill","timeout_ms":0}}"#,
            &Plan {
                steps: Vec::new(),
                ..plan.clone()
            },
        );
    assert_snapshot!(server.osctl("user del alice --plan").to_string(), @r"
    1. destroy dataset tank/ct  (cannot be undone)
    2. rewrite the account files
    ");
    assert_snapshot!(server.osctl("ct stop --kill web idle --plan").to_string(), @r"
    web:
      1. destroy dataset tank/ct  (cannot be undone)
      2. rewrite the account files
    idle:
      nothing to do
    ");
    let json = server.osctl("--plan -j user del alice").out;
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn destroying_asks_or_refuses() {
    let server = Server::start();
    assert_snapshot!(
        "destroy_without_terminal",
        server.osctl("pool destroy tank").to_string()
    );
    assert_eq!(server.requests(), "");
}

#[test]
fn cancelling_says_what_happens_and_does_not_wait() {
    let server = Server::start();
    let mut running = operation(Running, [Done, Busy]);
    running.cancelling = Some("step 2 of 2, make file, is interrupted".to_owned());
    server.answer("POST /v1/operations/4f2a/cancel", &running);
    let ran = server.osctl("operation cancel 4f2a");
    assert_eq!(ran.status, 0, "{ran}");
    let said = "operation 20261122-213015.123-4f2a: step 2 of 2, make file, is interrupted";
    assert!(ran.err.contains(said), "{ran}");
    let hint = "hint: osctl operation wait 20261122-213015.123-4f2a";
    assert!(ran.err.contains(hint), "{ran}");

    let withdrawn = operation(Cancelled, [Pending, Pending]);
    server.answer("POST /v1/operations/4f2b/cancel", &withdrawn);
    let ran = server.osctl("operation cancel 4f2b");
    assert!(ran.err.contains("was cancelled"), "{ran}");
}

#[test]
fn waiting_has_an_end() {
    let server = Server::start();
    server
        .answer("GET /v1/operations/4f2a", &operation(Running, [Done, Busy]))
        .answer(
            "GET /v1/operations/20261122-213015.123-4f2a",
            &operation(Running, [Done, Busy]),
        );
    let ran = server.osctl("operation wait 4f2a --timeout 0");
    assert_eq!(ran.status, 7, "{ran}");
}
