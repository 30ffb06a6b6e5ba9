//! The one place that writes: data to stdout, everything else to stderr.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;

use os_types::Failure;
use owo_colors::{OwoColorize, Style};

use crate::fault::{Fault, Outcome};

/// Where it writes to, and what may be written there.
pub(crate) struct Printer {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Colours on stdout.
    pub(crate) out_color: bool,
    /// Colours on stderr.
    pub(crate) err_color: bool,
    /// Stderr is a terminal.
    pub(crate) err_terminal: bool,
    /// No notes and no progress.
    pub(crate) quiet: bool,
    /// Failures as lines of JSON.
    pub(crate) json: bool,
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer").finish_non_exhaustive()
    }
}

impl Printer {
    /// A printer without colours.
    pub(crate) fn new(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self {
            out,
            err,
            out_color: false,
            err_color: false,
            err_terminal: false,
            quiet: false,
            json: false,
        }
    }

    /// A line of data.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> Outcome {
        writeln!(self.out, "{text}").map_err(Fault::Output)
    }

    /// Data as it is.
    pub(crate) fn text(&mut self, text: &str) -> Outcome {
        self.out.write_all(text.as_bytes()).map_err(Fault::Output)
    }

    /// A value as one line of JSON.
    pub(crate) fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::new(os_types::Code::Internal, error.to_string()))?;
        self.line(text)
    }

    /// Hands on what is written so far.
    pub(crate) fn flush(&mut self) -> Outcome {
        self.out.flush().map_err(Fault::Output)
    }

    /// A remark that a user can do without.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        if !self.quiet {
            let label = self.paint_err("note:", Style::new().cyan());
            self.say(format_args!("{label} {text}"));
        }
    }

    /// What was not done although the command succeeded; also when quiet.
    pub(crate) fn warn(&mut self, text: &str) {
        let label = self.paint_err("warning:", Style::new().yellow().bold());
        self.say(format_args!("{label} {}", printable(text)));
    }

    /// A line of progress.
    pub(crate) fn progress(&mut self, text: impl fmt::Display) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// A failure: what and why, the object, the next command, the code. As JSON with the keys of
    /// [`Failure`].
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if self.json
            && let Ok(line) = serde_json::to_string(failure)
        {
            return self.say(line);
        }
        let label = self.paint_err("error:", Style::new().red().bold());
        self.say(format_args!("{label} {}", printable(&failure.message)));
        if let Some(object) = &failure.object {
            // Most messages name their object already.
            if !failure.message.contains(object.as_str()) {
                self.say(format_args!("       about {}", printable(object)));
            }
        }
        if let Some(next) = &failure.next {
            let label = self.paint_err("hint:", Style::new().green());
            self.say(format_args!("{label} {}", printable(next)));
        }
        let code = failure.code;
        self.say(format_args!("({code}; osctl help {code})"));
    }

    /// What went wrong with something that is not ours.
    pub(crate) fn complain(&mut self, text: &str) {
        let label = self.paint_err("error:", Style::new().red().bold());
        self.say(format_args!("{label} {}", printable(text)));
    }

    /// A line on stderr, also when quiet.
    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        if writeln!(self.err, "{text}").is_err() {
            // The error cannot be reported.
            self.err = Box::new(std::io::sink());
        }
    }

    /// A question on stderr; the answer is read elsewhere.
    pub(crate) fn ask(&mut self, text: &str) {
        if write!(self.err, "{text}")
            .and_then(|()| self.err.flush())
            .is_err()
        {
            self.err = Box::new(std::io::sink());
        }
    }

    /// `text` in a style, on a stdout that shows it.
    pub(crate) fn paint(&self, text: &str, style: Style) -> String {
        paint(text, style, self.out_color)
    }

    fn paint_err(&self, text: &str, style: Style) -> String {
        paint(text, style, self.err_color)
    }
}

fn paint(text: &str, style: Style, color: bool) -> String {
    if color {
        text.style(style).to_string()
    } else {
        text.to_owned()
    }
}

/// The text with control characters escaped: what came from outside must not drive the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    // Of the control characters only line feeds of our own daemon's messages have a use, and even
    // they would let a value fake another line.
    if !text.contains(is_dangerous) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

/// Control characters, and the marks that turn the direction of writing.
fn is_dangerous(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_drives_no_terminal() {
        assert_eq!(printable("plain é"), "plain é");
        assert_eq!(printable("a\x1b[2J\nb\u{202e}"), r"a\u{1b}[2J\nb\u{202e}");
    }
}
