//! Name and resolvers of a guest, file by file.

use std::os::fd::BorrowedFd;

use os_helper_api::{Dress, GuestReport};
use os_types::{Hostname, chain};

use crate::file::{self, Edited, FileError, Links};
use crate::hostname::Naming;
use crate::{hosts, resolv};

/// Writes what is given into the files below `root`.
///
/// The caller must have no ids but those of the guest's root, so the kernel limits what can happen. A
/// failure of one file does not prevent the others; the report has the result of each.
pub fn dress(root: BorrowedFd<'_>, dress: &Dress) -> GuestReport {
    let mut report = GuestReport::default();
    if let Some(name) = &dress.hostname {
        let naming = Naming::of(&dress.distribution);
        for file in naming.files {
            let edited = file::edit(root, file.path, file.links(), |text| file.text(text, name));
            note(&mut report, file.path, edited);
        }
        if naming.hosts {
            let edited = file::edit(root, HOSTS, Links::Leave, |text| {
                Some(hosts::set(text, name))
            });
            note(&mut report, HOSTS, edited);
        }
    }
    if !dress.dns_resolvers.is_empty() {
        // Replace the file only if the guest's own version could be kept.
        let edited = file::keep(root, RESOLVERS, resolv::is_ours).and_then(|()| {
            let text = resolv::render(&dress.dns_resolvers);
            file::edit(root, RESOLVERS, Links::Replace, |_| Some(text))
        });
        note(&mut report, RESOLVERS, edited);
    } else if dress.restore_resolvers {
        let restored = file::put_back(root, RESOLVERS, resolv::is_ours);
        note(&mut report, RESOLVERS, restored);
    }
    report
}

const HOSTS: &str = "etc/hosts";
const RESOLVERS: &str = "etc/resolv.conf";

/// The name of the kernel that goes with the files, for a guest that runs.
pub fn kernel_name(dress: &Dress) -> Option<&str> {
    let naming = Naming::of(&dress.distribution);
    let name = dress.hostname.as_ref();
    name.map(|name: &Hostname| naming.kernel_name(name))
}

fn note(report: &mut GuestReport, path: &str, edited: Result<Edited, FileError>) {
    match edited {
        Ok(Edited::Unchanged) => {}
        Ok(Edited::Written) => report.done.push(format!("/{path}")),
        Ok(Edited::Left(why)) => report.left.push(format!("/{path} was left alone: {why}")),
        Err(error) => {
            let why = chain(&error);
            report.left.push(format!("/{path} was left alone: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd as _;
    use std::path::Path;

    use super::*;

    fn put_on(root: &Path, distribution: &str) -> GuestReport {
        let fd = File::open(root).unwrap();
        let clothes = Dress {
            distribution: distribution.parse().unwrap(),
            hostname: Some("web.example.org".parse().unwrap()),
            dns_resolvers: vec!["192.0.2.1".parse().unwrap()],
            restore_resolvers: false,
        };
        dress(fd.as_fd(), &clothes)
    }

    #[test]
    fn all_files_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let report = put_on(dir.path(), "debian");
        let done = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
        assert_eq!(
            (report.done.as_slice(), report.left.len()),
            (&done.map(str::to_owned)[..], 0)
        );
        assert_eq!(put_on(dir.path(), "debian"), GuestReport::default());
        let read = |name: &str| fs::read_to_string(dir.path().join("etc").join(name)).unwrap();
        assert_eq!(read("hostname"), "web\n");
        assert!(read("hosts").contains("127.0.0.1\tweb.example.org web localhost\n"));
        assert!(read("resolv.conf").contains("nameserver 192.0.2.1\noptions edns0\n"));
    }

    #[test]
    fn one_file_hinders_no_other() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/hosts")).unwrap();
        let report = put_on(dir.path(), "void");
        assert_eq!(report.done, ["/etc/hostname", "/etc/resolv.conf"]);
        assert_eq!(report.left.len(), 2);
        assert!(
            report.left[1].starts_with("/etc/hosts was left alone: it is not a regular file"),
            "{report:?}"
        );
    }

    #[test]
    fn a_generated_system_gets_resolvers_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        assert_eq!(put_on(dir.path(), "nixos").done, ["/etc/resolv.conf"]);
    }

    #[test]
    fn the_guest_gets_its_own_resolvers_back() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let path = dir.path().join("etc/resolv.conf");
        let restore = || {
            let fd = File::open(dir.path()).unwrap();
            let clothes = Dress {
                distribution: "nixos".parse().unwrap(),
                hostname: None,
                dns_resolvers: Vec::new(),
                restore_resolvers: true,
            };
            dress(fd.as_fd(), &clothes).done.len()
        };
        // None before, so none behind; then a symlink; a file that the guest replaces meanwhile.
        put_on(dir.path(), "nixos");
        assert_eq!((restore(), path.exists()), (1, false));
        std::os::unix::fs::symlink("../run/stub", &path).unwrap();
        put_on(dir.path(), "nixos");
        put_on(dir.path(), "nixos");
        assert!(fs::read_to_string(&path).unwrap().contains("192.0.2.1"));
        assert_eq!(restore(), 1);
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("../run/stub"));
        fs::remove_file(&path).unwrap();
        put_on(dir.path(), "nixos");
        File::create(&path).unwrap();
        assert_eq!(restore(), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        assert_eq!(fs::read_dir(dir.path().join("etc")).unwrap().count(), 1);
    }
}
