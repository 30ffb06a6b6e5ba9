use proptest::prelude::*;

use super::*;

#[test]
fn the_usual_policy_is_that_of_the_reference() {
    let policy = SeccompPolicy::parse(DEFAULT_POLICY).unwrap();
    assert_eq!(policy.default, SeccompAction::Allow);
    let plain: Vec<_> = policy
        .rules
        .iter()
        .filter(|rule| rule.conditions.is_empty())
        .collect();
    let mut names: Vec<_> = plain.iter().map(|rule| rule.syscall.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "delete_module",
        "finit_module",
        "init_module",
        "kexec_load",
        "open_by_handle_at",
    ];
    assert_eq!(names, expected);
    assert!(
        plain
            .iter()
            .all(|rule| rule.action == SeccompAction::Errno(1))
    );
    assert_eq!(policy.rules.len(), 6);
    assert_eq!(policy.rules[0].syscall, "umount2");
}

#[test]
fn all_of_the_format() {
    let text = "2\nallowlist trap\nread\n[x86]\nwrite errno 5 # why\n[ALL]\n\
        clone kill [0,0x10,SCMP_CMP_MASKED_EQ,0xff][1,7,>=]\n";
    let policy = SeccompPolicy::parse(text).unwrap();
    assert_eq!(policy.default, SeccompAction::Trap);
    assert_eq!(policy.rules[0].action, SeccompAction::Allow);
    assert_eq!(policy.rules[1].arch, SeccompArch::Only("x86".to_owned()));
    assert_eq!(policy.rules[1].action, SeccompAction::Errno(5));
    let expected = [
        SeccompCondition {
            index: 0,
            compare: SeccompCompare::MaskedEqual(0xff),
            value: 16,
        },
        SeccompCondition {
            index: 1,
            compare: SeccompCompare::GreaterOrEqual,
            value: 7,
        },
    ];
    assert_eq!(policy.rules[2].conditions, expected);
    assert_eq!(policy.rules[2].arch, SeccompArch::All);
}

#[test]
fn errors_name_the_line() {
    let error = |text: &str| SeccompPolicy::parse(text).unwrap_err().to_string();
    assert_eq!(
        error(""),
        "line 1 of the seccomp policy does not say version 2"
    );
    assert_eq!(
        error("1\nallowlist\n103\n"),
        "line 1 of the seccomp policy does not say version 2"
    );
    assert!(error("2\nlist\n").starts_with("line 2 "));
    for bad in [
        "[sparc]",
        "read errno",
        "read errno 4096",
        "read frob",
        "read notify",
        "read kill x",
        "read kill [6,1,==]",
        "read kill [0,1]",
        "read kill [0,1,?]",
        "read kill 0,1,==]",
        "Read",
    ] {
        assert!(
            error(&format!("2\ndenylist\n\n{bad}\n")).starts_with("line 4 "),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "2\n(denylist|allowlist)\n(.{0,30}\n){0,6}") {
        drop(SeccompPolicy::parse(&text));
    }
}
