//! Rows to text.

use super::column::{Pick, Row};
use super::value::Style;

/// A table: upper-case labels, two spaces between padded columns, numbers to the right.
///
/// *Shape*: a line a row, ended by a line feed; without parameters the empty text. In lines that
/// are longer than `fit`, cells of columns that may be cut end with an ellipsis.
pub(crate) fn render<T: Row>(
    picks: &[Pick<T>],
    rows: &[T],
    style: &Style,
    header: bool,
    fit: Option<usize>,
) -> String {
    if picks.is_empty() {
        return String::new();
    }
    let mut columns: Vec<_> = picks
        .iter()
        .map(|pick| Cells::of(pick, rows, style, header))
        .collect();
    if let Some(fit) = fit {
        narrow(&mut columns, fit);
    }
    let mut text = String::new();
    for index in 0..rows.len() + usize::from(header) {
        let mut line = String::new();
        for column in &columns {
            column.write(index, style.ellipsis, &mut line);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The least that is left of a column that is cut.
const LEAST: usize = 12;

/// Cuts columns, the widest first, until a line has at most `fit` characters or nothing is left to
/// be cut.
fn narrow(columns: &mut [Cells], fit: usize) {
    loop {
        let total = columns.iter().map(|column| column.width + 2).sum::<usize>() - 2;
        let cut = columns.iter_mut().filter(|column| column.is_cut);
        let widest = cut.max_by_key(|column| column.width);
        let Some(widest) = widest.filter(|widest| total > fit && widest.width > LEAST) else {
            return;
        };
        widest.width -= 1;
    }
}

/// The cells of one column.
struct Cells {
    lines: Vec<String>,
    width: usize,
    is_right: bool,
    is_cut: bool,
}

impl Cells {
    fn of<T: Row>(pick: &Pick<T>, rows: &[T], style: &Style, header: bool) -> Self {
        let values: Vec<_> = rows.iter().map(|row| pick.value(row)).collect();
        let mut cells: Vec<String> = header.then(|| pick.label()).into_iter().collect();
        cells.extend(values.iter().map(|value| value.render(style)));
        Self {
            width: cells.iter().map(|cell| width(cell)).max().unwrap_or(0),
            is_right: values.iter().any(super::Value::is_number),
            is_cut: matches!(pick, Pick::Column(column) if column.is_cut),
            lines: cells,
        }
    }

    fn write(&self, index: usize, ellipsis: char, line: &mut String) {
        let cell = self.lines.get(index).map_or("", String::as_str);
        let short: String;
        let cell = if width(cell) > self.width {
            let begin = cell.chars().take(self.width - 1);
            short = begin.chain([ellipsis]).collect();
            &short
        } else {
            cell
        };
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
