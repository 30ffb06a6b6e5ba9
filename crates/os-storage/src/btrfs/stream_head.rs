//! The first command of a stream of `btrfs send`: which snapshot it makes out of which.
//!
//! *Source*: `fs/btrfs/send.h`. Everything is little-endian; a command is its length (u32), number
//! (u16) and checksum (u32), then attributes: number (u16), length (u16), value.

use std::io::{self, Read};

const MAGIC: &[u8; 13] = b"btrfs-stream\0";
const COMMAND_SUBVOLUME: u16 = 1;
const COMMAND_SNAPSHOT: u16 = 2;
const ATTRIBUTE_UUID: u16 = 1;
const ATTRIBUTE_PATH: u16 = 15;
const ATTRIBUTE_CLONE_UUID: u16 = 20;

/// The first command holds a name and two UUIDs: far less than this.
const COMMAND_LIMIT: u32 = 16 << 10;

/// What the stream says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamHead {
    /// Name that the receiving program will make.
    pub(super) name: String,
    /// Guid of the snapshot.
    pub(super) guid: String,
    /// Guid of the snapshot it is the difference to.
    pub(super) base: Option<String>,
}

/// *Errors*: `InvalidData` for anything but the beginning of a stream.
pub(super) fn read(source: &mut dyn Read) -> io::Result<StreamHead> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut start = [0; 17];
    source.read_exact(&mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(bad());
    }
    let mut length = [0; 4];
    source.read_exact(&mut length)?;
    let mut rest = [0; 6];
    source.read_exact(&mut rest)?;
    let length = u32::from_le_bytes(length);
    let [low, high, ..] = rest;
    let command = u16::from_le_bytes([low, high]);
    if length > COMMAND_LIMIT || !matches!(command, COMMAND_SUBVOLUME | COMMAND_SNAPSHOT) {
        return Err(bad());
    }
    let mut body = vec![0; usize::try_from(length).unwrap_or(0)];
    source.read_exact(&mut body)?;
    let (mut name, mut guid, mut base) = (None, None, None);
    let mut body = body.as_slice();
    while let Some((head, tail)) = body.split_first_chunk::<4>() {
        let [a, b, c, d] = *head;
        let size = usize::from(u16::from_le_bytes([c, d]));
        let (value, after) = tail.split_at_checked(size).ok_or_else(bad)?;
        match u16::from_le_bytes([a, b]) {
            ATTRIBUTE_PATH => name = std::str::from_utf8(value).ok().map(str::to_owned),
            ATTRIBUTE_UUID => guid = uuid(value),
            ATTRIBUTE_CLONE_UUID => base = uuid(value),
            _ => {}
        }
        body = after;
    }
    if (command == COMMAND_SNAPSHOT) != base.is_some() {
        return Err(bad());
    }
    match (name, guid) {
        (Some(name), Some(guid)) => Ok(StreamHead { name, guid, base }),
        _ => Err(bad()),
    }
}

fn uuid(value: &[u8]) -> Option<String> {
    Some(os_sys::btrfs::format_uuid(value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(command: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (number, value) in attributes {
            body.extend(number.to_le_bytes());
            body.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            body.extend(*value);
        }
        let mut all = MAGIC.to_vec();
        all.extend(1_u32.to_le_bytes());
        all.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        all.extend(command.to_le_bytes());
        all.extend([0; 4]);
        all.extend(body);
        all
    }

    #[test]
    fn reads_both_kinds() {
        let full = stream(1, &[(15, b"s1"), (1, &[0xab; 16]), (2, &[0; 8])]);
        let head = read(&mut full.as_slice()).unwrap();
        assert_eq!((head.name.as_str(), head.base), ("s1", None));
        let step = stream(2, &[(15, b"s2"), (1, &[1; 16]), (20, &[2; 16])]);
        let head = read(&mut step.as_slice()).unwrap();
        assert_eq!(head.base.unwrap(), "02020202-0202-0202-0202-020202020202");
    }

    #[test]
    fn refuses_what_is_cut_or_inconsistent() {
        let full = stream(1, &[(15, b"s1"), (1, &[0xab; 16])]);
        for cut in 0..full.len() {
            read(&mut &full[..cut]).unwrap_err();
        }
        read(&mut stream(2, &[(15, b"s1"), (1, &[0; 16])]).as_slice()).unwrap_err();
        read(&mut stream(3, &[(15, b"s1"), (1, &[0; 16])]).as_slice()).unwrap_err();
        read(&mut stream(1, &[(15, b"s1"), (1, &[0; 3])]).as_slice()).unwrap_err();
    }
}
