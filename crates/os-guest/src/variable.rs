//! A file of shell variables, as `/etc/conf.d/hostname` and `/etc/sysconfig/network` are.

/// The file with `NAME="value"`: in place of each line that gives it another value, or at its end.
///
/// `value` has to be of letters, digits, `.` and `-`, as a host name is.
pub(crate) fn set(text: &str, name: &str, value: &str) -> String {
    let assignment = format!("{name}=\"{value}\"");
    let mut found = false;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let (body, end) = match line.strip_suffix('\n') {
            Some(body) => (body, "\n"),
            None => (line, ""),
        };
        if value_of(body, name).is_none() {
            lines.push(line.to_owned());
            continue;
        }
        found = true;
        if value_of(body, name).is_some_and(|old| unquoted(old) == value) {
            lines.push(line.to_owned());
        } else {
            lines.push(format!("{assignment}{end}"));
        }
    }
    let mut text = lines.concat();
    if !found {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&assignment);
        text.push('\n');
    }
    text
}

/// What a line assigns to a variable.
fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    line.strip_prefix(name)?.strip_prefix('=')
}

fn unquoted(value: &str) -> &str {
    let quotes = ['"', '\''];
    let inner = quotes
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_variable_is_replaced_or_added() {
        assert_eq!(set("", "HOSTNAME", "web"), "HOSTNAME=\"web\"\n");
        assert_eq!(
            set("# HOSTNAME=a\nA=1\nHOSTNAME=b # c\nB=2", "HOSTNAME", "web"),
            "# HOSTNAME=a\nA=1\nHOSTNAME=\"web\"\nB=2"
        );
        assert_eq!(set("A=1", "B", "x"), "A=1\nB=\"x\"\n");
        assert_eq!(
            set("HOSTNAMES=a\n", "HOSTNAME", "w"),
            "HOSTNAMES=a\nHOSTNAME=\"w\"\n"
        );
    }

    #[test]
    fn a_value_that_is_right_keeps_its_quotes() {
        for text in ["H=web\n", "H='web'\n", "export H=\"web\"\n"] {
            assert_eq!(set(text, "H", "web"), text);
        }
    }

    proptest! {
        #[test]
        fn twice_is_once_and_others_stay(
            text in "((HOST|# HOST|A|export HOST)=[a-z\"' ]{0,5}\n){0,6}[ \ta-z]{0,3}",
            value in "[a-z]{1,3}(\\.[a-z]{1,3})?",
        ) {
            let once = set(&text, "HOST", &value);
            prop_assert_eq!(&set(&once, "HOST", &value), &once);
            let others = |text: &str| -> Vec<String> {
                let lines = text.lines().filter(|line| value_of(line, "HOST").is_none());
                lines.map(str::to_owned).collect()
            };
            prop_assert_eq!(others(&text), others(&once));
            prop_assert!(once.lines().any(|line| value_of(line, "HOST").is_some()));
        }
    }
}
