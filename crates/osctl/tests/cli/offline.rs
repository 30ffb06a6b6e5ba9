//! Reading without a daemon.
