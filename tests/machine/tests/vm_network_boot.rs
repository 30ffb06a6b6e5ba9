//! Machines without a disk, which fetch root.squashfs from another machine over a private network.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machine::image::{BOOT, DOWN};
use machine::{Image, booted};
use osvm::{Builder, Deadline, Machine, Network, Nic};

/// A fetch of 95 MB through two emulated machines, after the pauses between attempts.
const FETCHED: Deadline = Deadline::Scaled(Duration::from_mins(1));

/// Until stage 1 gives up: eight attempts with 60 s of pauses between them.
const GIVEN_UP: Deadline = Deadline::Scaled(Duration::from_mins(1));

/// Sends the beginning of the file and ends, once.
const DYING_SERVER: &str = r#"
    size=$(stat -c %s /tmp/www/root.squashfs)
    { printf 'HTTP/1.0 200 OK\r\nContent-Length: %s\r\n\r\n' "$size"; head -c 20000000 /tmp/www/root.squashfs; } |
        timeout 200 busybox nc -l -p 80 >/dev/null 2>&1 &
"#;

#[test]
fn server_that_dies_midway_is_asked_again() -> Result<()> {
    let image = Image::find()?;
    let network = Network::new()?;
    let mut server = server(&image, &network)?;
    server.succeeds(DYING_SERVER)?;
    let mut client = client(&image, "client", &network).build()?;
    let sum = sum_of_root(&image)?;
    client.start_with(&["httproot=http://198.18.0.1/root.squashfs", &sum])?;
    // What came stays, the server is refused, told about, and asked again.
    client.wait_for_console(
        "stage 1:   attempt 1: http://198.18.0.1/root.squashfs:",
        FETCHED,
    )?;
    client.wait_for_console(
        "stage 1:   attempt 2: http://198.18.0.1/root.squashfs:",
        FETCHED,
    )?;
    server.succeeds("busybox httpd -p 80 -h /tmp/www")?;
    client.wait_for_boot(FETCHED)?;
    let said = client.console()?;
    for part in ["20 MB are there; again in 1 s", "Connection refused"] {
        ensure!(said.contains(part), "{part} is not in:\n{said}");
    }
    client.succeeds("findmnt -n -o SOURCE /run/layers/root | grep loop")?;
    client.succeeds("test ! -e /dev/vda")?;
    client.shut_down("poweroff -f", DOWN)?;
    Ok(())
}

#[test]
fn wrong_sum_and_silent_server_are_told() -> Result<()> {
    let image = Image::find()?;
    let network = Network::new()?;
    let mut server = server(&image, &network)?;
    server.succeeds("echo 'not a squashfs' >/tmp/www/wrong && busybox httpd -p 80 -h /tmp/www")?;
    let sum = sum_of_root(&image)?;
    let mut wrong = client(&image, "wrong", &network).build()?;
    wrong.start_with(&["httproot=http://198.18.0.1/wrong", &sum])?;
    let mut missing = client(&image, "missing", &network).build()?;
    missing.start_with(&["httproot=http://198.18.0.1/no-such-file", &sum])?;
    for vm in [&mut wrong, &mut missing] {
        vm.wait_for_shutdown(GIVEN_UP)?;
    }
    for (vm, parts) in [
        (&wrong, ["gave has the SHA-256", "httproot.sha256="]),
        (&missing, ["404", "look at the server"]),
    ] {
        let said = vm.console()?;
        for part in [
            "stage 1 FAILED: fetching http://",
            "attempt 7:",
            parts[0],
            parts[1],
        ] {
            ensure!(said.contains(part), "{part:?} is not in:\n{said}");
        }
        assert_eq!(said.matches("attempt ").count(), 7, "{said}");
    }
    Ok(())
}

/// A machine from a disk that has its own root.squashfs to hand out, on 198.18.0.1.
fn server(image: &Image, network: &Network) -> Result<Machine> {
    let nic = Nic::Private(network.clone());
    let mut server = booted(image.machine("server").nic(nic))?;
    server.wait_for_service("networking", BOOT)?;
    server.succeeds("sv down dhcpcd; ip addr add 198.18.0.1/24 dev eth0 && ip link set eth0 up")?;
    server.succeeds("mkdir /tmp/www && cp /dev/vda /tmp/www/root.squashfs")?;
    Ok(server)
}

fn client(image: &Image, name: &str, network: &Network) -> Builder {
    let address = format!("ip=198.18.0.{}:::255.255.255.0::eth0:off", name.len());
    let client = image.bare(name).nic(Nic::Private(network.clone()));
    client.append(&address).append("stage1.fail=poweroff")
}

fn sum_of_root(image: &Image) -> Result<String> {
    let sums = std::fs::read_to_string(image.file("SHA256SUMS"))?;
    let line = sums.lines().find(|line| line.ends_with("root.squashfs"));
    let sum = line.and_then(|line| line.split_whitespace().next());
    Ok(format!(
        "httproot.sha256={}",
        sum.context("no sum of root.squashfs")?
    ))
}
