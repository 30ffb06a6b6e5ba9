//! The command line of osctld

fn main() {}
