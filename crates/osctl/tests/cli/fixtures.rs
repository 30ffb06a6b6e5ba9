//! Entities as a daemon would answer them.

use os_api::part::{PartEntry, Prlimits};
use os_api::settings::ContainerSettings;
use os_api::view::{
    Attrs, Container, Figures, Group, Health, IdRange, IdSegment, Pool, PoolState, SegmentKind,
    User,
};
use os_api::{Operation, OperationState, StepState, StepStatus};
use os_types::{ByteSize, Code, ContainerState, EntityRef, Failure};
use serde_json::json;

pub(crate) fn pool(name: &str) -> Pool {
    Pool {
        name: name.parse().unwrap(),
        dataset: name.parse().unwrap(),
        state: PoolState::Active,
        users: 2,
        groups: 12,
        containers: 0,
        parallel_start: 2,
        parallel_stop: 4,
        mountpoint: format!("/{name}").into(),
        source: Some(format!("/var/lib/osctl/images/{name}.img").into()),
        size_bytes: Some(ByteSize::gib(10)),
        used_bytes: Some(ByteSize(3 << 29)),
        available_bytes: Some(ByteSize((17 << 29) - 1)),
        disabled: 0,
        prlimits: Vec::new(),
        health: Health::Ok,
        failure: None,
        attrs: Attrs::from([("org.example:rack".parse().unwrap(), "r 7\n".into())]),
    }
}

pub(crate) fn user(pool: &str, name: &str, ugid: Option<u32>) -> User {
    let map = vec!["0:1000000:65536".parse().unwrap()];
    User {
        pool: pool.parse().unwrap(),
        name: name.parse().unwrap(),
        username: format!("{pool}-{name}"),
        groupname: format!("{pool}-{name}"),
        ugid,
        homedir: format!("/run/osctl/pools/{pool}/users/{name}/.home").into(),
        registered: ugid.is_some(),
        standalone: true,
        uid_map: map.clone(),
        gid_map: map,
        health: Health::Ok,
        failure: None,
        attrs: Attrs::new(),
    }
}

pub(crate) fn group(pool: &str, name: &str, memory: Option<u64>) -> Group {
    Group {
        pool: pool.parse().unwrap(),
        name: name.parse().unwrap(),
        path: name.trim_start_matches('/').into(),
        full_path: format!("osctl/pool.{pool}{name}"),
        figures: Figures {
            memory_bytes: memory,
            cpu_us: memory.map(|memory| memory * 3),
            cpu_user_us: None,
            cpu_system_us: None,
            nproc: None,
        },
        prlimits: Vec::new(),
        health: Health::Ok,
        failure: None,
        attrs: Attrs::new(),
    }
}

fn settings(name: &str) -> ContainerSettings {
    let settings = json!({
        "autostart": {},
        "ephemeral": false,
        "nesting": false,
        "hostname": format!("{name}.example.org"),
        "dns_resolvers": ["192.0.2.53", "2001:db8::53"],
        "init_cmd": ["/sbin/init", "--foo"],
        "raw_lxc": "lxc.environment = A=B\n",
    });
    serde_json::from_value(settings).unwrap()
}

fn prlimits() -> Vec<PartEntry<Prlimits>> {
    let entry = json!([{
        "key": "nofile", "value": { "soft": 1024, "hard": "unlimited" }, "from": "group /default",
    }]);
    serde_json::from_value(entry).unwrap()
}

