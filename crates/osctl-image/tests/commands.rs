//! What `osctl-image` does, as a user sees it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and writes plain files"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osctl-image"));
    command.current_dir(folder).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory with a root in it, and an image of that.
fn with_image() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("root/etc")).unwrap();
    fs::write(dir.path().join("root/etc/x"), "some data").unwrap();
    let output = run(dir.path(), &IMPORT);
    assert!(output.status.success(), "{}", said(&output));
    dir
}

const IMPORT: [&str; 8] = [
    "import",
    "root",
    "--distribution",
    "test",
    "--version",
    "1",
    "-o",
    "x.img",
];

#[test]
fn an_image_is_made_shown_checked_and_found() {
    let dir = with_image();
    let json = |args: &[&str]| -> Value {
        let output = run(dir.path(), args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let shown = json(&["show", "--json", "x.img"]);
    assert_eq!(shown["info"]["distribution"], "test");
    assert_eq!(shown["metadata"]["part"][0]["entries"], 3);
    assert_eq!(json(&["-j", "verify", "x.img"]), shown);
    let deployed = json(&["deploy", "-j", "--tag", "stable", "x.img", "repository"]);
    assert_eq!(deployed["digest"], shown["info"]["digest"]);
    let listed = json(&["ls", "-j", "repository"]);
    assert_eq!(listed["images"][0]["tags"][0], "stable");
    let table = run(dir.path(), &["ls", "repository"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("stable"));
    let good = run(dir.path(), &["verify", "x.img"]);
    assert_eq!(said(&good), "x.img: good, 1 part(s)\n");
    assert!(good.stdout.is_empty());
}

#[test]
fn errors_say_what_where_and_what_next() {
    let dir = with_image();
    let whole = fs::read(dir.path().join("x.img")).unwrap();
    fs::write(dir.path().join("cut"), &whole[..whole.len() - 1500]).unwrap();
    fs::write(dir.path().join("other"), "something else").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let mut foreign = IMPORT;
    foreign[1] = "empty";
    let mut missing = IMPORT;
    missing[1] = "missing";
    let cut = (whole.len() - 1500).to_string();
    let cases: [(&[&str], i32, &str); 9] = [
        (&["verify", "cut"], 5, &cut),
        (&["show", "cut"], 5, "osctl-image verify cut"),
        (&["verify", "other"], 5, "osctl-image import other"),
        (&["verify", "missing"], 3, "E-NOT-FOUND"),
        (&["ls", "missing"], 3, "osctl-image deploy"),
        (&["deploy", "cut", "repository"], 5, "cut short"),
        (&foreign, 5, "no root in it"),
        (&missing, 3, "missing"),
        (&["show", "x.img", "--surprise"], 2, "surprise"),
    ];
    for (args, code, words) in cases {
        let output = run(dir.path(), args);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.starts_with("error: "), "{args:?}: {text}");
        assert!(
            text.contains(words),
            "{args:?} does not say {words:?}: {text}"
        );
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert!(!dir.path().join("repository").exists());
    // What was there is as it was.
    assert_eq!(fs::read(dir.path().join("x.img")).unwrap(), whole);
}
