//! Describing commands when clap comes to them, or at once.

use std::cell::Cell;

use clap::Command;

thread_local! {
    /// Whether nothing is put off. clap's traits have no other way to tell a part of a tree.
    static WHOLE: Cell<bool> = const { Cell::new(false) };
}

/// What `describe` describes, with all of its parts.
///
/// clap could describe the parts of a tree that it has already, but puts their own options behind
/// the global ones then.
pub(crate) fn whole(describe: impl FnOnce() -> Command) -> Command {
    WHOLE.set(true);
    let command = describe();
    WHOLE.set(false);
    command
}

/// Describes a command now or when clap comes to it.
pub(crate) fn later(command: Command, describe: fn(Command) -> Command) -> Command {
    if WHOLE.get() {
        describe(command)
    } else {
        command.defer(describe)
    }
}
