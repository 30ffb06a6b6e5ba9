//! Decision records have unique numbers; those cited in code exist.
//!
//! Code cites a record as `ADR-` and its number without leading zeros, so that a search finds both
//! the reason of a line and the lines of a reason.

use std::collections::BTreeMap;

use crate::report::Finding;
use crate::tree::Tree;

const FOLDER: &str = "docs/adr/";

/// In two parts, so that this file cites nothing.
const CITE: &str = concat!("ADR", "-");

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut records: BTreeMap<u32, &str> = BTreeMap::new();
    let paths = tree.files.keys().filter(|path| path.starts_with(FOLDER));
    for path in paths {
        match number(path) {
            None => findings.push(format!("{path} is not called {FOLDER}NNNN-title.md")),
            Some(number) => {
                if let Some(other) = records.insert(number, path) {
                    findings.push(format!("{path} has the number of {other}"));
                }
            }
        }
    }
    for (path, text) in tree.files_ending(&[".rs", ".md", ".sh", ".toml", ".nix"]) {
        for (line, number) in cited(text) {
            if !records.contains_key(&number) {
                findings.push(format!("{path}:{line}: there is no {CITE}{number}"));
            }
        }
    }
    findings.into_iter().map(Finding::error).collect()
}

/// The number in the path of a record.
fn number(path: &str) -> Option<u32> {
    let (number, title) = path.strip_prefix(FOLDER)?.split_once('-')?;
    let title = title.strip_suffix(".md")?;
    let plain = number.len() == 4 && !title.is_empty() && !title.contains('/');
    plain.then(|| number.parse().ok()).flatten()
}

/// Numbers of the records that a text cites, with their lines.
fn cited(text: &str) -> impl Iterator<Item = (usize, u32)> {
    text.lines().zip(1..).flat_map(|(line, at)| {
        let places = line.split(CITE).skip(1);
        let digits = places.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        digits.filter_map(move |digits| Some((at, digits.parse().ok()?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cited_records_exist() {
        let code = format!("// see {CITE}1 and {CITE}12.\n// {CITE}x is none\n");
        let tree = Tree::of_files(&[
            ("docs/adr/0001-http.md", ""),
            ("docs/adr/0012-x.md", ""),
            ("a.rs", &code),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn missing_doubled_and_misnamed_records_fail() {
        let code = format!("x\n// {CITE}7\n");
        let tree = Tree::of_files(&[
            ("docs/adr/0001-a.md", ""),
            ("docs/adr/0001-b.md", ""),
            ("docs/adr/2-c.md", ""),
            ("a.rs", &code),
        ]);
        let expected = [
            "docs/adr/0001-b.md has the number of docs/adr/0001-a.md".to_owned(),
            "docs/adr/2-c.md is not called docs/adr/NNNN-title.md".to_owned(),
            format!("a.rs:2: there is no {CITE}7"),
        ];
        assert_eq!(check(&tree), expected.map(Finding::error));
    }
}
