//! Where each distribution keeps its name.

use os_types::{Distribution, Hostname};

use crate::file::Links;
use crate::variable;

/// A file that holds a name.
pub(crate) struct NameFile {
    /// Its path in the root.
    pub(crate) path: &'static str,
    /// What a symlink there means.
    pub(crate) links: Links,
    /// What it is to say; `None`: it is not to be touched.
    pub(crate) text: fn(Option<&str>, &Hostname) -> Option<String>,
}

/// How a distribution keeps its name.
pub(crate) struct Naming {
    /// Its files.
    pub(crate) files: &'static [NameFile],
    /// Whether `/etc/hosts` is a file of its own, that may be edited.
    pub(crate) hosts: bool,
    /// What its init makes of the files at a start.
    form: Form,
}

/// What of a name is the name of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Without its domain.
    Short,
    /// With it.
    Whole,
}

const fn whole_file(
    path: &'static str,
    text: fn(Option<&str>, &Hostname) -> Option<String>,
) -> NameFile {
    NameFile {
        path,
        links: Links::Replace,
        text,
    }
}

const fn variables(
    path: &'static str,
    text: fn(Option<&str>, &Hostname) -> Option<String>,
) -> NameFile {
    NameFile {
        path,
        links: Links::Leave,
        text,
    }
}

/// `/etc/hostname` without a domain, which most have.
const USUAL: Naming = Naming {
    files: &[whole_file("etc/hostname", short_line)],
    hosts: true,
    form: Form::Short,
};

/// Red Hat and its kin: with the domain, and for older versions in the network's settings too.
const RED_HAT: Naming = Naming {
    files: &[
        whole_file("etc/hostname", whole_line),
        variables("etc/sysconfig/network", red_hat_variable),
    ],
    hosts: true,
    form: Form::Whole,
};

const GENTOO: Naming = Naming {
    files: &[variables("etc/conf.d/hostname", gentoo_variable)],
    ..USUAL
};

const SLACKWARE: Naming = Naming {
    files: &[whole_file("etc/HOSTNAME", short_line)],
    ..USUAL
};

const VOID: Naming = Naming {
    files: &[
        whole_file("etc/hostname", short_line),
        whole_file(
            "etc/runit/core-services/10-vpsadminos-hostname.sh",
            void_script,
        ),
    ],
    ..USUAL
};

/// They generate their files from a description of the whole system.
const GENERATED: Naming = Naming {
    files: &[],
    hosts: false,
    form: Form::Whole,
};

/// Not known: its name comes from LXC at each start.
const UNKNOWN: Naming = Naming {
    hosts: true,
    ..GENERATED
};

impl Naming {
    /// How a distribution does it. *Source*: the distributions of vpsAdminOS.
    pub(crate) fn of(distribution: &Distribution) -> &'static Self {
        match distribution.as_str() {
            "alpine" | "arch" | "busybox" | "chimera" | "debian" | "devuan" | "opensuse"
            | "ubuntu" => &USUAL,
            "almalinux" | "centos" | "fedora" | "rocky" => &RED_HAT,
            "gentoo" => &GENTOO,
            "slackware" => &SLACKWARE,
            "void" => &VOID,
            "guix" | "nixos" => &GENERATED,
            _ => &UNKNOWN,
        }
    }

    /// The name of the kernel as it is after a start.
    pub(crate) fn kernel_name<'a>(&self, name: &'a Hostname) -> &'a str {
        match self.form {
            Form::Short => name.short(),
            Form::Whole => name.as_str(),
        }
    }
}

fn short_line(_: Option<&str>, name: &Hostname) -> Option<String> {
    Some(format!("{}\n", name.short()))
}

fn whole_line(_: Option<&str>, name: &Hostname) -> Option<String> {
    Some(format!("{name}\n"))
}

/// Newer versions have no such file, and need none.
fn red_hat_variable(text: Option<&str>, name: &Hostname) -> Option<String> {
    text.map(|text| variable::set(text, "HOSTNAME", name.as_str()))
}

fn gentoo_variable(text: Option<&str>, name: &Hostname) -> Option<String> {
    let text = text.unwrap_or("# Set to the hostname of this machine\n");
    Some(variable::set(text, "hostname", name.short()))
}

/// Void sets its name by `/proc/sys/kernel/hostname`, which only the host's root may write.
fn void_script(_: Option<&str>, _: &Hostname) -> Option<String> {
    let script = "# Written by osctld: osctl ct set hostname\n\
                  [ -r /etc/hostname ] && read -r name < /etc/hostname && hostname \"$name\"\n";
    Some(script.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(distribution: &str, before: Option<&str>) -> Vec<(&'static str, Option<String>)> {
        let name: Hostname = "web.example.org".parse().unwrap();
        let naming = Naming::of(&distribution.parse().unwrap());
        let files = naming.files.iter();
        files
            .map(|file| (file.path, (file.text)(before, &name)))
            .collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_distribution_has_its_files() {
        for usual in ["debian", "busybox", "alpine", "arch", "opensuse"] {
            assert_eq!(written(usual, None), [("etc/hostname", some("web\n"))]);
        }
        assert_eq!(
            written("rocky", Some("A=1\n")),
            [
                ("etc/hostname", some("web.example.org\n")),
                (
                    "etc/sysconfig/network",
                    some("A=1\nHOSTNAME=\"web.example.org\"\n")
                ),
            ]
        );
        assert_eq!(written("rocky", None)[1], ("etc/sysconfig/network", None));
        assert_eq!(
            written("gentoo", Some("hostname=\"x\"\n")),
            [("etc/conf.d/hostname", some("hostname=\"web\"\n"))]
        );
        assert_eq!(
            written("slackware", None),
            [("etc/HOSTNAME", some("web\n"))]
        );
        assert_eq!(written("void", None).len(), 2);
        for none in ["nixos", "guix", "unheard-of"] {
            assert_eq!(written(none, None), []);
        }
    }

    #[test]
    fn what_is_written_twice_is_written_once() {
        for distribution in ["debian", "rocky", "gentoo", "slackware", "void"] {
            for before in [None, Some(""), Some("HOSTNAME=a\nhostname='b'")] {
                for (_, once) in written(distribution, before) {
                    let Some(once) = once else { continue };
                    let twice = written(distribution, Some(&once));
                    assert!(twice.iter().any(|(_, twice)| twice.as_ref() == Some(&once)));
                }
            }
        }
    }

    #[test]
    fn the_kernels_name_is_what_a_start_would_make_it() {
        let name: Hostname = "web.example.org".parse().unwrap();
        let kernel = |text: &str| Naming::of(&text.parse().unwrap()).kernel_name(&name);
        assert_eq!(kernel("debian"), "web");
        assert_eq!(kernel("fedora"), "web.example.org");
        assert_eq!(kernel("unheard-of"), "web.example.org");
    }
}
