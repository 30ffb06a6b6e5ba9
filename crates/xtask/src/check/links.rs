//! Links in the book and the README lead somewhere; every page of the book is in `SUMMARY.md`.
//!
//! mdBook itself would silently leave out a page that `SUMMARY.md` does not name, and does not look
//! at links to files; and it need not be installed for this.

use crate::report::Finding;
use crate::tree::Tree;

const SUMMARY: &str = "docs/src/SUMMARY.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files_ending(&[".md"]);
    let broken = pages.flat_map(|(page, text)| {
        let broken = links(text).filter(|(_, to)| !tree.has(&target(tree, page, to)));
        broken.map(move |(line, to)| format!("{page}:{line}: nothing is at {to}"))
    });
    broken.chain(left_out(tree)).map(Finding::error).collect()
}

/// Pages of the book that `SUMMARY.md` does not name.
fn left_out(tree: &Tree) -> impl Iterator<Item = String> {
    let summary = tree.files.get(SUMMARY).map_or("", String::as_str);
    let named: Vec<_> = links(summary)
        .map(|(_, to)| tree.resolve(&target(tree, SUMMARY, to)))
        .collect();
    let pages = tree.files_ending(&[".md"]).map(|(path, _)| path);
    let pages = pages.filter(|path| path.starts_with("docs/") && *path != SUMMARY);
    let left_out = pages.filter(move |path| !named.iter().any(|name| name == path));
    left_out.map(|path| format!("{path} is not in {SUMMARY}"))
}

/// The path a link on `page` leads to.
fn target(tree: &Tree, page: &str, to: &str) -> String {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    tree.resolve(&format!("{folder}/{to}"))
}

/// Relative links of a page with their line numbers, without code blocks and fragments.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    let prose = text.lines().zip(1..).filter(move |(line, _)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    prose.flat_map(|(line, number)| {
        // Odd parts between back quotes are code.
        let parts = line.split('`').step_by(2);
        // A link whose text is code is cut in two; its second half still begins with "](".
        let targets = parts.flat_map(|part| part.split("](").skip(1));
        let targets = targets.filter_map(|rest| rest.split_once(')'));
        targets.filter_map(move |(to, _)| Some((number, relative(to)?)))
    })
}

/// The path of a relative link, `None` for an address or a place on the same page.
fn relative(to: &str) -> Option<&str> {
    let path = to.split('#').next().unwrap_or(to);
    let foreign = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
    (!foreign).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_links_pass() {
        let tree = Tree::of_files(&[
            (
                "README.md",
                "[docs](docs), [code](docs/src/a.md#top) [`x`](docs/src/a.md)",
            ),
            (SUMMARY, "# S\n\n- [A](a.md)\n"),
            (
                "docs/src/a.md",
                "[here](#top) [web](https://example.org/x) `[no](link)`\n```\n[no](link)\n```\n",
            ),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn broken_links_fail_with_their_line() {
        let tree = Tree::of_files(&[
            (SUMMARY, "- [A](a.md)\n- [Gone](gone.md)\n"),
            ("docs/src/a.md", "x\n\n[`up`](../b.md)"),
        ]);
        let expected = [
            "docs/src/SUMMARY.md:2: nothing is at gone.md",
            "docs/src/a.md:3: nothing is at ../b.md",
        ];
        assert_eq!(check(&tree), expected.map(Finding::error));
    }

    #[test]
    fn pages_not_in_the_book_fail() {
        let mut tree = Tree::of_files(&[
            (SUMMARY, "- [One](adr/0001-a.md)"),
            ("docs/adr/0001-a.md", ""),
            ("docs/adr/0002-b.md", ""),
        ]);
        tree.symlinks
            .insert("docs/src/adr".to_owned(), "docs/adr".to_owned());
        let expected = "docs/adr/0002-b.md is not in docs/src/SUMMARY.md";
        assert_eq!(check(&tree), [Finding::error(expected)]);
    }
}
