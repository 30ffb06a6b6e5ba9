//! Figures by row and column.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::series::Series;

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

/// A row: one figure for each column that has it.
#[derive(Debug)]
struct Row {
    name: String,
    figures: BTreeMap<String, Figure>,
}

/// Rows and columns, both in the order in which they were measured first.
#[derive(Debug)]
pub(crate) struct Table {
    heading: &'static str,
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// A table without rows; `heading` says what rows and columns are.
    pub(crate) fn new(heading: &'static str) -> Self {
        Self {
            heading,
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds a time; nothing without samples.
    pub(crate) fn time(&mut self, name: &str, column: impl fmt::Display, series: &Series) {
        if series.count() > 0 {
            let figure = Figure::Time {
                p50: ms(series, 50),
                p95: ms(series, 95),
                count: series.count(),
            };
            self.add(name, column, figure);
        }
    }

    /// Adds the difference of the medians of two series.
    pub(crate) fn difference(
        &mut self,
        name: &str,
        column: impl fmt::Display,
        more: &Series,
        less: &Series,
    ) {
        let figure = Figure::Difference(ms(more, 50) - ms(less, 50));
        self.add(name, column, figure);
    }

    /// Adds an amount of memory or data.
    pub(crate) fn bytes(&mut self, name: &str, column: impl fmt::Display, bytes: u64) {
        self.add(name, column, Figure::Bytes(bytes));
    }

    /// Adds the ratio of two rows that are there already; nothing if one is not.
    pub(crate) fn ratio(&mut self, name: &str, column: impl fmt::Display, over: &str, under: &str) {
        if let (Some(over), Some(under)) = (self.value(over, &column), self.value(under, &column)) {
            self.add(name, column, Figure::Ratio(over / under));
        }
    }

    /// Adds a column with the ratios of two others, in the rows that have both.
    pub(crate) fn compare(&mut self, over: &str, under: &str) {
        let column = format!("{over} / {under}");
        let names: Vec<_> = self.rows.iter().map(|row| row.name.clone()).collect();
        for name in names {
            if let (Some(over), Some(under)) = (self.value(&name, over), self.value(&name, under)) {
                self.add(&name, &column, Figure::Ratio(over / under));
            }
        }
    }

    /// The median of a time in milliseconds, an amount in bytes, a ratio; `None` if it was not
    /// measured.
    pub(crate) fn value(&self, name: &str, column: impl fmt::Display) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name)?;
        Some(match row.figures.get(&column.to_string())? {
            Figure::Time { p50, .. } => *p50,
            Figure::Difference(figure) | Figure::Ratio(figure) => *figure,
            #[expect(
                clippy::cast_precision_loss,
                reason = "no amount here is near 2^52 bytes"
            )]
            Figure::Bytes(bytes) => *bytes as f64,
        })
    }

    /// True without a figure.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn add(&mut self, name: &str, column: impl fmt::Display, figure: Figure) {
        let column = column.to_string();
        if !self.columns.contains(&column) {
            self.columns.push(column.clone());
        }
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row.figures.insert(column, figure);
        } else {
            self.rows.push(Row {
                name: name.to_owned(),
                figures: BTreeMap::from([(column, figure)]),
            });
        }
    }

    /// Rows of figures by column.
    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let figures = row.figures.iter();
            let figures = figures.map(|(column, figure)| (column.clone(), figure.json()));
            (row.name.clone(), Value::Object(figures.collect()))
        });
        Value::Object(rows.collect())
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
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len());
        let width = width.max().unwrap_or_default().max(self.heading.len());
        write!(f, "| {:<width$} |", self.heading)?;
        for column in &self.columns {
            write!(f, " {column:>18} |")?;
        }
        write!(f, "\n|-{:-<width$}-|", "")?;
        for _ in &self.columns {
            write!(f, "-{:->18}:|", "")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "| {:<width$} |", row.name)?;
            for column in &self.columns {
                match row.figures.get(column) {
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

    fn table() -> Table {
        let mut table = Table::new("p50 (p95)");
        for column in [0, 10] {
            let mut series = Series::default();
            series.push(Duration::from_millis(column + 2));
            table.time("one", column, &series);
            series.push(Duration::ZERO);
            table.time("two", column, &series);
        }
        table.bytes("answer", 10, 1025);
        table
    }

    #[test]
    fn the_table_is_markdown() {
        let text = table().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("|                  0 |                 10 |"));
        assert!(lines[1].ends_with("-:|"));
        assert!(lines[2].ends_with(" 12.0 (12.0) ms |"));
        assert!(lines[4].ends_with("|                    |              2 KiB |"));
    }

    #[test]
    fn rows_keep_figures_by_column() {
        let mut table = table();
        table.time("nothing", 10, &Series::default());
        table.ratio("ratio", 10, "one", "answer");
        table.ratio("nothing", 10, "one", "three");
        table.compare("10", "0");
        let json = table.json();
        assert_eq!(json["one"]["10"]["p50_ms"], 12.0);
        assert_eq!(json["ratio"]["10"]["ratio"], 12.0 / 1025.0);
        assert_eq!(json["one"]["10 / 0"]["ratio"], 6.0);
        assert!(json["answer"]["10 / 0"].is_null());
        assert!(json["nothing"].is_null());
        assert_eq!(table.value("answer", 10), Some(1025.0));
        assert_eq!(table.value("answer", 0), None);
    }
}
