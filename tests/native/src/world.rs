//! Everything a command may change, in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use os_testkit::Sandbox;
use serde_json::Value;

/// Files of osctl with their contents, datasets, what runs, and what the daemon says there is. Times,
/// process ids, random parts of names and the journal are left out; the root of the sandbox is
/// written `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    files: BTreeMap<String, String>,
    views: BTreeMap<&'static str, String>,
}

impl World {
    /// Looks at the sandbox, whose daemon runs.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn look(sandbox: &Sandbox) -> Result<Self> {
        let root = sandbox.root();
        let mut files = BTreeMap::new();
        for name in ["passwd", "group", "subuid", "subgid"] {
            collect(root, &root.join("etc").join(name), &mut files)?;
        }
        collect(root, &root.join("var/lib/osctl/pools"), &mut files)?;
        for image in list(&root.join("var/lib/osctl/images"))? {
            files.insert(format!("image {image}"), String::new());
        }
        for pool in list(&root.join("run/osctl/pools"))? {
            collect(root, &root.join(&pool).join("conf"), &mut files)?;
            files.remove(&format!("{pool}/conf/pool/host.toml"));
            for open in list(&root.join(&pool).join("journal/open"))? {
                files.insert(format!("open {open}"), String::new());
            }
            collect(root, &root.join(&pool).join("hook"), &mut files)?;
            for dataset in datasets(&root.join(&pool))? {
                files.insert(format!("dataset {pool}/{dataset}"), String::new());
            }
        }
        for open in list(&root.join("var/lib/osctl/journal/open"))? {
            files.insert(format!("open {open}"), String::new());
        }
        let place = root.to_str().context("a root with a name")?;
        let parent = sandbox.cgroup_parent();
        for group in groups_of_containers(&parent)? {
            files.insert(format!("runs {group}"), String::new());
        }
        let containers = sandbox.request("GET", "/v1/containers", None)?.json()?;
        let containers = without_figures(containers).to_string();
        let view = |command: &[&str]| -> Result<String> {
            let text = without_figures(sandbox.json(command)?).to_string();
            Ok(text.replace(place, "@").replace(&parent, "osctl"))
        };
        let views = BTreeMap::from([
            ("pools", view(&["pool", "ls"])?),
            ("id ranges", view(&["id-range", "ls"])?),
            ("users", view(&["user", "ls"])?),
            ("groups", view(&["group", "ls"])?),
            (
                "containers",
                containers.replace(place, "@").replace(&parent, "osctl"),
            ),
            (
                "wrong",
                view_of(&sandbox.osctl(&["-j", "healthcheck"])?.stdout, place)?,
            ),
        ]);
        for text in files.values_mut() {
            *text = text.replace(place, "@");
        }
        Ok(Self { files, views })
    }

    /// Fails if something half-made is here: open journals, temporary files. Invalid assets are a part
    /// of what [`World::expect_same`] compares.
    ///
    /// # Errors
    /// It names what.
    pub fn is_clean(&self) -> Result<()> {
        for name in self.files.keys() {
            ensure!(
                !name.starts_with("open "),
                "an operation is still open: {name}"
            );
            ensure!(!name.contains(".new"), "a temporary file is left: {name}");
        }
        Ok(())
    }

    /// Fails if `other` is not the same.
    ///
    /// # Errors
    /// It names the differences.
    pub fn expect_same(&self, other: &Self) -> Result<()> {
        let mut differences = Vec::new();
        for name in self.files.keys().chain(other.files.keys()) {
            let (mine, theirs) = (self.files.get(name), other.files.get(name));
            if mine != theirs {
                differences.push(format!("{name}: expected {mine:?}, found {theirs:?}"));
            }
        }
        for (name, mine) in &self.views {
            if other.views.get(name) != Some(mine) {
                let theirs = other.views.get(name);
                differences.push(format!("{name}: expected {mine}, found {theirs:?}"));
            }
        }
        differences.dedup();
        ensure!(differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    }
}

fn view_of(text: &str, place: &str) -> Result<String> {
    let view: Value = serde_json::from_str(text).with_context(|| text.to_owned())?;
    Ok(view.to_string().replace(place, "@"))
}

/// What differs from one moment to the next is taken out of views.
fn without_figures(mut view: Value) -> Value {
    for entry in view.as_array_mut().into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            entry.retain(|key, _| {
                // The API says the unit, rows of `osctl` do not.
                let name = key.strip_suffix("_bytes").unwrap_or(key);
                !["used", "available", "memory"].contains(&name)
                    && !key.ends_with("_pid")
                    && !key.starts_with("cpu_")
                    && !["nproc", "started"].contains(&key.as_str())
            });
        }
    }
    view
}

/// Datasets of containers and images, and what is in the trash or half-made, of a mounted pool.
fn datasets(pool: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for parent in ["ct", "image", "trash", ".storage/staging"] {
        for name in list(&pool.join(parent))? {
            // What is in the trash has a name that was never used before.
            let name = match (parent, name.split_once('.')) {
                ("trash", Some((name, _))) => format!("{name}.#"),
                _ => name,
            };
            found.push(format!("{parent}/{name}"));
        }
    }
    Ok(found)
}

/// Control groups of containers below `parent`, in any hierarchy: one is there as long as something
/// of its container runs.
fn groups_of_containers(parent: &str) -> Result<BTreeSet<String>> {
    let top = Path::new("/sys/fs/cgroup");
    let mut found = BTreeSet::new();
    for hierarchy in list(top)?.iter().map(|name| top.join(name)) {
        groups_below(&hierarchy.join(parent), "", &mut found)?;
    }
    groups_below(&top.join(parent), "", &mut found)?;
    Ok(found)
}

fn groups_below(folder: &Path, path: &str, found: &mut BTreeSet<String>) -> Result<()> {
    for name in list(folder)? {
        let group = folder.join(&name);
        let path = format!("{path}/{name}");
        if !group.is_dir() {
            continue;
        }
        // Below it the guest and LXC make groups as they like.
        if name.starts_with("ct.") {
            found.insert(path);
        } else {
            groups_below(&group, &path, found)?;
        }
    }
    Ok(())
}

/// Names in a directory, sorted; none if there is no directory.
fn list(folder: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Puts `path` and what is below it into `files`, with names relative to `root`.
fn collect(root: &Path, path: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let name = path
        .strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string();
    if metadata.is_dir() {
        files.insert(format!("{name}/"), String::new());
        for entry in list(path)? {
            collect(root, &path.join(entry), files)?;
        }
    } else if metadata.is_symlink() {
        files.insert(name, format!("-> {}", fs::read_link(path)?.display()));
    } else {
        files.insert(name, fs::read_to_string(path)?);
    }
    Ok(())
}
