//! Which signal makes an init shut down.
//!
//! What program it is comes from the kernel (`/proc/<pid>/exe`), and so does whether it catches the
//! signal: one that does not catch it would ignore it, for pid 1 of a namespace has no default
//! actions (`pid_namespaces(7)`).

use crate::process;

/// The number of `SIGRTMIN` as programs count it: glibc and musl keep the first ones for themselves.
const RTMIN_GLIBC: i32 = 34;

/// A signal, for the kernel and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halt {
    /// Its number.
    pub(crate) signal: i32,
    /// As in `asking systemd to shut down (SIGRTMIN+4)`.
    pub(crate) name: &'static str,
    /// Which init it is.
    pub(crate) init: &'static str,
}

const fn halt(init: &'static str, signal: i32, name: &'static str) -> Halt {
    Halt { signal, name, init }
}

/// What inits understand, by the name of their program. *Sources*: systemd(1) "SIGNALS"; busybox
/// `init/init.c`; sysvinit init(8); openrc-init(8); runit-init(8); dinit(8); s6-linux-init `-t`.
const INITS: &[(&str, Halt)] = &[
    ("systemd", halt("systemd", RTMIN_GLIBC + 4, "SIGRTMIN+4")),
    ("busybox", halt("busybox init", 12, "SIGUSR2")),
    ("openrc-init", halt("openrc-init", 12, "SIGUSR2")),
    ("init", halt("init", 30, "SIGPWR")),
    ("runit", halt("runit", 18, "SIGCONT")),
    ("dinit", halt("dinit", 15, "SIGTERM")),
    ("s6-svscan", halt("s6", 12, "SIGUSR2")),
];

/// What is tried with an init that is not known: the signal of a power failure, then the usual one.
const UNKNOWN: [Halt; 2] = [halt("init", 30, "SIGPWR"), halt("init", 15, "SIGTERM")];

/// The signal that this init understands; `None` if it catches none that could mean it.
///
/// Also `None` for one that becomes another program meanwhile: what LXC's child catches just before it
/// becomes the init, the init does not.
pub(crate) fn of(pid: u32) -> Option<Halt> {
    let program = process::program(pid);
    let caught = process::caught_signals(pid)?;
    if process::program(pid) != program {
        return None;
    }
    choose(&program.unwrap_or_default(), caught)
}

fn choose(program: &str, caught: u64) -> Option<Halt> {
    let catches = |halt: &&Halt| {
        let bit = u32::try_from(halt.signal.saturating_sub(1)).unwrap_or(0);
        caught.checked_shr(bit).unwrap_or(0) & 1 == 1
    };
    let known = INITS.iter().find(|(name, _)| *name == program);
    let known = known.map(|(_, halt)| halt).filter(catches);
    known.or_else(|| UNKNOWN.iter().find(catches)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(signals: &[u32]) -> u64 {
        signals
            .iter()
            .fold(0, |mask, signal| mask | 1 << (signal - 1))
    }

    #[test]
    fn an_init_gets_the_signal_it_catches() {
        let systemd = choose("systemd", mask(&[1, 2, 15, 37, 38])).unwrap();
        assert_eq!((systemd.signal, systemd.init), (38, "systemd"));
        assert_eq!(choose("busybox", mask(&[10, 12, 15])).unwrap().signal, 12);
        // A busybox shell as init catches nothing of the kind.
        assert_eq!(choose("busybox", mask(&[2])), None);
        assert_eq!(choose("strange", mask(&[15])).unwrap().name, "SIGTERM");
        assert_eq!(choose("strange", mask(&[15, 30])).unwrap().name, "SIGPWR");
        assert_eq!(choose("strange", 0), None);
    }
}
