//! What was measured: a table for people, JSON for comparisons.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::fixture::Size;
use crate::series::Series;

/// What the rows are, and the numbers above the columns.
const HEADING: &str = "p50 (p95) with so many users and groups";

/// A measured thing.
#[derive(Debug, Clone, Copy)]
enum Figure {
    /// Milliseconds.
    Time { p50: f64, p95: f64, count: usize },
    /// Milliseconds; may be below zero.
    Difference(f64),
    /// Bytes.
    Bytes(u64),
    /// Of two times of this run.
    Ratio(f64),
}

/// A row: one figure for each size.
#[derive(Debug)]
struct Row {
    name: String,
    figures: BTreeMap<Size, Figure>,
}

/// All rows, in the order in which they were measured first.
#[derive(Debug)]
pub(crate) struct Report {
    machine: String,
    load_after: String,
    rows: Vec<Row>,
}

impl Report {
    /// A report without rows.
    pub(crate) fn new(machine: String) -> Self {
        Self {
            machine,
            load_after: String::new(),
            rows: Vec::new(),
        }
    }

    /// Notes how busy the machine was at the end.
    pub(crate) fn finish(&mut self, load: String) {
        self.load_after = load;
    }

    /// Adds a time.
    pub(crate) fn time(&mut self, name: &str, size: Size, series: &Series) {
        let figure = Figure::Time {
            p50: ms(series, 50),
            p95: ms(series, 95),
            count: series.count(),
        };
        self.add(name, size, figure);
    }

    /// Adds the difference of the medians of two series.
    pub(crate) fn difference(&mut self, name: &str, size: Size, more: &Series, less: &Series) {
        let figure = Figure::Difference(ms(more, 50) - ms(less, 50));
        self.add(name, size, figure);
    }

    /// Adds an amount of memory or data.
    pub(crate) fn bytes(&mut self, name: &str, size: Size, bytes: u64) {
        self.add(name, size, Figure::Bytes(bytes));
    }

    /// Adds the ratio of the medians of two rows that are there already; nothing if one is not.
    pub(crate) fn ratio(&mut self, name: &str, size: Size, over: &str, under: &str) {
        if let (Some(over), Some(under)) = (self.median(over, size), self.median(under, size)) {
            self.add(name, size, Figure::Ratio(over / under));
        }
    }

    fn median(&self, name: &str, size: Size) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name)?;
        match row.figures.get(&size)? {
            Figure::Time { p50, .. } => Some(*p50),
            _ => None,
        }
    }

    fn add(&mut self, name: &str, size: Size, figure: Figure) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row.figures.insert(size, figure);
        } else {
            self.rows.push(Row {
                name: name.to_owned(),
                figures: BTreeMap::from([(size, figure)]),
            });
        }
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let figures = row.figures.iter();
            let figures = figures.map(|(size, figure)| (size.entities.to_string(), figure.json()));
            (row.name.clone(), Value::Object(figures.collect()))
        });
        json!({
            "schema": 1,
            "machine": self.machine,
            "load_after": self.load_after,
            "rows": Value::Object(rows.collect()),
        })
    }

    /// Writes the JSON file; its path.
    pub(crate) fn save(&self) -> anyhow::Result<PathBuf> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).context("no target folder")?;
        let folder = target.join("bench");
        fs::create_dir_all(&folder)?;
        let path = folder.join("latest.json");
        let text = serde_json::to_string_pretty(&self.json())? + "\n";
        #[expect(
            clippy::disallowed_methods,
            reason = "a report, which a rerun makes again"
        )]
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Figure {
    fn json(self) -> Value {
        match self {
            Self::Time { p50, p95, count } => {
                json!({ "p50_ms": p50, "p95_ms": p95, "samples": count })
            }
            Self::Difference(ms) => json!({ "ms": ms }),
            Self::Bytes(bytes) => json!({ "bytes": bytes }),
            Self::Ratio(ratio) => json!({ "ratio": ratio }),
        }
    }
}

/// A cell of the table; times as `p50 (p95)`.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { p50, p95, .. } => f.pad(&format!("{p50:.1} ({p95:.1}) ms")),
            Self::Difference(ms) => f.pad(&format!("{ms:.1} ms")),
            Self::Bytes(bytes) => f.pad(&format!("{} KiB", bytes.div_ceil(1024))),
            Self::Ratio(ratio) => f.pad(&format!("{ratio:.2} x")),
        }
    }
}

/// A Markdown table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; load afterwards {}\n", self.machine, self.load_after)?;
        let mut sizes: Vec<Size> = Vec::new();
        sizes.extend(self.rows.iter().flat_map(|row| row.figures.keys()));
        sizes.sort_unstable();
        sizes.dedup();
        let width = self.rows.iter().map(|row| row.name.len());
        let width = width.max().unwrap_or_default().max(HEADING.len());
        write!(
            f,
            "| {:<width$} |",
            "p50 (p95) with so many users and groups"
        )?;
        for size in &sizes {
            write!(f, " {:>18} |", size.entities)?;
        }
        write!(f, "\n|-{:-<width$}-|", "")?;
        for _ in &sizes {
            write!(f, "-{:->18}:|", "")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "| {:<width$} |", row.name)?;
            for size in &sizes {
                match row.figures.get(size) {
                    Some(figure) => write!(f, " {figure:>18} |")?,
                    None => write!(f, " {:>18} |", "")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A percentile in milliseconds.
fn ms(series: &Series, percent: usize) -> f64 {
    series.percentile(percent).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let mut report = Report::new("a machine".into());
        for entities in [0, 10] {
            let size = Size { entities };
            let mut series = Series::default();
            series.push(Duration::from_millis(u64::from(entities) + 2));
            report.time("one", size, &series);
            series.push(Duration::ZERO);
            report.time("two", size, &series);
        }
        report.bytes("answer", Size { entities: 10 }, 1025);
        report
    }

    #[test]
    fn the_table_is_markdown() {
        let text = report().to_string();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines[0].ends_with("|                  0 |                 10 |"));
        assert!(lines[1].ends_with("-:|"));
        assert!(lines[2].ends_with(" 12.0 (12.0) ms |"));
        assert!(lines[4].ends_with("|                    |              2 KiB |"));
    }

    #[test]
    fn rows_keep_figures_by_size() {
        let mut report = report();
        let size = Size { entities: 10 };
        report.ratio("ratio", size, "one", "one");
        report.ratio("nothing", size, "one", "three");
        let json = report.json();
        assert_eq!(json["rows"]["one"]["10"]["p50_ms"], 12.0);
        assert_eq!(json["rows"]["ratio"]["10"]["ratio"], 1.0);
        assert!(json["rows"]["nothing"].is_null());
    }
}
