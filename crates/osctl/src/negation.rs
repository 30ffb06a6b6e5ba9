//! The `--no-` form of every switch.
//!
//! Clients that build command lines from options write a switch that is off as `--no-x`, so each
//! switch `--x` has that form, whether or not the command declares it. The one given last counts.

use clap::{Arg, ArgAction, Command};

use crate::option::longs;

/// Adds `--no-x` for each switch `--x` of `command`, and `--x` for each switch `--no-x`.
///
/// The added ones set nothing: they only take back what stands before them. Help and completion do
/// not show them.
pub(crate) fn negatable(command: Command) -> Command {
    let is_switch = |arg: &&Arg| matches!(arg.get_action(), ArgAction::SetTrue);
    let taken: Vec<_> = command.get_arguments().flat_map(longs).collect();
    let mut negations = Vec::new();
    for switch in command.get_arguments().filter(is_switch) {
        let names: Vec<_> = longs(switch).map(opposite).collect();
        let mut free = names
            .into_iter()
            .filter(|name| !taken.contains(&name.as_str()));
        if let Some(name) = free.next() {
            negations.push(negation(switch, name, free.map(kept).collect()));
        }
    }
    command.args(negations)
}

/// The hidden switch that takes back `switch`.
fn negation(switch: &Arg, name: String, aliases: Vec<&'static str>) -> Arg {
    let name = kept(name);
    // clap lets either override the other.
    let both = [switch.get_id().clone(), name.into()];
    Arg::new(name)
        .long(name)
        .aliases(aliases)
        .action(ArgAction::SetTrue)
        .overrides_with_all(both)
        .global(switch.is_global_set())
        .hide(true)
}

fn opposite(name: &str) -> String {
    let positive = name.strip_prefix("no-").map(str::to_owned);
    positive.unwrap_or_else(|| format!("no-{name}"))
}

/// clap keeps names as long as the process lives; a process describes each command a few times at
/// most.
fn kept(name: String) -> &'static str {
    name.leak()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(command: &Command, path: &str, look: &mut impl FnMut(&str, &Command)) {
        let path = format!("{path} {}", command.get_name());
        look(&path, command);
        for below in command.get_subcommands() {
            leaves(below, &path, look);
        }
    }

    #[test]
    fn every_switch_of_every_command_can_be_negated_and_every_command_takes_json() {
        let mut root = crate::cli::command();
        root.build();
        let mut switches = 0;
        leaves(&root, "", &mut |path, command| {
            let names: Vec<_> = command.get_arguments().flat_map(longs).collect();
            assert!(names.contains(&"json"), "{path}");
            let is_own = |arg: &&Arg| matches!(arg.get_action(), ArgAction::SetTrue);
            for switch in command.get_arguments().filter(is_own) {
                for name in longs(switch) {
                    switches += 1;
                    let opposite = opposite(name);
                    assert!(
                        names.contains(&opposite.as_str()),
                        "{path}: no --{opposite}"
                    );
                }
            }
        });
        assert!(switches > 100, "{switches}");
    }

    #[test]
    fn the_last_one_counts() {
        let command = || {
            let switch = |name| Arg::new(name).long(name).action(ArgAction::SetTrue);
            negatable(Command::new("x").args([switch("kill"), switch("no-terminal")]))
        };
        for (line, kill, no_terminal) in [
            ("x", false, false),
            ("x --no-kill", false, false),
            ("x --kill --no-kill", false, false),
            ("x --no-kill --kill", true, false),
            ("x --no-kill --no-kill --terminal", false, false),
            ("x --terminal --no-terminal", false, true),
        ] {
            let matches = command().try_get_matches_from(line.split(' ')).unwrap();
            assert_eq!(matches.get_flag("kill"), kill, "{line}");
            assert_eq!(matches.get_flag("no-terminal"), no_terminal, "{line}");
        }
    }
}
