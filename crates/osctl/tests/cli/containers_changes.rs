//! Commands that change containers: requests and messages.

use insta::assert_snapshot;
use os_api::OperationState::{Finished, Running};
use os_api::StepState::{Done, Running as Busy};
use os_types::{Code, Failure};

use crate::fixtures::{container, operation, pool};
use crate::server::Server;

/// A server on which every command finishes at once.
fn server() -> Server {
    let server = Server::start();
    for command in os_api::Command::ALL {
        let path = format!("POST /v1/commands/{}", command.name);
        server.answer(&path, &operation(Finished, [Done, Done]));
    }
    let ping = r#"{"version":"0.2","pid":1,"started":"2026-11-22T21:30:15Z","state":"ready","revision":6}"#;
    server
        .answer_raw("GET /v1/ping", 200, ping)
        .answer("GET /v1/pools", &[pool("tank"), pool("twin")]);
    server
}

#[test]
fn every_command_sends_its_body() {
    let server = server();
    let lines = [
        "ct new --from-file /srv/debian.img web",
        "ct new tank:web --distribution debian",
        "ct new web --distribution debian --version trixie --arch x86_64 --vendor v --variant minimal --repository /srv/repo --user alice --group /a --dataset tank/other",
        "ct new web --pool tank --skip-image --distribution alpine --version 3.20 --arch x86_64 --hostname www --ephemeral --nesting --autostart --dns-resolver 192.0.2.53 --dns-resolver 192.0.2.54 --seccomp /etc/x",
        "ct del -f web",
        "ct start tank:web -D",
        "ct stop web",
        "ct stop web --pool tank -t 5 --dont-kill -m bye",
        "ct stop -k web",
        "ct restart web -t 0",
        "ct freeze web",
        "ct thaw web",
        "ct set autostart web",
        "ct set autostart -p 3 -d 9 web",
        "ct set ephemeral web",
        "ct set hostname web www.example.org",
        "ct set dns-resolver web 192.0.2.53 2001:db8::53",
        "ct set nesting web",
        "ct set distribution web debian 14",
        "ct set distribution web debian 14 aarch64",
        "ct set seccomp web /etc/x.seccomp",
        "ct set init-cmd web /sbin/init --log -x",
        "ct set attr tank:web a:b c",
        "ct unset autostart web",
        "ct unset ephemeral web",
        "ct unset hostname web",
        "ct unset dns-resolver web",
        "ct unset nesting web",
        "ct unset seccomp web",
        "ct unset init-cmd web",
        "ct unset raw lxc web",
        "ct unset attr web a:b",
        "ct prlimits set web nofile 1024",
        "ct prlimits set tank:web memlock 65536 unlimited",
        "ct prlimits unset web nofile",
        "group prlimits set /a nproc 100",
        "pool prlimits unset tank nproc",
        "ct chown web alice",
        "ct chgrp web /a",
        "ct rename tank:web wiki",
        "ct config reload web",
        "trash-bin prune tank",
        "image prune",
    ];
    for line in lines {
        assert_eq!(server.osctl(line).to_string(), "", "{line}");
    }
    let requests = server.requests();
    let posts = requests.lines().filter(|line| !line.starts_with("GET "));
    assert_snapshot!(
        "requests_of_containers",
        posts.collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn relative_paths_are_made_absolute() {
    let server = server();
    assert_eq!(server.osctl("ct new web --from-file x.img").to_string(), "");
    let here = std::env::current_dir().unwrap().join("x.img");
    assert!(server.requests().contains(here.to_str().unwrap()));
}

#[test]
fn bad_arguments_are_refused() {
    let server = server();
    for line in [
        "ct new web",
        "ct new web --from-file x --distribution debian",
        "ct new web --from-file x --vendor v",
        "ct new web --skip-image --distribution debian --version 13",
        "ct new web --version 13",
        "ct new a/b --from-file x",
        "ct stop web -k -t 3",
        "ct stop web -k --dont-kill",
        "ct stop web -t 99999",
        "ct stop",
        "ct exec web",
        "ct exec web -t -T ls",
        "ct set hostname web -x",
        "ct set dns-resolver web",
        "ct set dns-resolver web one.example.org",
        "ct set seccomp web /etc/../etc/none",
        "ct set init-cmd web sh",
        "ct set raw web",
        "ct prlimits set web files 1",
        "ct prlimits set web nofile 2 1",
        "ct prlimits set web nofile unlimited 1",
        "ct prlimits set web nofile -- -1",
        "ct wait web",
        "ct wait web awake",
    ] {
        let ran = server.osctl(line);
        assert_eq!(ran.status, 2, "{line}: {ran}");
    }
    assert_eq!(server.requests(), "");
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let server = Server::start();
    let failure = Failure::new(Code::ContainerState, "container tank:web is running")
        .about("container tank:web")
        .next("osctl ct stop tank:web");
    let del_web = r#"POST /v1/commands/container-del {"pool":"tank","name":"web","force":false}"#;
    server
        .refuse(del_web, failure)
        .answer_raw("GET /v1/ping", 404, "{}")
        .answer(
            "POST /v1/commands/container-del",
            &operation(Finished, [Done, Done]),
        );
    let ran = server.osctl("ct del tank:web mail -q");
    assert_snapshot!(ran.to_string(), @r"
    --- stderr ---
    error: container tank:web is running
    hint: osctl ct stop tank:web
    (E-CONTAINER-STATE; osctl help E-CONTAINER-STATE)
    --- status 4 ---
    ");
    assert!(server.requests().contains(r#""name":"mail""#));
}

#[test]
fn the_rungs_of_a_stop_are_told() {
    let server = server();
    let progress = |revision: u32, id: &str, begins: bool, text: &str| {
        format!(
            "data: {{\"revision\":{revision},\"time\":\"2026-11-22T21:30:15Z\",\"type\":\"progress\",\
            \"id\":\"{id}\",\"done\":0,\"total\":1,\"begins\":{begins},\"text\":\"{text}\"}}\n\n"
        )
    };
    let ours = "20261122-213015.123-4f2a";
    let stream = [
        // Two steps run side by side, so both begin before the first says anything.
        progress(7, ours, true, "stop container tank:web"),
        progress(7, ours, true, "stop container tank:mail"),
        progress(8, "20261122-213015.999-9999", false, "somebody else's"),
        progress(
            9,
            ours,
            false,
            "asking systemd to shut down (SIGRTMIN+3), at most 5 s",
        ),
        progress(10, ours, false, "killing all processes, at most 30 s"),
    ];
    server.answer_raw("GET /v1/events?since=6", 200, &stream.concat());
    let stop = "POST /v1/commands/container-stop?wait_ms=300";
    server.answer(stop, &operation(Running, [Busy, Busy]));
    let get = "GET /v1/operations/20261122-213015.123-4f2a";
    server
        .answer(get, &operation(Running, [Done, Busy]))
        .answer(get, &operation(Finished, [Done, Done]));
    assert_snapshot!(server.osctl("ct stop web -t 5").err, @r"
      asking systemd to shut down (SIGRTMIN+3), at most 5 s
      killing all processes, at most 30 s
    [0/2] create file tank:conf/user/alice.toml
    [1/2] register system user tank-alice
    ");
}

#[test]
fn several_containers_run_side_by_side_with_a_line_each() {
    let server = server();
    let containers = [
        container("tank", "web1", Some(1)),
        container("tank", "mail", Some(2)),
        container("twin", "web2", Some(3)),
        container("tank", "web3", None),
    ];
    server.answer("GET /v1/containers", &containers);
    let lines = |ran: &crate::Ran| {
        let mut lines: Vec<_> = ran.err.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let ran = server.osctl("ct stop --all -t 5");
    assert_eq!(ran.status, 0, "{ran}");
    let wanted = [
        "tank:mail: stopped",
        "tank:web1: stopped",
        "twin:web2: stopped",
    ];
    assert_eq!(lines(&ran), wanted, "web3 is stopped already");
    let ran = server.osctl("ct del tank:web* twin:web2 web*");
    let wanted = [
        "tank:web1: deleted",
        "tank:web3: deleted",
        "twin:web2: deleted",
    ];
    assert_eq!(lines(&ran), wanted, "each of them once");
    let ran = server.osctl("ct unfreeze --all");
    assert_eq!(ran.err, "note: there is nothing to do\n");

    let ran = server.osctl("ct stop nosuch*");
    assert_eq!(ran.status, 3, "{ran}");
    let text = "no container has an id like nosuch*";
    assert!(ran.err.contains(text), "{ran}");
    assert_eq!(server.osctl("ct stop").status, 2);
    assert_eq!(server.osctl("ct stop --all web").status, 2);
}

#[test]
fn one_of_several_that_fails_does_not_stop_the_others() {
    let server = Server::start();
    let mut failed = operation(os_api::OperationState::Failed, [Done, Busy]);
    failed.failure = Some(Failure::new(Code::Deadline, "it did not shut down"));
    let stop = "POST /v1/commands/container-stop";
    server
        .answer(stop, &failed)
        .answer(stop, &operation(Finished, [Done, Done]));
    let ran = server.osctl("ct stop web tank:mail");
    assert_eq!(ran.status, 7, "{ran}");
    assert!(ran.err.contains(": stopped"), "{ran}");
    assert!(ran.err.contains(": it did not shut down"), "{ran}");
}
