//! Where each distribution keeps its name.

use os_types::{Distribution, Hostname};

use crate::file::Links;
use crate::variable;

/// A file that holds a name.
pub(crate) struct NameFile {
    /// Its path in the root.
    pub(crate) path: &'static str,
    content: Content,
}

/// What of a file is ours.
enum Content {
    /// All of it.
    Whole(fn(&Hostname) -> String),
    /// A variable of the shell.
    Variable {
        name: &'static str,
        value: fn(&Hostname) -> &str,
        /// What a new file begins with; none: one that is not there is not needed.
        new: Option<&'static str>,
    },
}

impl NameFile {
    /// What a symlink in its place means.
    pub(crate) const fn links(&self) -> Links {
        match self.content {
            Content::Whole(_) => Links::Replace,
            Content::Variable { .. } => Links::Leave,
        }
    }

    /// What it is to say; `None`: it is not to be touched.
    pub(crate) fn text(&self, before: Option<&str>, host: &Hostname) -> Option<String> {
        match self.content {
            Content::Whole(text) => Some(text(host)),
            Content::Variable { name, value, new } => {
                let before = before.or(new)?;
                Some(variable::set(before, name, value(host)))
            }
        }
    }
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

const fn whole(path: &'static str, text: fn(&Hostname) -> String) -> NameFile {
    NameFile {
        path,
        content: Content::Whole(text),
    }
}

/// `/etc/hostname` without a domain, which most have.
const USUAL: Naming = Naming {
    files: &[whole("etc/hostname", short_line)],
    hosts: true,
    form: Form::Short,
};

/// Red Hat and similar systems: with the domain, and for older versions in the network's settings too.
const RED_HAT: Naming = Naming {
    files: &[
        whole("etc/hostname", whole_line),
        NameFile {
            path: "etc/sysconfig/network",
            content: Content::Variable {
                name: "HOSTNAME",
                value: Hostname::as_str,
                new: None,
            },
        },
    ],
    hosts: true,
    form: Form::Whole,
};

const GENTOO: Naming = Naming {
    files: &[NameFile {
        path: "etc/conf.d/hostname",
        content: Content::Variable {
            name: "hostname",
            value: Hostname::short,
            new: Some("# Set to the hostname of this machine\n"),
        },
    }],
    ..USUAL
};

const SLACKWARE: Naming = Naming {
    files: &[whole("etc/HOSTNAME", short_line)],
    ..USUAL
};

const VOID: Naming = Naming {
    files: &[
        whole("etc/hostname", short_line),
        whole(
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

fn short_line(name: &Hostname) -> String {
    format!("{}\n", name.short())
}

fn whole_line(name: &Hostname) -> String {
    format!("{name}\n")
}

/// Void sets its name by `/proc/sys/kernel/hostname`, which only the host's root may write.
fn void_script(_: &Hostname) -> String {
    "# Written by osctld: osctl ct set hostname\n\
     [ -r /etc/hostname ] && read -r name < /etc/hostname && hostname \"$name\"\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(distribution: &str, before: Option<&str>) -> Vec<(&'static str, String)> {
        let name: Hostname = "web.example.org".parse().unwrap();
        let naming = Naming::of(&distribution.parse().unwrap());
        let files = naming.files.iter();
        files
            .filter_map(|file| Some((file.path, file.text(before, &name)?)))
            .collect()
    }

    #[test]
    fn each_distribution_has_its_files() {
        let web = || "web\n".to_owned();
        for usual in ["debian", "busybox", "alpine", "arch", "opensuse"] {
            assert_eq!(written(usual, None), [("etc/hostname", web())]);
        }
        let whole = ("etc/hostname", "web.example.org\n".to_owned());
        let variable = "A=1\nHOSTNAME=\"web.example.org\"\n".to_owned();
        assert_eq!(
            written("rocky", Some("A=1\n")),
            [whole.clone(), ("etc/sysconfig/network", variable)]
        );
        assert_eq!(written("rocky", None), [whole]);
        assert_eq!(
            written("gentoo", Some("hostname=\"x\"\n")),
            [("etc/conf.d/hostname", "hostname=\"web\"\n".to_owned())]
        );
        assert_eq!(written("slackware", None), [("etc/HOSTNAME", web())]);
        assert_eq!(written("void", None).len(), 2);
        for none in ["nixos", "guix", "unheard-of"] {
            assert_eq!(written(none, None), []);
        }
    }

    #[test]
    fn what_is_written_twice_is_written_once() {
        for distribution in ["debian", "rocky", "gentoo", "slackware", "void"] {
            for before in [None, Some(""), Some("HOSTNAME=a\nhostname='b'")] {
                for once in written(distribution, before) {
                    let twice = written(distribution, Some(&once.1));
                    assert!(twice.contains(&once), "{once:?} {twice:?}");
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
