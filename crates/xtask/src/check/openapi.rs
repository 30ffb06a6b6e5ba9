//! `docs/openapi.json` is the OpenAPI document of this tree, so that a change of the API shows up in
//! review as what it is to clients.

use crate::openapi;
use crate::report::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let have = tree.files.get(openapi::PATH).map_or("", String::as_str);
    let want = openapi::text();
    if have == want {
        return Vec::new();
    }
    let line = have.lines().zip(want.lines()).take_while(|(a, b)| a == b);
    let line = line.count() + 1;
    vec![Finding::error(format!(
        "{}:{line}: is not what the code says: run `cargo run -p xtask -- openapi`",
        openapi::PATH
    ))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_the_code_passes() {
        let tree = Tree::of_files(&[(openapi::PATH, &openapi::text())]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn a_stale_document_fails_and_says_the_command() {
        let stale = openapi::text().replacen("user-list", "user-lost", 1);
        for tree in [
            Tree::of_files(&[(openapi::PATH, &stale)]),
            Tree::of_files(&[]),
        ] {
            let [Finding::Error(text)] = &check(&tree)[..] else {
                panic!("one error is expected");
            };
            assert!(text.contains("xtask -- openapi"), "{text}");
        }
    }

    #[test]
    fn that_of_this_repository_is_not_stale() {
        assert_eq!(check(&Tree::load().unwrap()), []);
    }
}
