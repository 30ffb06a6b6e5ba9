//! What `/proc/<pid>/stat` says of a process: proc(5).

/// `PF_FORKNOEXEC`, linux/sched.h: it was forked and has not run a program of its own yet.
const FORK_NO_EXEC: u64 = 0x40;

/// The fields of `/proc/<pid>/stat` that we need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStat {
    /// Its parent.
    pub parent: u32,
    /// The letter of its state, e.g. `Z`.
    pub state: char,
    /// Whether it has executed a program since it was forked.
    pub has_execed: bool,
    /// Clock ticks since boot when it was started: with the pid it identifies a process permanently.
    pub start_time: u64,
}

impl ProcessStat {
    /// The facts of a process; `None` if there is none.
    pub fn read(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name of the program stands in brackets and may hold anything, brackets too.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Field 3 of the manual is the first one here.
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        Some(Self {
            parent: field(4)?.parse().ok()?,
            state: field(3)?.chars().next()?,
            has_execed: field(9)?.parse::<u64>().ok()? & FORK_NO_EXEC == 0,
            start_time: field(22)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let fields = "S 1 7 7 0 -1 4194368 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = ProcessStat::parse(&format!("12 (evil) S 9 (x) {fields}")).unwrap();
        assert_eq!(stat.start_time, 4711);
        assert!(!stat.has_execed);
        assert_eq!(stat.state, 'S');
        assert_eq!(ProcessStat::parse("12 (cut) S 1"), None);
        assert_eq!(ProcessStat::parse(""), None);
    }
}
