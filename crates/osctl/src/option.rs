//! What clap knows of an option, asked by the parts that read command lines themselves.

use clap::Arg;

/// The long names of an option, hidden ones included.
pub(crate) fn longs(arg: &Arg) -> impl Iterator<Item = &str> {
    let names = arg.get_long_and_visible_aliases().unwrap_or_default();
    let hidden = arg.get_aliases().unwrap_or_default();
    names.into_iter().chain(hidden)
}

/// Whether an option has this long name.
pub(crate) fn has_long(arg: &Arg, name: &str) -> bool {
    longs(arg).any(|long| long == name)
}

/// Whether it is an option with a value, not a switch or a positional argument.
pub(crate) fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_index().is_none()
}
