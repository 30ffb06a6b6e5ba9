//! A file's text apart from our block: pure.

use std::collections::BTreeSet;

use super::{BEGIN, Damage, END};

/// What every marker begins with, altered ones too.
const MARKER_STEMS: [&[u8]; 2] = [b"# osctl begin", b"# osctl end"];

/// What a line begins with that is a marker, a damaged marker or a tag.
const REMAINS: [&[u8]; 3] = [b"# osctl b", b"# osctl e", b"#= "];

/// What a tag begins with: `#= tank.alice 100000 65536` claims the line `tank.alice:100000:65536`.
const TAG: &str = "#= ";

/// How lines of osctl are distinguished from those of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// By standing between the markers.
    Framed,
    /// By a tag, wherever they stand.
    ///
    /// For subuid and subgid, which useradd sorts by id whenever it adds a user, with all comments
    /// at the end in no particular order (shadow: lib/subordinateio.c, `subordinate_range_cmp`):
    /// our lines leave their frame, and the end marker may come before the begin. A tag has no
    /// colons, lest shadow take it for a range.
    Tagged,
}

/// A parsed file.
#[derive(Debug)]
pub(super) struct Text {
    style: Style,
    /// Lines of the host before the place of the block.
    before: Vec<u8>,
    /// The lines of the block; none if there is no block.
    pub(super) lines: Vec<String>,
    /// Lines of the host after it.
    after: Vec<u8>,
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

/// Whether a line can stand in a block: comments cannot, for they are our own.
pub(super) fn is_allowed(style: Style, line: &str) -> bool {
    let text = !line.is_empty() && !line.starts_with('#') && !line.contains(char::is_control);
    text && (style == Style::Framed || !line.contains(' '))
}

fn tag(line: &str) -> String {
    format!("{TAG}{}", line.replace(':', " "))
}

/// The markers of a file, each as line number (from 1); they are there both or not at all.
#[derive(Debug)]
struct Markers {
    begin: usize,
    end: usize,
}

impl Markers {
    fn find(style: Style, content: &[u8]) -> Result<Option<Self>, (usize, Damage)> {
        let (mut begin, mut end) = (None, None);
        for (number, line) in numbered(content) {
            let line = bare(line);
            if line == BEGIN.as_bytes() {
                if begin.replace(number).is_some() {
                    return Err((number, Damage::Second));
                }
            } else if line == END.as_bytes() {
                let early = begin.is_none() && style == Style::Framed;
                if early || end.replace(number).is_some() {
                    return Err((number, Damage::NoBegin));
                }
            } else if MARKER_STEMS
                .iter()
                .any(|stem| line.trim_ascii_start().starts_with(stem))
            {
                return Err((number, Damage::Altered));
            }
        }
        match (begin, end) {
            (Some(begin), Some(end)) => Ok(Some(Self { begin, end })),
            (Some(begin), None) => Err((begin, Damage::NoEnd)),
            (None, Some(end)) => Err((end, Damage::NoBegin)),
            (None, None) => Ok(None),
        }
    }
}

impl Text {
    /// Finds the block; the error is the line to blame and what is wrong there.
    pub(super) fn parse(style: Style, content: &[u8]) -> Result<Self, (usize, Damage)> {
        let markers = Markers::find(style, content)?;
        let mut text = Self {
            style,
            before: Vec::new(),
            lines: Vec::new(),
            after: Vec::new(),
            ending: Ending::Plain,
        };
        let Some(markers) = markers else {
            text.before = content.to_vec();
            text.ending = Ending::of(content);
            return Ok(text);
        };
        let mut tags = match style {
            Style::Framed => BTreeSet::new(),
            Style::Tagged => tags(content)?,
        };
        let place = markers.begin.min(markers.end);
        for (number, raw) in numbered(content) {
            let line = bare(raw);
            let framed = (markers.begin..=markers.end).contains(&number);
            let ours = match style {
                Style::Framed if framed => {
                    Some(str::from_utf8(line).map_err(|_not_utf8| (number, Damage::NotUtf8))?)
                }
                Style::Framed => None,
                Style::Tagged if is_comment_of_ours(line) => Some(""),
                Style::Tagged => str::from_utf8(line)
                    .ok()
                    .filter(|line| tags.remove(&tag(line))),
            };
            match ours {
                // Markers, tags, and what somebody put between the markers beside entries.
                Some(line) if line.is_empty() || line.starts_with('#') => {}
                Some(line) => text.lines.push(line.to_owned()),
                None if number < place => text.before.extend_from_slice(raw),
                None => text.after.extend_from_slice(raw),
            }
        }
        if text.after.is_empty() {
            text.ending = Ending::of(content);
        }
        Ok(text)
    }

