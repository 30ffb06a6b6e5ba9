//! Checks of the source tree and generated files

fn main() {}
