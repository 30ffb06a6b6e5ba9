//! What runs containers: osctl, the programs of LXC, Incus.
//!
//! All of them start the same busybox, unprivileged, without a network device, and each command is a
//! program as an administrator runs it, from its start to its end.

mod incus;
mod lxc;
mod ours;

use std::time::Duration;

use os_sys::SpawnRequest;

pub(crate) use self::incus::Incus;
pub(crate) use self::lxc::Lxc;
pub(crate) use self::ours::{FIRST, Ours};

/// The column for osctl.
pub(crate) const OURS: &str = "osctl";
/// The column of LXC.
pub(crate) const LXC: &str = "lxc";
/// The column of Incus.
pub(crate) const INCUS: &str = "incus";

/// What is done to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Make it from an image that is cached.
    Create,
    /// Start it, until its init runs.
    Start,
    /// Run `true` in it.
    Exec,
    /// Stop it at once.
    Kill,
    /// Delete it.
    Delete,
}

/// A listing, by what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// The default listing of the program.
    Full,
    /// Names and states.
    States,
}

/// Processes that are there for containers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Processes {
    /// The daemon.
    pub(crate) daemon: Option<u32>,
    /// Inits of running containers, in no order.
    pub(crate) inits: Vec<u32>,
}

/// What runs containers.
pub(crate) trait Contender {
    /// Its column.
    fn name(&self) -> &'static str;

    /// The program that does it; `None` if it has none, and [`Contender::make`] does it by hand.
    fn command(&self, action: Action, id: &str) -> Option<SpawnRequest>;

    /// The program that lists its containers; `None` if it has only the other listing.
    fn listing(&self, listing: Listing) -> Option<SpawnRequest>;

    /// Makes a container that has no program to do it.
    fn make(&mut self, id: &str) -> anyhow::Result<()>;

    /// Makes many containers that are only listed.
    fn stock(&mut self, ids: &[String]) -> anyhow::Result<()> {
        ids.iter().try_for_each(|id| self.make(id))
    }

    /// What runs at this moment.
    fn processes(&self) -> anyhow::Result<Processes>;

    /// Kills the daemon and starts it again; returns the time until it reports this number of
    /// running containers. `None` without a daemon.
    fn recover(&mut self, running: usize) -> anyhow::Result<Option<Duration>>;
}
