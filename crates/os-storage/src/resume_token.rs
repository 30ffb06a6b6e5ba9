//! Where a broken transfer can go on.

use std::fmt;
use std::str::FromStr;

/// Says which stream was broken off where. Opaque to everybody but sender and receiver.
///
/// *Shape*: `1:<snapshot guid>:<base guid or ->:<offset>:<proof>`; the first number is the version
/// of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeToken {
    /// The snapshot being sent.
    pub snapshot_guid: String,
    /// The snapshot that the receiver has already, for an incremental stream.
    pub base_guid: Option<String>,
    /// Bytes of the stream that the receiver has. *Units*: bytes.
    pub offset: u64,
    /// What tells that stream from all others.
    pub proof: Proof,
}

/// How it is proven that the rest of a stream fits to its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// SHA-256 of the bytes that the receiver has. *Shape*: 64 hexadecimal digits.
    Digest(String),
    /// The receiver's `receive_resume_token`, written `zfs-<token>`. *Shape*: numbers in lower case
    /// hexadecimal with `-` in between. *Source*: `zfs-send(8)`, `-t`.
    Zfs(String),
}

/// A token of ZFS holds a few numbers and the name of a dataset, compressed.
const ZFS_TOKEN_LIMIT: usize = 4096;

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => f.write_str(digest),
            Self::Zfs(token) => write!(f, "zfs-{token}"),
        }
    }
}

impl FromStr for Proof {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, ResumeTokenError> {
        if let Some(token) = text.strip_prefix("zfs-") {
            let allowed = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-';
            // Never an option of the program that reads it.
            let good = token.starts_with(|c: char| c.is_ascii_digit())
                && token.len() <= ZFS_TOKEN_LIMIT
                && token.bytes().all(allowed);
            return if good {
                Ok(Self::Zfs(token.to_owned()))
            } else {
                Err(ResumeTokenError {
                    reason: "has a bad token of ZFS",
                })
            };
        }
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self::Digest(text.to_owned()))
        } else {
            Err(ResumeTokenError {
                reason: "has a bad digest",
            })
        }
    }
}

/// Why a text is no resume token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resume token {reason}")]
pub struct ResumeTokenError {
    reason: &'static str,
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base_guid.as_deref().unwrap_or("-");
        let Self {
            snapshot_guid,
            offset,
            proof,
            ..
        } = self;
        write!(f, "1:{snapshot_guid}:{base}:{offset}:{proof}")
    }
}

impl FromStr for ResumeToken {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, ResumeTokenError> {
        let refuse = |reason| ResumeTokenError { reason };
        let fields: Vec<_> = text.split(':').collect();
        let [version, snapshot, base, offset, proof] = fields.as_slice() else {
            return Err(refuse("does not have five fields"));
        };
        if *version != "1" {
            return Err(refuse("has a version that is not understood"));
        }
        if !is_guid(snapshot) || !(*base == "-" || is_guid(base)) {
            return Err(refuse("has a bad guid"));
        }
        Ok(Self {
            snapshot_guid: (*snapshot).to_owned(),
            base_guid: (*base != "-").then(|| (*base).to_owned()),
            offset: offset
                .parse()
                .map_err(|_error| refuse("has a bad offset"))?,
            proof: proof.parse()?,
        })
    }
}

/// A UUID (btrfs) or a number (ZFS), in lower case.
pub(crate) fn is_guid(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-';
    (1..=36).contains(&text.len()) && text.bytes().all(allowed) && text != "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        let token = ResumeToken {
            snapshot_guid: "611469a0-14c5-d74c-a9da-e5554407519a".to_owned(),
            base_guid: None,
            offset: 77,
            proof: Proof::Digest("ab".repeat(32)),
        };
        let text = token.to_string();
        assert_eq!(text.parse::<ResumeToken>().unwrap(), token);
        let other = ResumeToken {
            base_guid: Some("123".to_owned()),
            proof: Proof::Zfs("1-f75b2-c8-789c63".to_owned()),
            ..token
        };
        assert_eq!(other.to_string().parse::<ResumeToken>().unwrap(), other);
        for bad in [
            "",
            "2:1:-:0:",
            "1:../x:-:0:00",
            &text.replace("77", "-1"),
            &text.replace("ab", "a/"),
            "1:1:-:0:zfs-",
            "1:1:-:0:zfs--x",
            "1:1:-:0:zfs-1-/",
        ] {
            bad.parse::<ResumeToken>().unwrap_err();
        }
    }
}
