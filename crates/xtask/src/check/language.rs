//! Stock phrases that have to be read twice are not used; each finding names the better words.
//!
//! The list is [`phrases::PHRASES`]. It grows whenever a reviewer stumbles over an expression.

use std::path::Path;

use crate::report::Finding;
use crate::tree::Tree;

use phrases::{PHRASES, Phrase};
use prose::Word;

mod phrases;
mod prose;

/// Files with these endings are checked, and scripts in [`SCRIPTS`], which have none.
const ENDINGS: &[&str] = &[".rs", ".md", ".nix", ".sh", ".toml", "Makefile"];

/// Directories with scripts and text whose names have no ending.
const SCRIPTS: &[&str] = &["scripts/", "os/", ".ci/"];

/// The phrases themselves, and the examples of this check.
const EXEMPT: &str = "crates/xtask/src/check/language";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.files {
        if path.starts_with(EXEMPT) || !is_prose(path) {
            continue;
        }
        let words = if Path::new(path).extension() == Some("rs".as_ref()) {
            prose::of_rust(text)
        } else {
            prose::of_text(text)
        };
        let found = PHRASES.iter().flat_map(|phrase| lines(phrase, &words));
        findings.extend(found.map(|(line, phrase)| {
            Finding::error(format!(
                "{path}:{line}: {:?}: write {} ({})",
                phrase.words, phrase.better, phrase.reason
            ))
        }));
    }
    findings
}

fn is_prose(path: &str) -> bool {
    let script =
        || SCRIPTS.iter().any(|folder| path.starts_with(folder)) && !path.contains(".snap");
    ENDINGS.iter().any(|ending| path.ends_with(ending)) || script()
}

/// The lines on which a phrase begins.
fn lines<'a>(phrase: &'a Phrase, words: &'a [Word]) -> impl Iterator<Item = (usize, &'a Phrase)> {
    let begins_sentence = phrase.words.starts_with('^');
    let pattern: Vec<&str> = phrase
        .words
        .trim_start_matches('^')
        .split_whitespace()
        .collect();
    let places = words.windows(pattern.len());
    let places = places.filter(move |place| {
        let unbroken = place.iter().skip(1).all(|word| !word.first);
        let starts = place
            .first()
            .is_some_and(|word| word.capital || !begins_sentence);
        unbroken
            && starts
            && pattern
                .iter()
                .zip(*place)
                .all(|(wanted, word)| fits(wanted, word))
    });
    places.filter_map(move |place| Some((place.first()?.line, phrase)))
}

fn fits(wanted: &str, word: &Word) -> bool {
    let among = |list: &str| list.split('/').any(|one| one == word.text);
    !word.text.is_empty()
        && match wanted.strip_prefix('!') {
            Some(others) => !among(others),
            None => wanted == "*" || among(wanted),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_sentences_pass() {
        let tree = Tree::of_files(&[
            (
                "a.md",
                "A client, who reads `what is to be` or\n\nis.\n\nTold stories.\n",
            ),
            ("src/a.rs", "let folder = \"nobody\"; // The directory.\n"),
            ("Cargo.lock", "folder"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn stock_phrases_fail_with_line_and_better_words() {
        for (path, text, line) in [
            ("a.md", "x\n\nThe client is\ntold.\n", 3),
            ("src/a.rs", "let a = 1; // a run\n// folder\n", 2),
            ("src/a.rs", "f(\n  \"x\",\n  \"Who asks\")", 3),
            ("os/build", "#!/bin/sh\n# read by nobody\n", 2),
        ] {
            let findings = check(&Tree::of_files(&[(path, text)]));
            let [Finding::Error(text)] = &findings[..] else {
                panic!("{path}: {findings:?}");
            };
            assert!(text.starts_with(&format!("{path}:{line}: ")), "{text}");
            assert!(text.contains(": write "), "{text}");
        }
    }
}
