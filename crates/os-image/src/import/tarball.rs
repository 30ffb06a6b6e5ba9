//! A root in a tarball, as distributions publish them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use tar::EntryType;

use super::{ImportError, Imported, RootSeen};
use crate::unpack::attributes;
use crate::unpack::plain_path;
use crate::unpack::printable;

/// Writes the root in the tarball `path` to `out` as an uncompressed tar. `strip` leading components
/// are taken off each entry, as tar's option `--strip-components` does.
///
/// The compression is found by its first bytes: gzip, xz, zstd, or none.
///
/// # Errors
/// When it cannot be read, or has an entry that leads out of it.
pub fn tarball(path: &Path, strip: usize, out: &mut dyn Write) -> Result<Imported, ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let mut tar = tar::Archive::new(decompressed(path).map_err(read)?);
    let mut builder = tar::Builder::new(out);
    let mut imported = Imported::default();
    let mut seen = RootSeen::default();
    for entry in tar.entries().map_err(read)? {
        let mut entry = entry.map_err(read)?;
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        let whole = entry.path_bytes().into_owned();
        let Some(name) = stripped(&whole, strip).map_err(|why| refuse(path, &whole, why))? else {
            continue;
        };
        seen.note(name.iter().next().map(OsStr::to_owned).as_ref());
        add(&mut builder, &mut entry, path, &name, strip, &mut imported)?;
    }
    if !seen.0 {
        return Err(ImportError::NoRoot {
            path: path.to_owned(),
        });
    }
    builder.finish().map_err(ImportError::Spool)?;
    Ok(imported)
}

fn refuse(path: &Path, entry: &[u8], why: &'static str) -> ImportError {
    ImportError::Entry {
        path: path.to_owned(),
        entry: printable(entry),
        why,
    }
}

/// A path of the tarball without its first components; `None` if nothing is left of it. The root
/// itself is `.`.
fn stripped(path: &[u8], strip: usize) -> Result<Option<PathBuf>, &'static str> {
    let components = plain_path(path)?;
    if components.len() < strip {
        return Ok(None);
    }
    let rest: PathBuf = components.into_iter().skip(strip).collect();
    if rest.as_os_str().is_empty() {
        return Ok(Some(PathBuf::from(".")));
    }
    Ok(Some(rest))
}

/// Writes one entry under its new name.
fn add<R: Read>(
    builder: &mut tar::Builder<&mut dyn Write>,
    entry: &mut tar::Entry<'_, R>,
    path: &Path,
    name: &Path,
    strip: usize,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let whole = entry.path_bytes().into_owned();
    let kind = entry.header().entry_type();
    let mut header = header(entry).map_err(read)?;
    match kind {
        EntryType::Char | EntryType::Block => {
            imported.left_out.nodes = imported.left_out.nodes.saturating_add(1);
            return Ok(());
        }
        EntryType::Directory | EntryType::Fifo => {
            xattrs(builder, entry, path, imported)?;
            header.set_size(0);
            let data = io::empty();
            builder.append_data(&mut header, name, data)
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            xattrs(builder, entry, path, imported)?;
            header.set_entry_type(EntryType::Regular);
            let size = entry.size();
            header.set_size(size);
            imported.measure.bytes = imported.measure.bytes.saturating_add(size);
            builder.append_data(&mut header, name, entry)
        }
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            header.set_size(0);
            builder.append_link(&mut header, name, OsStr::from_bytes(&target))
        }
        EntryType::Link => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            let target = stripped(&target, strip).map_err(|why| refuse(path, &whole, why))?;
            let target = target.ok_or_else(|| refuse(path, &whole, "is a hard link out of it"))?;
            header.set_size(0);
            builder.append_link(&mut header, name, target)
        }
        _ => {
            return Err(refuse(
                path,
                &whole,
                "is of a kind that a root does not have",
            ));
        }
    }
    .map_err(ImportError::Spool)?;
    imported.measure.entries = imported.measure.entries.saturating_add(1);
    Ok(())
}

/// A fresh header with what counts: kind, owner, mode, time. Names of users belong to another host.
fn header<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<tar::Header> {
    let old = entry.header();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(old.entry_type());
    header.set_mode(old.mode()? & 0o7777);
    header.set_uid(old.uid()?);
    header.set_gid(old.gid()?);
    header.set_mtime(old.mtime()?);
    Ok(header)
}

/// Writes the attributes that a root may have, for the entry that follows.
fn xattrs<R: Read>(
    builder: &mut tar::Builder<&mut dyn Write>,
    entry: &mut tar::Entry<'_, R>,
    path: &Path,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let found = attributes::read(entry).map_err(|source| ImportError::Read {
        path: path.to_owned(),
        source,
    })?;
    let all = found.len();
    let kept = attributes::for_image(found);
    let left_out = all.saturating_sub(kept.len()) as u64;
    imported.left_out.xattrs = imported.left_out.xattrs.saturating_add(left_out);
    attributes::write(builder, &kept).map_err(ImportError::Spool)
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
            Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(file))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::with_buffer(file)?),
        _ => Box::new(file),
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn leading_components_go() {
        let name = |path: &[u8], strip| stripped(path, strip).unwrap();
        assert_eq!(name(b"./etc/passwd", 0), Some(PathBuf::from("etc/passwd")));
        assert_eq!(name(b"./", 0), Some(PathBuf::from(".")));
        assert_eq!(name(b"rootfs/etc", 1), Some(PathBuf::from("etc")));
        assert_eq!(name(b"rootfs", 1), Some(PathBuf::from(".")));
        assert_eq!(name(b"x", 2), None);
        stripped(b"a/../../b", 0).unwrap_err();
        let odd = OsString::from_vec(b"\xff".to_vec());
        assert_eq!(name(b"\xff", 0), Some(PathBuf::from(odd)));
    }
}
