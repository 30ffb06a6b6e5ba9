//! A file has at most 700 lines, usually 400 without tests.

use crate::report::Finding;
use crate::tree::Tree;

/// No file may be longer.
const LIMIT: usize = 700;

/// Longer than this without tests is worth a look in review.
const HABIT: usize = 400;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let sources = tree
        .files
        .iter()
        .filter(|(path, text)| is_source(path, text));
    sources
        .filter_map(|(path, text)| judge(path, text))
        .collect()
}

fn is_source(path: &str, text: &str) -> bool {
    let endings = [".rs", ".nix", ".sh"];
    endings.iter().any(|ending| path.ends_with(ending)) || text.starts_with("#!/")
}

fn judge(path: &str, text: &str) -> Option<Finding> {
    let all = text.lines().count();
    let code = code_lines(path, text);
    if all > LIMIT {
        Some(Finding::error(format!(
            "{path} has {all} lines, the limit is {LIMIT}; split it by nouns"
        )))
    } else if code > HABIT {
        Some(Finding::note(format!(
            "{path} has {code} lines without tests, the habit is {HABIT}"
        )))
    } else {
        None
    }
}

/// Lines before the test module; none in a file that is all tests.
fn code_lines(path: &str, text: &str) -> usize {
    if path.contains("/tests/") || path.ends_with("/tests.rs") {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let is_test_module = |pair: &[&str]| pair == ["#[cfg(test)]", "mod tests {"];
    let tests = lines.windows(2).position(is_test_module);
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_files_pass() {
        let text = "//! A noun.\n".repeat(LIMIT);
        let tree = Tree::of_files(&[("a/tests.rs", &text), ("b.md", &text.repeat(2))]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn the_limit_counts_everything() {
        let text = "x\n".repeat(LIMIT + 1);
        let script = format!("#!/bin/sh\n{text}");
        let files = [
            ("a.nix", text.as_str()),
            ("b/tests.rs", &text),
            ("setup", &script),
        ];
        let findings = check(&Tree::of_files(&files));
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(matches!(findings[0], Finding::Error(_)), "{findings:?}");
    }

    #[test]
    fn the_habit_counts_no_tests() {
        let tests = format!("\n#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(200));
        let short = "x\n".repeat(HABIT - 1) + &tests;
        let long = "x\n".repeat(HABIT) + &tests;
        assert_eq!(judge("a.rs", &short), None);
        assert!(matches!(judge("a.rs", &long), Some(Finding::Note(_))));
    }
}
