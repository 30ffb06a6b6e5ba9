//! Names of hosts.

use crate::names::name;

name! {
    /// The name of a host as guests may have it.
    ///
    /// *Shape*: labels `[A-Za-z0-9-]` of 1 to 63 characters, not beginning or ending with `-`, parted by
    /// dots; at most 64 characters in all, the kernel's limit (`sethostname(2)`), though RFC 1123 has 253.
    Hostname, "host name",
    r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    check, maxLength 64
}

fn check(text: &str) -> Result<(), &'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    if text.len() > 64 {
        return Err("is too long");
    }
    if text.split('.').all(label) {
        Ok(())
    } else {
        Err("must be labels of letters, digits and '-' parted by dots")
    }
}

impl Hostname {
    /// The name without its domain, e.g. `web` of `web.example.org`.
    pub fn short(&self) -> &str {
        self.as_str().split('.').next().unwrap_or(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["web", "web.example.org", "1-2.x"] {
            good.parse::<Hostname>().unwrap();
        }
        for bad in [
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a\nb",
            &"x".repeat(65),
        ] {
            bad.parse::<Hostname>().unwrap_err();
        }
    }

    #[test]
    fn the_short_name_has_no_domain() {
        let short = |text: &str| text.parse::<Hostname>().unwrap().short().to_owned();
        assert_eq!(short("web.example.org"), "web");
        assert_eq!(short("web"), "web");
    }
}
