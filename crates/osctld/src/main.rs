//! The container daemon: wiring only

fn main() {}
