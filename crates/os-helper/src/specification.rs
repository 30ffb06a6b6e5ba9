//! What a job is told: JSON on a descriptor.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};

use serde::de::DeserializeOwned;

/// Larger ones are a mistake.
const LIMIT: u64 = 1 << 20;

/// Reads the specification whose descriptor's number is the only argument.
///
/// *Errors*: as a sentence for whoever wrote the call.
pub(crate) fn read<T: DeserializeOwned>(args: &[OsString]) -> Result<T, String> {
    let [number] = args else {
        return Err("this job takes one argument: the number of a descriptor".to_owned());
    };
    let number = number.to_str().and_then(|text| text.parse().ok());
    let number = number.ok_or("the argument is no number of a descriptor")?;
    let read = || {
        let mut text = String::new();
        let file = descriptor(number, File::options().read(true))?;
        file.take(LIMIT).read_to_string(&mut text).map(|_| text)
    };
    let text = read().map_err(|e: io::Error| format!("the specification cannot be read: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("the specification is not understood: {e}"))
}

/// A second descriptor of what the first one is open on; this one closes at exec.
pub(crate) fn descriptor(number: u32, options: &OpenOptions) -> io::Result<File> {
    options.open(format!("/proc/self/fd/{number}"))
}
