use std::os::unix::fs::symlink;
use std::process::id;

use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);
const ROOT: &[u8] = b"root:x:0:0::/root:/bin/sh\n";

fn folder(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    atomic::replace(&path, content, Attributes::mode(0o644)).unwrap();
    (folder, path)
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Makes the block of one file consist of these lines.
fn set(path: &Path, lines: &[String], patience: Duration) -> Result<(), BlockError> {
    let wanted = [(path, lines.to_vec())];
    set_all(&wanted, &|_| false, Repair::Refuse, patience)
}

/// The lock files must all be gone; `.pwd.lock` stays, as glibc leaves it.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn root_a_block_comes_changes_and_goes() {
    let (folder, path) = folder(ROOT);
    let before = fs::read(&path).unwrap();
    std::os::unix::fs::chown(&path, Some(70_001), Some(70_002)).unwrap();
    assert_eq!(read(&path).unwrap(), lines(&[]));
    set(&path, &lines(&["a:1", "b:2"]), PATIENCE).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "root:x:0:0::/root:/bin/sh\n# osctl begin (managed by osctld, do not edit)\na:1\nb:2\n\
         # osctl end\n"
    );
    let written = fs::metadata(&path).unwrap().ino();
    set(&path, &lines(&["a:1", "b:2"]), PATIENCE).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), written);
    set(&path, &lines(&["b:2"]), PATIENCE).unwrap();
    assert_eq!(read(&path).unwrap(), lines(&["b:2"]));
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid()),
        (0o644, 70_001, 70_002)
    );
    set(&path, &[], PATIENCE).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(folder.path()), [".pwd.lock", "passwd"]);
}

#[test]
fn root_an_absent_file_is_made_and_a_symlink_resolved() {
    let (folder, path) = folder(ROOT);
    let subuid = folder.path().join("subuid");
    set(&subuid, &[], PATIENCE).unwrap();
    assert!(!subuid.exists());
    set(&subuid, &lines(&["a:1:2"]), PATIENCE).unwrap();
    assert_eq!(fs::metadata(&subuid).unwrap().mode() & 0o7777, 0o644);
    let link = folder.path().join("link");
    symlink("passwd", &link).unwrap();
    set(&link, &lines(&["a:1"]), PATIENCE).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&path).unwrap(), lines(&["a:1"]));
}

/// Twice the same line in a sorted subid file could not be distinguished from one of the host's.
#[test]
fn root_a_line_is_written_once() {
    let (folder, _) = folder(ROOT);
    let path = folder.path().join("subuid");
    set(&path, &lines(&["a:1:2", "b:3:4", "a:1:2"]), PATIENCE).unwrap();
    assert_eq!(read(&path).unwrap(), lines(&["a:1:2", "b:3:4"]));
    set(&path, &[], PATIENCE).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn damaged_markers_are_named_and_the_file_is_left() {
    let cases = [
        (format!("a\n{BEGIN}\nb\n"), 2, Damage::NoEnd),
        (format!("a\n{END}\n"), 2, Damage::NoBegin),
        (format!("{BEGIN}\n{END}\n{END}\n"), 3, Damage::NoBegin),
        (format!("{BEGIN}\n{BEGIN}\n{END}\n"), 2, Damage::Second),
        (
            format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n"),
            3,
            Damage::Second,
        ),
        (
            format!("{BEGIN}\na\n# osctl endfoo:x:1\n"),
            3,
            Damage::Altered,
        ),
        (format!("{BEGIN}\r\na\n{END}\n"), 1, Damage::Altered),
    ];
    for (content, line, damage) in cases {
        let (_folder, path) = folder(content.as_bytes());
        let error = set(&path, &lines(&["x"]), PATIENCE).unwrap_err();
        match &error {
            BlockError::Damaged {
                line: found,
                damage: what,
                ..
            } => {
                assert_eq!((*found, *what), (line, damage), "{content}");
            }
            other => panic!("{other:?}"),
        }
        let place = format!("{}:{line}: ", path.display());
        assert!(error.to_string().starts_with(&place), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn lines_that_would_break_the_block_are_refused() {
    for bad in ["", "a\nb", "a\0b", END, "# osctl begin something", "# x"] {
        let (_folder, path) = folder(ROOT);
        let error = set(&path, &lines(&["good", bad]), PATIENCE).unwrap_err();
        assert!(matches!(error, BlockError::BadLine { .. }), "{bad:?}");
        assert_eq!(fs::read(&path).unwrap(), ROOT);
    }
}

#[test]
fn a_living_holder_is_named_and_a_dead_one_is_no_obstacle() {
    let (folder, path) = folder(ROOT);
    let lock = folder.path().join("passwd.lock");
    let private = Attributes::mode(0o600);
    atomic::replace(&lock, b"1\0", private).unwrap();
    let error = set(&path, &lines(&["a"]), Duration::from_millis(20)).unwrap_err();
    assert!(
        matches!(
            error,
            BlockError::Busy {
                holder: Some(1),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("passwd.lock was held by the process 1"),
        "{error}"
    );
    // Above the kernel's PID_MAX_LIMIT (4194304), so surely dead; ours was left by a namesake.
    for stale in ["4194305".to_owned(), format!("{}\0", id())] {
        atomic::replace(&lock, stale.as_bytes(), private).unwrap();
        set(&path, &lines(&[&stale.replace('\0', "x")]), PATIENCE).unwrap();
        assert_eq!(names(folder.path()), [".pwd.lock", "passwd"]);
    }
    atomic::replace(&lock, b"not a pid", private).unwrap();
    let error = set(&path, &[], Duration::from_millis(20)).unwrap_err();
    assert!(
        matches!(error, BlockError::Busy { holder: None, .. }),
        "{error:?}"
    );
}

#[test]
fn threads_take_turns() {
    let (folder, path) = folder(ROOT);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..10 {
                    let line = format!("t{thread}-{round}:x");
                    set(path, &[line], PATIENCE).unwrap();
                }
            });
        }
    });
    assert_eq!(read(&path).unwrap().len(), 1);
    assert_eq!(names(folder.path()), [".pwd.lock", "passwd"]);
}

fn host_text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        Just(b"root:x:0:0::/:/bin/sh".to_vec()),
        Just(b"# a comment\r".to_vec()),
        Just(b"+::::::".to_vec()),
    ];
    let ours = |text: &Vec<u8>| !String::from_utf8_lossy(text).contains("# osctl ");
    (prop::collection::vec(line, 0..6), any::<bool>())
        .prop_map(|(lines, newline)| {
            let mut text = lines.join(&b'\n');
            if newline {
                text.push(b'\n');
            }
            text
        })
        .prop_filter("no markers of osctl", ours)
}

