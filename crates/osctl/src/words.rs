//! The words of a command line before clap reads them.
//!
//! Clients that build command lines from options write one that has no value as `--x ""`. An option
//! with an empty value is dropped here, with its value, so that it counts as not given. Empty
//! positional arguments and the words of a command to be run in a container stay as they are.

use std::ffi::{OsStr, OsString};
use std::iter::Peekable;
use std::vec::IntoIter;

use clap::{Arg, Command};

use crate::help::named;
use crate::option::{has_long, takes_value};

/// The same words without the options that have an empty value.
///
/// `describe` makes the whole command tree; it is called only if some word may be an empty value.
pub(crate) fn without_empty_values(
    words: Vec<OsString>,
    describe: impl FnOnce() -> Command,
) -> Vec<OsString> {
    let may_be_empty = |word: &OsString| {
        let bytes = word.as_encoded_bytes();
        bytes.is_empty() || (bytes.starts_with(b"-") && bytes.ends_with(b"="))
    };
    if !words.iter().any(may_be_empty) {
        return words;
    }
    let mut root = describe();
    // Gives each command the global options too.
    root.build();
    let mut words = words.into_iter().peekable();
    let mut reader = Reader {
        kept: words.next().into_iter().collect(),
        command: &root,
        positionals: 0,
        words,
    };
    reader.read();
    reader.kept
}

struct Reader<'a> {
    words: Peekable<IntoIter<OsString>>,
    kept: Vec<OsString>,
    /// The command that was named so far.
    command: &'a Command,
    /// Positional arguments of it that came so far.
    positionals: usize,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(word) = self.words.next() {
            let text = word.to_string_lossy().into_owned();
            let is_read_on = if text == "--" {
                self.kept.push(word);
                false
            } else if let Some(long) = text.strip_prefix("--") {
                self.long(&word, long);
                true
            } else if let Some(letters) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                self.shorts(&word, letters);
                true
            } else {
                self.positional(word)
            };
            if !is_read_on {
                self.kept.extend(self.words.by_ref());
            }
        }
    }

    fn long(&mut self, word: &OsStr, long: &str) {
        let (name, attached) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let mut args = self.command.get_arguments();
        match (args.find(|arg| has_long(arg, name)), attached) {
            (Some(arg), Some("")) if takes_value(arg) => {}
            (Some(arg), None) if takes_value(arg) => self.separate(word, None),
            _ => self.kept.push(word.to_owned()),
        }
    }

    /// A word of short options; the last one may have its value behind it.
    fn shorts(&mut self, word: &OsStr, letters: &str) {
        let has_letter = |arg: &&Arg, letter| {
            let letters = arg.get_short_and_visible_aliases().unwrap_or_default();
            letters.contains(&letter)
        };
        let (mut before, mut rest) = (OsString::from("-"), letters.chars());
        while let Some(letter) = rest.next() {
            let mut args = self.command.get_arguments();
            let arg = args.find(|arg| has_letter(arg, letter));
            if !arg.is_some_and(takes_value) {
                before.push(letter.to_string());
                continue;
            }
            let before = Some(before).filter(|before| before.len() > 1);
            match rest.as_str() {
                "" => self.separate(word, before),
                "=" => self.kept.extend(before),
                _ => self.kept.push(word.to_owned()),
            }
            return;
        }
        self.kept.push(word.to_owned());
    }

    /// An option whose value is the next word; `instead` is kept if that is empty.
    fn separate(&mut self, word: &OsStr, instead: Option<OsString>) {
        match self.words.next() {
            Some(value) if value.is_empty() => self.kept.extend(instead),
            value => self.kept.extend([word.to_owned()].into_iter().chain(value)),
        }
    }

    /// Returns whether the following word has to be read, too.
    fn positional(&mut self, word: OsString) -> bool {
        let text = word.to_string_lossy().into_owned();
        self.kept.push(word);
        if self.command.has_subcommands() && self.positionals == 0 {
            // clap says what is wrong with a word that names no command.
            let Some(named) = named(self.command, &text) else {
                return false;
            };
            self.command = named;
            return true;
        }
        self.positionals += 1;
        let last = self.command.get_positionals().last();
        let is_rest = last.is_some_and(|last| {
            last.is_trailing_var_arg_set() && Some(self.positionals) >= last.get_index()
        });
        !is_rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Vec<String> {
        let words = ["osctl"].iter().chain(line).map(OsString::from).collect();
        let kept = without_empty_values(words, crate::cli::command);
        let kept = kept.iter().skip(1).map(|word| word.to_str().unwrap());
        kept.map(str::to_owned).collect()
    }

    #[test]
    fn options_without_a_value_are_dropped() {
        let lines: [(&[&str], &str); 12] = [
            (&["--pool", "", "ct", "ls"], "ct|ls"),
            (&["ct", "ls", "--pool="], "ct|ls"),
            (
                &["ct", "new", "--vendor", "", "--arch", "x", "web"],
                "ct|new|--arch|x|web",
            ),
            (
                &["ct", "create", "--variant=", "web", "--user", ""],
                "ct|create|web",
            ),
            (&["cont", "ls", "-Ho", ""], "cont|ls|-H"),
            (&["ct", "ls", "-o", "", "-S", "running"], "ct|ls|-S|running"),
            (&["ct", "ls", "-o=", "-s="], "ct|ls"),
            (&["ct", "ls", "-o", "-id"], "ct|ls|-o|-id"),
            (
                &["ct", "start", "--ready-timeout", "", "web"],
                "ct|start|web",
            ),
            (
                &["user", "new", "--map-uid", "", "--map-uid", "0:1:2", "a"],
                "user|new|--map-uid|0:1:2|a",
            ),
            (
                &["ct", "set", "autostart", "--priority", "", "web"],
                "ct|set|autostart|web",
            ),
            (
                &["ct", "stop", "--no-kill", "--message", "", "web"],
                "ct|stop|--no-kill|web",
            ),
        ];
        for (line, expected) in lines {
            assert_eq!(read(line).join("|"), expected, "{line:?}");
        }
    }

    #[test]
    fn everything_else_stays() {
        let lines: [&[&str]; 10] = [
            &["ct", "exec", "web", "printf", "--x", "", "--pool", ""],
            &["ct", "exec", "web", "--", "a", "--pool", ""],
            &["ct", "set", "init-cmd", "web", "/sbin/init", "--x", ""],
            &["ct", "set", "attr", "web", "a:b", ""],
            &["ct", "set", "hostname", "web", ""],
            &["ct", "stop", "--kill", ""],
            &["ct", "stop", "--", "--message", ""],
            &["nonsense", "--pool", ""],
            &["ct", "ls", "--no-such", ""],
            &["ct", "ls", "-o"],
        ];
        for line in lines {
            assert_eq!(read(line), line, "{line:?}");
        }
    }
}
