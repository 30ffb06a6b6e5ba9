//! Values of settings that have a rule of their own.
//!
//! Each type checks its rule when it is made, so a document, a request and a command line refuse
//! the same values with the same words, and no planner checks them again.

mod description;
mod init_cmd;
mod map_mode;
mod raw_lxc;
mod resolvers;

pub use description::Description;
pub use init_cmd::InitCmd;
pub use map_mode::MapMode;
pub use raw_lxc::{RawError, RawLxc};
pub use resolvers::DnsResolvers;

/// A list with more entries than its setting allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} has {found}, at most {limit} are allowed")]
pub struct TooLong {
    setting: &'static str,
    found: usize,
    limit: usize,
}
