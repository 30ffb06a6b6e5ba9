//! What goes on, and whether all is well.

use insta::assert_snapshot;
use os_api::view::{Asset, AssetKind, AssetState, Container, PoolState};
use os_api::{HistoryRecord, OperationState, Queue, StepState, TurnHolder};
use os_types::EntityRef;

use crate::fixtures::{container, disabled, group, id_range, operation, pool, user};
use crate::server::Server;

fn alice() -> EntityRef {
    EntityRef::User {
        pool: "tank".parse().unwrap(),
        name: "alice".parse().unwrap(),
    }
}

fn asset(state: AssetState) -> Asset {
    let is_valid = state == AssetState::Valid;
    Asset {
        entity: alice(),
        kind: AssetKind::File,
        path: "/tank/conf/user/alice.toml".into(),
        description: "configuration".into(),
        state,
        errors: if is_valid {
            vec![]
        } else {
            vec!["mode is 0644, not 0400".into()]
        },
        next: (!is_valid).then(|| "chmod 0400 /tank/conf/user/alice.toml".into()),
    }
}

#[test]
fn healthcheck() {
    let server = Server::start();
    let mut bob = user("tank", "bob", None);
    (bob.health, bob.failure) = disabled();
    let mut broken = container("tank", "web", None);
    (broken.health, broken.failure) = disabled();
    let mut importing = pool("late");
    importing.state = PoolState::Importing;
    let pong = |state: &str| {
        format!(
            r#"{{"version":"1","pid":1,"started":"2026-11-22T21:30:15Z","state":"{state}","revision":7}}"#
        )
    };
    server
        .answer("GET /v1/pools", &[pool("tank"), importing])
        .answer_raw("GET /v1/ping", 200, &pong("ready"))
        .answer("GET /v1/id-ranges", &[id_range()])
        .answer("GET /v1/groups", &[group("tank", "/", None)])
        .answer("GET /v1/users", &[user("tank", "alice", None), bob.clone()])
        .answer("GET /v1/containers", &[broken])
        .answer(
            "GET /v1/containers?brief=true&pool=tank",
            &Vec::<Container>::new(),
        )
        .answer("GET /v1/assets?invalid=true", &[asset(AssetState::Invalid)])
        .answer("GET /v1/users?pool=tank", &[user("tank", "alice", None)])
        .answer(
            "GET /v1/assets?invalid=true&pool=tank",
            &Vec::<Asset>::new(),
        )
        .answer(
            "GET /v1/assets?invalid=false&pool=tank",
            &[asset(AssetState::Valid)],
        );
    assert_snapshot!("healthcheck", server.osctl("healthcheck").to_string());
    assert_snapshot!(
        "healthcheck_well",
        server.osctl("healthcheck tank").to_string()
    );
    assert_snapshot!(
        "healthcheck_all",
        server.osctl("healthcheck -a tank").to_string()
    );
    let json = server.osctl("-j healthcheck");
    assert_eq!(json.status, 1);
    serde_json::from_str::<serde_json::Value>(&json.out).unwrap();

    for kind in ["users", "containers?brief=true", "assets?invalid=true"] {
        let separator = if kind.contains('?') { '&' } else { '?' };
        server.answer_raw(&format!("GET /v1/{kind}{separator}pool=late"), 200, "[]");
    }
    assert_snapshot!(server.osctl("healthcheck late").to_string(), @r"
    --- stderr ---
    not ready yet, being imported: late
    hint: osctl ping 60 && osctl healthcheck
    --- status 6 ---
    ");
    server
        .answer_raw("GET /v1/ping", 200, &pong("starting"))
        .osctl("ping");
    assert_snapshot!(server.osctl("healthcheck tank").to_string(), @r"
    --- stderr ---
    osctld is not ready yet
    hint: osctl ping 60 && osctl healthcheck
    --- status 6 ---
    ");
}

#[test]
fn assets() {
    let server = Server::start();
    server
        .answer("GET /v1/pools", &[pool("tank")])
        .answer("GET /v1/users/alice", &user("tank", "alice", None))
        .answer("GET /v1/users/tank/alice", &user("tank", "alice", None))
        .answer(
            "GET /v1/assets?invalid=false&kind=user&name=alice&pool=tank",
            &[asset(AssetState::Valid), asset(AssetState::Invalid)],
        );
    assert_snapshot!("assets", server.osctl("user assets alice").to_string());
    assert_snapshot!(
        "assets_verbose",
        server.osctl("user assets -v tank:alice").to_string()
    );
}

#[test]
fn history_is_oldest_first() {
    let record = |time: &str, pool: Option<&str>, cli: &str| HistoryRecord {
        id: os_types::OpId::new(time.parse().unwrap(), 7),
        time: time.parse().unwrap(),
        pool: pool.map(|pool| pool.parse().unwrap()),
        command: "user-new".into(),
        cli: cli.into(),
        uid: 0,
        pid: 4242,
        state: OperationState::Finished,
        failure: None,
        undoes: None,
        recovered: false,
        undoable: true,
    };
    let server = Server::start();
    server.answer(
        "GET /v1/history?limit=100",
        &[
            record("2026-11-22T21:31:00Z", Some("tank"), "osctl user new bob"),
            record("2026-11-22T21:30:00Z", None, ""),
        ],
    );
    assert_snapshot!("history", server.osctl("history").to_string());
    assert_snapshot!(
        "history_more",
        server.osctl("history -o +id,undoable -p").to_string()
    );
}

#[test]
fn queues_and_operations() {
    let server = Server::start();
    let running = operation(
        OperationState::Running,
        [StepState::Done, StepState::Running],
    );
    let queue = Queue {
        entity: alice(),
        holders: vec![TurnHolder {
            operation: running.id.clone(),
            since: running.created,
        }],
        shared: false,
        waiting: vec!["20261122-213016.000-0001".parse().unwrap()],
    };
    server
        .answer("GET /v1/queues", &[queue])
        .answer("GET /v1/operations/4f2a", &running);
    assert_snapshot!("queues", server.osctl("queue ls").to_string());
    assert_snapshot!(
        "operation_show",
        server.osctl("operation show 4f2a").to_string()
    );
}

#[test]
fn events() {
    let server = Server::start();
    let event = |revision: u32, body: &str| {
        format!(
            "id: {revision}\ndata: {{\"revision\":{revision},\"time\":\"2026-11-22T21:30:15Z\",{body}}}\n\n"
        )
    };
    let stream = [
        event(1, r#""type":"daemon","state":"ready""#),
        event(
            2,
            r#""type":"operation","id":"20261122-213015.123-4f2a","command":"user-new","cli":"x","state":"running""#,
        ),
        event(
            3,
            r#""type":"progress","id":"20261122-213015.123-4f2a","done":1,"total":2,"text":"create\u001b file""#,
        ),
        event(
            4,
            r#""type":"entity","entity":{"kind":"user","pool":"tank","name":"alice"},"change":"added""#,
        ),
        event(5, r#""type":"pool","pool":"tank","state":"active""#),
        event(6, r#""type":"gap","resumed_at":9"#),
        event(
            7,
            r#""type":"container","pool":"tank","name":"web","state":"running","init_pid":7"#,
        ),
        event(
            8,
            r#""type":"container-exit","pool":"tank","name":"web","exit":"reboot""#,
        ),
        event(9, r#""type":"daemon","state":"stopping""#),
    ];
    server.answer_raw("GET /v1/events?limit=9", 200, &stream.concat());
    assert_snapshot!("events", server.osctl("monitor -n 9").to_string());
    // The form that clients of vpsAdminOS read.
    assert_snapshot!("events_json", server.osctl("monitor -n 9 -j").to_string());
    assert_eq!(server.osctl("monitor").status, 3);
}
