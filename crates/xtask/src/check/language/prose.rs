//! The words of a file that people read, with their lines.

/// A word of prose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case, without punctuation; empty for code and for punctuation alone.
    pub(super) text: String,
    /// Line number, from 1.
    pub(super) line: usize,
    /// A phrase may not span this word and the one before it.
    pub(super) first: bool,
    /// It is the first word of a sentence.
    pub(super) capital: bool,
}

/// The words of comments and string literals of Rust code.
pub(super) fn of_rust(source: &str) -> Vec<Word> {
    let mut words = Words::default();
    let mut rest = source;
    let mut line = 1;
    let mut comment_before = false;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = token(rest, first);
        let (text, after) = rest.split_at(length);
        match kind {
            Kind::Comment => {
                words.sentence_goes_on &= comment_before;
                words.add(text, line);
                comment_before = true;
            }
            Kind::String => {
                words.sentence_goes_on = false;
                let text = text.trim_start_matches(['r', '#']);
                words.add(&text.replace("\\n", " - "), line);
                comment_before = false;
            }
            Kind::Blank => {}
            Kind::Code => comment_before = false,
        }
        line += text.matches('\n').count();
        rest = after;
    }
    words.found
}

/// The words of every line of a text, a script or a configuration file.
pub(super) fn of_text(text: &str) -> Vec<Word> {
    let mut words = Words::default();
    words.add(text, 1);
    words.found
}

enum Kind {
    Comment,
    String,
    Blank,
    Code,
}

/// The kind and length of the token at the beginning of `rest`, which begins with `first`.
fn token(rest: &str, first: char) -> (Kind, usize) {
    let until = |end: &str, from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        tail.find(end)
            .map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, until("*/", 2));
    }
    if first == 'r' {
        let hashes = rest.chars().skip(1).take_while(|c| *c == '#').count();
        if rest
            .get(1 + hashes..)
            .is_some_and(|tail| tail.starts_with('"'))
        {
            let end = format!("\"{}", "#".repeat(hashes));
            return (Kind::String, until(&end, hashes + 2));
        }
    }
    match first {
        '"' => (Kind::String, quoted(rest)),
        // Only these characters would begin a token of another kind.
        '\'' if rest.starts_with("'\"'") => (Kind::Code, 3),
        '\'' if rest.starts_with("'\\") => (Kind::Code, 3 + usize::from(rest.len() > 3)),
        c if c.is_whitespace() => (Kind::Blank, c.len_utf8()),
        c if c.is_alphanumeric() || c == '_' => {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            (Kind::Code, end.unwrap_or(rest.len()))
        }
        c => (Kind::Code, c.len_utf8()),
    }
}

/// The length of the string literal at the beginning of `rest`.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Collects words.
#[derive(Default)]
struct Words {
    found: Vec<Word>,
    /// The next word may belong to the sentence of the last one.
    sentence_goes_on: bool,
    /// The last word was followed by a comma or the like: the same sentence, but another phrase.
    clause: bool,
}

impl Words {
    fn add(&mut self, text: &str, line: usize) {
        for (text, line) in text.lines().zip(line..) {
            if text.trim_matches(|c: char| !c.is_alphanumeric()).is_empty() {
                self.sentence_goes_on = false;
            }
            // Odd parts between back quotes are code.
            for (part, text) in text.split('`').enumerate() {
                if part % 2 == 1 {
                    self.push(String::new(), line);
                } else {
                    text.split_whitespace().for_each(|raw| self.word(raw, line));
                }
            }
        }
    }

    fn word(&mut self, raw: &str, line: usize) {
        if raw.chars().all(|c| "/#*!>".contains(c)) {
            return; // the mark of a comment or a quotation
        }
        if raw.contains('{') {
            return self.push(String::new(), line); // a placeholder of a format string
        }
        let text = raw.trim_matches(|c: char| !c.is_alphanumeric());
        if raw.starts_with(['(', '"', '[']) || text.is_empty() {
            self.sentence_goes_on = false;
        }
        self.push(text.to_lowercase(), line);
        if text.is_empty() || raw.ends_with(['.', ',', ';', ':', '!', '?', ')', '"', ']', '|']) {
            self.sentence_goes_on = false;
            self.clause = raw.ends_with(',');
        }
    }

    fn push(&mut self, text: String, line: usize) {
        let first = !self.sentence_goes_on;
        let capital = first && !self.clause;
        self.found.push(Word {
            text,
            line,
            first,
            capital,
        });
        self.sentence_goes_on = true;
        self.clause = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[Word]) -> Vec<String> {
        let show = |word: &Word| {
            let mark = if word.first { "^" } else { "" };
            format!("{}{mark}{}", word.line, word.text)
        };
        words.iter().map(show).collect()
    }

    #[test]
    fn comments_of_consecutive_lines_are_one_sentence() {
        let source = "/// One\n/// two.\nlet three = 4; // Five\n//\n// six";
        assert_eq!(
            shown(&of_rust(source)),
            ["1^one", "2two", "3^five", "5^six"]
        );
    }

    #[test]
    fn strings_are_prose_and_code_is_not() {
        let source =
            r##"let folder = "one \" two"; f('"', r#"three " four"#, '\'', b"five"); 'a: x"##;
        assert_eq!(
            shown(&of_rust(source)),
            ["1^one", "1^", "1^two", "1^three", "1^", "1^four", "1^five"]
        );
    }

    #[test]
    fn code_between_back_quotes_has_no_words() {
        assert_eq!(
            shown(&of_text("# a `b c` d\n\n| e | f |")),
            ["1^a", "1", "1d", "3^", "3^e", "3^", "3^f", "3^"]
        );
    }
}
