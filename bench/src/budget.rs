//! What containers, a busy host and the operating system may cost, and whether they keep to it. Printed, never asserted.

use serde_json::{Value, json};

use crate::busy;
use crate::contender::{LXC, OURS};
use crate::crowd::{FOUND, daemon_row, list_row};
use crate::system::{ANSWERED, HARDWARE, MACHINE, ROOT, USED};
use crate::table::Table;

/// In what a budget is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Ratio,
    Milliseconds,
    Kibibytes,
    Seconds,
    Megabytes,
}

/// A budget against what was measured.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    name: &'static str,
    measured: f64,
    limit: f64,
    unit: Unit,
}

impl Verdict {
    /// What became of every budget of containers whose figures are there.
    pub(crate) fn of_containers(table: &Table) -> Vec<Self> {
        let ratio = |row: &str| Some(table.value(row, OURS)? / table.value(row, LXC)?);
        let ours = |row: &str| table.value(row, OURS);
        let kib = |row: &str| Some(ours(row)? / 1024.0);
        let daemon = |count: f64| (20e6 + 20e3 * count) / 1024.0;
        let (idle, many) = (daemon_row("0 containers"), daemon_row("1000 stopped"));
        let busy = daemon_row("100 running");
        let budgets = [
            ("start / lxc-start", ratio("start"), 1.4, Unit::Ratio),
            ("exec / lxc-attach", ratio("exec true"), 2.0, Unit::Ratio),
            ("forced stop", ours("forced stop"), 25.0, Unit::Milliseconds),
            (
                "ct ls of 1000",
                ours(&list_row("1000 stopped")),
                25.0,
                Unit::Milliseconds,
            ),
            (
                "daemon with 0 containers",
                kib(&idle),
                daemon(0.0),
                Unit::Kibibytes,
            ),
            (
                "daemon with 1000 stopped",
                kib(&many),
                daemon(1000.0),
                Unit::Kibibytes,
            ),
            (
                "daemon with 100 running",
                kib(&busy),
                daemon(100.0),
                Unit::Kibibytes,
            ),
            (FOUND, ours(FOUND), 300.0, Unit::Milliseconds),
        ];
        Self::measured(budgets)
    }

    /// The same of a busy host.
    pub(crate) fn of_busy(table: &Table) -> Vec<Self> {
        let budget = |name, row, limit| (name, table.value(row, OURS), limit, Unit::Milliseconds);
        let seconds = table.value(busy::POWER, OURS).map(|ms| ms / 1000.0);
        Self::measured([
            budget("ct ls beside all that waits", busy::LIST, 50.0),
            budget("operation cancel", busy::CANCEL, 100.0),
            budget("ct stop --kill behind a queue", busy::KILL, 2000.0),
            budget("user new during an unpacking", busy::UNPACKING, 200.0),
            budget("user new during an export", busy::EXPORTING, 200.0),
            // One deadline, and the time that the host needs for the others.
            (
                "export of 50, 5 of them deaf",
                seconds,
                330.0,
                Unit::Seconds,
            ),
        ])
    }

    /// The same of the operating system. That of the boot is for an emulated machine.
    pub(crate) fn of_system(table: &Table) -> Vec<Self> {
        let megabytes = |row: &str, column: &str| Some(table.value(row, column)? / 1e6);
        let seconds = |row: &str| Some(table.value(row, MACHINE)? / 1000.0);
        Self::measured([
            (
                "root.squashfs, cloud-amd64",
                megabytes(ROOT, MACHINE),
                150.0,
                Unit::Megabytes,
            ),
            (
                "root.squashfs, amd64",
                megabytes(ROOT, HARDWARE),
                200.0,
                Unit::Megabytes,
            ),
            (USED, megabytes(USED, MACHINE), 300.0, Unit::Megabytes),
            (ANSWERED, seconds(ANSWERED), 25.0, Unit::Seconds),
        ])
    }

    fn measured(
        budgets: impl IntoIterator<Item = (&'static str, Option<f64>, f64, Unit)>,
    ) -> Vec<Self> {
        let verdicts = budgets
            .into_iter()
            .filter_map(|(name, measured, limit, unit)| {
                Some(Self {
                    name,
                    measured: measured?,
                    limit,
                    unit,
                })
            });
        verdicts.collect()
    }

    fn is_kept(&self) -> bool {
        self.measured <= self.limit
    }

    /// As an object.
    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "measured": self.measured,
            "limit": self.limit,
            "kept": self.is_kept(),
        })
    }

    /// A Markdown table of all.
    pub(crate) fn table(verdicts: &[Self]) -> String {
        let head = [
            format!(
                "| {:<37} | {:>10} | {:>10} |        |\n",
                "budget", "at most", "measured"
            ),
            format!("|-{:-<37}-|-{:->10}:|-{:->10}:|--------|\n", "", "", ""),
        ];
        head.into_iter()
            .chain(verdicts.iter().map(Self::line))
            .collect()
    }

    fn line(&self) -> String {
        let shown = |figure: f64| match self.unit {
            Unit::Ratio => format!("{figure:.2} x"),
            Unit::Milliseconds => format!("{figure:.1} ms"),
            Unit::Kibibytes => format!("{figure:.0} KiB"),
            Unit::Seconds => format!("{figure:.1} s"),
            Unit::Megabytes => format!("{figure:.0} MB"),
        };
        let (limit, measured) = (shown(self.limit), shown(self.measured));
        let mark = if self.is_kept() { "kept" } else { "MISSED" };
        format!(
            "| {:<37} | {limit:>10} | {measured:>10} | {mark:<6} |\n",
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::series::Series;

    #[test]
    fn what_was_not_measured_has_no_verdict() {
        let mut table = Table::new("");
        let mut series = Series::default();
        series.push(Duration::from_millis(30));
        table.time("start", OURS, &series);
        assert!(Verdict::of_containers(&table).is_empty());
        table.time("start", LXC, &series);
        table.time("forced stop", OURS, &series);
        let kept: Vec<_> = Verdict::of_containers(&table)
            .iter()
            .map(Verdict::is_kept)
            .collect();
        assert_eq!(kept, [true, false]);
        let text = Verdict::table(&Verdict::of_containers(&table));
        assert!(
            text.contains("|     1.40 x |     1.00 x | kept   |"),
            "{text}"
        );
        assert!(
            text.contains("|    25.0 ms |    30.0 ms | MISSED |"),
            "{text}"
        );
    }

    #[test]
    fn those_of_the_system_are_megabytes_and_seconds() {
        let mut table = Table::new("");
        let mut series = Series::default();
        series.push(Duration::from_secs(26));
        table.time(ANSWERED, MACHINE, &series);
        table.bytes(ROOT, MACHINE, 95_000_000);
        let verdicts = Verdict::of_system(&table);
        let kept: Vec<_> = verdicts.iter().map(Verdict::is_kept).collect();
        assert_eq!(kept, [true, false]);
        let text = Verdict::table(&verdicts);
        assert!(
            text.contains("|      95 MB | kept") && text.contains("|     26.0 s | MISSED"),
            "{text}"
        );
    }
}
