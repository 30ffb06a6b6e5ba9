//! Means: control groups, version 2 and hybrid hosts through one small translation
#![forbid(unsafe_code)]
