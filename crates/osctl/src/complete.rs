//! Values for the shell's completion, asked from the daemon.
//!
//! A shell that waits or prints errors while one types is worse than one that completes nothing:
//! everything here has a short deadline, and whatever goes wrong gives no values.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap_complete::CompletionCandidate;
use os_api::Endpoint;
use os_api::endpoint::{
    ContainerList, ContainersQuery, GroupList, IdRangeList, Nothing, OnPool, OperationList,
    PoolList, PoolSourceList, UserList,
};
use os_types::PoolName;

use crate::client::Client;
use crate::context;

/// The variable that a shell sets when it asks for completions.
pub(crate) const VARIABLE: &str = "OSCTL_COMPLETE";

/// People notice from about a third of a second on.
const PATIENCE: Duration = Duration::from_millis(300);

/// Imported pools.
pub(crate) fn pools(current: &OsStr) -> Vec<CompletionCandidate> {
    let pools = ask::<PoolList>(&Nothing {});
    matching(current, pools.into_iter().map(|pool| pool.name.to_string()))
}

/// Pools that this host knows, imported or not.
pub(crate) fn known_pools(current: &OsStr) -> Vec<CompletionCandidate> {
    let sources = ask::<PoolSourceList>(&Nothing {});
    matching(
        current,
        sources.into_iter().map(|source| source.pool.to_string()),
    )
}

/// Users.
pub(crate) fn users(current: &OsStr) -> Vec<CompletionCandidate> {
    let users = ask::<UserList>(&OnPool::default());
    on_pools(
        current,
        users.into_iter().map(|user| (user.pool, user.name.into())),
    )
}

/// Users, and the word `all`.
pub(crate) fn users_or_all(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = matching(current, ["all".to_owned()].into_iter());
    found.extend(users(current));
    found
}

/// Groups.
pub(crate) fn groups(current: &OsStr) -> Vec<CompletionCandidate> {
    let groups = ask::<GroupList>(&OnPool::default());
    on_pools(
        current,
        groups
            .into_iter()
            .map(|group| (group.pool, group.name.into())),
    )
}

/// Containers.
pub(crate) fn containers(current: &OsStr) -> Vec<CompletionCandidate> {
    let containers = ask::<ContainerList>(&ContainersQuery {
        pool: None,
        brief: true,
    });
    on_pools(
        current,
        containers
            .into_iter()
            .map(|container| (container.pool, container.name.into())),
    )
}

/// Id ranges.
pub(crate) fn id_ranges(current: &OsStr) -> Vec<CompletionCandidate> {
    let ranges = ask::<IdRangeList>(&OnPool::default());
    on_pools(
        current,
        ranges
            .into_iter()
            .map(|range| (range.pool, range.name.into())),
    )
}

/// Operations, by the short end of their ids.
pub(crate) fn operations(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let operations = ask::<OperationList>(&Nothing {});
    let fitting = operations
        .into_iter()
        .filter(|operation| current.is_empty() || operation.id.matches(&current));
    let candidate = |operation: os_api::Operation| {
        CompletionCandidate::new(operation.id.as_str()).help(Some(operation.command.into()))
    };
    fitting.map(candidate).collect()
}

/// Names with their pool where it was begun, without it otherwise.
fn on_pools(
    current: &OsStr,
    names: impl Iterator<Item = (PoolName, String)>,
) -> Vec<CompletionCandidate> {
    let is_with_pool = current.to_string_lossy().contains(':');
    let mut texts: Vec<_> = names
        .map(|(pool, name)| {
            if is_with_pool {
                format!("{pool}:{name}")
            } else {
                name
            }
        })
        .collect();
    // Several pools may have an entity of this name.
    texts.sort();
    texts.dedup();
    matching(current, texts.into_iter())
}

/// The names that begin with what was typed.
pub(crate) fn matching(
    current: &OsStr,
    names: impl Iterator<Item = String>,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let fitting = names.filter(|name| name.starts_with(current.as_ref()));
    fitting.map(CompletionCandidate::new).collect()
}

fn ask<E>(query: &E::Query) -> E::Answer
where
    E: Endpoint<Path = Nothing>,
    E::Answer: Default,
{
    let words: Vec<_> = std::env::args_os().collect();
    let root = root_among(&words).unwrap_or_else(context::root_of_environment);
    let mut client = Client::new(context::socket(&root), String::new()).hurried(PATIENCE);
    client.ask::<E>(&Nothing {}, query).unwrap_or_default()
}

/// The value of `--root` in a command line that is being typed.
fn root_among<S: AsRef<OsStr>>(words: &[S]) -> Option<PathBuf> {
    let mut words = words.iter().map(|word| word.as_ref().to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--root" {
            return words.next().map(|root| root.as_ref().into());
        }
        if let Some(root) = word.strip_prefix("--root=") {
            return Some(root.into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_root_being_typed() {
        assert_eq!(
            root_among(&["osctl", "--root", "/x", "us"]),
            Some("/x".into())
        );
        assert_eq!(root_among(&["osctl", "us", "--root=/y"]), Some("/y".into()));
        assert_eq!(root_among(&["osctl", "us", "--root"]), None);
    }
}
