//! A file's text around and inside our block: pure.

use super::{BEGIN, Damage, END};

/// What every marker begins with, altered ones too.
const MARKER_STEMS: [&[u8]; 2] = [b"# osctl begin", b"# osctl end"];

/// A parsed file.
#[derive(Debug)]
pub(super) struct Text<'a> {
    before: &'a [u8],
    /// The lines of the block; none if there is no block.
    pub(super) lines: Vec<String>,
    after: &'a [u8],
    ending: Ending,
}

/// How the file ends: remembered in the file itself, so that removing the block restores every
/// byte of a file whose last line has no newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With a newline, or with lines of the host.
    Plain,
    /// With a host line that lacks its newline. The block, once appended, lacks it in its place.
    Open,
}

/// Whether a line can stand in a block.
pub(super) fn is_allowed(line: &str) -> bool {
    !line.is_empty() && !line.contains(char::is_control) && !is_marker_like(line.as_bytes())
}

fn is_marker_like(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    MARKER_STEMS.iter().any(|stem| line.starts_with(stem))
}

impl<'a> Text<'a> {
    /// Finds the block; the error is the line to blame and what is wrong there.
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, (usize, Damage)> {
        let mut begin = None;
        let mut end = None;
        let mut lines = Vec::new();
        let mut offset = 0;
        for (number, raw) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
            let line = raw.strip_suffix(b"\n").unwrap_or(raw);
            let start = offset;
            offset += raw.len();
            if line == BEGIN.as_bytes() {
                if begin.is_some() {
                    return Err((number, Damage::Second));
                }
                begin = Some((number, start));
            } else if line == END.as_bytes() {
                if begin.is_none() || end.is_some() {
                    return Err((number, Damage::NoBegin));
                }
                end = Some(offset);
            } else if is_marker_like(line) {
                return Err((number, Damage::Altered));
            } else if begin.is_some() && end.is_none() {
                let line = str::from_utf8(line).map_err(|_not_utf8| (number, Damage::NotUtf8))?;
                lines.push(line.to_owned());
            }
        }
        match (begin, end) {
            (Some((_, begin)), Some(end)) => {
                let (rest, after) = content.split_at(end);
                let ending = Ending::of(rest, after);
                let (before, _) = rest.split_at(begin);
                Ok(Self {
                    before,
                    lines,
                    after,
                    ending,
                })
            }
            (Some((number, _)), None) => Err((number, Damage::NoEnd)),
            (None, _) => {
                let ending = Ending::of(content, b"");
                Ok(Self {
                    before: content,
                    lines,
                    after: b"",
                    ending,
                })
            }
        }
    }

    /// The whole file with these lines in the block.
    pub(super) fn with_lines(&self, lines: &[String]) -> Vec<u8> {
        let newline_is_ours = self.ending == Ending::Open;
        let mut content = self.before.to_vec();
        if lines.is_empty() {
            if newline_is_ours && content.ends_with(b"\n") {
                content.pop();
            }
            content.extend_from_slice(self.after);
            return content;
        }
        if !content.is_empty() && !content.ends_with(b"\n") {
            content.push(b'\n');
        }
        for line in [BEGIN]
            .into_iter()
            .chain(lines.iter().map(String::as_str))
            .chain([END])
        {
            content.extend_from_slice(line.as_bytes());
            content.push(b'\n');
        }
        if newline_is_ours {
            content.pop();
        }
        content.extend_from_slice(self.after);
        content
    }
}

impl Ending {
    fn of(text: &[u8], after: &[u8]) -> Self {
        if after.is_empty() && !text.is_empty() && !text.ends_with(b"\n") {
            Self::Open
        } else {
            Self::Plain
        }
    }
}
