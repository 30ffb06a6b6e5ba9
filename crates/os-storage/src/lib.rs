//! Means: pools, datasets, snapshots and streams behind one trait shaped after ZFS
#![forbid(unsafe_code)]
