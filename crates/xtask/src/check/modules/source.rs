//! The modules of one crate and the paths they name, read from tokens.
//!
//! Tokens are enough: a path that leaves its module begins with `crate` or `super`, in a `use` and in
//! an expression alike, and inside macros, too.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream::IntoIter};

use crate::tree::Tree;

/// Names from the root of the crate to a module or an item.
pub(super) type ModulePath = Vec<String>;

/// What the sources of a crate say.
#[derive(Debug, Default)]
pub(super) struct Sources {
    modules: BTreeSet<ModulePath>,
    /// What a name of a module stands for: what a `use` brought in.
    names: BTreeMap<ModulePath, ModulePath>,
    /// Which module names which path.
    uses: BTreeSet<(ModulePath, ModulePath)>,
    /// Modules for tests only.
    tests: BTreeSet<ModulePath>,
}

impl Sources {
    /// Reads the library or program of a crate.
    ///
    /// # Errors
    /// When a file is not Rust.
    pub(super) fn read(tree: &Tree, name: &str) -> Result<Self, String> {
        let mut sources = Self::default();
        let folder = format!("crates/{name}/src/");
        for (path, text) in tree.files_ending(&[".rs"]) {
            let Some(inner) = path.strip_prefix(&folder) else {
                continue;
            };
            let tokens = text.parse::<TokenStream>();
            let tokens = tokens.map_err(|error| format!("{path}: not read as Rust: {error}"))?;
            let module = module_of(inner);
            sources.modules.insert(module.clone());
            sources.scan(&module, tokens, true);
        }
        Ok(sources)
    }

    /// The uses outside tests: which module names which path.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&ModulePath, &ModulePath)> {
        let of_tests =
            |module: &ModulePath| self.tests.iter().any(|tests| module.starts_with(tests));
        let uses = self.uses.iter().filter(move |(from, _)| !of_tests(from));
        uses.map(|(from, to)| (from, to))
    }

    /// The module in which the item at the end of `path` is, followed through re-exports.
    pub(super) fn resolve(&self, path: &[String]) -> ModulePath {
        let mut path = path.to_vec();
        // A `use` may name another `use`, but not without end.
        for _ in 0..8 {
            let known = (0..=path.len()).rev().find(|length| {
                path.get(..*length)
                    .is_some_and(|module| module.is_empty() || self.modules.contains(module))
            });
            let known = known.unwrap_or(0);
            let name: ModulePath = path.iter().take(known + 1).cloned().collect();
            match self.names.get(&name) {
                Some(target) if *target != name => {
                    path = target
                        .iter()
                        .chain(path.iter().skip(known + 1))
                        .cloned()
                        .collect();
                }
                _ => {
                    path.truncate(known);
                    return path;
                }
            }
        }
        path
    }

    /// Reads the tokens of a module (`items`) or of something inside an item.
    fn scan(&mut self, module: &[String], tokens: TokenStream, items: bool) {
        let mut tokens = tokens.into_iter().peekable();
        let mut of_tests = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(TokenTree::Group(group)) = tokens.peek()
                        && is_cfg_test(&group.stream())
                    {
                        tokens.next();
                        of_tests = true;
                    }
                }
                TokenTree::Group(group) => self.scan(module, group.stream(), false),
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    if of_tests && word != "pub" && word != "mod" {
                        skip_item(&mut tokens, word == "use");
                        of_tests = false;
                    } else if word == "mod" {
                        self.module(module, &mut tokens, std::mem::take(&mut of_tests));
                    } else if word == "use" {
                        self.tree(module, &ModulePath::new(), &mut tokens, items, true);
                    } else if let Some(start) = start(module, &word)
                        && colons(&mut tokens)
                    {
                        self.tree(module, &start, &mut tokens, false, false);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads what follows `mod`.
    fn module(&mut self, parent: &[String], tokens: &mut Peekable<IntoIter>, of_tests: bool) {
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return;
        };
        let module: ModulePath = parent.iter().cloned().chain([name.to_string()]).collect();
        if of_tests {
            self.tests.insert(module.clone());
        }
        if let Some(TokenTree::Group(body)) = tokens.peek() {
            let body = body.stream();
            self.modules.insert(module.clone());
            self.scan(&module, body, true);
            tokens.next();
        }
    }

    /// Reads a path, or a tree of paths as `use` has them, that goes on behind `prefix`.
    ///
    /// With `named`, the last name of each path is one of the module from then on. With `relative`,
    /// the first name may be one of the module itself.
    fn tree(
        &mut self,
        module: &[String],
        prefix: &ModulePath,
        tokens: &mut Peekable<IntoIter>,
        named: bool,
        relative: bool,
    ) {
        let mut path = prefix.clone();
        let mut first = relative;
        loop {
            match tokens.peek() {
                Some(TokenTree::Ident(word)) => {
                    let word = word.to_string();
                    tokens.next();
                    match start(module, &word).filter(|_| first) {
                        Some(start) => path = start,
                        None if word == "super" => drop(path.pop()),
                        // `use self::x` and `use a::{self}`.
                        None if word == "self" => {}
                        None if first => {
                            path = module.iter().cloned().chain([word]).collect();
                        }
                        None => path.push(word),
                    }
                    first = false;
                    if !colons(tokens) {
                        break;
                    }
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let mut branches = group.stream().into_iter().peekable();
                    tokens.next();
                    while branches.peek().is_some() {
                        self.tree(module, &path, &mut branches, named, first);
                        while branches.next_if(|token| !is_punct(token, ',')).is_some() {}
                        branches.next();
                    }
                    return;
                }
                _ => break,
            }
        }
        let mut name = path.last().cloned();
        if named
            && let Some(TokenTree::Ident(word)) = tokens.peek()
            && word == "as"
        {
            tokens.next();
            name = tokens.next().map(|name| name.to_string());
        }
        if named && let Some(name) = name {
            let name = module.iter().cloned().chain([name]).collect();
            self.names.insert(name, path.clone());
        }
        self.uses.insert((module.to_vec(), path));
    }
}

/// The module that a file holds, given its path below `src/`.
fn module_of(path: &str) -> ModulePath {
    let stem = path.trim_end_matches(".rs");
    match stem {
        "lib" | "main" => ModulePath::new(),
        stem => stem.split('/').map(ToOwned::to_owned).collect(),
    }
}

/// Where a path that begins with `word` starts; `None` for a word that is an ordinary name.
fn start(module: &[String], word: &str) -> Option<ModulePath> {
    match word {
        "crate" => Some(ModulePath::new()),
        "self" => Some(module.to_vec()),
        "super" => Some(
            module
                .split_last()
                .map_or_else(ModulePath::new, |(_, parent)| parent.to_vec()),
        ),
        _ => None,
    }
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

/// Takes `::` if it is next.
fn colons(tokens: &mut Peekable<IntoIter>) -> bool {
    if tokens.next_if(|token| is_punct(token, ':')).is_none() {
        return false;
    }
    tokens.next_if(|token| is_punct(token, ':')).is_some()
}

/// Whether an attribute says that what follows is for tests only.
fn is_cfg_test(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

/// Passes over the rest of an item.
fn skip_item(tokens: &mut Peekable<IntoIter>, is_use: bool) {
    for token in tokens {
        let body =
            matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_punct(&token, ';') || (body && !is_use) {
            return;
        }
    }
}
