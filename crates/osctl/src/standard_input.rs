//! Texts that a person or a program gives on standard input.

use std::io::Read as _;

use os_types::{Code, Failure};

/// The largest configuration file that the API takes.
const LIMIT: u64 = 256 << 10;

/// All of standard input as text, as far as a configuration may be long.
pub(crate) fn read() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(LIMIT + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::new(Code::Name, format!("cannot read standard input: {error}")))?;
    if text.len() as u64 > LIMIT {
        let message = format!("standard input has more than {} KiB", LIMIT >> 10);
        return Err(Failure::new(Code::TooLarge, message));
    }
    Ok(text)
}
