//! A root in a tarball, as distributions publish them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write};
use std::path::Path;

use super::root_writer::{RootWriter, components, unreadable};
use super::{ImportError, Imported};
use crate::entries::{Entries, Kind, TarError};

/// The most memory that a tarball may make its decompressor take: 1 GiB, more than `xz -9` needs.
const XZ_MEMORY: u64 = 1 << 30;

/// Writes the root in the tarball `path` to `out` as an uncompressed tar. `strip` leading components
/// are taken off each entry, as tar's option `--strip-components` does.
///
/// The compression is found by its first bytes: gzip, xz, zstd, or none.
///
/// # Errors
/// When it cannot be read, or has an entry that leads out of it.
pub fn tarball(path: &Path, strip: usize, out: &mut dyn Write) -> Result<Imported, ImportError> {
    let damaged = |source: TarError| ImportError::Tar {
        path: path.to_owned(),
        source,
    };
    let stream = decompressed(path).map_err(|source| unreadable(path, source))?;
    let mut entries = Entries::new(stream);
    let mut writer = RootWriter::new(path, out);
    while let Some(entry) = entries.next().map_err(damaged)? {
        let name = stripped(&entry.path, strip).map_err(|why| writer.refuse(&entry.path, why))?;
        let Some(name) = name else {
            continue;
        };
        let link = if entry.kind == Kind::HardLink {
            let link = stripped(&entry.link, strip);
            let link = link.map_err(|why| writer.refuse(&entry.path, why))?;
            Some(link.ok_or_else(|| writer.refuse(&entry.path, "is a hard link out of it"))?)
        } else {
            None
        };
        writer.add(&entry, &name, link.as_deref(), &mut |buffer| {
            entries.read(buffer).map_err(damaged)
        })?;
    }
    // To the end, where gzip, xz and zstd have their checksums.
    entries.finish().map_err(damaged)?;
    writer.finish()
}

/// A path of the tarball without its first components; `None` if nothing is left of it. The root
/// itself has no components.
fn stripped(path: &[u8], strip: usize) -> Result<Option<Vec<OsString>>, &'static str> {
    let mut components = components(path)?;
    if components.len() < strip {
        return Ok(None);
    }
    components.drain(..strip);
    Ok(Some(components))
}

/// The file, decompressed.
fn decompressed(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    Read::by_ref(&mut file).take(6).read_to_end(&mut magic)?;
    file.rewind()?;
    let file = BufReader::with_capacity(256 << 10, file);
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(file, stream))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::with_buffer(file)?),
        [b'B', b'Z', b'h', ..] => {
            let text = "it is compressed with bzip2: unpack it with bunzip2(1) first";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        _ => Box::new(file),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn leading_components_go() {
        let name = |path: &[u8], strip| stripped(path, strip).unwrap();
        let parts = |parts: &[&[u8]]| {
            let parts = parts.iter().map(|part| OsString::from_vec(part.to_vec()));
            Some(parts.collect::<Vec<_>>())
        };
        assert_eq!(name(b"./etc/passwd", 0), parts(&[b"etc", b"passwd"]));
        assert_eq!(name(b"./", 0), parts(&[]));
        assert_eq!(name(b"rootfs/etc", 1), parts(&[b"etc"]));
        assert_eq!(name(b"rootfs", 1), parts(&[]));
        assert_eq!(name(b"x", 2), None);
        stripped(b"a/../../b", 0).unwrap_err();
        assert_eq!(name(b"\xff", 0), parts(&[b"\xff"]));
    }
}
