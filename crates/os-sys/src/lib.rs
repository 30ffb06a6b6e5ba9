//! Means: the only crate with unsafe code; system calls as owned descriptors
