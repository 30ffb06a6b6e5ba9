//! Logged-in users from the guest's `utmp(5)`, of which no byte is trusted.

/// Entries that are looked at; more are the guest's own joke.
pub(crate) const MOST: usize = 32;

/// Bytes of an entry. `ut_session` and `ut_tv` are of 32 bits where 32-bit programs share the file.
/// *Source*: glibc, `bits/types/struct_utmp.h`, `__WORDSIZE_TIME64_COMPAT32`.
pub(crate) const ENTRY: usize = if cfg!(target_arch = "x86_64") {
    384
} else {
    400
};

/// `USER_PROCESS`.
const LOGGED_IN: [u8; 2] = 7_i16.to_ne_bytes();

/// Where `ut_line` begins, and how long it is.
const LINE: (usize, usize) = (8, 32);

/// The terminals of all that are logged in, below `/dev`, each once, e.g. `pts/3`.
pub(crate) fn terminals(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in bytes.chunks_exact(ENTRY) {
        let line = entry.get(LINE.0..).and_then(|rest| rest.get(..LINE.1));
        let line = line.and_then(|line| line.split(|byte| *byte == 0).next());
        let line = line.and_then(|line| std::str::from_utf8(line).ok());
        let is_user = entry.starts_with(&LOGGED_IN);
        if let Some(line) = line.filter(|line| is_user && is_terminal(line))
            && found.len() < MOST
            && !found.iter().any(|it| it == line)
        {
            found.push(line.to_owned());
        }
    }
    found
}

/// Whether it is called as a terminal is: nothing else of `/dev` is opened.
pub(crate) fn is_terminal(name: &str) -> bool {
    let word = |text: &str| {
        (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match (name.strip_prefix("pts/"), name.strip_prefix("tty")) {
        (Some(number), _) => word(number) && number.bytes().all(|byte| byte.is_ascii_digit()),
        (None, Some(rest)) => word(rest),
        (None, None) => name == "console",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(kind: i16, line: &str) -> Vec<u8> {
        let mut entry = vec![0; ENTRY];
        entry[..2].copy_from_slice(&kind.to_ne_bytes());
        entry[8..8 + line.len()].copy_from_slice(line.as_bytes());
        entry
    }

    #[test]
    fn users_have_terminals() {
        let file = [
            entry(2, "~"),
            entry(6, "tty1"),
            entry(7, "tty2"),
            entry(7, "pts/0"),
            entry(7, "pts/0"),
            entry(8, "pts/1"),
            entry(7, "../../etc/passwd"),
            entry(7, "pts/../null"),
            entry(7, &"x".repeat(32)),
        ]
        .concat();
        assert_eq!(terminals(&file), ["tty2", "pts/0"]);
        assert_eq!(terminals(&file[..file.len() - 1]), ["tty2", "pts/0"]);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let many: Vec<_> = (0..100).map(|it| entry(7, &format!("pts/{it}"))).collect();
        assert_eq!(terminals(&many.concat()).len(), MOST);
    }

    #[test]
    fn only_terminals_are_terminals() {
        for good in ["console", "tty1", "ttyS0", "pts/0", "pts/12345"] {
            assert!(is_terminal(good), "{good}");
        }
        for bad in [
            "",
            "tty",
            "pts/",
            "pts/ptmx",
            "pts/1/2",
            "null",
            "ttyx/../a",
            "sda",
        ] {
            assert!(!is_terminal(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
            for name in terminals(&bytes) {
                prop_assert!(is_terminal(&name));
            }
        }
    }
}
