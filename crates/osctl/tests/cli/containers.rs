//! Containers: listings and queries of one container.

use insta::assert_snapshot;
use os_api::view::{ContainerConfig, ContainerLog, Readiness, ReadyState};
use os_types::ContainerState;

use crate::fixtures::{container, disabled, group, pool};
use crate::server::Server;

fn server() -> Server {
    let server = Server::start();
    let web = container("tank", "web", Some(4242));
    let mut mail = container("tank", "mail", None);
    mail.group = Some("/a".parse().unwrap());
    mail.settings.ephemeral = Some(true);
    mail.settings.autostart = None;
    mail.distribution = Some("alpine".parse().unwrap());
    mail.version = Some("3.20".parse().unwrap());
    let mut twin = container("twin", "web", Some(99));
    twin.state = ContainerState::Frozen;
    twin.user = Some("alice".parse().unwrap());
    server
        .answer("GET /v1/pools", &[pool("tank"), pool("twin")])
        .answer(
            "GET /v1/containers",
            &[mail.clone(), web.clone(), twin.clone()],
        )
        .answer("GET /v1/containers?brief=true&pool=twin", &[twin.clone()])
        .answer("GET /v1/containers?pool=twin", &[twin])
        .answer("GET /v1/containers/tank/web", &web)
        .answer("GET /v1/containers/web", &web)
        .answer("GET /v1/containers/mail", &mail)
        .answer("GET /v1/containers/tank/mail", &mail)
        .answer(
            "GET /v1/groups",
            &[
                group("tank", "/", Some(99 << 20)),
                group("tank", "/a", None),
                group("tank", "/a/b", None),
                group("tank", "/default", Some(70 << 20)),
                group("twin", "/", None),
                group("twin", "/default", None),
            ],
        );
    server
}

