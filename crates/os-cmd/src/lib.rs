//! Means: run a host program with a deadline, a clean environment and captured stderr
#![forbid(unsafe_code)]
