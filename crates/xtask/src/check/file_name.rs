//! A file is called after its noun; no `mod.rs`, utils, common, helpers.

use crate::report::Finding;
use crate::tree::Tree;

/// Names that say where something was put, not what it is.
const DRAWERS: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let ours = tree.files.keys().filter(|path| !path.starts_with("docs/"));
    ours.filter_map(|path| judge(path)).collect()
}

fn judge(path: &str) -> Option<Finding> {
    if path == "mod.rs" || path.ends_with("/mod.rs") {
        let text = format!("{path}: modules are noun.rs with a directory noun/, not mod.rs");
        return Some(Finding::error(text));
    }
    let mut parts = path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part));
    let drawer = parts.find(|part| DRAWERS.contains(part))?;
    let text = format!("{path}: {drawer:?} says nothing about what is inside; name the noun");
    Some(Finding::error(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_pass() {
        for path in [
            "crates/os-helper/src/main.rs",
            "a/common_name.rs",
            "docs/utils.md",
        ] {
            assert_eq!(check(&Tree::of_files(&[(path, "")])), [], "{path}");
        }
    }

    #[test]
    fn drawers_fail() {
        for path in [
            "mod.rs",
            "a/tests/mod.rs",
            "a/utils.rs",
            "a/common/b.rs",
            "helpers.sh",
        ] {
            let findings = check(&Tree::of_files(&[(path, "")]));
            assert!(matches!(&findings[..], [Finding::Error(_)]), "{path}");
        }
    }
}
