//! A host is one file: the results of valid files, and the errors of invalid ones.
#![expect(
    clippy::disallowed_methods,
    reason = "plain files in a temporary directory, no atomicity needed"
)]

use os_composition::{evaluate, os_folder, script};

/// What Nix says of a configuration that is wrong.
fn refusal(attribute: &str, configuration: &str) -> String {
    evaluate(attribute, configuration)
        .expect_err("it was accepted")
        .stderr()
        .to_owned()
}

#[test]
fn the_module_system_passes_its_own_cases() {
    let summary = script("lib/tests/run").unwrap();
    assert!(summary.trim_end().ends_with(" 0 failed"), "{summary}");
}

#[test]
fn the_option_manual_is_that_of_the_modules() {
    let page = std::fs::read_to_string(os_folder().join("../docs/src/options.md")).unwrap();
    let made = script("manual").unwrap();
    assert!(
        made == page,
        "it is stale; make it again: os/manual --write"
    );
}

#[test]
fn ready_configurations_name_their_packages() {
    for entry in std::fs::read_dir(os_folder().join("configurations")).unwrap() {
        let path = entry.unwrap().path().canonicalize().unwrap();
        let packages = evaluate("packages", &path.display().to_string()).unwrap();
        for wanted in ["linux-image-", "runit", "zfsutils-linux"] {
            assert!(packages.contains(wanted), "{}: {packages}", path.display());
        }
    }
}

#[test]
fn services_become_run_scripts_in_their_runlevels() {
    let host =
        r#"{ runit.services.hello = { run = "exec hello --forever"; requires = [ "udev" ]; }; }"#;
    let run = evaluate(
        r#"config.environment.files."/etc/runit/services/hello/run".text"#,
        host,
    );
    let run = run.unwrap();
    assert!(
        run.contains("exec hello --forever") && run.contains("require 120"),
        "{run}"
    );
    let link = r#"config.environment.files."/etc/runit/runsvdir/default/hello".link"#;
    assert_eq!(
        evaluate(link, host).unwrap().trim(),
        r#""/etc/runit/services/hello""#
    );
}

#[test]
fn an_option_that_does_not_exist_is_named_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let host = dir.path().join("host.nix");
    std::fs::write(&host, r#"{ networking.hostXName = "x"; }"#).unwrap();
    let text = refusal("packages", &host.display().to_string());
    assert!(text.contains("networking.hostXName"), "{text}");
    assert!(text.contains("host.nix"), "{text}");
    assert!(text.contains("networking.hostName"), "no hint: {text}");
}

#[test]
fn a_value_of_a_wrong_type_is_named_with_what_is_wanted() {
    let text = refusal(
        "config.services.sshd.port",
        "{ services.sshd.port = 70000; }",
    );
    assert!(
        text.contains("services.sshd.port") && text.contains("65535"),
        "{text}"
    );
}

#[test]
fn two_values_are_shown_with_both_files() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in [("one", "one"), ("two", "two")] {
        let text = format!(r#"{{ networking.hostName = "{value}"; }}"#);
        std::fs::write(dir.path().join(format!("{name}.nix")), text).unwrap();
    }
    let host = format!(
        "{{ imports = [ {0}/one.nix {0}/two.nix ]; }}",
        dir.path().display()
    );
    let text = refusal("config.networking.hostName", &host);
    for part in [
        "networking.hostName",
        "one.nix",
        "two.nix",
        "\"one\"",
        "\"two\"",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

#[test]
fn all_assertions_that_fail_are_shown_at_once() {
    let host = r#"{
        runit.services.a = { run = "true"; requires = [ "nobody" ]; };
        boot.zfs.pools.tank.doCreate = true;
    }"#;
    let text = refusal("packages", host);
    assert!(text.contains("there is no service nobody"), "{text}");
    assert!(text.contains("doCreate needs a layout"), "{text}");
}

#[test]
fn network_devices_are_made_in_the_order_they_need() {
    let host = r#"{ networking = {
        vlans.a = { id = 2; interface = "z"; };
        vlans.z = { id = 1; interface = "team"; };
        bonds.team.interfaces = [ "eth0" ];
        bridges.br0.interfaces = [ "a" ];
        interfaces.br0.addresses = [ "203.0.113.5/24" ];
    }; }"#;
    let run = r#"config.environment.files."/etc/runit/services/networking/run".text"#;
    let run = evaluate(run, host).unwrap();
    let wanted = [
        "make bond bonds.team team",
        "ports bonds.team team eth0",
        "make bridge bridges.br0 br0",
        "make vlan vlans.z z team id 1",
        "make vlan vlans.a a z id 2",
        "ports bridges.br0 br0 a",
        "bring_up br0",
        "address br0 203.0.113.5/24",
    ];
    let places: Vec<_> = wanted.iter().map(|line| run.find(line)).collect();
    assert!(places.iter().all(Option::is_some), "{run}");
    assert!(places.is_sorted(), "{run}");
}

