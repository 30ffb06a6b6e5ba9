//! Rows to text.

use super::column::{Pick, Row};
use super::value::Style;

/// A table: upper-case labels, two spaces between padded columns, numbers to the right.
///
/// *Shape*: a line a row, ended by a line feed; without parameters the empty text.
pub(crate) fn render<T: Row>(picks: &[Pick<T>], rows: &[T], style: &Style, header: bool) -> String {
    if picks.is_empty() {
        return String::new();
    }
    let columns: Vec<_> = picks
        .iter()
        .map(|pick| Cells::of(pick, rows, style, header))
        .collect();
    let mut text = String::new();
    for index in 0..rows.len() + usize::from(header) {
        let mut line = String::new();
        for column in &columns {
            column.write(index, &mut line);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The cells of one column.
struct Cells {
    lines: Vec<String>,
    width: usize,
    is_right: bool,
}

impl Cells {
    fn of<T: Row>(pick: &Pick<T>, rows: &[T], style: &Style, header: bool) -> Self {
        let values: Vec<_> = rows.iter().map(|row| pick.value(row)).collect();
        let mut cells: Vec<String> = header.then(|| pick.label()).into_iter().collect();
        cells.extend(values.iter().map(|value| value.render(style)));
        Self {
            width: cells.iter().map(|cell| width(cell)).max().unwrap_or(0),
            is_right: values.iter().any(super::Value::is_number),
            lines: cells,
        }
    }

    fn write(&self, index: usize, line: &mut String) {
        let cell = self.lines.get(index).map_or("", String::as_str);
        let padding = " ".repeat(self.width.saturating_sub(width(cell)));
        if !line.is_empty() {
            line.push_str("  ");
        }
        let (before, after) = if self.is_right {
            (padding.as_str(), "")
        } else {
            ("", padding.as_str())
        };
        line.extend([before, cell, after]);
    }
}

/// One entity: a line a parameter with right-aligned labels and a blank line at the end, or only
/// the values.
pub(crate) fn render_one<T: Row>(
    picks: &[Pick<T>],
    row: &T,
    style: &Style,
    header: bool,
) -> String {
    let widest = picks
        .iter()
        .map(|pick| width(&pick.label()))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for pick in picks {
        let value = pick.value(row).render(style);
        if header {
            let label = pick.label();
            let padding = " ".repeat(widest - width(&label));
            text.extend([&padding, &label, ":  "]);
        }
        text.extend([value.as_str(), "\n"]);
    }
    if header && !picks.is_empty() {
        text.push('\n');
    }
    text
}

/// Columns of a terminal that a text takes; wide characters are counted as one.
fn width(text: &str) -> usize {
    text.chars().count()
}
