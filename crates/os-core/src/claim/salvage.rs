//! The host ids that a damaged user file still shows.
//!
//! A user whose file was cut in half still has its ids on disk and comes back once the file is
//! repaired. Whatever in it looks like a map entry stays claimed, so that no other user gets these
//! ids in between.

use os_types::{IdMapEntry, IdSpan};

/// The host sides of all words of the form `ns:host:count`.
pub(super) fn spans(text: &str) -> impl Iterator<Item = IdSpan> {
    text.split(|c: char| !c.is_ascii_digit() && c != ':')
        .filter_map(|word| word.parse::<IdMapEntry>().ok())
        .map(IdMapEntry::host)
}
