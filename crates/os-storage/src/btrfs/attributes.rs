//! What we keep about a dataset on the root of its subvolume.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use os_sys::{SysError, list_xattrs, read_xattr, remove_xattr, set_xattr};
use os_types::{AttrKey, ByteSize};

use crate::{PropertyEdit, StorageError};

/// Namespace of all attributes of osctl. `trusted.` is closed to everybody but root of the host.
const PREFIX: &str = "trusted.osctl.";
const PROPERTY: &str = "trusted.osctl.prop.";
pub(super) const GUID: &str = "trusted.osctl.guid";
pub(super) const CREATED: &str = "trusted.osctl.created";
pub(super) const ORIGIN: &str = "trusted.osctl.origin";
const QUOTA: &str = "trusted.osctl.quota";
const REFQUOTA: &str = "trusted.osctl.refquota";
/// On contents that are being put in place: guid of the snapshot they are made of.
pub(super) const PENDING: &str = "trusted.osctl.pending";
/// On a directory of snapshots: which snapshot the dataset equals, at which transaction.
pub(super) const CLEAN: &str = "trusted.osctl.clean";

/// `zfs(8)`: "The value of a property is limited to 8 KiB".
const VALUE_LIMIT: usize = 8 << 10;

/// Everything readable from the attributes of one dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) guid: String,
    pub(super) created: Option<SystemTime>,
    pub(super) origin: Option<String>,
    pub(super) quota: Option<ByteSize>,
    pub(super) refquota: Option<ByteSize>,
    pub(super) user: BTreeMap<AttrKey, String>,
}

impl Attributes {
    /// A fresh dataset, made now.
    pub(super) fn fresh(guid: String, origin: Option<String>) -> Self {
        Self {
            guid,
            created: Some(SystemTime::now()),
            origin,
            quota: None,
            refquota: None,
            user: BTreeMap::new(),
        }
    }

    /// `None` if the path is no dataset.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SysError> {
        let mut values = BTreeMap::new();
        for name in list_xattrs(path)? {
            if name.starts_with(PREFIX)
                && let Some(value) = read_text(path, &name)?
            {
                values.insert(name, value);
            }
        }
        let Some(guid) = values.remove(GUID) else {
            return Ok(None);
        };
        let number = |name| {
            values
                .get(name)
                .and_then(|text: &String| text.parse::<u64>().ok())
        };
        let user = values.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PROPERTY)?.parse().ok()?;
            Some((key, value.clone()))
        });
        let since = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        Ok(Some(Self {
            guid,
            created: number(CREATED).and_then(since),
            origin: values.get(ORIGIN).cloned(),
            quota: number(QUOTA).map(ByteSize),
            refquota: number(REFQUOTA).map(ByteSize),
            user: user.collect(),
        }))
    }

    /// Makes the attributes of a path exactly these; others of osctl are removed.
    pub(super) fn write(&self, path: &Path) -> Result<(), SysError> {
        let mut wanted = BTreeMap::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                wanted.insert(name.to_owned(), value);
            }
        };
        let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
        put(
            CREATED,
            self.created
                .and_then(seconds)
                .map(|d| d.as_secs().to_string()),
        );
        put(ORIGIN, self.origin.clone());
        put(QUOTA, self.quota.map(|size| size.0.to_string()));
        put(REFQUOTA, self.refquota.map(|size| size.0.to_string()));
        for (key, value) in &self.user {
            put(&format!("{PROPERTY}{key}"), Some(value.clone()));
        }
        // The guid makes it a dataset, so it comes last.
        let present = list_xattrs(path)?;
        let ours = present.iter().filter(|n| n.starts_with(PREFIX));
        for name in ours.filter(|n| !wanted.contains_key(*n) && *n != GUID && *n != PENDING) {
            remove_xattr(path, name)?;
        }
        for (name, value) in &wanted {
            if read_text(path, name)?.as_ref() != Some(value) {
                set_xattr(path, name, value.as_bytes())?;
            }
        }
        if read_text(path, GUID)?.as_ref() != Some(&self.guid) {
            set_xattr(path, GUID, self.guid.as_bytes())?;
        }
        Ok(())
    }

    /// Applies edits. *Errors*: `Invalid` for a value that is too long.
    pub(super) fn edit(&mut self, edits: &[PropertyEdit]) -> Result<(), StorageError> {
        for edit in edits {
            match edit {
                PropertyEdit::Quota(size) => self.quota = *size,
                PropertyEdit::Refquota(size) => self.refquota = *size,
                PropertyEdit::User(key, None) => {
                    self.user.remove(key);
                }
                PropertyEdit::User(key, Some(value)) if value.len() > VALUE_LIMIT => {
                    return Err(StorageError::Invalid {
                        object: format!("property {key} ({} bytes)", value.len()),
                        reason: "a value has at most 8192 bytes",
                    });
                }
                PropertyEdit::User(key, Some(value)) => {
                    self.user.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    /// What the kernel can enforce: the lower of both limits.
    pub(super) fn limit(&self) -> Option<u64> {
        self.quota
            .into_iter()
            .chain(self.refquota)
            .map(|size| size.0)
            .min()
    }

    /// Whether the parts that a caller chooses are the same.
    pub(super) fn same_choice(&self, other: &Self) -> bool {
        self.quota == other.quota
            && self.refquota == other.refquota
            && self.user == other.user
            && self.origin == other.origin
    }
}

/// Removes every attribute of osctl, for contents that came with those of another dataset.
pub(super) fn strip(path: &Path) -> Result<(), SysError> {
    for name in list_xattrs(path)?.iter().filter(|n| n.starts_with(PREFIX)) {
        remove_xattr(path, name)?;
    }
    Ok(())
}

pub(super) fn read_text(path: &Path, name: &str) -> Result<Option<String>, SysError> {
    let value = read_xattr(path, name)?;
    Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
