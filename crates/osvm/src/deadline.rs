//! How long to wait, in a way that holds for fast and slow machines.

use std::time::Duration;

use crate::Accel;

/// A limit of time. A `Duration` becomes one that is scaled by the speed of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// So long under KVM, [`Accel::slowness`] times as long under TCG, and `OSVM_PATIENCE` (a whole
    /// number, for a host with other work) times as long as that.
    Scaled(Duration),
    /// So long, whatever the machine is.
    Exact(Duration),
}

impl Deadline {
    /// From power to a root shell.
    pub const BOOT: Self = Self::Scaled(Duration::from_mins(1));
    /// From the request to shut down until QEMU ends.
    pub const SHUTDOWN: Self = Self::Scaled(Duration::from_secs(30));
    /// A command that has no reason to take long.
    pub const COMMAND: Self = Self::Scaled(Duration::from_secs(20));

    /// The time there is on a machine of that speed.
    pub fn on(self, accel: Accel) -> Duration {
        match self {
            Self::Exact(time) => time,
            Self::Scaled(time) => time * accel.slowness() * patience(),
        }
    }
}

impl From<Duration> for Deadline {
    fn from(time: Duration) -> Self {
        Self::Scaled(time)
    }
}

/// What does not parse counts as 1: a deadline must not fail for another reason than time.
fn patience() -> u32 {
    let wanted = std::env::var("OSVM_PATIENCE").ok();
    let factor = wanted.and_then(|text| text.parse().ok());
    factor.unwrap_or(1).clamp(1, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_machines_have_more_time() {
        let second = Duration::from_secs(1);
        let of = |deadline: Deadline, accel| deadline.on(accel);
        let (kvm, tcg) = (of(second.into(), Accel::Kvm), of(second.into(), Accel::Tcg));
        assert!(tcg > kvm && kvm >= second);
        assert_eq!(of(Deadline::Exact(second), Accel::Tcg), second);
    }
}
