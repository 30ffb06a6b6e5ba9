//! The state as the API shows it; used by the daemon, and by the command line without one.
