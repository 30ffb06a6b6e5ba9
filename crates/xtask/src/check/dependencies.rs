//! Every external crate of the workspace has a line in ADR-7 that says what it is for.

use crate::report::Finding;
use crate::tree::Tree;

const MANIFEST: &str = "Cargo.toml";
const RECORD: &str = "docs/adr/0007-dependencies.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let text = |path| tree.files.get(path).map_or("", String::as_str);
    let wanted: Vec<&str> = external(text(MANIFEST)).collect();
    let said: Vec<&str> = table(text(RECORD)).collect();
    let silent = wanted.iter().filter(|name| !said.contains(name));
    let silent = silent.map(|name| format!("{RECORD} does not say what {name} is for"));
    let stale = said.iter().filter(|name| !wanted.contains(name));
    let stale = stale.map(|name| format!("{RECORD} has {name}, {MANIFEST} has not"));
    silent.chain(stale).map(Finding::error).collect()
}

/// Names in the workspace table of dependencies, without our own crates.
fn external(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]");
    let lines = lines.skip(1).take_while(|line| !line.starts_with('['));
    let entries = lines.filter_map(|line| line.split_once(" = "));
    let foreign = entries.filter(|(_, source)| !source.contains("path = "));
    foreign.map(|(name, _)| name)
}

/// Names in the first column of the table that is headed "crate".
fn table(record: &str) -> impl Iterator<Item = &str> {
    let rows = record
        .lines()
        .skip_while(|line| !line.starts_with("| crate |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|names| names.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "x\n\n| crate | for |\n|---|---|\n| a, b | letters |\n\n| c | no |\n";

    #[test]
    fn each_has_its_line() {
        let manifest = "[workspace.dependencies]\n# ours\nos-a = { path = \"x\" }\n\
                        a = \"1\"\nb = { version = \"2\" }\n\n[profile.dev]\ndebug = 1\n";
        let tree = Tree::of_files(&[(MANIFEST, manifest), (RECORD, TABLE)]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn silent_and_stale_lines_fail() {
        let manifest = "[workspace.dependencies]\na = \"1\"\nd = \"1\"\n";
        let tree = Tree::of_files(&[(MANIFEST, manifest), (RECORD, TABLE)]);
        let expected = [
            format!("{RECORD} does not say what d is for"),
            format!("{RECORD} has b, {MANIFEST} has not"),
        ];
        assert_eq!(check(&tree), expected.map(Finding::error));
    }
}
