//! Packages that do not exist, a mirror that does not answer, archives that are not what was promised.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "test code outside of #[test] functions; plain files in a temporary directory"
)]

use std::fs;
use std::path::Path;

use os_composition::evaluate;
use os_composition::mirror::{Manner, Mirror};

fn mirror(folder: &Path) -> Mirror {
    Mirror::new(folder, &["runit", "ipmitool"]).unwrap()
}

/// What it says when it fails.
fn refusal(mirror: &Mirror, settings: &[&str], packages: &[&str]) -> String {
    let error = mirror.resolve(settings, packages);
    error.expect_err("it was accepted").stderr().to_owned()
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}

/// Other bytes, and as many: what only a hash finds.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn package_that_does_not_exist_is_named_with_those_alike() {
    let dir = tempfile::tempdir().unwrap();
    let mirror = mirror(dir.path());
    let text = refusal(&mirror, &[], &["runit", "ipmitol"]);
    says(
        &text,
        &[
            "there is no package ipmitol in trixie (main contrib) at http://127.0.0.1",
            "Names that begin alike: ipmitool",
        ],
    );
    let unknown = fs::read_to_string(dir.path().join("out/unknown")).unwrap();
    assert_eq!(unknown, "ipmitol\n");
    assert!(
        !dir.path().join("out/lock.json").exists(),
        "there is a lock"
    );
}

#[test]
fn whoever_asks_for_a_package_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let host = dir.path().join("host.nix");
    fs::write(&host, r#"{ debian.packages = [ "ipmitol" "htop" ]; }"#).unwrap();
    let askers = evaluate("askers.packages", &host.display().to_string()).unwrap();
    says(
        &askers,
        &[
            &format!("{} ipmitol htop", host.display()),
            "modules/ssh.nix openssh-server",
        ],
    );
}

#[test]
fn mirror_that_is_gone_is_told_with_what_is_left_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut mirror = mirror(dir.path());
    let lock = mirror.resolve(&[], &["runit"]).unwrap();
    says(
        &lock,
        &[r#""name":"runit","version":"1","file":"runit_1_amd64.deb""#],
    );

    mirror.becomes(Manner::Gone);
    let text = refusal(&mirror, &["UPDATE"], &["runit"]);
    says(
        &text,
        &[
            "cannot be fetched from http://127.0.0.1",
            "Connection refused",
            "are here. To use them: OFFLINE=1",
        ],
    );
    assert_eq!(mirror.resolve(&["OFFLINE"], &["runit"]).unwrap(), lock);

    let text = refusal(&mirror, &[], &["runit", "ipmitool"]);
    says(
        &text,
        &["is for other packages", "OFFLINE=1 would not help"],
    );
    let text = refusal(&mirror, &["OFFLINE"], &["runit", "ipmitool"]);
    says(&text, &["there is no lock", "without OFFLINE=1"]);
}

#[test]
fn mirror_that_says_nothing_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut mirror = mirror(dir.path());
    mirror.becomes(Manner::Silent);
    let text = refusal(&mirror, &[], &["runit"]);
    says(
        &text,
        &[
            "cannot be fetched from http://127.0.0.1",
            "Failed to fetch",
            "There is no lock of an earlier build",
        ],
    );
}

#[test]
fn archive_that_the_mirror_has_damaged_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mirror = mirror(dir.path());
    damage(&mirror.archive("runit"));
    let text = refusal(&mirror, &[], &["runit"]);
    says(
        &text,
        &["runit_1_amd64.deb", "Hash Sum mismatch", "try again later"],
    );
    assert!(!mirror.kept("runit").exists(), "it was kept");
    assert!(
        !dir.path().join("out/lock.json").exists(),
        "there is a lock"
    );
}

#[test]
fn archive_damaged_on_this_machine_is_told_and_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let mirror = mirror(dir.path());
    let lock = mirror.resolve(&[], &["ipmitool", "runit"]).unwrap();
    damage(&mirror.kept("runit"));
    let text = refusal(&mirror, &["OFFLINE"], &["ipmitool", "runit"]);
    says(&text, &["not what its hash says:", "runit_1_amd64.deb"]);
    assert!(!text.contains("ipmitool_1"), "{text}");
    assert_eq!(mirror.resolve(&[], &["ipmitool", "runit"]).unwrap(), lock);
    assert_eq!(
        fs::read(mirror.kept("runit")).unwrap(),
        fs::read(mirror.archive("runit")).unwrap()
    );
}
