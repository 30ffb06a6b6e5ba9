//! `/etc/resolv.conf`, which is written as a whole. *Source*: `resolv.conf(5)`.

use std::fmt::Write as _;
use std::net::IpAddr;

/// The first line of a file of osctl.
const MARK: &str = "# Written by osctld: osctl ct set dns-resolver\n";

/// Whether the file is one of osctl, and not the guest's own.
pub(crate) fn is_ours(text: &str) -> bool {
    text.starts_with(MARK)
}

/// The file with these resolvers.
pub(crate) fn render(resolvers: &[IpAddr]) -> String {
    let mut text = String::from(MARK);
    for address in resolvers {
        // Writing into a string does not fail.
        writeln!(text, "nameserver {address}").unwrap_or_default();
    }
    text.push_str("options edns0\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_an_address() {
        let addresses = ["192.0.2.1", "2001:db8::53"].map(|it| it.parse().unwrap());
        assert_eq!(
            render(&addresses),
            "# Written by osctld: osctl ct set dns-resolver\n\
             nameserver 192.0.2.1\nnameserver 2001:db8::53\noptions edns0\n"
        );
    }
}
