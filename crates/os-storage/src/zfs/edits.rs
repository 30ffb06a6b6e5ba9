//! Properties as a caller wants them, and as arguments of `zfs`.

use std::collections::BTreeMap;

use os_types::{AttrKey, ByteSize};

use crate::{DatasetInfo, PropertyEdit, StorageError};

/// A value is shorter than this. *Source*: `ZAP_MAXVALUELEN`, with its end mark.
const VALUE_LIMIT: usize = 8 << 10;

/// The part of a dataset that a caller chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Choice {
    quota: Option<ByteSize>,
    refquota: Option<ByteSize>,
    user: BTreeMap<AttrKey, String>,
}

impl Choice {
    pub(super) fn of(info: &DatasetInfo) -> Self {
        Self {
            quota: info.quota,
            refquota: info.refquota,
            user: info.properties.clone(),
        }
    }

    /// *Errors*: `Invalid` for what ZFS cannot store.
    pub(super) fn edit(mut self, edits: &[PropertyEdit]) -> Result<Self, StorageError> {
        for edit in edits {
            match edit {
                PropertyEdit::Quota(size) => self.quota = *size,
                PropertyEdit::Refquota(size) => self.refquota = *size,
                PropertyEdit::User(key, None) => {
                    self.user.remove(key);
                }
                PropertyEdit::User(key, Some(value)) => {
                    check(key, value)?;
                    self.user.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(self)
    }

    /// `property=value` for all that is chosen.
    pub(super) fn settings(&self) -> Vec<String> {
        self.settings_after(&Self::default())
    }

    /// `property=value` for all that is not as `before`.
    pub(super) fn settings_after(&self, before: &Self) -> Vec<String> {
        let mut settings = Vec::new();
        for (name, now, then) in [
            ("quota", self.quota, before.quota),
            ("refquota", self.refquota, before.refquota),
        ] {
            if now != then {
                let size = now.map_or_else(|| "none".to_owned(), |size| size.0.to_string());
                settings.push(format!("{name}={size}"));
            }
        }
        let changed = self.user.iter();
        let changed = changed.filter(|(key, value)| before.user.get(key) != Some(value));
        settings.extend(changed.map(|(key, value)| format!("{key}={value}")));
        settings
    }

    /// Properties of osctl that are to go.
    pub(super) fn removed_since<'a>(
        &self,
        before: &'a Self,
    ) -> impl Iterator<Item = &'a AttrKey> + use<'a, '_> {
        let gone = before.user.keys();
        gone.filter(|key| !self.user.contains_key(key))
    }
}

fn check(key: &AttrKey, value: &str) -> Result<(), StorageError> {
    let refuse = |object, reason| Err(StorageError::Invalid { object, reason });
    if value.len() >= VALUE_LIMIT {
        let object = format!("property {key} ({} bytes)", value.len());
        return refuse(object, "a value has less than 8192 bytes");
    }
    if key.as_str().bytes().any(|c| c.is_ascii_uppercase()) {
        let object = format!("property {key}");
        return refuse(object, "on ZFS its name has no capital letters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(key: &str, value: Option<&str>) -> PropertyEdit {
        PropertyEdit::User(key.parse().unwrap(), value.map(str::to_owned))
    }

    #[test]
    fn only_what_changes_is_set() {
        let before = Choice::default()
            .edit(&[user("a:b", Some("1")), user("a:c", Some("2"))])
            .unwrap();
        let edits = [
            user("a:b", None),
            user("a:c", Some("3")),
            PropertyEdit::Quota(Some(ByteSize::mib(1))),
        ];
        let after = before.clone().edit(&edits).unwrap();
        assert_eq!(after.settings_after(&before), ["quota=1048576", "a:c=3"]);
        let removed: Vec<_> = after.removed_since(&before).collect();
        assert_eq!(removed, [&"a:b".parse().unwrap()]);
        assert_eq!(
            before.settings_after(&after),
            ["quota=none", "a:b=1", "a:c=2"]
        );
        Choice::default()
            .edit(&[user("a:B", Some(""))])
            .unwrap_err();
    }
}
