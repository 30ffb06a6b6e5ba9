//! POSIX ACLs: as text in a tar, acl(5); in binary as an attribute.
//!
//! *Source:* `include/uapi/linux/posix_acl_xattr.h`, little-endian: version 2, then for each entry
//! tag and permissions in 16 bits each, and an id in 32.

pub(super) const ACCESS: &str = "system.posix_acl_access";
pub(super) const DEFAULT: &str = "system.posix_acl_default";

const VERSION: u32 = 2;
/// The id in entries that name no user or group.
const NO_ID: u32 = u32::MAX;

/// The attribute for an ACL such as `user::rw-,user:1000:r--,group::r--,mask::r--,other::---`.
///
/// A user or group that has a name has its number as a fourth part, as star and bsdtar write it. A
/// name without a number means somebody on the host where the tar was made: `None`, as for anything
/// else that is not an ACL.
pub(super) fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let lines = text.split([',', '\n']).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut entries = lines.map(entry).collect::<Option<Vec<_>>>()?;
    // The order that the kernel wants.
    entries.sort_unstable();
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, id, permissions) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    Some(bytes)
}

/// Tag, id and permissions of one entry.
fn entry(line: &str) -> Option<(u16, u32, u16)> {
    let mut parts = line.split(':');
    let kind = parts.next()?;
    let (who, permissions, number) = match (kind, parts.next()?, parts.next()) {
        // Solaris leaves the empty part out.
        ("mask" | "m" | "other" | "o", permissions, None) => ("", permissions, None),
        (_, who, permissions) => (who, permissions?, parts.next()),
    };
    let named = !who.is_empty();
    let tag = match (kind, named) {
        ("user" | "u", false) => 0x01,
        ("user" | "u", true) => 0x02,
        ("group" | "g", false) => 0x04,
        ("group" | "g", true) => 0x08,
        ("mask" | "m", false) => 0x10,
        ("other" | "o", false) => 0x20,
        _ => return None,
    };
    let id = if named {
        let number = number.filter(|number| !number.is_empty()).unwrap_or(who);
        number.parse().ok().filter(|id| *id != NO_ID)?
    } else {
        NO_ID
    };
    // A comment of getfacl(1) may follow.
    let permissions = permissions.split_whitespace().next()?;
    let bit = |letter: char| match letter {
        'r' => Some(4),
        'w' => Some(2),
        'x' => Some(1),
        '-' => Some(0),
        _ => None,
    };
    let mut bits = 0_u16;
    for letter in permissions.chars() {
        bits |= bit(letter)?;
    }
    Some((tag, id, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_what_the_kernel_has() {
        let text = b"user::rw-,user:1000:r--,group::r--,group:x:r-x:7,mask::r-x,other::---";
        let acl = from_text(text).unwrap();
        let entries: Vec<_> = acl[4..].chunks(8).collect();
        assert_eq!(&acl[..4], [2, 0, 0, 0]);
        assert_eq!(entries[0], [1, 0, 6, 0, 255, 255, 255, 255]);
        assert_eq!(entries[1], [2, 0, 4, 0, 232, 3, 0, 0]);
        assert_eq!(entries[3], [8, 0, 5, 0, 7, 0, 0, 0]);
        assert_eq!(entries.len(), 6);
        for bad in [&b"user:alice:r--"[..], b"user", b"user:1:rq-", b"\xff"] {
            assert_eq!(from_text(bad), None);
        }
    }
}
