//! What the daemon holds.

use std::fs;

use anyhow::Context as _;

use crate::fixture::Fixture;
use crate::report::Report;

/// Memory of the daemon when it has answered listings and does nothing.
pub(crate) fn idle(fixture: &Fixture, report: &mut Report) -> anyhow::Result<()> {
    let pid = fixture.pid()?;
    let rollup = read(&format!("/proc/{pid}/smaps_rollup"))?;
    let status = read(&format!("/proc/{pid}/status"))?;
    let mut row = |name: &str, text: &str, key: &str| {
        let bytes = kib(text, key).with_context(|| format!("process {pid} has no {key}"))? * 1024;
        report.bytes(name, fixture.size(), bytes);
        anyhow::Ok(())
    };
    row("osctld, resident", &status, "VmRSS")?;
    row("osctld, proportional (Pss)", &rollup, "Pss")?;
    row("osctld, anonymous", &status, "RssAnon")
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// The figure of a line `Key:   123 kB`.
fn kib(text: &str, key: &str) -> Option<u64> {
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
        let text = "VmRSSx:\t 1 kB\nPss_Anon:  7 kB\nPss:       42 kB\n";
        assert_eq!(kib(text, "Pss"), Some(42));
        assert_eq!(kib(text, "VmRSS"), None);
    }
}
