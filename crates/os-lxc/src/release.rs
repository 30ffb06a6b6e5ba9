//! Which LXC this host has.

use os_cmd::{CommandError, Invocation, Runner};

/// A release of LXC that our configuration is written for.
///
/// 5.0 and 6.0 take the same keys with the same meaning as far as we use them; a difference would
/// be an arm here, not a test of strings elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 5.0 (Debian 12).
    V5,
    /// 6.0 (Debian 13), or newer.
    V6,
}

/// Why this host's LXC cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// `lxc-start` is not there, or does not run.
    #[error("LXC cannot be asked for its version")]
    Ask(#[source] CommandError),
    /// It is too old, or says something else than a version.
    #[error("LXC {0:?} is not supported: 5.0 or newer is needed")]
    Unsupported(String),
}

impl os_types::Explain for ReleaseError {
    fn code(&self) -> os_types::Code {
        os_types::Code::Program
    }
}

impl Release {
    /// Asks `lxc-start --version`.
    pub fn detect(runner: &dyn Runner) -> Result<Self, ReleaseError> {
        let ask = Invocation::new("lxc-start").arg("--version");
        let output = runner.run(ask).map_err(ReleaseError::Ask)?;
        Self::from_version(output.text().trim())
    }

    /// The release of a version such as `5.0.2`.
    pub fn from_version(version: &str) -> Result<Self, ReleaseError> {
        let major = version
            .split('.')
            .next()
            .and_then(|it| it.parse::<u32>().ok());
        match major {
            Some(5) => Ok(Self::V5),
            Some(6..) => Ok(Self::V6),
            _ => Err(ReleaseError::Unsupported(
                version.chars().take(40).collect(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(Release::from_version("5.0.2").unwrap(), Release::V5);
        assert_eq!(Release::from_version("6.0.4").unwrap(), Release::V6);
        for bad in ["", "4.0.12", "lxc", "-1.0"] {
            Release::from_version(bad).unwrap_err();
        }
    }
}
