//! What processes hold.

use std::fs;

use anyhow::Context as _;

use crate::fixture::Fixture;
use crate::table::Table;

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Everything that is mapped and there.
    pub(crate) resident: u64,
    /// The same, with what is shared divided by those who share it.
    pub(crate) proportional: u64,
    /// What it asked for itself.
    pub(crate) anonymous: u64,
}

/// Memory of a process.
pub(crate) fn of(pid: u32) -> anyhow::Result<Memory> {
    let rollup = read(&format!("/proc/{pid}/smaps_rollup"))?;
    let status = read(&format!("/proc/{pid}/status"))?;
    let bytes = |text: &str, key: &str| {
        let figure = figure(text, key).with_context(|| format!("process {pid} has no {key}"))?;
        anyhow::Ok(figure * 1024)
    };
    Ok(Memory {
        resident: bytes(&status, "VmRSS")?,
        proportional: bytes(&rollup, "Pss")?,
        anonymous: bytes(&status, "RssAnon")?,
    })
}

/// The parent of a process.
pub(crate) fn parent(pid: u32) -> anyhow::Result<u32> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let parent = figure(&status, "PPid").context("it has no parent")?;
    Ok(u32::try_from(parent)?)
}

/// Memory of the daemon when it has answered listings and does nothing.
pub(crate) fn idle(fixture: &Fixture, table: &mut Table) -> anyhow::Result<()> {
    let memory = of(fixture.pid()?)?;
    let size = fixture.size();
    table.bytes("osctld, resident", size, memory.resident);
    table.bytes("osctld, proportional (Pss)", size, memory.proportional);
    table.bytes("osctld, anonymous", size, memory.anonymous);
    Ok(())
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// The figure of a line `Key:   123 kB`.
fn figure(text: &str, key: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_right_line() {
        let text = "VmRSSx:\t 1 kB\nPss_Anon:  7 kB\nPss:       42 kB\nPPid:\t1\n";
        assert_eq!(figure(text, "Pss"), Some(42));
        assert_eq!(figure(text, "PPid"), Some(1));
        assert_eq!(figure(text, "VmRSS"), None);
    }
}
