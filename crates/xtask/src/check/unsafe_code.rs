//! Every crate but os-sys forbids unsafe code.

use crate::report::Finding;
use crate::tree::Tree;

/// `forbid`, unlike the `deny` of the workspace lints, cannot be lifted further down in the crate.
const LINE: &str = "#![forbid(unsafe_code)]";

/// The one crate whose purpose is unsafe code.
const EXEMPT: &str = "crates/os-sys/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let roots = tree.files.iter().filter(|(path, _)| is_crate_root(path));
    let lacking = roots.filter(|(_, text)| !text.lines().any(|line| line == LINE));
    lacking
        .map(|(path, _)| Finding::error(format!("{path} lacks {LINE}")))
        .collect()
}

fn is_crate_root(path: &str) -> bool {
    if path.starts_with(EXEMPT) {
        return false;
    }
    let Some((_, inside)) = path.split_once("/src/") else {
        return false;
    };
    let program = inside
        .strip_prefix("bin/")
        .and_then(|name| name.strip_suffix(".rs"));
    let program = program.is_some_and(|name| !name.contains('/'));
    program || inside == "lib.rs" || inside == "main.rs"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crate_roots_need_the_line() {
        let files = [
            ("crates/a/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n"),
            ("crates/a/src/noun.rs", ""),
            ("crates/a/tests/lib.rs", ""),
            ("crates/os-sys/src/lib.rs", ""),
        ];
        assert_eq!(check(&Tree::of_files(&files)), []);
    }

    #[test]
    fn each_root_of_a_crate_counts() {
        let files = [
            ("crates/a/src/lib.rs", "// #![forbid(unsafe_code)]\n"),
            ("tests/a/src/main.rs", ""),
            ("crates/a/src/bin/tool.rs", ""),
        ];
        let findings = check(&Tree::of_files(&files));
        assert_eq!(findings.len(), 3, "{findings:?}");
    }
}