    /// Finds our lines by what they say, whatever markers there are, and leaves all markers out.
    pub(super) fn salvage(style: Style, content: &[u8], is_ours: &dyn Fn(&str) -> bool) -> Self {
        let mut text = Self {
            style,
            before: Vec::new(),
            lines: Vec::new(),
            after: Vec::new(),
            ending: Ending::Plain,
        };
        for (_, raw) in numbered(content) {
            let line = bare(raw);
            let start = line.trim_ascii_start();
            if REMAINS.iter().any(|stem| start.starts_with(stem)) {
                continue;
            }
            match str::from_utf8(line).ok().filter(|line| is_ours(line)) {
                Some(line) => text.lines.push(line.to_owned()),
                None => text.before.extend_from_slice(raw),
            }
        }
        text.ending = Ending::of(&text.before);
        text
    }

    /// The number of the first line outside the block that is ours by what it says.
    pub(super) fn stray(&self, content: &[u8], is_ours: &dyn Fn(&str) -> bool) -> Option<usize> {
        let mut outside = [&self.before, &self.after].into_iter();
        let is_stray = |line: &[u8]| str::from_utf8(bare(line)).is_ok_and(is_ours);
        let found = outside.find_map(|part| {
            let mut lines = numbered(part).map(|(_, line)| line);
            lines.find(|line| is_stray(line))
        })?;
        numbered(content).find_map(|(number, line)| (line == found).then_some(number))
    }

    /// The whole file with these lines in the block.
    pub(super) fn with_lines(&self, lines: &[String]) -> Vec<u8> {
        let newline_is_ours = self.ending == Ending::Open;
        let mut content = self.before.clone();
        if lines.is_empty() {
            if newline_is_ours && content.ends_with(b"\n") {
                content.pop();
            }
            content.extend_from_slice(&self.after);
            return content;
        }
        if !content.is_empty() && !content.ends_with(b"\n") {
            content.push(b'\n');
        }
        let mut block = vec![BEGIN.to_owned()];
        block.extend_from_slice(lines);
        if self.style == Style::Tagged {
            block.extend(lines.iter().map(|line| tag(line)));
        }
        block.push(END.to_owned());
        content.extend_from_slice(block.join("\n").as_bytes());
        if !newline_is_ours {
            content.push(b'\n');
        }
        content.extend_from_slice(&self.after);
        content
    }
}

impl Ending {
    fn of(text: &[u8]) -> Self {
        if text.is_empty() || text.ends_with(b"\n") {
            Self::Plain
        } else {
            Self::Open
        }
    }
}

fn numbered(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (1..).zip(content.split_inclusive(|byte| *byte == b'\n'))
}

fn bare(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn is_comment_of_ours(line: &[u8]) -> bool {
    line == BEGIN.as_bytes() || line == END.as_bytes() || line.starts_with(TAG.as_bytes())
}

fn tags(content: &[u8]) -> Result<BTreeSet<String>, (usize, Damage)> {
    let mut tags = BTreeSet::new();
    for (number, line) in numbered(content) {
        if bare(line).starts_with(TAG.as_bytes()) {
            let tag = str::from_utf8(bare(line)).map_err(|_not_utf8| (number, Damage::NotUtf8))?;
            tags.insert(tag.to_owned());
        }
    }
    Ok(tags)
}
