//! `/etc/hosts`: the names of a guest on the lines of its loopback addresses.
//!
//! A notice at the top of the file lists the names of osctl, so that any later version can remove them.
//! Everything else is the guest's.

use os_types::Hostname;

/// The lines around what we remember. A first line without a last one is a line of the guest.
const BEGIN: &str = "# BEGIN osctld";
const END: &str = "# END osctld";
/// Before the names that are ours.
const NAMES: &str = "# names: ";
/// The notice, for people who edit the file.
const NOTICE: &str = "\
# The host name of this container is kept on the lines of 127.0.0.1 and ::1.
# To keep your own file, make it unwritable: chmod u-w /etc/hosts";

const LOOPBACK_V4: &str = "127.0.0.1";
const LOOPBACK_V6: &str = "::1";

/// The file with `name` as the first name of the loopback addresses.
///
/// `None` stands for "no such file".
pub(crate) fn set(text: Option<&str>, name: &Hostname) -> String {
    let ours = names(name);
    let joined = ours.join(" ");
    let notice = format!("{BEGIN}\n{NOTICE}\n{NAMES}{joined}\n{END}\n");
    let Some(text) = text else {
        return format!(
            "{notice}{LOOPBACK_V4}\t{joined} localhost\n\
             {LOOPBACK_V6}\t{joined} localhost ip6-localhost ip6-loopback\n"
        );
    };
    let (old, lines) = take_notice(text);
    let mut merge = Merge {
        old: &old,
        new: &ours,
        seen: Vec::new(),
    };
    let rest: String = lines.iter().map(|line| merge.line(line)).collect();
    let missing = if merge.seen.contains(&LOOPBACK_V4) {
        String::new()
    } else {
        format!("{LOOPBACK_V4}\t{joined} localhost\n")
    };
    format!("{notice}{missing}{rest}")
}

/// The whole name, then the short one: the first one is what `hostname -f` answers.
fn names(name: &Hostname) -> Vec<&str> {
    match (name.as_str(), name.short()) {
        (whole, short) if whole == short => vec![whole],
        (whole, short) => vec![whole, short],
    }
}

/// The names that our notice remembers, and all lines but the notice's, with their ends.
fn take_notice(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let begin = lines.iter().position(|line| line.trim_end() == BEGIN);
    let length = begin.and_then(|begin| {
        let mut after = lines.iter().skip(begin);
        after.position(|line| line.trim_end() == END)
    });
    let (Some(begin), Some(length)) = (begin, length) else {
        return (Vec::new(), lines);
    };
    let notice: Vec<&str> = lines.drain(begin..=begin.saturating_add(length)).collect();
    let names = notice.iter().find_map(|line| line.strip_prefix(NAMES));
    let names = names.map_or_else(Vec::new, |names| names.split_whitespace().collect());
    (names, lines)
}

/// Goes through the lines of a file.
struct Merge<'a> {
    old: &'a [&'a str],
    new: &'a [&'a str],
    /// Loopback addresses whose first line has been met.
    seen: Vec<&'static str>,
}

impl Merge<'_> {
    /// What becomes of a line; empty if none of its names is left.
    fn line(&mut self, line: &str) -> String {
        let (body, comment) = match line.find('#') {
            Some(at) => line.split_at(at),
            None => (line, ""),
        };
        let mut words = body.split_whitespace();
        let address = words.next();
        let loopback = [LOOPBACK_V4, LOOPBACK_V6];
        let Some(address) = loopback.into_iter().find(|it| Some(*it) == address) else {
            return line.to_owned();
        };
        let before: Vec<&str> = words.collect();
        let mut after: Vec<&str> = before
            .iter()
            .filter(|name| is_localhost(name) || !self.is_ours(name))
            .copied()
            .collect();
        if !self.seen.contains(&address) {
            self.seen.push(address);
            let missing = self.new.iter().filter(|name| !after.contains(name));
            after = missing.copied().chain(after.iter().copied()).collect();
        }
        if after == before {
            return line.to_owned();
        }
        if after.is_empty() && comment.trim().is_empty() {
            return String::new();
        }
        let end = if line.ends_with('\n') { "\n" } else { "" };
        let comment = match comment.trim_end() {
            "" => String::new(),
            comment => format!(" {comment}"),
        };
        format!("{address}\t{}{comment}{end}", after.join(" "))
    }

    fn is_ours(&self, name: &str) -> bool {
        self.old.contains(&name) || self.new.contains(&name)
    }
}