/// No line twice: [`edit`] takes care of that.
fn block_lines(least: usize) -> impl Strategy<Value = Vec<String>> {
    let lines = prop::collection::btree_set("[a-z.-]{1,8}:x:[0-9]{1,6}", least..4);
    lines.prop_map(|lines| lines.into_iter().collect())
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Framed), Just(Style::Tagged)]
}

/// No line of the host is one of osctl: in a sorted file the two could not be distinguished, and they
/// would say the same.
fn apart(host: &[u8], ours: &[&[String]]) -> bool {
    let mut lines = host.split(|byte| *byte == b'\n');
    lines.all(|line| {
        ours.iter()
            .all(|ours| ours.iter().all(|our| our.as_bytes() != line))
    })
}

proptest! {
    #[test]
    fn the_host_keeps_every_byte(
        style in styles(),
        host in host_text(),
        first in block_lines(0),
        second in block_lines(0),
    ) {
        prop_assume!(apart(&host, &[&first, &second]));
        let with_first = Text::parse(style, &host).unwrap().with_lines(&first);
        let parsed = Text::parse(style, &with_first).unwrap();
        prop_assert_eq!(&parsed.lines, &first);
        prop_assert!(with_first.starts_with(&host));
        let with_second = parsed.with_lines(&second);
        let parsed = Text::parse(style, &with_second).unwrap();
        prop_assert_eq!(&parsed.lines, &second);
        prop_assert_eq!(&parsed.with_lines(&[]), &host);
        prop_assert_eq!(parsed.with_lines(&second), with_second);
    }

    #[test]
    fn host_lines_after_the_block_stay_too(
        style in styles(),
        before in host_text(),
        after in host_text(),
        old in block_lines(1),
        new in block_lines(0),
    ) {
        prop_assume!(apart(&before, &[&old, &new]) && apart(&after, &[&old, &new]));
        // What a tool appended after our block; every shadow tool ends lines with a newline.
        let mut before = before;
        if !before.is_empty() && !before.ends_with(b"\n") {
            before.push(b'\n');
        }
        let mut text = Text::parse(style, &before).unwrap().with_lines(&old);
        text.extend_from_slice(&after);
        let changed = Text::parse(style, &text).unwrap().with_lines(&new);
        let removed = Text::parse(style, &changed).unwrap().with_lines(&[]);
        prop_assert_eq!(removed, [before, after].concat());
    }

    #[test]
    fn tagged_lines_are_found_in_any_order(
        host in prop::collection::vec("host-[a-z]{1,4}:[0-9]{1,4}:9", 0..5),
        ours in prop::collection::btree_set("our[.a-z]{1,4}:[0-9]{1,4}:7", 1..5),
        seed: u64,
    ) {
        let ours: Vec<String> = ours.into_iter().collect();
        let mut text = host.join("\n").into_bytes();
        text.push(b'\n');
        let text = Text::parse(Style::Tagged, &text).unwrap().with_lines(&ours);
        let text = String::from_utf8(text).unwrap();
        let mut shuffled: Vec<&str> = text.lines().collect();
        shuffled.sort_by_key(|line| {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut hasher = DefaultHasher::new();
            (seed, line).hash(&mut hasher);
            hasher.finish()
        });
        let expected: Vec<&str> =
            shuffled.iter().copied().filter(|line| line.is_empty() || line.starts_with("host")).collect();
        let parsed = Text::parse(Style::Tagged, format!("{}\n", shuffled.join("\n")).as_bytes()).unwrap();
        let mut found = parsed.lines.clone();
        found.sort();
        prop_assert_eq!(found, ours.clone());
        let again = Text::parse(Style::Tagged, &parsed.with_lines(&ours)).unwrap();
        prop_assert_eq!(&again.lines, &ours);
        let left = String::from_utf8(again.with_lines(&[])).unwrap();
        prop_assert_eq!(left.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nothing_panics(style in styles(), content in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = Text::parse(style, &content) {
            text.with_lines(&["a".to_owned()]);
        }
    }
}

/// Lines of osctl as [`parts`] and [`set_all`] know them when markers are damaged.
fn is_ours(line: &str) -> bool {
    line.starts_with("our")
}

#[test]
fn lines_are_known_by_what_they_say_when_markers_are_damaged_or_gone() {
    let host = "root:x:0\ntheirs:x:5\n";
    let whole = format!("{host}{BEGIN}\nour.a:x:1\nour.b:x:2\n{END}\n");
    let damaged = [
        whole.replace(END, "# osctl en"),
        whole.replace(&format!("{END}\n"), ""),
        whole.replace(&format!("{BEGIN}\n"), ""),
        whole
            .replace(&format!("{END}\n"), "")
            .replace(&format!("{BEGIN}\n"), ""),
        format!("our.a:x:1\n{host}{BEGIN}\nour.b:x:2\n{END}\n"),
    ];
    for content in damaged {
        let (_folder, path) = folder(content.as_bytes());
        let parts = parts(&path, &is_ours).unwrap();
        assert_eq!(parts.lines, lines(&["our.a:x:1", "our.b:x:2"]), "{content}");
        assert!(parts.damage.is_some(), "{content}");
        assert_eq!(parts.outside, host, "{content}");
        let wanted = [(path.as_path(), lines(&["our.a:x:1", "our.b:x:2"]))];
        set_all(&wanted, &is_ours, Repair::Rebuild, PATIENCE).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{content}");
    }
}

#[test]
fn several_files_are_written_or_none() {
    #![expect(
        clippy::disallowed_methods,
        reason = "the files are those of other programs"
    )]
    let (folder, passwd) = folder(ROOT);
    let group = folder.path().join("group");
    let damaged = format!("{BEGIN}\nour.a:x:1\n");
    fs::write(&group, &damaged).unwrap();
    let wanted = [
        (passwd.as_path(), lines(&["our.a:x:1"])),
        (group.as_path(), lines(&["our.a:x:1"])),
    ];
    let error = set_all(&wanted, &is_ours, Repair::Refuse, PATIENCE).unwrap_err();
    assert!(matches!(error, BlockError::Damaged { .. }), "{error}");
    assert_eq!(fs::read(&passwd).unwrap(), ROOT);
    fs::write(&group, "").unwrap();
    // Another program has the second lock.
    let lock = folder.path().join("group.lock");
    fs::write(&lock, "1\0").unwrap();
    let short = Duration::from_millis(20);
    set_all(&wanted, &is_ours, Repair::Refuse, short).unwrap_err();
    assert_eq!(fs::read(&passwd).unwrap(), ROOT);
    fs::remove_file(&lock).unwrap();
    set_all(&wanted, &is_ours, Repair::Refuse, PATIENCE).unwrap();
    assert_eq!(read(&passwd).unwrap(), read(&group).unwrap());
    let left = names(folder.path());
    assert!(
        left.iter()
            .all(|name| name == ".pwd.lock" || Path::new(name).extension() != Some("lock".as_ref())),
        "{left:?}"
    );
}
