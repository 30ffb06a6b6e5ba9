//! What the programs of ZFS say, as errors of osctl.
//!
//! The programs run with `LC_ALL=C`, and their messages have been the same for a decade. *Source*:
//! `libzfs_error_description` in `lib/libzfs/libzfs_util.c`, and where the texts are printed.

use os_cmd::CommandError;

use crate::StorageError;

/// Sorts the failure of a program that worked on a dataset or snapshot.
pub(super) fn sort(
    action: &'static str,
    object: &dyn std::fmt::Display,
    error: CommandError,
) -> StorageError {
    let said = error.stderr().to_owned();
    let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    let object = object.to_string();
    if says(&["currently suspended"]) {
        StorageError::Suspended { object }
    } else if says(&["does not exist", "no such pool", "could not find any"]) {
        StorageError::NotFound { object }
    } else if says(&["already exists", "pool or dataset exists"]) {
        StorageError::Exists { object }
    } else if says(&["out of space", "No space left"]) {
        StorageError::NoSpace { object }
    } else if says(&["quota exceeded", "Disk quota exceeded"]) {
        StorageError::OverQuota { object }
    } else if is_busy(&error) {
        let holders = Vec::new();
        StorageError::Busy { object, holders }
    } else if says(&["key not loaded", "key must be loaded", "Permission denied"])
        && says(&["ncrypt", "key"])
    {
        StorageError::Locked { object }
    } else if says(&["size is less than current used or reserved"]) {
        let reason = "the limit is less than what is used or reserved";
        StorageError::Invalid { object, reason }
    } else {
        StorageError::System {
            action,
            object,
            source: Box::new(error),
        }
    }
}

/// Whether somebody uses what the program worked on.
pub(super) fn is_busy(error: &CommandError) -> bool {
    let said = error.stderr();
    ["is busy", "resource busy"]
        .iter()
        .any(|t| said.contains(t))
}

/// The host that has, or had, a pool which `zpool import` refuses for that reason.
pub(super) fn foreign_host(said: &str) -> Option<String> {
    let after = |start: &str| {
        let (_, rest) = said.split_once(start)?;
        Some(rest.split([' ', '\n']).next()?.to_owned())
    };
    if said.contains("previously in use from another system") {
        return after("Last accessed by ").or_else(|| Some("another host".to_owned()));
    }
    after("pool is imported on ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn failed(stderr: &str) -> CommandError {
        CommandError::Failed {
            command: "zfs".to_owned(),
            status: ExitStatus::from_raw(256),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn texts_of_zfs_are_understood() {
        let sorted = |text: &str| format!("{:?}", sort("do", &"tank/a", failed(text)));
        for (text, variant) in [
            ("cannot open 'tank/a': dataset does not exist\n", "NotFound"),
            ("cannot open 'tank': no such pool\n", "NotFound"),
            ("cannot create 'tank/a': dataset already exists\n", "Exists"),
            ("cannot create 'tank/a': out of space\n", "NoSpace"),
            ("cannot destroy 'tank/a': dataset is busy\n", "Busy"),
            (
                "cannot unmount '/tank/a': pool or dataset is busy\n",
                "Busy",
            ),
            (
                "cannot create 'tank/a': encryption failure\nkey not loaded",
                "Locked",
            ),
            (
                "cannot open 'tank': pool I/O is currently suspended\n",
                "Suspended",
            ),
            (
                "cannot set property for 'tank/a': size is less than current used or reserved space\n",
                "Invalid",
            ),
            ("internal error: out of memory\n", "System"),
        ] {
            let found = sorted(text);
            assert!(found.starts_with(variant), "{text}: {found}");
        }
    }

    #[test]
    fn another_host_is_named() {
        let text = "cannot import 'tank': pool was previously in use from another system.\n\
                    Last accessed by node7 (hostid=deadbeef) at Thu Jan  1 00:00:00 1970\n\
                    The pool can be imported, use 'zpool import -f' to import the pool.\n";
        assert_eq!(foreign_host(text).unwrap(), "node7");
        let text = "cannot import 'tank': pool is imported on node8 (hostid: 0x1)\n";
        assert_eq!(foreign_host(text).unwrap(), "node8");
        assert_eq!(
            foreign_host("cannot import 'tank': no such pool available"),
            None
        );
    }
}
