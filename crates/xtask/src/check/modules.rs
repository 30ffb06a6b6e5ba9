//! Modules of one crate do not use each other both ways.
//!
//! Checked among the modules of a crate's root and among the children of each of those. A parent and
//! its child may use each other, and test code may use anything.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Finding;
use crate::tree::Tree;
use source::Sources;

/// Sibling modules are compared below module paths of at most this many names.
const DEEPEST_PARENT: usize = 1;

/// Two modules that use each other for a reason.
#[derive(Debug)]
struct Allowed {
    /// The crate, and the parent module if it is not the crate's root: `os-core::plan`.
    parent: &'static str,
    /// The two modules, in the order of the alphabet.
    pair: [&'static str; 2],
    /// Why both directions are better than any way without one of them.
    #[expect(dead_code, reason = "for the reader of this file")]
    reason: &'static str,
}

/// The pairs that stay. An entry that is no longer needed is an error.
const ALLOWED: &[Allowed] = &[
    allow(
        "os-core",
        ["accounts", "facts"],
        "the accounts of the host are one of the facts, and registering needs the facts",
    ),
    allow(
        "os-core",
        ["accounts", "state"],
        "a user whose system user has another name is disabled; registering looks users up",
    ),
    allow(
        "os-core",
        ["claim", "facts"],
        "foreign ids are claims that come from the host",
    ),
    allow(
        "os-core",
        ["claim", "state"],
        "the state keeps who disables whom; claims are made of the state",
    ),
    allow(
        "os-core",
        ["layout", "state"],
        "the defaults of a new pool are laid out where its files are",
    ),
    allow(
        "os-core::plan",
        ["container_move", "container_run"],
        "del stops a container first, and stop deletes an ephemeral one",
    ),
    allow(
        "os-core::state",
        ["load", "pool"],
        "a pool loads itself, and remembers the directories that it could not read",
    ),
    allow(
        "os-engine",
        ["engine", "recover"],
        "an engine takes operations up again that its recovery decides about",
    ),
    allow(
        "os-engine",
        ["engine", "undo"],
        "an undo is an operation of the engine",
    ),
    allow(
        "os-engine",
        ["executor", "host"],
        "a step of the host reports progress to the executor's watch",
    ),
    allow(
        "os-engine",
        ["executor", "recover"],
        "recovery runs the executor, which records what it recovered",
    ),
    allow(
        "os-engine",
        ["host", "recover"],
        "a host needs to know whether a step is being recovered",
    ),
    allow(
        "osctl",
        ["cli", "cmd"],
        "`help` and `man` print the command tree that they are part of",
    ),
    allow(
        "osctld",
        ["autostart", "submit"],
        "an import starts containers, which are commands themselves",
    ),
];

const fn allow(parent: &'static str, pair: [&'static str; 2], reason: &'static str) -> Allowed {
    Allowed {
        parent,
        pair,
        reason,
    }
}

/// Two modules that use each other.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    parent: String,
    /// In the order of the alphabet.
    names: [String; 2],
    /// For each direction, one place that makes it.
    places: [String; 2],
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    judge(tree, ALLOWED)
}

fn judge(tree: &Tree, allowed: &[Allowed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut pairs, mut circles) = (Vec::new(), Vec::new());
    for name in source_crates(tree) {
        match Sources::read(tree, name) {
            Ok(sources) => {
                for (parent, graph) in graphs(name, &sources) {
                    pairs.extend(pairs_of(&parent, &graph));
                    circles.extend(circles_of(&parent, &graph));
                }
            }
            Err(message) => findings.push(Finding::error(message)),
        }
    }
    let is = |pair: &Pair, entry: &Allowed| entry.parent == pair.parent && entry.pair == pair.names;
    let unlisted = pairs
        .iter()
        .filter(|pair| !allowed.iter().any(|entry| is(pair, entry)));
    findings.extend(unlisted.map(|pair| {
        let Pair {
            parent,
            names: [a, b],
            places: [first, second],
        } = pair;
        Finding::error(format!(
            "{parent}: {a} and {b} use each other: {first}; {second}"
        ))
    }));
    let needless = allowed
        .iter()
        .filter(|entry| !pairs.iter().any(|pair| is(pair, entry)));
    findings.extend(needless.map(|entry| {
        Finding::error(format!(
            "{}: {} do not use each other; remove the entry from xtask's check/modules.rs",
            entry.parent,
            entry.pair.join(" and ")
        ))
    }));
    findings.extend(circles.into_iter().map(Finding::note));
    findings
}

/// Names of the directories below `crates/` that have sources.
fn source_crates(tree: &Tree) -> BTreeSet<&str> {
    let paths = tree.files.keys();
    let parts = paths.filter_map(|path| path.strip_prefix("crates/")?.split_once("/src/"));
    parts.map(|(name, _)| name).collect()
}

/// Which module uses which, below one parent, each with one place.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// The graph of each parent, by `crate` or `crate::module`.
fn graphs(name: &str, sources: &Sources) -> BTreeMap<String, Graph> {
    let mut graphs: BTreeMap<String, Graph> = BTreeMap::new();
    for (from, path) in sources.uses() {
        let to = sources.resolve(path);
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let (Some(user), Some(used)) = (from.get(shared), to.get(shared)) else {
            continue;
        };
        if shared <= DEEPEST_PARENT {
            let parent: Vec<&str> = std::iter::once(name)
                .chain(from.iter().take(shared).map(String::as_str))
                .collect();
            let edges = graphs.entry(parent.join("::")).or_default();
            let edges = edges.entry(user.clone()).or_default();
            edges
                .entry(used.clone())
                .or_insert_with(|| format!("{} uses {}", from.join("::"), path.join("::")));
        }
    }
    graphs
}

