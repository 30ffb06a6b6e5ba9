use std::collections::BTreeSet;

use os_types::IdMapEntry;
use proptest::prelude::*;

use super::*;

fn path(text: &str) -> ConfigPath {
    ConfigPath::new(text).unwrap()
}

fn map(entries: &[&str]) -> IdMap {
    let entries: Vec<IdMapEntry> = entries.iter().map(|it| it.parse().unwrap()).collect();
    entries.try_into().unwrap()
}

fn sample(distribution: &str) -> ContainerConfig {
    ContainerConfig {
        id: "web1".parse().unwrap(),
        arch: "x86_64".parse().unwrap(),
        hostname: Value::new("web1.example.org").unwrap(),
        uid_map: map(&["0:1000000:65536"]),
        gid_map: map(&["0:1000000:65536"]),
        stage: Stage::new(path("/run/osctl/stage")),
        quirks: DistroQuirks::of(&distribution.parse().unwrap()),
        seccomp: path("/run/osctl/configs/default.seccomp"),
        clocks: ClockOffsets::since(123_456, 123_400),
        hooks: HookProgram {
            socket: path("/run/osctl/hook.sock"),
            reboot_mark: path("/run/osctl/pools/tank/console/web1/reboot"),
            patience_ms: 20_000,
            start_host: true,
            pre_mount: false,
            mount: false,
        },
        console: ConsoleLog {
            path: path("/run/osctl/pools/tank/console/web1/log"),
            bytes: 65_536,
        },
        apparmor: AppArmor::Absent,
        nesting: Nesting::Refused,
        mounts: Vec::new(),
        raw: RawLxc::default(),
    }
}

#[test]
fn debian() {
    insta::assert_snapshot!(sample("debian").render());
}

#[test]
fn alpine_with_everything() {
    let mut config = sample("alpine");
    config.uid_map = map(&["0:1000000:1000", "1000:5000:1"]);
    config.clocks = ClockOffsets::since(0, 5);
    config.hooks.pre_mount = true;
    config.hooks.mount = true;
    config.hooks.socket = path("/tmp/a b'c/hook.sock");
    config.apparmor = AppArmor::Profile(Value::new("unconfined").unwrap());
    config.nesting = Nesting::Allowed;
    let shared = MountEntry::bind(&path("/srv/my data"), "mnt/d", &["create=dir", "ro"]);
    let memory = MountEntry::filesystem("tmpfs", "tmp", &["size=1m"]);
    config.mounts = vec![shared.unwrap(), memory.unwrap()];
    config.raw = "# mine\nlxc.sysctl.net.ipv4.ip_forward=1\n"
        .parse()
        .unwrap();
    insta::assert_snapshot!(config.render());
}

#[test]
fn mount_entries_are_plain() {
    let source = path("/a");
    for target in ["", "/x", "../x", "a/../b", "a\nb", "a//b", "."] {
        MountEntry::bind(&source, target, &[]).unwrap_err();
    }
    for option in ["", "a b", "ro 0 0\nlxc.x", "x#"] {
        MountEntry::bind(&source, "x", &[option]).unwrap_err();
    }
    MountEntry::filesystem("tmp fs", "x", &[]).unwrap_err();
}

/// The keys of a configuration as LXC sees them, with their values.
fn read_as_lxc(text: &str) -> Vec<(String, String)> {
    let lines = text
        .split(['\n', '\r', '\0'])
        .map(|it| it.trim_matches([' ', '\t']));
    let keys = lines.filter(|it| it.starts_with("lxc."));
    keys.map(|line| {
        let (key, value) = line.split_once('=').unwrap();
        let value = value.trim_matches([' ', '\t']);
        let quoted = value.len() > 1
            && value.starts_with(['"', '\''])
            && value.as_bytes().first() == value.as_bytes().last();
        let value = if quoted {
            value.get(1..value.len() - 1).unwrap()
        } else {
            value
        };
        (key.trim_end().to_owned(), value.to_owned())
    })
    .collect()
}

proptest! {
    /// Whatever is in the fields, the keys are those of a sample, and values arrive as they were.
    #[test]
    fn no_field_adds_a_line(
        text in "(?s).{0,30}",
        target in "(?s).{0,30}",
        folder in "(?s)/[^/]{0,20}",
        raw in r"(?s)(lxc\.[a-z.]{0,12} ?= ?.{0,10}\n?){0,3}",
    ) {
        let mut config = sample("debian");
        let expected: Vec<String> =
            read_as_lxc(&config.render()).into_iter().map(|(key, _)| key).collect();
        let mut allowed: BTreeSet<String> = expected.iter().cloned().collect();
        if let Ok(value) = Value::new(text.clone()) {
            config.hostname = value;
        }
        if let Ok(folder) = ConfigPath::new(&folder) {
            config.seccomp = folder.clone();
            config.console.path = folder.clone();
            config.hooks.socket = folder.clone();
            config.stage = Stage::new(folder.clone());
            config.mounts.extend(MountEntry::bind(&folder, &target, &[]).ok());
        }
        config.mounts.extend(MountEntry::filesystem("tmpfs", "x", &[&target]).ok());
        if let Ok(raw) = raw.parse::<RawLxc>() {
            allowed.extend(raw.lines().map(|(key, _)| key.to_owned()));
            config.raw = raw;
        }
        let lines = read_as_lxc(&config.render());
        prop_assert!(lines.iter().all(|(key, _)| allowed.contains(key)), "{:?}", lines);
        prop_assert_eq!(
            lines.len(),
            expected.len() + config.mounts.len() + config.raw.lines().count()
        );
        let value_of = |key: &str| lines.iter().find(|(it, _)| it == key).map(|(_, v)| v.as_str());
        prop_assert_eq!(value_of("lxc.uts.name"), Some(config.hostname.as_str()));
        prop_assert_eq!(value_of("lxc.seccomp.profile"), Some(config.seccomp.as_str()));
    }
}