/// Names that a loopback address has whatever its host is called.
fn is_localhost(name: &str) -> bool {
    name.starts_with("localhost") || name.starts_with("ip6-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Hostname {
        text.parse().unwrap()
    }

    fn without_notice(text: &str) -> String {
        take_notice(text).1.concat()
    }

    #[test]
    fn a_file_that_is_missing() {
        let made = set(None, &name("web.example.org"));
        assert!(made.starts_with(BEGIN), "{made}");
        assert_eq!(
            without_notice(&made),
            "127.0.0.1\tweb.example.org web localhost\n\
             ::1\tweb.example.org web localhost ip6-localhost ip6-loopback\n"
        );
        assert_eq!(set(Some(&made), &name("web.example.org")), made);
    }

    #[test]
    fn names_come_first_and_old_ones_go() {
        let debian = "127.0.0.1  localhost # me\n127.0.1.1\told\n::1 localhost ip6-localhost\n\n\
                      # comment 127.0.0.1\n192.0.2.1 gateway";
        let first = set(Some(debian), &name("web.example.org"));
        assert_eq!(
            without_notice(&first),
            "127.0.0.1\tweb.example.org web localhost # me\n127.0.1.1\told\n\
             ::1\tweb.example.org web localhost ip6-localhost\n\n\
             # comment 127.0.0.1\n192.0.2.1 gateway"
        );
        let second = set(Some(&first), &name("mail"));
        assert_eq!(
            without_notice(&second),
            without_notice(&first).replace("web.example.org web", "mail")
        );
    }

    #[test]
    fn a_file_without_loopback_gets_one_line() {
        assert_eq!(
            without_notice(&set(Some("192.0.2.1 x\n"), &name("web"))),
            "127.0.0.1\tweb localhost\n192.0.2.1 x\n"
        );
    }

    #[test]
    fn localhost_is_nobodys_to_take() {
        let first = set(Some("127.0.0.1 localhost\n"), &name("localhost"));
        let second = set(Some(&first), &name("web"));
        assert_eq!(without_notice(&second), "127.0.0.1\tweb localhost\n");
    }

    #[test]
    fn a_notice_without_an_end_is_the_guests() {
        let broken = "# BEGIN osctld\n# names: gateway\n127.0.0.1 gateway\n";
        let text = set(Some(broken), &name("web"));
        assert!(text.ends_with("# BEGIN osctld\n# names: gateway\n127.0.0.1\tweb gateway\n"));
        assert_eq!(set(Some(&text), &name("web")), text);
    }

    fn line() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("127.0.0.1"),
            Just("::1"),
            Just("127.0.1.1"),
            Just("localhost"),
            Just("web"),
            Just("web.example.org"),
            Just("mail"),
            Just("gateway"),
            Just("#"),
            Just("# BEGIN osctld"),
            Just("# END osctld"),
            Just("# names: mail gateway"),
            Just("é\r"),
        ];
        let space = prop_oneof![Just(" "), Just("\t"), Just("")];
        prop::collection::vec((space, word), 0..5)
            .prop_map(|words| words.into_iter().flat_map(|(a, b)| [a, b]).collect())
    }

    fn file() -> impl Strategy<Value = String> {
        (prop::collection::vec(line(), 0..8), any::<bool>())
            .prop_map(|(lines, end)| lines.join("\n") + if end { "\n" } else { "" })
    }

    proptest! {
        #[test]
        fn twice_is_once(text in file(), first in "web(\\.example\\.org)?|mail") {
            let once = set(Some(&text), &name(&first));
            prop_assert_eq!(set(Some(&once), &name(&first)), once);
        }

        #[test]
        fn foreign_lines_stay(text in file()) {
            let after = without_notice(&set(Some(&text), &name("web.example.org")));
            let foreign = |text: &str| -> Vec<String> {
                let (_, lines) = take_notice(text);
                let kept = lines.into_iter().filter(|line| {
                    let address = line.split('#').next().and_then(|it| it.split_whitespace().next());
                    !matches!(address, Some("127.0.0.1" | "::1"))
                });
                kept.map(|it| it.trim_end_matches('\n').to_owned()).collect()
            };
            prop_assert_eq!(foreign(&text), foreign(&after));
        }

        #[test]
        fn a_name_comes_and_goes(text in file()) {
            let with = |text: &str, it: &str| set(Some(text), &name(it));
            let clean = with(&text, "one.example.net");
            let there = with(&clean, "two.example.net");
            prop_assert!(there.contains("two.example.net"));
            prop_assert!(!there.contains("one.example.net"));
            prop_assert_eq!(with(&there, "one.example.net"), clean);
        }
    }
}
