//! Crates depend on lower layers only (ADR-6).
//!
//! A crate may use crates of lower layers, which are above it in the table; crates of the same layer do
//! not use each other.

use crate::report::Finding;
use crate::tree::{Edge, Tree};

/// One crate in the table of layers.
#[derive(Debug)]
struct Member {
    name: &'static str,
    layer: u8,
    /// Crates of lower layers that it may not use all the same; the reason is in the table.
    refused: &'static [&'static str],
}

const fn member(layer: u8, name: &'static str, refused: &'static [&'static str]) -> Member {
    Member {
        name,
        layer,
        refused,
    }
}

/// Crates that act on the host.
const HOST: &[&str] = &[
    "os-sys",
    "os-cmd",
    "os-cgroup",
    "os-storage",
    "os-lxc",
    "os-guest",
    "os-image",
];

/// The table of layers, from the lowest up.
const LAYERS: &[Member] = &[
    // Types.
    member(0, "os-types", &[]),
    member(1, "os-api", &[]),
    member(1, "os-helper-api", &[]),
    // Mechanisms. They know nothing of the API, so that they can be read (and replaced) without it.
    member(2, "os-sys", &["os-api"]),
    member(3, "os-cmd", &["os-api"]),
    member(3, "os-store", &["os-api"]),
    member(3, "os-cgroup", &["os-api"]),
    member(4, "os-storage", &["os-api"]),
    member(4, "os-lxc", &["os-api"]),
    member(4, "os-guest", &["os-api"]),
    member(4, "os-image", &["os-api"]),
    // Domain. It is tested without root and without a host, so it may use files, but no host.
    member(5, "os-core", HOST),
    member(5, "os-engine", HOST),
    // It runs containers, so it uses the means; of plans and operations it knows nothing.
    member(5, "os-runtime", &["os-storage", "os-image"]),
    // Programs. The CLI changes nothing itself: it has neither the engine nor the storage.
    member(6, "osctld", &[]),
    member(6, "osctl", &["os-engine", "os-storage", "os-cmd"]),
    member(6, "os-helper", &["os-engine", "os-core", "os-storage"]),
    member(
        6,
        "osctl-image",
        &["os-engine", "os-core", "os-storage", "os-api"],
    ),
    // Development. Nothing that is shipped may use it.
    member(7, "os-testkit", &[]),
    member(7, "osvm", &[]),
    member(8, "bench", &[]),
    member(8, "hostile", &[]),
    member(8, "machine", &[]),
    member(8, "native", &[]),
    member(8, "os-composition", &[]),
    member(8, "xtask", &[]),
];

/// The one crate of a higher layer that tests of every crate may use.
const TESTKIT: &str = "os-testkit";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let strangers = tree.crates.iter().filter(|name| find(name).is_none());
    let strangers = strangers.map(|name| {
        format!("crate {name} is not in the table of layers; add it to LAYERS in xtask's check/layers.rs")
    });
    let empty = LAYERS
        .iter()
        .filter(|layer| !tree.crates.iter().any(|name| name == layer.name));
    let empty = empty.map(|layer| {
        format!(
            "the table of layers has {}, the workspace has not",
            layer.name
        )
    });
    let wrong = tree.edges.iter().filter_map(wrong_edge);
    strangers
        .chain(empty)
        .chain(wrong)
        .map(Finding::error)
        .collect()
}

fn find(name: &str) -> Option<&'static Member> {
    LAYERS.iter().find(|layer| layer.name == name)
}

/// Why `edge` may not be; `None` if it may, or if an end is not in the plan (said elsewhere).
fn wrong_edge(edge: &Edge) -> Option<String> {
    let (from, to) = (find(&edge.from)?, find(&edge.to)?);
    if edge.dev && to.name == TESTKIT && from.name != TESTKIT {
        return None;
    }
    let kind = if edge.dev { "dev-depends" } else { "depends" };
    let why = if to.layer > from.layer {
        "which is above it"
    } else if to.layer == from.layer {
        "which is on the same layer"
    } else if from.refused.contains(&to.name) {
        "which the table of layers refuses it"
    } else {
        return None;
    };
    Some(format!("{} {kind} on {}, {why}", from.name, to.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(from: &str, to: &str, dev: bool) -> Option<String> {
        wrong_edge(&Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            dev,
        })
    }

    #[test]
    fn downwards_is_fine() {
        assert_eq!(judge("os-api", "os-types", false), None);
        assert_eq!(judge("os-storage", "os-cmd", false), None);
        assert_eq!(judge("os-core", "os-store", false), None);
        assert_eq!(judge("osctld", "os-storage", false), None);
    }

    #[test]
    fn upwards_sideways_and_refused_are_not() {
        let wrong = [
            ("os-types", "os-api"),
            ("os-cmd", "os-storage"),
            ("os-store", "os-cmd"),
            ("os-store", "os-api"),
            ("os-core", "os-engine"),
            ("os-engine", "os-core"),
            ("os-runtime", "os-core"),
            ("os-core", "os-runtime"),
            ("os-runtime", "os-engine"),
            ("os-core", "os-storage"),
            ("os-engine", "os-cgroup"),
            ("os-engine", "os-sys"),
            ("osctl", "os-engine"),
            ("osctl", "os-storage"),
            ("osctl", "osctld"),
            ("osctld", "os-testkit"),
        ];
        for (from, to) in wrong {
            assert!(judge(from, to, false).is_some(), "{from} -> {to}");
        }
        let text = judge("os-core", "os-engine", true).unwrap();
        assert_eq!(
            text,
            "os-core dev-depends on os-engine, which is on the same layer"
        );
    }

    #[test]
    fn only_tests_may_use_the_testkit() {
        assert_eq!(judge("os-storage", "os-testkit", true), None);
        assert!(judge("os-storage", "os-testkit", false).is_some());
    }

    #[test]
    fn every_crate_has_a_layer_and_every_layer_a_crate() {
        let mut tree = Tree {
            crates: LAYERS.iter().map(|layer| layer.name.to_owned()).collect(),
            ..Tree::default()
        };
        assert_eq!(check(&tree), []);
        tree.crates.retain(|name| name != "os-cmd");
        tree.crates.push("os-attic".to_owned());
        let findings = format!("{:?}", check(&tree));
        assert!(findings.contains("os-attic"), "{findings}");
        assert!(findings.contains("os-cmd"), "{findings}");
    }
}
