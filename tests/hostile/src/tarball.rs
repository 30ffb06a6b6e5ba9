//! A tar as an attacker writes it: nothing is checked.

use tar::{EntryType, Header};

/// Bytes of a tar, entry by entry.
#[derive(Debug, Clone, Default)]
pub struct Tarball {
    bytes: Vec<u8>,
    entries: u64,
    data: u64,
    uid: u64,
    mode: u32,
}

impl Tarball {
    /// One without entries.
    pub fn new() -> Self {
        Self {
            mode: 0o755,
            ..Self::default()
        }
    }

    /// Those that follow belong to this user and group.
    #[must_use]
    pub fn owner(mut self, uid: u64) -> Self {
        self.uid = uid;
        self
    }

    /// Those that follow have this mode.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// An entry of any kind.
    #[must_use]
    pub fn add(mut self, kind: EntryType, name: &[u8], link: &[u8], data: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(self.mode);
        header.set_uid(self.uid);
        header.set_gid(self.uid);
        header.set_mtime(1_000_000);
        header.set_size(data.len() as u64);
        let fields = header.as_old_mut();
        let name = &name[..name.len().min(100)];
        let link = &link[..link.len().min(100)];
        fields.name[..name.len()].copy_from_slice(name);
        fields.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        self.data += data.len() as u64;
        self.entries += 1;
        self.raw(header.as_bytes()).padded(data)
    }

    /// A file.
    #[must_use]
    pub fn file(self, name: &str, data: impl AsRef<[u8]>) -> Self {
        self.add(EntryType::Regular, name.as_bytes(), b"", data.as_ref())
    }

    /// A directory.
    #[must_use]
    pub fn folder(self, name: &str) -> Self {
        self.add(EntryType::Directory, name.as_bytes(), b"", b"")
    }

    /// A symlink.
    #[must_use]
    pub fn symlink(self, name: &str, to: &str) -> Self {
        self.add(EntryType::Symlink, name.as_bytes(), to.as_bytes(), b"")
    }

    /// A hard link.
    #[must_use]
    pub fn link(self, name: &str, to: &str) -> Self {
        self.add(EntryType::Link, name.as_bytes(), to.as_bytes(), b"")
    }

    /// An extended header for the entry that follows; not counted as an entry.
    #[must_use]
    pub fn extended(mut self, records: &[(&str, &[u8])]) -> Self {
        let data = records.iter().flat_map(|(key, value)| record(key, value));
        let data: Vec<u8> = data.collect();
        let (entries, size) = (self.entries, self.data);
        self = self.add(EntryType::XHeader, b"extended", b"", &data);
        (self.entries, self.data) = (entries, size);
        self
    }

    /// Any bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn padded(mut self, data: &[u8]) -> Self {
        self.bytes.extend_from_slice(data);
        let padded = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(padded, 0);
        self
    }

    /// How many entries and bytes of files it has.
    pub fn measure(&self) -> (u64, u64) {
        (self.entries, self.data)
    }

    /// All of it, with the end mark.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 1024, 0);
        self.bytes
    }
}

/// A record of an extended header, whose length counts itself.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = (1..20).find(|digits| (rest + digits).to_string().len() == *digits);
    let length = rest + digits.unwrap_or(0);
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}
