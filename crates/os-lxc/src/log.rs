//! What LXC says in its log.

/// Places in LXC's source whose errors do not end a start. LXC 6 asks systemd for a scope wherever its monitor
/// is no root, and goes on without one where there is no systemd.
const HARMLESS: &[&str] = &[":unpriv_systemd_create_scope:"];

/// The errors in a log, oldest first, without time and place in LXC's source; doubles left out.
///
/// *Shape*: a line of LXC is `lxc-start web 20261123032818.362 ERROR    start -
/// ../src/lxc/start.c:start:2197 - No such file or directory - Failed to exec "/nope"`. Lines that
/// are not LXC's (a hook's words, a message of the C library) are no errors here.
pub fn errors(log: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for message in log.lines().filter_map(error) {
        if found.last().is_none_or(|last| last != message) {
            found.push(message.to_owned());
        }
    }
    found
}

fn error(line: &str) -> Option<&str> {
    let mut words = line.splitn(4, ' ');
    let (_program, _id, time) = (words.next()?, words.next()?, words.next()?);
    if !time.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = words.next()?.strip_prefix("ERROR")?.trim_start();
    // "conf - ../src/lxc/conf.c:function:123 - message"
    let (_module, rest) = rest.split_once(" - ")?;
    let (place, message) = rest.split_once(" - ")?;
    let harmless = HARMLESS.iter().any(|function| place.contains(function));
    (!harmless).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_only() {
        let log = "lxc-start web 20261123032818.361 ERROR    cgfsng - ../src/lxc/cgroups/cgfsng.c:unpriv_systemd_create_scope:1498 - Failed opening dbus connection\n\
            lxc-start web 20261123032818.362 NOTICE   utils - ../src/u.c:f:1 - Switched to uid 0\n\
            lxc-start web 20261123032818.363 ERROR    start - ../src/lxc/start.c:start:2197 - No such file or directory - Failed to exec \"/nope\"\n\
            os-helper: osctld did not answer\n\
            lxc-start web 20261123032818.364 ERROR    sync - ../src/lxc/sync.c:sync_wait:34 - An error occurred\n\
            lxc-start web 20261123032818.364 ERROR    sync - ../src/lxc/sync.c:sync_wait:34 - An error occurred\n\
            a b c ERROR x\n";
        let expected = [
            "No such file or directory - Failed to exec \"/nope\"",
            "An error occurred",
        ];
        assert_eq!(errors(log), expected);
    }
}
