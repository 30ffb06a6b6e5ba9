//! How help looks, and what is said of a command that does not exist.
//!
//! `--help` of a command is short: what it does, its usage, an example, its own options.
//! `osctl help COMMAND` says all, `osctl help global` lists the options that every command takes.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command};
use os_types::similar;

use crate::option::{has_long, takes_value};

/// How the examples in an `after_help` begin: indented lines, or the rest of that line.
const EXAMPLES: [&str; 2] = ["Examples:\n", "Example: "];

/// Gives every command below `root` a short `--help` with its examples first.
pub(crate) fn with_short_help(root: Command) -> Command {
    below(root, "osctl help")
}

fn below(command: Command, path: &str) -> Command {
    command.mut_subcommands(|command| {
        let path = format!("{path} {}", command.get_name());
        below(short(command, &path), &path)
    })
}

/// `more` is the command that prints all of its help.
fn short(command: Command, more: &str) -> Command {
    let text = command.get_after_help().map(ToString::to_string);
    let (examples, remarks) = split(text.as_deref().unwrap_or_default());
    let examples = if examples.is_empty() {
        examples
    } else {
        format!("\n\n{examples}")
    };
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::HelpShort)
        .help(format!("Print help; more with `{more}`"))
        .help_heading(Resettable::Reset);
    command
        .disable_help_flag(true)
        .arg(help)
        .after_help(remarks)
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}{examples}\n\n{{all-args}}{{after-help}}"
        ))
}

/// The examples in a text, and the rest of it.
fn split(text: &str) -> (String, String) {
    let parts = EXAMPLES.iter().find_map(|marker| {
        let (before, rest) = text.split_once(marker)?;
        Some((before, *marker, rest))
    });
    let Some((before, marker, rest)) = parts else {
        return (String::new(), text.to_owned());
    };
    let is_list = marker.ends_with('\n');
    let count = if is_list {
        rest.lines()
            .take_while(|line| line.starts_with(' '))
            .count()
    } else {
        1
    };
    let lines: Vec<_> = rest.lines().collect();
    let (examples, after) = lines.split_at(count.min(lines.len()));
    let after = after.join("\n");
    let remarks = [before.trim_end(), after.trim()];
    let remarks: Vec<_> = remarks
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    (
        format!("{marker}{}", examples.join("\n")),
        remarks.join("\n\n"),
    )
}

/// What to say of a command that does not exist: what its abbreviation could mean, or what was meant.
///
/// *Shape*: the message, and a hint. `None` if all words name commands.
pub(crate) fn of_unknown(root: &Command, args: &[OsString]) -> Option<(String, String)> {
    let mut command = root;
    let mut path = vec!["osctl"];
    let mut words = args.iter().skip(1).filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            if takes_next_word(root, word) {
                words.next();
            }
            continue;
        }
        if !command.has_subcommands() {
            return None;
        }
        let mut fitting = fitting(command, word);
        if fitting.len() > 1 {
            fitting.retain(|command| !command.is_hide_set());
        }
        match fitting.as_slice() {
            [one] => {
                command = one;
                path.push(command.get_name());
            }
            [] => return Some(unknown(command, &path.join(" "), word)),
            several => {
                let names: Vec<_> = several.iter().map(|fit| fit.get_name()).collect();
                let text = format!("`{} {word}` could be: {}", path.join(" "), names.join(", "));
                return Some((text, format!("{} --help", path.join(" "))));
            }
        }
    }
    None
}

/// Whether `word` is a global option whose value is the next word. Only those stand before commands.
fn takes_next_word(root: &Command, word: &str) -> bool {
    let Some(long) = word.strip_prefix("--") else {
        return false;
    };
    let mut options = root.get_arguments();
    options.any(|option| has_long(option, long) && takes_value(option))
}

/// The command that `word` names or abbreviates, as clap understands it.
pub(crate) fn named<'a>(command: &'a Command, word: &str) -> Option<&'a Command> {
    match fitting(command, word).as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// The command of that name, or those that `word` abbreviates.
fn fitting<'a>(command: &'a Command, word: &str) -> Vec<&'a Command> {
    if let Some(exact) = command.find_subcommand(word) {
        return vec![exact];
    }
    let fits = |command: &&Command| {
        let mut names = command.get_all_aliases().chain([command.get_name()]);
        names.any(|name| name.starts_with(word))
    };
    command.get_subcommands().filter(fits).collect()
}

/// The commands that help lists.
pub(crate) fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    let all = command.get_subcommands();
    all.filter(|command| !command.is_hide_set())
}

fn unknown(command: &Command, path: &str, word: &str) -> (String, String) {
    let names: Vec<_> = visible(command).map(Command::get_name).collect();
    let text = format!("there is no command `{path} {word}`");
    match similar(word, names.iter().copied()) {
        Some(meant) => (text, format!("did you mean `{path} {meant}`?")),
        None => (
            format!("{text}; there are: {}", names.join(", ")),
            format!("{path} --help"),
        ),
    }
}

/// The options that every command takes, as text.
pub(crate) fn global(root: &Command) -> String {
    let mut root = root.clone();
    root.build();
    let all = root.get_arguments().filter(|arg| arg.is_global_set());
    let globals: Vec<_> = all.filter(|arg| !arg.is_hide_set()).cloned().collect();
    let options = globals.into_iter().map(|arg| arg.hide_short_help(false));
    Command::new("osctl")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .help_template("Every command takes these options, before or after its own.\n\n{all-args}")
        .max_term_width(100)
        .args(options)
        .render_help()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<(String, String)> {
        let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
        of_unknown(&crate::cli::command(), &args)
    }

    #[test]
    fn abbreviations_that_fit_several_commands_are_named() {
        let (text, _) = said("osctl ct s").unwrap();
        assert_eq!(text, "`osctl ct s` could be: show, start, stop, set");
        assert_eq!(said("osctl ct sta web"), None);
    }

    #[test]
    fn a_mistyped_command_gets_the_nearest() {
        let (text, hint) = said("osctl ct strat web").unwrap();
        assert_eq!(text, "there is no command `osctl ct strat`");
        assert_eq!(hint, "did you mean `osctl ct start`?");
        // An option's value is not mistaken for a command.
        for options in ["--pool tank", "--pool=tank -j", "-j --root /x"] {
            let said = said(&format!("osctl {options} ct strat web"));
            assert_eq!(said.unwrap().0, text, "{options}");
        }
        assert!(said("osctl ct qqqqqq").unwrap().0.contains("start, stop"));
    }

    #[test]
    fn examples_are_taken_out_of_a_text() {
        let both = |text: &str| split(text);
        let examples = "Examples:\n  osctl a\n  osctl b".to_owned();
        assert_eq!(
            both("Examples:\n  osctl a\n  osctl b"),
            (examples.clone(), String::new())
        );
        assert_eq!(
            both("Before.\n\nExamples:\n  osctl a\n  osctl b\nAfter."),
            (examples, "Before.\n\nAfter.".to_owned())
        );
        assert_eq!(
            both("Takes effect at once.\nExample: osctl a"),
            (
                "Example: osctl a".to_owned(),
                "Takes effect at once.".to_owned()
            )
        );
    }
}