#[test]
fn lists() {
    let server = server();
    for (name, line) in [
        ("ct_ls", "ct ls"),
        (
            "ct_ls_more",
            "ct ls -o pool,id,hostname,autostart_priority,ephemeral,a:b -s autostart_priority,id",
        ),
        (
            "ct_ls_figures",
            "ct ls web -o pool,id,started,memory,cpu_us,cpu_user_us,nproc,health --pool twin -p",
        ),
    ] {
        assert_snapshot!(name, server.osctl(line).to_string());
    }
    // Unset settings are removed, so that the snapshot does not change with each new setting.
    let shown = server.osctl("ct info web").to_string();
    let shown: Vec<_> = shown
        .lines()
        .filter(|line| !line.ends_with(":  -"))
        .collect();
    assert_snapshot!("ct_show", shown.join("\n"));
    let json = server.osctl("ct ls -j -o id,memory,init_pid tank:web").out;
    assert_snapshot!(json, @r#"[{"id":"web","memory":69500928,"init_pid":4242}]"#);
}

#[test]
fn every_setting_is_a_column() {
    let server = server();
    let names = server.osctl("ct ls -L").out;
    for setting in os_api::settings::ContainerSetting::ALL {
        let field = setting.info().field;
        assert!(names.lines().any(|name| name == field), "{field}");
        let shown = server.osctl(&format!("ct ls -H -o {field} tank:web"));
        assert_eq!(shown.status, 0, "{field}: {shown}");
    }
}

#[test]
fn filters() {
    let server = server();
    for (line, expected) in [
        ("", "tank:mail tank:web twin:web"),
        ("web", "tank:web twin:web"),
        ("w*", "tank:web twin:web"),
        ("tank:* *eb", "tank:mail tank:web twin:web"),
        ("tank:web mail", "tank:mail tank:web"),
        ("--pool twin", "twin:web"),
        ("-u alice,mail", "tank:mail twin:web"),
        ("-g /a", "tank:mail"),
        ("-S running,frozen", "tank:web twin:web"),
        ("-S running -S stopped", "tank:mail tank:web"),
        ("-e", "tank:mail"),
        ("--persistent", "tank:web twin:web"),
        ("-d alpine", "tank:mail"),
        ("-v 13,12 -S frozen", "twin:web"),
        ("-s init_pid", "tank:mail twin:web tank:web"),
        ("nothing", ""),
    ] {
        let ran = server.osctl(&format!("ct ls -H -o pool,id {line}"));
        let rows: Vec<_> = ran.out.lines().map(|row| row.replace("  ", ":")).collect();
        assert_eq!(rows.join(" "), expected, "{line}: {ran}");
    }
    assert_eq!(server.osctl("ct ls -S awake").status, 2);
    assert_eq!(server.osctl("ct ls -e --persistent").status, 2);
}

#[test]
fn what_cannot_be_used_is_listed_and_said() {
    let server = Server::start();
    let mut broken = container("tank", "web", None);
    broken.user = None;
    broken.group = None;
    broken.distribution = None;
    broken.version = None;
    (broken.health, broken.failure) = disabled();
    server.answer("GET /v1/containers", &[broken]);
    assert_snapshot!(server.osctl("ct ls -o +health").to_string(), @r"
    POOL  ID   USER  GROUP  DISTRIBUTION  VERSION  STATE    INIT_PID  MEMORY  CPU_US  HEALTH
    tank  web  -     -      -             -        stopped  -         -       -       disabled
    --- stderr ---
    note: 1 of these cannot be used; `osctl healthcheck` says why
    ");
}

#[test]
fn tree() {
    let server = server();
    assert_snapshot!(server.osctl("ct tree").out, @r"
    tank:/                   99M
    ├── a
    │   ├── mail  stopped
    │   └── b
    └── default              70M
        └── web   running  66.2M
    twin:/
    └── default
        └── web   frozen    1.5M
    ");
    let colored = server.osctl("ct tree --color always").out;
    assert!(colored.contains("\x1b[31"), "{colored}");
    let json: serde_json::Value = serde_json::from_str(&server.osctl("ct tree -j").out).unwrap();
    assert_eq!(json["containers"].as_array().unwrap().len(), 3);
}

#[test]
fn waiting_for_a_state() {
    let server = server();
    let event = |revision: u32, body: &str| {
        format!("data: {{\"revision\":{revision},\"time\":\"2026-11-22T21:30:15Z\",{body}}}\n\n")
    };
    let ct = |name: &str, state: &str| {
        format!(r#""type":"container","pool":"tank","name":"{name}","state":"{state}""#)
    };
    let ping = r#"{"version":"0.2","pid":1,"started":"2026-11-22T21:30:15Z","state":"ready","revision":6}"#;
    server.answer_raw("GET /v1/ping", 200, ping);
    // The container is in that state already, so the command does not wait.
    assert_eq!(
        server.osctl("ct wait web frozen running").to_string(),
        "running\n"
    );
    assert!(!server.requests().contains("/v1/events"));
    let stream = [
        event(7, &ct("mail", "stopped")),
        event(8, &ct("web", "stopping")),
        event(9, &ct("web", "stopped")),
    ];
    server.answer_raw("GET /v1/events", 200, &stream.concat());
    assert_eq!(
        server.osctl("ct wait tank:web stopped -j").to_string(),
        "\"stopped\"\n"
    );
    assert!(server.requests().contains("/v1/events?since=6&timeout_ms="));
    let ran = server.osctl("ct wait --timeout 0 web freezing");
    assert_snapshot!(ran.to_string(), @r"
    --- stderr ---
    error: container tank:web is running after 0 s
    hint: osctl ct show tank:web
    (E-DEADLINE; osctl help E-DEADLINE)
    --- status 7 ---
    ");
}

#[test]
fn waiting_ends_when_it_is_gone_and_looks_again_after_a_gap() {
    let server = server();
    let ping = r#"{"version":"0.2","pid":1,"started":"2026-11-22T21:30:15Z","state":"ready","revision":6}"#;
    server.answer_raw("GET /v1/ping", 200, ping);
    let data = |body: &str| {
        format!("data: {{\"revision\":9,\"time\":\"2026-11-22T21:30:15Z\",{body}}}\n\n")
    };
    let gap = data(r#""type":"gap","resumed_at":40"#);
    let gone = data(
        r#""type":"entity","entity":{"kind":"container","pool":"tank","name":"web"},"change":"removed""#,
    );
    server
        .answer_raw("GET /v1/events", 200, &gap)
        .answer_raw("GET /v1/events", 200, &gone);
    let ran = server.osctl("ct wait web stopped");
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.err.contains("container tank:web was deleted"), "{ran}");
    assert!(server.requests().contains("/v1/events?since=39&"));
}

#[test]
fn log_and_configuration() {
    let server = server();
    let log = ContainerLog {
        path: "/tank/log/ct/web.log".into(),
        text: "one\x1b[2J\ntwo\n".into(),
        cut: true,
    };
    let text = "schema = 1\n# end\n".to_owned();
    server
        .answer("GET /v1/containers/tank/web/log", &log)
        .answer(
            "GET /v1/containers/tank/web/config",
            &ContainerConfig { text },
        );
    assert_snapshot!(server.osctl("ct log cat web").to_string(), @r"
    one\u{1b}[2J
    two
    --- stderr ---
    note: the beginning is left out; all of it is in /tank/log/ct/web.log
    ");
    assert_eq!(
        server.osctl("ct log path web").out,
        "/tank/log/ct/web.log\n"
    );
    assert_eq!(server.osctl("ct cfg cat web").out, "schema = 1\n# end\n");
    let ran = server.osctl("ct config edit web");
    assert!(
        ran.err.contains("osctl ct config replace web < FILE"),
        "{ran}"
    );
}

#[test]
fn starting_waits_for_the_guest() {
    let server = server();
    let finished = crate::fixtures::operation(
        os_api::OperationState::Finished,
        [os_api::StepState::Done; 2],
    );
    let answer = |state, by: &str| Readiness {
        state,
        by: by.into(),
    };
    let ready = "GET /v1/containers/tank/web/ready";
    server
        .answer("POST /v1/commands/container-start", &finished)
        .answer("POST /v1/commands/container-restart", &finished)
        .answer_raw("GET /v1/ping", 200, "{}")
        .answer(ready, &answer(ReadyState::NotYet, "systemd is starting"))
        .answer(ready, &answer(ReadyState::Ready, "getty waits for a login"));
    assert_snapshot!(server.osctl("ct start -w web").err, @"note: tank:web is up: getty waits for a login");
    server.answer(ready, &answer(ReadyState::Stopped, "it does not run"));
    server.osctl("ct start -w web");
    assert_snapshot!(server.osctl("ct start -w web").err, @r"
    error: container tank:web ended before it was up: it does not run
    hint: osctl ct log cat tank:web
    (E-CONTAINER-STATE; osctl help E-CONTAINER-STATE)
    ");
    server.answer(ready, &answer(ReadyState::NotYet, "systemd is starting"));
    server.osctl("ct start -w web");
    let ran = server.osctl("ct start -w web --timeout 0");
    assert_eq!(ran.status, 7, "{ran}");
    assert!(
        ran.err.contains("is not up after 0 s: systemd is starting"),
        "{ran}"
    );
    assert_eq!(server.osctl("ct start web").to_string(), "");
}

/// Listings do not request the columns that they do not print, which are most of a response.
#[test]
fn a_list_asks_for_what_it_shows() {
    let server = Server::start();
    let full = container("tank", "web", None);
    let mut brief = full.clone();
    brief.rootfs = None;
    brief.uid_map.clear();
    server
        .answer("GET /v1/containers", &[full])
        .answer("GET /v1/containers?brief=true", &[brief]);
    let rootfs = |line: &str| server.osctl(line).out.contains("/private");
    assert!(!server.osctl("ct ls").out.is_empty());
    assert!(rootfs("ct ls -o id,rootfs"));
    assert!(rootfs("ct ls -o all"));
    assert!(rootfs("ct ls -j"));
    assert!(!rootfs("ct ls -j -o id"));
    let sorted = server.osctl("ct ls -o id -s uid_map");
    assert_eq!((sorted.out.as_str(), sorted.status), ("ID\nweb\n", 0));
}
