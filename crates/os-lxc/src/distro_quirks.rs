//! Settings in which the LXC configurations of distributions differ.

use std::fmt;

use os_types::Distribution;

/// The shutdown signal of init (`lxc.signal.halt`), for administrators who run `lxc-stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaltSignal {
    /// SIGUSR2: busybox init, also as the init of OpenRC.
    User2,
    /// SIGCONT: runit.
    Continue,
    /// SIGRTMIN+4: systemd, power off.
    PowerOff,
}

impl fmt::Display for HaltSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User2 => "SIGUSR2",
            Self::Continue => "SIGCONT",
            Self::PowerOff => "SIGRTMIN+4",
        })
    }
}

/// The settings of one distribution.
///
/// `lxc.tty.dir` is none of them: in a user namespace the terminals cannot be moved below a directory,
/// so they are `/dev/tty1` and so on everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistroQuirks {
    /// Terminals `/dev/tty1` to this one.
    pub terminals: u8,
    /// How to ask its init to shut down; none: LXC's own choice, SIGPWR (it knows systemd by itself).
    pub halt: Option<HaltSignal>,
    /// Whether `/run` is a file system in memory: its init does not mount one.
    pub mounts_run: bool,
    /// Whether `/dev/shm` is one: nothing in the guest mounts one.
    pub mounts_shm: bool,
    /// A variable for its init.
    pub variable: Option<(&'static str, &'static str)>,
}

/// What most of them need.
const USUAL: DistroQuirks = DistroQuirks {
    terminals: 4,
    halt: None,
    mounts_run: false,
    mounts_shm: false,
    variable: None,
};

impl DistroQuirks {
    /// The settings of a distribution; those it does not know get the usual ones.
    pub fn of(distribution: &Distribution) -> Self {
        match distribution.as_str() {
            "alpine" => Self {
                halt: Some(HaltSignal::User2),
                mounts_run: true,
                mounts_shm: true,
                ..USUAL
            },
            "chimera" => Self {
                mounts_run: true,
                mounts_shm: true,
                ..USUAL
            },
            "busybox" => Self {
                halt: Some(HaltSignal::User2),
                mounts_shm: true,
                ..USUAL
            },
            "gentoo" | "slackware" => Self {
                mounts_shm: true,
                ..USUAL
            },
            "arch" => Self {
                terminals: 6,
                halt: Some(HaltSignal::PowerOff),
                ..USUAL
            },
            "void" => Self {
                terminals: 6,
                halt: Some(HaltSignal::Continue),
                variable: Some(("VIRTUALIZATION", "lxc")),
                ..USUAL
            },
            _ => USUAL,
        }
    }
}
