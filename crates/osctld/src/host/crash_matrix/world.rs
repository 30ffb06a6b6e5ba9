//! Everything that a command may change, for comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::daemon::Daemon;

/// Each file with its mode and content, and the views of the daemon. History, times and random parts of names are
/// left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World(BTreeMap<String, String>);

impl World {
    /// Reads the host of an idle daemon. Fails if there is an open journal or a temporary file.
    pub(super) fn look(root: &Path, daemon: &Daemon) -> Self {
        let mut found = daemon.views();
        for name in ["etc", "kernel", "run", "tank", "var"] {
            collect(root, &root.join(name), &mut found);
        }
        Self(found)
    }

    /// The differences from another world; empty if they are equal.
    pub(super) fn differences(&self, other: &Self) -> String {
        let names = self
            .0
            .keys()
            .chain(other.0.keys().filter(|name| !self.0.contains_key(*name)));
        let differ = names.filter(|name| self.0.get(*name) != other.0.get(*name));
        let lines = differ.map(|name| match (self.0.get(name), other.0.get(name)) {
            (Some(mine), Some(theirs)) => {
                let (mine, theirs) = (mine.lines(), theirs.lines());
                let but = |all: &str, line: &&str| !all.lines().any(|other| other == *line);
                let (all_mine, all_theirs) = (&self.0[name], &other.0[name]);
                let missing: Vec<_> = mine.filter(|line| but(all_theirs, line)).collect();
                let new: Vec<_> = theirs.filter(|line| but(all_mine, line)).collect();
                format!("{name}: without {missing:#?}, but with {new:#?}\n")
            }
            (Some(_), None) => format!("{name} is missing\n"),
            (None, found) => format!("{name} is there: {found:?}\n"),
        });
        lines.collect()
    }
}

fn collect(root: &Path, path: &Path, found: &mut BTreeMap<String, String>) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(metadata) = path.symlink_metadata() else {
        return;
    };
    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
    assert!(!name.contains(".new"), "a temporary file is left: {name}");
    assert!(
        !name.contains("journal/open/"),
        "an operation is open: {name}"
    );
    // History, and directories that are created when they are first needed.
    let left_out = ["journal", "unregistered", "osctl/images"];
    if left_out.iter().any(|part| name.ends_with(part)) {
        let inside = if name.ends_with("journal") {
            path.join("open")
        } else {
            path.to_owned()
        };
        for entry in fs::read_dir(inside).into_iter().flatten() {
            collect(root, &entry.unwrap().path(), found);
        }
        return;
    }
    let text = if metadata.is_dir() {
        String::new()
    } else if metadata.is_symlink() {
        fs::read_link(path).unwrap().display().to_string()
    } else if name.ends_with("host.toml") {
        "the mark of this host".to_owned()
    } else {
        fs::read_to_string(path).unwrap()
    };
    // A lock, and an empty list of ids, which means the same as no list.
    let is_empty = text == "schema = 1\n[pools]\n# end\n";
    if name.ends_with(".pwd.lock") || name.ends_with("ids.toml") && is_empty {
        return;
    }
    let text = format!("{:o} {text}", metadata.permissions().mode());
    // The trash may contain several entries with the same name.
    let mut name = without_unique(name);
    while found.contains_key(&name) {
        name.push('+');
    }
    found.insert(name, text);
    if metadata.is_dir() {
        let mut paths: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|it| it.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            collect(root, &path, found);
        }
    }
}

/// Replaces the unique part of names in the trash, which are `<name>.<unix time>.<6 hex digits>`.
fn without_unique(path: &str) -> String {
    let part = |part: &str| {
        let mut ends = part.rsplitn(3, '.');
        let (hex, time, name) = (ends.next(), ends.next(), ends.next());
        let is_hex = hex.is_some_and(|hex| hex.len() == 6 && u32::from_str_radix(hex, 16).is_ok());
        let is_time = time.is_some_and(|time| time.parse::<u64>().is_ok());
        match name {
            Some(name) if is_hex && is_time => format!("{name}.#"),
            _ => part.to_owned(),
        }
    };
    let parts: Vec<_> = path.split('/').map(part).collect();
    parts.join("/")
}
