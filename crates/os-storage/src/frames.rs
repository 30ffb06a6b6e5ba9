//! How a stream travels: a header, frames, and a digest of everything at the end.
//!
//! ```text
//!   osctl-stream 1\n
//!   {"format": "btrfs", "snapshot": guid, "base": guid or null, "offset": n, "prefix": digest}\n
//!   length (u32, big-endian) bytes      repeated
//!   0                        digest     32 bytes: SHA-256 of everything in frames
//! ```
//!
//! The end must be distinguished from a connection that broke, and a stream that is continued must
//! be the one that was begun; the stream of `btrfs send` can do neither by itself. That of ZFS can,
//! but a receiver must know what comes before it makes room for it, and where it ends.
//!
//! A btrfs stream is continued as the same bytes, so its digest and `prefix` count from byte 0 of
//! the whole. ZFS makes another stream for the rest: the digest is of that, and `prefix` is the
//! digest of the resume token.

use std::io::{self, Read, Write};

use os_cmd::Running;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::resume_token::is_guid;

const MAGIC: &[u8] = b"osctl-stream 1\n";
const HEADER_LIMIT: usize = 4096;
pub(crate) const FRAME_LIMIT: usize = 256 << 10;

/// What the bytes in the frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Btrfs,
    Zfs,
}

/// What is being sent, from where on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) format: Format,
    /// Guid of the snapshot.
    pub(crate) snapshot: String,
    /// Guid of the snapshot that the difference is to.
    pub(crate) base: Option<String>,
    /// Where in the stream the first frame begins.
    pub(crate) offset: u64,
    /// Digest of everything before it, in hexadecimal.
    pub(crate) prefix: String,
}

/// Shows a digest in hexadecimal.
pub(crate) fn hex(digest: &Sha256) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in digest.clone().finalize() {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

pub(crate) fn write_header(sink: &mut dyn Write, header: &Header) -> io::Result<()> {
    sink.write_all(MAGIC)?;
    let mut line = serde_json::to_vec(header)?;
    line.push(b'\n');
    sink.write_all(&line)
}

/// `bytes` is at most [`FRAME_LIMIT`] long and not empty, since an empty frame is the end.
pub(crate) fn write_frame(sink: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    sink.write_all(&length.to_be_bytes())?;
    sink.write_all(bytes)
}

pub(crate) fn write_end(sink: &mut dyn Write, digest: Sha256) -> io::Result<()> {
    sink.write_all(&0_u32.to_be_bytes())?;
    sink.write_all(&digest.finalize())?;
    sink.flush()
}

/// Frames what a program writes, to its end; the digest and length of all of it.
pub(crate) fn pump(
    running: &mut Running,
    sink: &mut dyn Write,
    mut digest: Sha256,
) -> io::Result<(Sha256, u64)> {
    let mut buffer = vec![0; FRAME_LIMIT];
    let mut length = 0;
    loop {
        let count = match running.read(&mut buffer) {
            Ok(0) => return Ok((digest, length)),
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        digest.update(bytes);
        write_frame(sink, bytes)?;
        length += count as u64;
    }
}

/// *Errors*: `InvalidData` if the data is not a stream of osctl.
fn read_header(source: &mut dyn Read) -> io::Result<Header> {
    let mut magic = [0; MAGIC.len()];
    source.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < HEADER_LIMIT {
        source.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return serde_json::from_slice(&line)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e));
        }
        line.extend_from_slice(&byte);
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// The header of a stream that a pool of this format can take; else why it cannot.
pub(crate) fn read_header_for(
    format: Format,
    source: &mut dyn Read,
) -> Result<Header, &'static str> {
    let header = read_header(source).map_err(|_error| "it has no header")?;
    match (format, header.format) {
        (Format::Btrfs, Format::Zfs) => return Err("it is one of ZFS, and this pool is a btrfs"),
        (Format::Zfs, Format::Btrfs) => return Err("it is one of btrfs, and this pool is a zpool"),
        (Format::Btrfs, Format::Btrfs) | (Format::Zfs, Format::Zfs) => {}
    }
    if !is_guid(&header.snapshot) || header.base.as_deref().is_some_and(|base| !is_guid(base)) {
        return Err("its guids are not guids");
    }
    Ok(header)
}

/// One step of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Bytes(Vec<u8>),
    End([u8; 32]),
}

pub(crate) fn read_frame(source: &mut dyn Read) -> io::Result<Frame> {
    let mut length = [0; 4];
    source.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length == 0 {
        let mut digest = [0; 32];
        source.read_exact(&mut digest)?;
        return Ok(Frame::End(digest));
    }
    if length > FRAME_LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    source.read_exact(&mut bytes)?;
    Ok(Frame::Bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let header = Header {
            format: Format::Zfs,
            snapshot: "a".to_owned(),
            base: None,
            offset: 0,
            prefix: hex(&Sha256::new()),
        };
        let mut wire = Vec::new();
        write_header(&mut wire, &header).unwrap();
        write_frame(&mut wire, b"abc").unwrap();
        write_end(&mut wire, Sha256::new_with_prefix(b"abc")).unwrap();
        let mut source = wire.as_slice();
        assert_eq!(read_header(&mut source).unwrap(), header);
        assert_eq!(
            read_frame(&mut source).unwrap(),
            Frame::Bytes(b"abc".to_vec())
        );
        let expected: [u8; 32] = Sha256::digest(b"abc").into();
        assert_eq!(read_frame(&mut source).unwrap(), Frame::End(expected));
    }

    #[test]
    fn garbage_is_refused_without_reading_it_all() {
        let garbage = std::iter::repeat_n(b'x', 1 << 20).collect::<Vec<_>>();
        let error = read_header(&mut garbage.as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let mut endless = MAGIC.to_vec();
        endless.extend_from_slice(&garbage);
        let error = read_header(&mut endless.as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let error = read_frame(&mut [0xff_u8; 64].as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