pub(crate) fn container(pool: &str, name: &str, init_pid: Option<u32>) -> Container {
    let run = format!("/run/osctl/pools/{pool}");
    let is_running = init_pid.is_some();
    let map = vec!["0:1000000:65536".parse().unwrap()];
    Container {
        pool: pool.parse().unwrap(),
        name: name.parse().unwrap(),
        state: if is_running {
            ContainerState::Running
        } else {
            ContainerState::Stopped
        },
        init_pid,
        monitor_pid: init_pid.map(|pid| pid - 1),
        started: init_pid.map(|_| "2026-11-22T21:30:15Z".parse().unwrap()),
        hostname_readout: init_pid.map(|_| format!("{name}.example.org")),
        user: Some(name.parse().unwrap()),
        group: Some("/default".parse().unwrap()),
        dataset: format!("{pool}/ct/{name}").parse().unwrap(),
        rootfs: Some(format!("/{pool}/ct/{name}/private").into()),
        lxc_path: Some(format!("{run}/users/{name}/group.default/cts").into()),
        lxc_dir: Some(format!("{run}/users/{name}/group.default/cts/{name}").into()),
        group_path: Some(format!(
            "osctl/pool.{pool}/group.default/user.{name}/ct.{name}"
        )),
        log_file: Some(format!("/{pool}/log/ct/{name}.log").into()),
        distribution: Some("debian".parse().unwrap()),
        version: Some("13".parse().unwrap()),
        arch: Some("x86_64".parse().unwrap()),
        vendor: Some("vpsadminos".parse().unwrap()),
        variant: Some("minimal".parse().unwrap()),
        image: Some("c2".repeat(32).parse().unwrap()),
        settings: settings(name),
        prlimits: prlimits(),
        pending: Vec::new(),
        uid_map: map.clone(),
        gid_map: map,
        figures: Figures {
            memory_bytes: init_pid.map(|pid| u64::from(pid) << 14),
            cpu_us: init_pid.map(|pid| u64::from(pid) * 1000),
            cpu_user_us: init_pid.map(|pid| u64::from(pid) * 600),
            cpu_system_us: init_pid.map(|pid| u64::from(pid) * 400),
            nproc: init_pid.map(|_| 12),
        },
        health: Health::Ok,
        failure: None,
        attrs: Attrs::from([("a:b".parse().unwrap(), "c".into())]),
    }
}

pub(crate) fn id_range() -> IdRange {
    IdRange {
        pool: "tank".parse().unwrap(),
        name: "default".parse().unwrap(),
        start_id: 1_000_000,
        last_id: 4_294_959_679,
        block_size: 65_536,
        block_count: 65_520,
        allocated: 2,
        free: 65_518,
        health: Health::Ok,
        failure: None,
        attrs: Attrs::new(),
    }
}

pub(crate) fn id_table() -> Vec<IdSegment> {
    let segment = |kind, block_index, block_count, owner: Option<&str>| IdSegment {
        kind,
        block_index,
        block_count,
        owner: owner.map(Into::into),
        first_id: 1_000_000 + block_index * 65_536,
        last_id: 999_999 + (block_index + block_count) * 65_536,
        id_count: block_count * 65_536,
    };
    vec![
        segment(SegmentKind::Allocated, 0, 1, Some("user:alice")),
        segment(SegmentKind::Free, 1, 3, None),
        segment(SegmentKind::Allocated, 4, 1, Some("backup")),
    ]
}

pub(crate) fn disabled() -> (Health, Option<Failure>) {
    let failure = Failure::new(
        Code::Damaged,
        "conf/user/bob.toml, line 3: expected a value",
    );
    (
        Health::Disabled,
        Some(failure.next("osctl pool reload tank")),
    )
}

pub(crate) fn operation(state: OperationState, steps: [StepState; 2]) -> Operation {
    let [first, second] = steps;
    Operation {
        id: "20261122-213015.123-4f2a".parse().unwrap(),
        command: "user-new".into(),
        cli: "osctl user new alice".into(),
        state,
        uid: 0,
        pid: 4242,
        touches: vec![EntityRef::User {
            pool: "tank".parse().unwrap(),
            name: "alice".parse().unwrap(),
        }],
        created: "2026-11-22T21:30:15.123Z".parse().unwrap(),
        started: Some("2026-11-22T21:30:15.124Z".parse().unwrap()),
        ended: None,
        steps: vec![
            StepStatus {
                text: "create file tank:conf/user/alice.toml".into(),
                state: first,
            },
            StepStatus {
                text: "register system user tank-alice".into(),
                state: second,
            },
        ],
        waits_for: None,
        cancelling: None,
        warnings: Vec::new(),
        failure: None,
        undoes: None,
        recovered: false,
    }
}
