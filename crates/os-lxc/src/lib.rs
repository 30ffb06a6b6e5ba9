//! Means: a container as LXC configuration, and what starts it.
#![forbid(unsafe_code)]
