//! Means: files that survive a crash: atomic writes, schema versions, marked blocks, locks
#![forbid(unsafe_code)]
