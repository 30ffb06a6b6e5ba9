//! The command line that is sent to the daemon for its history.

use std::ffi::OsStr;
use std::fmt::Write;

/// Longest text that the daemon takes, see [`os_api::endpoint::CLI_HEADER`].
const LIMIT: usize = 4096;

/// The command line as a shell would take it again, in printable ASCII only.
///
/// A header must not hold control characters or bytes above 127. Nothing is percent-encoded, so the
/// daemon stores the text as it is: words that need it are quoted in the shell's own way, `'a b'`,
/// and those with other bytes as `$'caf\xc3\xa9'` (ANSI-C quoting of bash, zsh and POSIX 2024).
/// What is not UTF-8 is kept byte for byte the same way. A longer text is cut and ends in `...`.
pub(crate) fn quote<S: AsRef<OsStr>>(words: &[S]) -> String {
    let mut line = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        let word = word.as_ref();
        // The path of the program says nothing that the reader of a history wants to know.
        let word = match (index, std::path::Path::new(word).file_name()) {
            (0, Some(name)) => name,
            _ => word,
        };
        quote_word(word.as_encoded_bytes(), &mut line);
        if line.len() > LIMIT {
            line.truncate(LIMIT - 3);
            line.push_str("...");
            break;
        }
    }
    line
}

fn quote_word(word: &[u8], line: &mut String) {
    let plain = |c: &u8| c.is_ascii_alphanumeric() || b"-_./:=,+@%^".contains(c);
    let printable = |c: &u8| matches!(c, b' '..=b'~');
    if !word.is_empty() && word.iter().all(plain) {
        line.extend(word.iter().map(|c| char::from(*c)));
    } else if word.iter().all(printable) && !word.contains(&b'\'') {
        line.push('\'');
        line.extend(word.iter().map(|c| char::from(*c)));
        line.push('\'');
    } else {
        line.push_str("$'");
        for c in word {
            match c {
                b'\'' | b'\\' => {
                    line.push('\\');
                    line.push(char::from(*c));
                }
                b'\n' => line.push_str("\\n"),
                b'\t' => line.push_str("\\t"),
                b' '..=b'~' => line.push(char::from(*c)),
                other => {
                    write!(line, "\\x{other:02x}").expect("writing to a string cannot fail");
                }
            }
        }
        line.push('\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_plain_where_it_can_be() {
        let words = [
            "/usr/sbin/osctl",
            "user",
            "new",
            "tank:alice",
            "--map=0:1:2",
        ];
        assert_eq!(quote(&words), "osctl user new tank:alice --map=0:1:2");
    }

    #[test]
    fn quotes_as_a_shell_reads_it() {
        let words = ["osctl", "a b", "", "it's", "caf\u{e9}\n\x1b[1m", "$HOME"];
        assert_eq!(
            quote(&words),
            r"osctl 'a b' '' $'it\'s' $'caf\xc3\xa9\n\x1b[1m' '$HOME'"
        );
    }

    #[test]
    fn never_leaves_printable_ascii_nor_the_limit() {
        use std::os::unix::ffi::OsStrExt;
        let all: Vec<u8> = (1..=255).collect();
        let words = ["osctl".into(), OsStr::from_bytes(&all).to_owned()];
        assert!(quote(&words).bytes().all(|c| matches!(c, b' '..=b'~')));
        assert_eq!(quote(&vec!["\u{e9}"; 5000]).len(), LIMIT);
    }
}
