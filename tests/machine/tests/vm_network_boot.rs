//! Machines without a disk, which fetch root.squashfs from another machine over a private network.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machine::image::DOWN;
use machine::{Image, says, with_services};
use osvm::{Builder, Deadline, Disk, Machine, Network, Nic};

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
    let parts = ["20 MB are there; again in 1 s", "Connection refused"];
    says(&mut client, &parts)?;
    client.succeeds("findmnt -n -o SOURCE /run/layers/root | grep loop")?;
    client.succeeds("test ! -e /dev/vda")?;
    client.shut_down("poweroff -f", DOWN)?;
    Ok(())
}

/// Addresses, and the files to boot.
const DHCP_SERVER: &str = r"
    cat >/tmp/udhcpd.conf <<'END'
start 198.18.0.50
end 198.18.0.60
interface eth0
lease_file /tmp/leases
boot_file http://198.18.0.1/boot.ipxe
option subnet 255.255.255.0
END
    : >/tmp/leases; busybox udhcpd /tmp/udhcpd.conf
";

/// What `make netboot` leaves, handed out as it is, to a machine that has nothing but a network card.
#[test]
fn firmware_boots_by_dhcp_and_the_ipxe_script() -> Result<()> {
    let image = Image::find()?;
    let network = Network::new()?;
    let mut server = server_with(&image, &network, &["kernel", "initrd"])?;
    server.push_file(image.file("boot.ipxe"), "/tmp/www/boot.ipxe")?;
    server.succeeds("busybox httpd -p 80 -h /tmp/www")?;
    server.succeeds(DHCP_SERVER)?;
    let client = image.bare("client").nic(Nic::Private(network.clone()));
    let mut client = client.from_network().build()?;
    client.start()?;
    client.wait_for_boot(FETCHED)?;
    client.succeeds("grep -F httproot=http://198.18.0.1/ /proc/cmdline")?;
    client.succeeds("findmnt -n -o SOURCE /run/layers/root | grep loop")?;
    client.shut_down("poweroff -f", DOWN)?;
    Ok(())
}

/// What an old iPXE makes of a script whose address it does not know.
#[test]
fn address_that_is_none_is_told_at_once() -> Result<()> {
    let network = Network::new()?;
    let mut lost = client(&Image::find()?, "lost", &network).build()?;
    lost.start_with(&["httproot=/../root.squashfs"])?;
    lost.wait_for_shutdown(GIVEN_UP)?;
    says(
        &mut lost,
        &[
            "httproot=/../root.squashfs is no address that begins with http://",
            "set base http://SERVER/",
        ],
    )?;
    let said = lost.console()?;
    ensure!(!said.contains("attempt "), "{said}");
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
        (&mut wrong, ["gave has the SHA-256", "httproot.sha256="]),
        (&mut missing, ["404", "look at the server"]),
    ] {
        says(vm, &["stage 1 FAILED: fetching http://", "attempt 7:"])?;
        says(vm, &parts)?;
        let said = vm.console()?;
        assert_eq!(said.matches("attempt ").count(), 7, "{said}");
    }
    Ok(())
}

/// A machine from a disk that has its own root.squashfs to hand out, on 198.18.0.1.
fn server(image: &Image, network: &Network) -> Result<Machine> {
    server_with(image, network, &[])
}

/// It hands out these files of the image, too.
fn server_with(image: &Image, network: &Network, files: &[&str]) -> Result<Machine> {
    let wire = Nic::Private(network.clone());
    let mut builder = image.resumable("server").nic(wire);
    for name in files {
        builder = builder.disk(Disk::read_only(image.file(name), name));
    }
    let mut server = with_services(image, builder)?;
    server.succeeds("sv down dhcpcd; ip addr add 198.18.0.1/24 dev eth0 && ip link set eth0 up")?;
    server.succeeds("mkdir /tmp/www && cp /dev/vda /tmp/www/root.squashfs")?;
    for name in files {
        // A disk ends with a whole sector.
        let size = image.file(name).metadata()?.len();
        let disk = format!("/dev/disk/by-id/virtio-{name}");
        server.succeeds(&format!("head -c {size} {disk} >/tmp/www/{name}"))?;
    }
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
