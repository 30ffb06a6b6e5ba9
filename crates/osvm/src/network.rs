//! Networks of machines, which the host has no part in.
//!
//! A private [`Network`] is a switch: a thread that passes frames between UNIX datagram sockets, one
//! a machine. So it needs no bridge, no tap device, no root, and no address of the host; nothing
//! can leave it. Datagrams and not streams: a machine may be off, come back, or freeze, and its
//! neighbours notice no more than on a real wire.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::VmError;

/// One network card of a machine.
#[derive(Debug, Clone)]
pub enum Nic {
    /// A network of its own with QEMU as router and DHCP server, and nothing behind it: neither the
    /// host nor the internet can be reached.
    Restricted,
    /// A port of a private network.
    Private(Network),
}

/// A card that has its place in a machine.
#[derive(Debug, Clone)]
pub(crate) enum Card {
    Restricted,
    /// On a network, with the socket that the machine makes there.
    Port(Network, PathBuf),
}

impl Nic {
    pub(crate) fn plug(self) -> Card {
        match self {
            Self::Restricted => Card::Restricted,
            Self::Private(network) => {
                let port = network.new_port();
                Card::Port(network, port)
            }
        }
    }
}

/// A network shared by machines. Clones are the same network; it ends with the last one.
#[derive(Debug, Clone)]
pub struct Network {
    switch: Arc<Switch>,
}

#[derive(Debug)]
struct Switch {
    dir: TempDir,
    socket: UnixDatagram,
    ports: Arc<Mutex<Vec<PathBuf>>>,
}

impl Network {
    /// A network without machines.
    pub fn new() -> Result<Self, VmError> {
        let place = std::env::temp_dir();
        let dir = tempfile::Builder::new()
            .prefix("osvm-net-")
            .tempdir()
            .map_err(VmError::file("create a directory in", &place))?;
        let path = dir.path().join("switch");
        let socket = UnixDatagram::bind(&path).map_err(VmError::file("make socket", &path))?;
        // A machine that takes no frames for so long loses them, as on a full wire.
        socket
            .set_write_timeout(Some(Duration::from_millis(50)))
            .map_err(VmError::file("set up socket", &path))?;
        let ports = Arc::new(Mutex::new(Vec::new()));
        let (wire, known) = (socket.try_clone(), Arc::clone(&ports));
        let wire = wire.map_err(VmError::file("share socket", &path))?;
        thread::spawn(move || pass_frames(&wire, &known));
        let switch = Arc::new(Switch { dir, socket, ports });
        Ok(Self { switch })
    }

    /// A new port: the path of a socket that a machine makes.
    fn new_port(&self) -> PathBuf {
        let mut ports = lock(&self.switch.ports);
        let port = self.switch.dir.path().join(ports.len().to_string());
        ports.push(port.clone());
        port
    }

    /// The socket that a machine sends to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.switch.dir.path().join("switch")
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // Wakes the thread with an empty frame. It cannot fail on a socket that is open.
        drop(self.socket.shutdown(Shutdown::Both));
    }
}

/// Until the socket is shut down: to the port that has the address, or to all others.
fn pass_frames(socket: &UnixDatagram, ports: &Mutex<Vec<PathBuf>>) {
    let mut at: HashMap<[u8; 6], PathBuf> = HashMap::new();
    let mut buffer = vec![0; 1 << 16];
    while let Ok((length, sender)) = socket.recv_from(&mut buffer) {
        let frame = buffer.get(..length).unwrap_or_default();
        if frame.is_empty() {
            return;
        }
        let (Some(from), Some((to, source))) = (sender.as_pathname(), addresses(frame)) else {
            continue;
        };
        at.insert(source, from.to_owned());
        // What a machine that is off, or that cannot follow, does not get is lost.
        let send = |port: &Path| drop(socket.send_to(frame, port));
        match at.get(&to) {
            Some(port) => send(port),
            None => lock(ports)
                .iter()
                .filter(|port| *port != from)
                .for_each(|port| send(port)),
        }
    }
}

/// Destination and source of a frame.
fn addresses(frame: &[u8]) -> Option<([u8; 6], [u8; 6])> {
    let (to, rest) = frame.split_first_chunk()?;
    Some((*to, *rest.first_chunk()?))
}

fn lock(ports: &Mutex<Vec<PathBuf>>) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
    ports.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hardware address of a card: the same for the same machine in each run, in QEMU's range.
pub(crate) fn hardware_address(machine: &str, card: usize) -> String {
    let name = format!("{machine}/{card}");
    // FNV-1a: short, and stable, which the standard library's hasher does not promise to be.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [_, a, b, c] = hash.to_be_bytes();
    format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROADCAST: [u8; 6] = [0xff; 6];

    fn frame(to: [u8; 6], from: u8) -> Vec<u8> {
        [&to[..], &[0, 0, 0, 0, 0, from], b"frame"].concat()
    }

    fn machine(network: &Network) -> UnixDatagram {
        let socket = UnixDatagram::bind(network.new_port()).unwrap();
        let timeout = Some(Duration::from_secs(20));
        socket.set_read_timeout(timeout).unwrap();
        socket
    }

    fn receive(socket: &UnixDatagram) -> Vec<u8> {
        let mut buffer = [0; 100];
        let length = socket.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    #[test]
    fn frames_go_to_all_until_the_address_is_known() {
        let network = Network::new().unwrap();
        let (a, b, c) = (machine(&network), machine(&network), machine(&network));
        let hello = frame(BROADCAST, 1);
        a.send_to(&hello, network.socket()).unwrap();
        assert_eq!(receive(&b), hello);
        assert_eq!(receive(&c), hello);
        let answer = frame([0, 0, 0, 0, 0, 1], 2);
        b.send_to(&answer, network.socket()).unwrap();
        assert_eq!(receive(&a), answer);
        // The next frame that reaches the third machine is one to all.
        b.send_to(&frame(BROADCAST, 2), network.socket()).unwrap();
        assert_eq!(receive(&c), frame(BROADCAST, 2));
    }

    #[test]
    fn machine_that_is_off_disturbs_nobody() {
        let network = Network::new().unwrap();
        let (a, b, c) = (machine(&network), machine(&network), machine(&network));
        drop(b);
        let hello = frame(BROADCAST, 1);
        a.send_to(&hello, network.socket()).unwrap();
        assert_eq!(receive(&c), hello);
    }

    #[test]
    fn hardware_addresses_are_stable_and_differ() {
        assert_eq!(hardware_address("a", 0), hardware_address("a", 0));
        assert_ne!(hardware_address("a", 0), hardware_address("a", 1));
        assert_ne!(hardware_address("a", 0), hardware_address("b", 0));
    }
}