#[test]
fn network_devices_that_cannot_be_are_refused() {
    let host = r#"{ networking = {
        bonds.one.interfaces = [ "eth0" ];
        bridges.two.interfaces = [ "eth0" "eth1" ];
        interfaces.eth1.addresses = [ "203.0.113.5/24" ];
        vlans.x = { id = 1; interface = "y"; };
        vlans.y = { id = 2; interface = "x"; };
        bridges."a-name-of-17-char" = { interfaces = [ ]; };
        bridges.one.interfaces = [ ];
    }; }"#;
    let text = refusal("packages", host);
    for part in [
        "eth0 is a port of bonds.one and bridges.two",
        "networking.interfaces.eth1 has an address and is a port of bridges.two",
        "networking.vlans: these form a cycle",
        "a-name-of-17-char cannot be an interface",
        "one name for two of bonds, bridges and vlans: one",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

#[test]
fn tables_of_the_packet_filter_are_replaced_by_name() {
    let host = r"{ networking.nftables = { enable = true; ruleset = ''
        # table inet comment {
        table inet filter {
        }
        add table short
    ''; }; }";
    let file = r#"config.environment.files."/etc/nftables.conf".text"#;
    let file = evaluate(file, host).unwrap();
    for part in ["delete table inet filter\\n", "delete table ip short\\n"] {
        assert!(file.contains(part), "{part} is missing: {file}");
    }
    assert!(!file.contains("delete table inet comment"), "{file}");
}

#[test]
fn firmware_may_be_what_is_not_free() {
    let host = r#"{ hardware.firmware = [ "firmware-bnx2" ]; }"#;
    let components = evaluate("components", host).unwrap();
    assert_eq!(components.trim(), r#""main contrib non-free-firmware""#);
    assert!(
        evaluate("packages", host)
            .unwrap()
            .contains("firmware-bnx2")
    );
    let without = evaluate("components", "{ }").unwrap();
    assert_eq!(without.trim(), r#""main contrib""#);
}

#[test]
fn zpools_are_created_in_the_words_of_zpool() {
    let host = r#"{ boot.zfs.pools.tank = {
        layout = [
            { type = "mirror"; devices = [ "sda" "sdb" ]; }
            { devices = [ "sdc" ]; }
            { type = "raidz2"; devices = [ "sdd" "sde" "sdf" ]; }
        ];
        log = [ { mirror = true; devices = [ "nvme0" "nvme1" ]; } { devices = [ "nvme2" ]; } ];
        cache = [ "nvme3" ];
        spare = [ "sdg" "sdh" ];
    }; }"#;
    // A stripe behind a mirror would be a disk of that; `log` may be said once.
    let words = "sdc mirror sda sdb raidz2 sdd sde sdf log nvme2 mirror nvme0 nvme1 cache nvme3 spare sdg sdh";
    let devices = "sda sdb sdc sdd sde sdf nvme0 nvme1 nvme2 nvme3 sdg sdh";
    let file = |path: &str| format!(r#"config.environment.files."{path}".text"#);
    let by_hand = evaluate(&file("/usr/sbin/do-create-pool-tank"), host).unwrap();
    assert!(
        by_hand.contains(&format!("tank {devices} -- {words} -- ")),
        "{by_hand}"
    );
    let at_boot = file("/etc/runit/services/pool-tank/run");
    let kept = evaluate(&at_boot, host).unwrap();
    assert!(kept.contains("import_zpool tank tank 60 keep\\n"), "{kept}");
    let told = host.replace("layout", "doCreate = true; layout");
    let created = evaluate(&at_boot, &told).unwrap();
    assert!(
        created.contains(&format!("60 create {devices} -- {words}\\n")),
        "{created}"
    );
}

#[test]
fn what_is_declared_on_a_pool_of_osctl_needs_that_pool() {
    let host = r#"{
        boot.zfs.pools.tank.install = true;
        osctl.pools.tank = { users.bob.uidMap = [ "0:2000000:65536" ]; groups."/web" = { }; };
    }"#;
    let run = r#"config.environment.files."/etc/runit/services/osctl-pool-tank/run".text"#;
    let run = evaluate(run, host).unwrap();
    for part in [
        "import_pool tank\\n",
        "user tank:bob 0:2000000:65536 ''\\n",
        "group tank:/web\\n",
    ] {
        assert!(run.contains(part), "{part} is missing: {run}");
    }
    let text = refusal("packages", "{ osctl.pools.tank.groups.web = { }; }");
    for part in ["boot.zfs.pools.tank.install is not true", "web is no group"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}
