//! The network of `os/configurations/test-network.nix`: cards, a bond of them, a VLAN, a bridge, and rules.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machine::image::SERVICES;
use machine::{Image, booted};
use osvm::{Deadline, Machine, Network, Nic};
use serde_json::Value;

/// An interface that is missing gets 10 s, once for the service.
const CONFIGURED: Deadline = Deadline::Scaled(Duration::from_secs(20));

/// A bond looks at its cables ten times a second.
const NOTICED: Deadline = Deadline::Scaled(Duration::from_secs(5));

#[test]
fn bond_vlan_bridge_routes_and_rules() -> Result<()> {
    let wire = Network::new()?;
    let card = || Nic::Private(wire.clone());
    let machine = Image::named("test-network")?.machine("network");
    let mut vm = booted(machine.nic(card()).nic(card()))?;
    vm.wait_for_service("networking", SERVICES)?;
    let missing =
        "networking: ERROR: networking.interfaces.eth9: there is no interface eth9, only:";
    vm.wait_for_console(missing, CONFIGURED)?;

    is_configured(&mut vm)?;
    a_taken_address_is_reported(&mut vm)?;
    rules_drop(&mut vm)?;
    wrong_rules_are_told(&mut vm)?;
    repeating_changes_nothing(&mut vm)?;
    one_cable_is_enough(&mut vm)
}

fn link(vm: &mut Machine, name: &str) -> Result<Value> {
    let shown = vm.succeeds(&format!("ip -j -d link show {name}"))?;
    let links: Vec<Value> = serde_json::from_str(&shown)?;
    links.into_iter().next().context("no link")
}

fn is_configured(vm: &mut Machine) -> Result<()> {
    // While the kernel compares an address with those of other machines, the address does not answer.
    assert_eq!(
        vm.succeeds("ip -6 -o address show scope global tentative")?,
        ""
    );
    for card in ["eth0", "eth1"] {
        assert_eq!(link(vm, card)?["master"], "bond0");
    }
    let bond = link(vm, "bond0")?;
    assert_eq!(bond["linkinfo"]["info_data"]["mode"], "active-backup");
    assert_eq!(bond["mtu"], 1400);
    let vlan = link(vm, "bond0.10")?;
    assert_eq!(vlan["linkinfo"]["info_data"]["id"], 10);
    assert_eq!(
        (&vlan["link"], &vlan["master"]),
        (&"bond0".into(), &"br0".into())
    );
    let bridge = link(vm, "br0")?;
    assert_eq!(bridge["address"], "02:00:00:00:00:10");
    assert_eq!(bridge["operstate"], "UP");

    let route = vm.succeeds("ip -j route get 198.51.100.7 | jq -r '.[0].gateway, .[0].dev'")?;
    assert_eq!(route, "203.0.113.2\nbr0");
    let default = "for v in -4 -6; do ip -j $v route show default | jq -r '.[0].gateway'; done";
    assert_eq!(vm.succeeds(default)?, "203.0.113.1\nfe80::1");
    vm.succeeds("ping -c 1 -W 2 203.0.113.5")?;
    vm.succeeds("ping -c 1 -W 2 2001:db8::5")?;
    Ok(())
}

/// Another machine, that is a network namespace on a port of the bridge, has an address of this one.
fn a_taken_address_is_reported(vm: &mut Machine) -> Result<()> {
    let address = "2001:db8::5/64";
    vm.all_succeed(&[
        &format!("ip address del {address} dev br0"),
        "ip netns add other && ip link add port0 type veth peer name eth0 netns other",
        "ip link set port0 master br0 up && ip -n other link set eth0 up",
        &format!("ip -n other address add {address} dev eth0 nodad"),
    ])?;
    repeat(vm, "networking")?;
    let reported = format!(
        "networking: ERROR: networking.interfaces.br0: another machine on the network has the address {address}"
    );
    vm.wait_for_console(&reported, CONFIGURED)?;
    vm.all_succeed(&[
        "ip netns del other",
        &format!("ip address del {address} dev br0"),
    ])?;
    repeat(vm, "networking")
}

/// Without the table of the rules what they drop is answered.
fn rules_drop(vm: &mut Machine) -> Result<()> {
    let ping = "ping -c 1 -W 1 203.0.113.6";
    vm.fails(ping)?;
    vm.succeeds("nft list ruleset | grep 'ip daddr 203.0.113.6 counter packets 1'")?;
    vm.succeeds(&format!("nft delete table inet filter && {ping}"))?;
    // What others have in the packet filter stays.
    vm.succeeds("nft add table inet other")?;
    for _ in 0..2 {
        repeat(vm, "nftables")?;
    }
    vm.fails(ping)?;
    let rules = vm.succeeds("nft list ruleset")?;
    ensure!(rules.contains("table inet other"), "{rules}");
    ensure!(rules.matches("drop").count() == 1, "{rules}");
    Ok(())
}

/// Rules that are wrong change nothing; the service is tried again until they are right.
fn wrong_rules_are_told(vm: &mut Machine) -> Result<()> {
    vm.succeeds("cp /etc/nftables.conf /tmp && echo nonsense >>/etc/nftables.conf")?;
    vm.succeeds("rm /run/service/nftables/done && sv up nftables")?;
    let told = "nftables: ERROR: networking.nftables.ruleset: no interface is brought up";
    vm.wait_for_console(told, CONFIGURED)?;
    vm.succeeds("nft list ruleset | grep 'ip daddr 203.0.113.6'")?;
    vm.succeeds("cp /tmp/nftables.conf /etc/nftables.conf")?;
    vm.wait_for_service("nftables", CONFIGURED)?;
    Ok(())
}

/// Lets a service that is done do its work again.
fn repeat(vm: &mut Machine, service: &str) -> Result<()> {
    vm.succeeds(&format!(
        "rm /run/service/{service}/done && sv up {service}"
    ))?;
    vm.wait_for_service(service, CONFIGURED)?;
    Ok(())
}

fn repeating_changes_nothing(vm: &mut Machine) -> Result<()> {
    // All but what the kernel counts: how long an address is still good, what has been sent.
    let state =
        "ip -d link | sed -E 's/[a-z_]+_timer +[0-9.]+//g'; ip -o address; ip route; ip -6 route";
    let before = vm.succeeds(state)?;
    let events = "timeout 600 ip monitor link route >/tmp/events 2>&1 & echo $!";
    let monitor = vm.succeeds(events)?;
    repeat(vm, "networking")?;
    let after = vm.succeeds(state)?;
    let only_in = |one: &str, other: &str| -> Vec<String> {
        let lines = one.lines().filter(|line| !other.contains(line));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(only_in(&after, &before), only_in(&before, &after));
    let down = vm.succeeds(&format!(
        "kill {monitor}; grep -c 'state DOWN' /tmp/events || true"
    ))?;
    assert_eq!(down, "0", "a link went down meanwhile");
    Ok(())
}

fn one_cable_is_enough(vm: &mut Machine) -> Result<()> {
    let active = "cat /sys/class/net/bond0/bonding/active_slave";
    assert_eq!(vm.succeeds(active)?, "eth0");
    vm.unplug_cable(0)?;
    vm.wait_until_succeeds(&format!("{active} | grep -x eth1"), NOTICED)?;
    assert_eq!(link(vm, "br0")?["operstate"], "UP");
    Ok(())
}
