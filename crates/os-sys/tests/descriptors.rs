//! A raised limit of descriptors is not inherited.

use std::io::Read as _;
use std::os::fd::OwnedFd;

#[test]
fn children_have_the_limit_from_before() {
    os_sys::set_limit("nofile", Some(200), Some(400)).unwrap();
    os_sys::raise_descriptors(1 << 20).unwrap();
    let own = std::fs::read_to_string("/proc/self/limits").unwrap();
    let is_raised = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.starts_with(&["Max", "open", "files", "400", "400"])
    };
    assert!(own.lines().any(is_raised), "{own}");
    let (mut output, input) = std::io::pipe().unwrap();
    let request = os_sys::SpawnRequest::new("/bin/sh")
        .args(["-c", "ulimit -Sn; ulimit -Hn"])
        .stdout(OwnedFd::from(input));
    let mut child = os_sys::spawn(request).unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    child.wait(std::time::Duration::from_secs(20)).unwrap();
    assert_eq!(text, "200\n400\n");
}
