//! `osctl help`: commands, error codes, exit codes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;

use clap::Args;
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use os_types::{Code, Failure};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::help;

/// Explain a command, an error code, or the exit codes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  osctl help user new\n  osctl help E-OVERLAP\n  osctl help exit-codes"
)]
pub(crate) struct Help {
    /// A command, an error code, `exit-codes`, or `global` for the options of every command
    #[arg(value_name = "TOPIC", add = ArgValueCompleter::new(topics))]
    topic: Vec<String>,
}

impl Run for Help {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let words: Vec<_> = self.topic.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["global"] => ctx.printer.text(&help::global(&crate::cli::parts())),
            ["exit-codes"] => ctx.printer.text(&exit_codes()),
            [code] if code.to_ascii_uppercase().starts_with("E-") => explain(ctx, code),
            path => help_of(ctx, path),
        }
    }
}

fn explain(ctx: &mut Ctx, text: &str) -> Outcome {
    let wanted = text.to_ascii_uppercase();
    let found = Code::ALL.iter().find(|code| code.as_str() == wanted);
    let code = found.ok_or_else(|| no_topic(text))?;
    let (title, explanation, exit) = (code.title(), code.explanation(), code.exit());
    let explanation = wrap(explanation, 78);
    ctx.printer.text(&format!(
        "{code}: {title}\n\n{explanation}\n\nExit code: {exit}\n"
    ))
}

fn help_of(ctx: &mut Ctx, path: &[&str]) -> Outcome {
    let mut root = crate::cli::command();
    if let Some(columns) = ctx.columns {
        root = root.term_width(columns);
    }
    root.build();
    let mut command = &root;
    for word in path {
        command = help::named(command, word).ok_or_else(|| no_topic(&path.join(" ")))?;
    }
    let help = command.clone().render_long_help();
    let text = if ctx.printer.out_color {
        help.ansi().to_string()
    } else {
        help.to_string()
    };
    ctx.printer.text(&text)
}

/// Error codes, and the other topics of `osctl help`.
fn topics(current: &OsStr) -> Vec<CompletionCandidate> {
    let command = crate::cli::command();
    let mut names: Vec<_> = help::visible(&command)
        .map(|command| command.get_name().to_owned())
        .collect();
    names.extend(["exit-codes", "global"].map(str::to_owned));
    names.extend(Code::ALL.iter().map(|code| code.as_str().to_owned()));
    complete::matching(current, names.into_iter())
}

fn no_topic(what: &str) -> Fault {
    let message = format!("there is no command and no error code {what:?}");
    Failure::new(Code::NotFound, message)
        .next("osctl help")
        .into()
}

/// The meaning of each exit code that no error code has.
const OTHERS: [(u8, &str); 4] = [
    (0, "it worked"),
    (1, "`del`: the object to delete does not exist"),
    (130, "interrupted with Ctrl-C; an operation goes on"),
    (141, "the reader of the output has gone"),
];

/// The table of exit codes.
fn exit_codes() -> String {
    let mut table: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    for (exit, meaning) in OTHERS {
        table.entry(exit).or_default().push(meaning.to_owned());
    }
    for code in Code::ALL {
        table
            .entry(code.exit())
            .or_default()
            .push(format!("{code}: {}", code.title()));
    }
    let mut text = String::new();
    for (exit, meanings) in table {
        for (index, meaning) in meanings.iter().enumerate() {
            let number = if index == 0 {
                exit.to_string()
            } else {
                String::new()
            };
            writeln!(text, "{number:>3}  {meaning}").expect("writing to a string cannot fail");
        }
    }
    text.push_str(
        "\n`osctl ct exec` and `osctl ct attach` end with the code of the command: 128 + n if signal n\n\
        killed it, 127 if there is no such command, 126 if it cannot be executed, 125 if it was not run.\n\
        `osctl ping` and `osctl healthcheck` have codes of their own, see their help.\n",
    );
    text
}

/// What the long help and the manual page of `osctl` end with.
pub(crate) fn long_help() -> String {
    format!(
        "`osctl help <command>` explains a command, `osctl help <E-CODE>` an error.\n\n\
        Exit codes:\n{}",
        exit_codes()
    )
}

/// The text in lines of at most `width` characters.
fn wrap(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let is_full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.len() + 1 + word.len() > width);
        if is_full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_commands_and_codes() {
        let found = topics(OsStr::new("E-NO"));
        assert!(
            found
                .iter()
                .any(|candidate| candidate.get_value() == "E-NOT-FOUND")
        );
        assert!(!topics(OsStr::new("user")).is_empty());
    }
}
