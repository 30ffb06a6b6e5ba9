//! Everything a command may change, in a form that can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use os_testkit::Sandbox;
use serde_json::Value;

/// Files of ours with their contents, and what the daemon says there is. Times, process ids and
/// the journal are left out; the root of the sandbox is written `@`.
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
        }
        for open in list(&root.join("var/lib/osctl/journal/open"))? {
            files.insert(format!("open {open}"), String::new());
        }
        let place = root.to_str().context("a root with a name")?;
        let parent = sandbox.cgroup_parent();
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
                !key.ends_with("_bytes") && !key.starts_with("cpu_") && key != "nproc"
            });
        }
    }
    view
}

/// Names in a folder, sorted; none if there is no folder.
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
