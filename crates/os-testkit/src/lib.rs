//! Scratch pools, scratch daemons and leak checks for tests
#![forbid(unsafe_code)]
