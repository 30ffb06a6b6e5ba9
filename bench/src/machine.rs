//! The machine that was measured, as far as it explains the figures.

use std::fs;

/// Processors, kernel and load, in one line.
pub(crate) fn describe() -> String {
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = read("/proc/sys/kernel/osrelease");
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    format!("{processors} x {model}, Linux {kernel}, load {}", load())
}

/// The load averages of this moment: the other work that the times contain.
pub(crate) fn load() -> String {
    let load = read("/proc/loadavg");
    load.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The text of a file of the kernel; empty if it has none.
fn read(path: &str) -> String {
    fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
