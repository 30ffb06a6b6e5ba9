//! Arguments that name one or more containers: ids, patterns, `--all`.

use std::str::FromStr;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::view::Container;
use os_types::{Code, ContainerName, ContainerState, Failure, NameError, PoolName};

use crate::complete;
use crate::context::Ctx;
use crate::fault::Fault;
use crate::reading;
use crate::target::Ref;

/// The containers of a command.
#[derive(Debug, Args)]
pub(super) struct Targets {
    /// The containers: [pool:]id, or a pattern of ids such as 'web*' or 'tank:*'
    #[arg(required_unless_present = "all", add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Target>,
    /// All containers, or all of the pool of --pool
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    One(Ref<ContainerName>),
    /// `*` stands for any characters, `?` for one.
    Pattern {
        pool: Option<PoolName>,
        pattern: String,
    },
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if !text.contains(['*', '?']) {
            return text.parse().map(Self::One);
        }
        let (pool, pattern) = match text.split_once(':') {
            Some((pool, pattern)) => (Some(pool.parse()?), pattern),
            None => (None, text),
        };
        Ok(Self::Pattern {
            pool,
            pattern: pattern.to_owned(),
        })
    }
}

impl Targets {
    /// The containers, each once. Of those that a pattern or `--all` means, only the ones in a state
    /// that `fits` the command.
    ///
    /// # Errors
    /// A pattern that fits no container, in whatever state.
    pub(super) fn resolve(
        self,
        ctx: &mut Ctx,
        fits: impl Fn(ContainerState) -> bool,
    ) -> Result<Vec<Ref<ContainerName>>, Fault> {
        let default = ctx.pool().cloned();
        let every = Target::Pattern {
            pool: None,
            pattern: "*".to_owned(),
        };
        let targets = if self.all { vec![every] } else { self.ids };
        let is_pattern = |target: &Target| matches!(target, Target::Pattern { .. });
        let containers = if targets.iter().any(is_pattern) {
            reading::containers(ctx, true)?
        } else {
            Vec::new()
        };
        let mut found = Vec::new();
        for target in targets {
            match target {
                Target::One(id) => found.push(id.or_pool(default.as_ref())),
                Target::Pattern { pool, pattern } => {
                    let matching = matching(&containers, pool.as_ref(), &pattern);
                    if matching.is_empty() && !self.all {
                        let text = format!("no container has an id like {pattern}");
                        let failure = Failure::new(Code::NotFound, text);
                        return Err(failure.next("osctl ct ls").into());
                    }
                    let fitting = matching.into_iter().filter(|ct| fits(ct.state));
                    found.extend(fitting.map(|ct| Ref {
                        pool: Some(ct.pool.clone()),
                        name: ct.name.clone(),
                    }));
                }
            }
        }
        let mut seen = Vec::new();
        found.retain(|id| {
            let is_new = !seen.contains(id);
            seen.push(id.clone());
            is_new
        });
        if found.is_empty() {
            ctx.printer.note("there is nothing to do");
        }
        Ok(found)
    }
}

fn matching<'a>(
    containers: &'a [Container],
    pool: Option<&PoolName>,
    pattern: &str,
) -> Vec<&'a Container> {
    let fits = |ct: &&Container| {
        pool.is_none_or(|pool| *pool == ct.pool) && is_match(pattern, ct.name.as_str())
    };
    containers.iter().filter(fits).collect()
}

/// Whether `name` is like `pattern`. Both are ASCII or compared by characters.
fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Where to go on after the last star, should the rest not fit: (in pattern, in name).
    let mut star = None;
    let (mut at, mut on) = (0, 0);
    while on < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, on));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[on] => {
                at += 1;
                on += 1;
            }
            _ => match star {
                Some((after, eaten)) => {
                    star = Some((after, eaten + 1));
                    (at, on) = (after, eaten + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let yes = [
            ("*", "web"),
            ("web*", "web"),
            ("web*", "web12"),
            ("*b*", "web"),
            ("w?b", "web"),
            ("*-*-x", "a-b-c-x"),
        ];
        let no = [("web*", "we"), ("?", "web"), ("*b", "webs"), ("w?b", "wb")];
        for (pattern, name) in yes {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in no {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
        let target: Target = "tank:web*".parse().unwrap();
        let Target::Pattern { pool, pattern } = target else {
            panic!("{target:?}");
        };
        assert_eq!((pool.unwrap().as_str(), &*pattern), ("tank", "web*"));
        "ta nk:web*".parse::<Target>().unwrap_err();
        "we b".parse::<Target>().unwrap_err();
    }
}