fn pairs_of(parent: &str, graph: &Graph) -> Vec<Pair> {
    let edge =
        |from: &String, to: &String| graph.get(from).and_then(|edges| edges.get(to)).cloned();
    let all = graph
        .iter()
        .flat_map(|(from, edges)| edges.keys().map(move |to| (from, to)));
    let both = all.filter(|(from, to)| from < to).filter_map(|(from, to)| {
        Some(Pair {
            parent: parent.to_owned(),
            names: [from.clone(), to.clone()],
            places: [edge(from, to)?, edge(to, from)?],
        })
    });
    both.collect()
}

/// Circles of more than two modules, as sentences: harder to avoid and to see than pairs, and less
/// of a fault.
fn circles_of(parent: &str, graph: &Graph) -> Vec<String> {
    let mut circles = Vec::new();
    let mut placed: BTreeSet<&String> = BTreeSet::new();
    for module in graph.keys() {
        let members: Vec<&String> = reachable(graph, module)
            .into_iter()
            .filter(|other| reachable(graph, other).contains(module))
            .collect();
        if members.len() > 2 && !placed.contains(module) {
            let names: Vec<&str> = members.iter().map(|name| name.as_str()).collect();
            circles.push(format!("{parent}: a circle of {}", names.join(", ")));
        }
        placed.extend(members);
    }
    circles
}

/// The modules that `start` uses, directly or through others.
fn reachable<'a>(graph: &'a Graph, start: &str) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut left = vec![start];
    while let Some(module) = left.pop() {
        for next in graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next) {
                left.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the check says of `files`, without the places.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let findings = judge(&Tree::of_files(files), &[]).into_iter();
        let text = |finding| match finding {
            Finding::Error(text) | Finding::Note(text) => text,
        };
        let text = findings.map(text).map(|text: String| {
            let places = text.find(" each other").unwrap_or(text.len());
            text.get(..places).unwrap().to_owned()
        });
        text.collect()
    }

    #[test]
    fn two_modules_that_use_each_other_are_found() {
        let found = found(&[
            ("crates/c/src/lib.rs", "mod a; mod b; mod c;"),
            ("crates/c/src/a.rs", "use crate::b::B; pub struct A;"),
            ("crates/c/src/b.rs", "use super::{a::A, c};"),
            ("crates/c/src/c.rs", "fn f() { log!(\"{}\", self::g()); }"),
        ]);
        assert_eq!(found, ["c: a and b use"]);
    }

    #[test]
    fn a_circle_of_three_is_found_in_bodies_macros_and_re_exports() {
        let found = found(&[
            (
                "crates/c/src/lib.rs",
                "mod a; mod b; mod c; pub use b::{B as Bee};",
            ),
            ("crates/c/src/a.rs", "fn f() -> crate::Bee { todo!() }"),
            ("crates/c/src/b.rs", "fn f() { m!(1, crate::c::g()) }"),
            ("crates/c/src/c.rs", "fn g() { use crate::a as x; }"),
        ]);
        assert_eq!(found, ["c: a circle of a, b, c"]);
    }

    #[test]
    fn children_are_compared_too_and_deeper_ones_count_for_them() {
        let found = found(&[
            ("crates/c/src/main.rs", "mod a;"),
            ("crates/c/src/a.rs", "mod x; mod y; use x::X;"),
            ("crates/c/src/a/x.rs", "mod z;"),
            ("crates/c/src/a/x/z.rs", "use super::super::y::Y;"),
            ("crates/c/src/a/y.rs", "use super::x::X;"),
        ]);
        assert_eq!(found, ["c::a: x and y use"]);
    }

    #[test]
    fn parents_and_tests_do_not_count() {
        let found = found(&[
            (
                "crates/c/src/lib.rs",
                "mod a; mod b; #[cfg(test)] mod tests; pub struct R;",
            ),
            ("crates/c/src/a.rs", "use super::R; use crate::b::B;"),
            (
                "crates/c/src/b.rs",
                "#[cfg(test)] use crate::a::A;\n#[cfg(test)] mod tests { use crate::a; }\n\
                 #[cfg(test)] mod checks;",
            ),
            ("crates/c/src/b/checks.rs", "use crate::a;"),
            ("crates/c/src/tests.rs", "use crate::a;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn an_entry_allows_a_pair_as_long_as_it_is_one() {
        const LISTED: &[Allowed] = &[Allowed {
            parent: "c",
            pair: ["a", "b"],
            reason: "a test",
        }];
        let both = [
            ("crates/c/src/lib.rs", "mod a; mod b;"),
            ("crates/c/src/a.rs", "use crate::b::B;"),
            ("crates/c/src/b.rs", "use crate::a::A;"),
        ];
        let tree = Tree::of_files(&both);
        assert_eq!(judge(&tree, LISTED), []);
        let text = format!("{:?}", judge(&tree, &[]));
        assert!(text.contains("c: a and b use each other"), "{text}");
        assert!(text.contains("a uses b::B"), "{text}");
        let text = format!("{:?}", judge(&Tree::of_files(&both[..2]), LISTED));
        assert!(text.contains("do not use each other"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_rust_is_named() {
        let tree = Tree::of_files(&[("crates/c/src/lib.rs", "fn f( {")]);
        let text = format!("{:?}", judge(&tree, &[]));
        assert!(text.contains("crates/c/src/lib.rs"), "{text}");
    }
}
