//! Unique words.

use std::hash::{BuildHasher, RandomState};

/// A random word of letters and digits.
pub(crate) fn token() -> String {
    // The standard library seeds these from the kernel's random numbers.
    format!("{:016x}", RandomState::new().hash_one("osvm"))
}
