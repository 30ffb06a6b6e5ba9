use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink as std_symlink};
use std::path::PathBuf;

use super::*;

const MODE: Attributes = Attributes::mode(0o640);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn replace_says_what_it_changed() {
    let (folder, path) = folder();
    assert_eq!(replace(&path, b"one", MODE).unwrap(), Change::Created);
    let inode = fs::metadata(&path).unwrap().ino();
    assert_eq!(replace(&path, b"one", MODE).unwrap(), Change::Unchanged);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    assert_eq!(replace(&path, b"two", MODE).unwrap(), Change::Updated);
    let metadata = fs::metadata(&path).unwrap();
    assert_ne!(metadata.ino(), inode);
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    assert_eq!(
        replace(&path, b"two", Attributes::mode(0o400)).unwrap(),
        Change::Updated
    );
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o400);
    assert_eq!(read(&path).unwrap().unwrap(), b"two");
    assert_eq!(names(folder.path()), ["file"]);
    assert_eq!(remove(&path).unwrap(), Change::Removed);
    assert_eq!(remove(&path).unwrap(), Change::Unchanged);
    assert_eq!(read(&path).unwrap(), None);
}

#[test]
fn root_sets_the_owner_before_the_name_appears() {
    let (_folder, path) = folder();
    replace(&path, b"x", MODE.owned_by(70_001, 70_002)).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (70_001, 70_002));
}

#[test]
fn a_symlink_is_replaced_and_never_followed() {
    let (folder, path) = folder();
    let victim = folder.path().join("victim");
    replace(&victim, b"mine", MODE).unwrap();
    std_symlink("victim", &path).unwrap();
    assert_eq!(read(&path).unwrap_err().errno(), Some(Errno::LOOP));
    assert_eq!(replace(&path, b"new", MODE).unwrap(), Change::Updated);
    assert_eq!(read(&victim).unwrap().unwrap(), b"mine");
    let through = folder.path().join("link-to-folder");
    std_symlink(folder.path(), &through).unwrap();
    let error = replace(&through.join("file"), b"x", MODE).unwrap_err();
    assert_eq!((error.action, error.path), (Action::Open, through));
}

#[test]
fn symlinks_are_replaced_whole() {
    let (folder, path) = folder();
    assert_eq!(symlink(&path, Path::new("a")).unwrap(), Change::Created);
    assert_eq!(symlink(&path, Path::new("a")).unwrap(), Change::Unchanged);
    assert_eq!(symlink(&path, Path::new("b")).unwrap(), Change::Updated);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("b"));
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn special_files_and_folders_are_refused_or_replaced() {
    let (folder, path) = folder();
    let fifo = FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, Mode::RUSR, 0).unwrap();
    assert_eq!(read(&path).unwrap_err().action, Action::Open);
    assert_eq!(replace(&path, b"x", MODE).unwrap(), Change::Updated);
    let inside = folder.path().join("subdir");
    create_dir(&inside, Attributes::mode(0o700)).unwrap();
    assert_eq!(
        replace(&inside, b"x", MODE).unwrap_err().action,
        Action::Rename
    );
    assert_eq!(names(folder.path()), ["file", "subdir"]);
    for path in ["/", "..", "a/.."] {
        assert!(replace(Path::new(path), b"x", MODE).is_err(), "{path}");
    }
}

#[test]
fn root_folders_get_exactly_the_mode() {
    let (folder, path) = folder();
    let mode = Attributes::mode(0o2751).owned_by(0, 70_003);
    assert_eq!(create_dir(&path, mode).unwrap(), Change::Created);
    assert_eq!(create_dir(&path, mode).unwrap(), Change::Unchanged);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (0o2751, 70_003));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(create_dir(&path, mode).unwrap(), Change::Updated);
    let link = folder.path().join("link");
    std_symlink(&path, &link).unwrap();
    assert_eq!(create_dir(&link, mode).unwrap_err().action, Action::Open);
    assert_eq!(remove_dir(&path).unwrap(), Change::Removed);
    assert_eq!(remove_dir(&path).unwrap(), Change::Unchanged);
}

#[test]
fn missing_ancestors_are_made_and_existing_ones_left() {
    let (folder, path) = folder();
    create_dir(&path, Attributes::mode(0o700)).unwrap();
    let deep = path.join("a/b");
    assert_eq!(
        create_dir_all(&deep, Attributes::mode(0o711)).unwrap(),
        Change::Created
    );
    assert_eq!(
        create_dir_all(&deep, Attributes::mode(0o755)).unwrap(),
        Change::Unchanged
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(
        (mode(&path), mode(&path.join("a")), mode(&deep)),
        (0o700, 0o711, 0o711)
    );
    replace(&folder.path().join("plain"), b"", MODE).unwrap();
    create_dir_all(&folder.path().join("plain"), MODE).unwrap_err();
}

#[test]
fn a_sweep_takes_debris_and_spares_a_living_writer() {
    let (folder, path) = folder();
    replace(&path, b"x", MODE).unwrap();
    File::create(folder.path().join(".new-1-0")).unwrap();
    std_symlink("x", folder.path().join(".new-1-1")).unwrap();
    fs::create_dir(folder.path().join(".new-1-2")).unwrap();
    File::create(folder.path().join(".new-hosts")).unwrap();
    let entry = Entry::locate(&path).unwrap();
    let living = Temporary::file(&entry, b"y", MODE).unwrap();
    assert_eq!(sweep(folder.path()).unwrap(), 2);
    living.put_in_place().unwrap();
    assert_eq!(names(folder.path()), [".new-1-2", ".new-hosts", "file"]);
    assert_eq!(read(&path).unwrap().unwrap(), b"y");
}

#[test]
fn writers_and_sweeps_side_by_side_lose_nothing() {
    let (folder, _) = folder();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = folder.path().join(format!("file-{writer}"));
            scope.spawn(move || {
                for round in 0..50 {
                    replace(&path, format!("{round}").as_bytes(), MODE).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..200 {
                sweep(folder.path()).unwrap();
            }
        });
    });
    assert_eq!(
        names(folder.path()),
        ["file-0", "file-1", "file-2", "file-3"]
    );
    for writer in 0..4 {
        assert_eq!(
            fs::read(folder.path().join(format!("file-{writer}"))).unwrap(),
            b"49"
        );
    }
}

#[test]
fn errors_name_action_and_path() {
    let error = replace(Path::new("/nowhere/at/all"), b"", MODE).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /nowhere/at");
    assert!(error.is_not_found());
    assert!(!error.is_full());
    assert_eq!(read(Path::new("/nowhere/at/all")).unwrap(), None);
}
