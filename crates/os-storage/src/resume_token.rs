//! Where a broken transfer can go on.

use std::fmt;
use std::str::FromStr;

/// Says which stream was broken off where. Opaque to everybody but sender and receiver.
///
/// *Shape*: `1:<snapshot guid>:<base guid or ->:<offset>:<SHA-256 of everything before it>`; the
/// first number is the version of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeToken {
    /// The snapshot being sent.
    pub snapshot_guid: String,
    /// The snapshot that the receiver has already, for an incremental stream.
    pub base_guid: Option<String>,
    /// Bytes of the stream that the receiver has. *Units*: bytes.
    pub offset: u64,
    /// Digest of those bytes, 64 hexadecimal digits.
    pub digest: String,
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
            digest,
            ..
        } = self;
        write!(f, "1:{snapshot_guid}:{base}:{offset}:{digest}")
    }
}

impl FromStr for ResumeToken {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, ResumeTokenError> {
        let refuse = |reason| ResumeTokenError { reason };
        let fields: Vec<_> = text.split(':').collect();
        let [version, snapshot, base, offset, digest] = fields.as_slice() else {
            return Err(refuse("does not have five fields"));
        };
        if *version != "1" {
            return Err(refuse("has a version that is not understood"));
        }
        if !is_guid(snapshot) || !(*base == "-" || is_guid(base)) {
            return Err(refuse("has a bad guid"));
        }
        if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refuse("has a bad digest"));
        }
        Ok(Self {
            snapshot_guid: (*snapshot).to_owned(),
            base_guid: (*base != "-").then(|| (*base).to_owned()),
            offset: offset
                .parse()
                .map_err(|_error| refuse("has a bad offset"))?,
            digest: (*digest).to_owned(),
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
            digest: "ab".repeat(32),
        };
        let text = token.to_string();
        assert_eq!(text.parse::<ResumeToken>().unwrap(), token);
        let other = ResumeToken {
            base_guid: Some("123".to_owned()),
            ..token
        };
        assert_eq!(other.to_string().parse::<ResumeToken>().unwrap(), other);
        for bad in [
            "",
            "2:1:-:0:",
            "1:../x:-:0:00",
            &text.replace("77", "-1"),
            &text.replace("ab", "a/"),
        ] {
            bad.parse::<ResumeToken>().unwrap_err();
        }
    }
}
