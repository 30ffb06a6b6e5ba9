//! What a command in a guest may do at most: what the guest's init may.

use std::fs;

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::Refusal;

/// The capabilities that a guest can have, bit n for capability n.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds(u64);

impl Bounds {
    /// Those of a guest, by its init; as long as the caller sees the host's `/proc`.
    pub(super) fn of(init: u32) -> Result<Self, Refusal> {
        let path = format!("/proc/{init}/status");
        let text = fs::read_to_string(&path).map_err(Refusal::new)?;
        let mut lines = text.lines();
        let set = lines.find_map(|line| line.strip_prefix("CapBnd:"));
        let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        let set = set.ok_or_else(|| Refusal::new(format!("{path} has no bounding set")))?;
        Ok(Self(set))
    }

    /// Gives up the others permanently, which a process that came in from outside still has:
    /// `capabilities(7)`, "Capability bounding set".
    pub(super) fn hold(self) -> Result<(), Refusal> {
        let bits = (0..64).map(|number| 1_u64 << number);
        for bit in bits.filter(|bit| self.0 & bit == 0) {
            match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(bit)) {
                Ok(()) => {}
                // The kernel has no more.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(Refusal::new(errno)),
            }
        }
        Ok(())
    }
}
