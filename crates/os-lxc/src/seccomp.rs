//! Seccomp policies: LXC's files, read and typed.
//!
//! A container's policy is a file in LXC's format, which LXC installs for init. What osctl runs in
//! a container (`ct exec`) has to be under the same policy without LXC, so the file is read here.
//! *Source*: lxc.container.conf(5), "SECCOMP CONFIGURATION"; LXC, seccomp.c.

mod parse;

/// The policy of containers that have none of their own.
pub const DEFAULT_POLICY: &str = include_str!("seccomp/default.seccomp");

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeccompAction {
    /// It is made.
    Allow,
    /// It fails with this errno.
    Errno(u16),
    /// The process is killed.
    Kill,
    /// The process gets SIGSYS.
    Trap,
}

/// One rule: what happens to one system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeccompRule {
    /// The name of the call.
    pub syscall: String,
    /// For which programs.
    pub arch: SeccompArch,
    /// What happens.
    pub action: SeccompAction,
    /// Conditions on its arguments; all of them have to hold.
    pub conditions: Vec<SeccompCondition>,
}

/// Programs a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeccompArch {
    /// All.
    All,
    /// Those of one architecture, by LXC's name in lower case, such as `x86_64`, `x86`, `arm64`.
    Only(String),
}

/// A condition on an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeccompCondition {
    /// Which argument, 0 to 5.
    pub index: u8,
    /// How it is compared.
    pub compare: SeccompCompare,
    /// With what.
    pub value: u64,
}

/// How an argument is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeccompCompare {
    /// Differs.
    NotEqual,
    /// Is less.
    Less,
    /// Is less or equal.
    LessOrEqual,
    /// Is equal.
    Equal,
    /// Is greater or equal.
    GreaterOrEqual,
    /// Is greater.
    Greater,
    /// Is equal after this mask was applied.
    MaskedEqual(u64),
}

/// A whole policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeccompPolicy {
    /// What happens to calls that no rule matches.
    pub default: SeccompAction,
    /// The rules, in the order of the file.
    pub rules: Vec<SeccompRule>,
}

/// Why a file is no policy that we can install.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the seccomp policy {reason}")]
pub struct SeccompError {
    line: usize,
    reason: &'static str,
}

impl os_types::Explain for SeccompError {
    fn code(&self) -> os_types::Code {
        os_types::Code::Name
    }
}

impl SeccompPolicy {
    /// Reads a policy of version 2.
    ///
    /// # Errors
    /// Version 1 (bare numbers of calls) and `notify` are refused: the first means something else on
    /// each architecture, the second needs somebody who answers.
    pub fn parse(text: &str) -> Result<Self, SeccompError> {
        parse::policy(text)
    }
}

#[cfg(test)]
mod tests;
