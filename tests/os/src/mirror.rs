//! A mirror of Debian on this machine, a machine whose apt knows it, and `os/debian/resolve` there.
//!
//! Both are as real as they can be: apt itself asks over HTTP, and reads what dpkg-deb has packed. Only
//! signatures are left out, which the configuration of that apt permits.

mod server;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use os_cmd::{CommandError, Invocation};
use sha2::{Digest as _, Sha256};

pub use server::Manner;
use server::Server;

/// A mirror with the suite trixie, and a machine beside it.
#[derive(Debug)]
pub struct Mirror {
    folder: PathBuf,
    server: Server,
}

impl Mirror {
    /// A mirror that has these packages, in a directory of the caller's. The machine has asked it once.
    ///
    /// # Errors
    /// When files cannot be written, or apt cannot read the mirror.
    pub fn new(folder: &Path, packages: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        let root = folder.join("mirror");
        let mut index = String::new();
        for name in packages {
            index += &pack(folder, &root, name)?;
        }
        for suite in ["trixie", "trixie-updates"] {
            publish(&root, suite, &index)?;
        }
        let server = Server::start(root)?;
        configure(folder, server.port())?;
        let mirror = Self {
            folder: folder.to_owned(),
            server,
        };
        crate::run(mirror.apt("apt-get").args(["-qq", "update"]))?;
        Ok(mirror)
    }

    /// The archive of a package, as the mirror hands it out.
    pub fn archive(&self, name: &str) -> PathBuf {
        self.folder.join("mirror/pool").join(file_name(name))
    }

    /// The archive of a package, where `resolve` keeps it.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.folder.join("out/debs").join(file_name(name))
    }

    /// How it answers from now on.
    pub fn becomes(&mut self, manner: Manner) {
        self.server.becomes(manner);
    }

    /// `os/debian/resolve` on that machine; with `UPDATE=1` or `OFFLINE=1` among the settings, as told.
    ///
    /// # Errors
    /// What it says is the standard error of the failure.
    pub fn resolve(&self, settings: &[&str], packages: &[&str]) -> Result<String, CommandError> {
        let script = crate::os_folder().join("debian/resolve");
        let mut resolve = self
            .apt(&script.display().to_string())
            .arg(self.folder.join("out"))
            .arg("trixie")
            .args(packages);
        for setting in settings {
            resolve = resolve.env(setting, "1");
        }
        crate::run(resolve)?;
        fs::read_to_string(self.folder.join("out/lock.json")).map_err(|source| {
            CommandError::Exchange {
                command: "cat lock.json".to_owned(),
                source,
            }
        })
    }

    fn apt(&self, program: &str) -> Invocation {
        Invocation::new(program).env("APT_CONFIG", self.folder.join("apt.conf"))
    }
}

fn file_name(package: &str) -> String {
    format!("{package}_1_amd64.deb")
}

/// Packs a package; its paragraph for the index.
fn pack(folder: &Path, root: &Path, name: &str) -> Result<String, Box<dyn std::error::Error>> {
    let tree = folder.join("packages").join(name);
    let control = format!(
        "Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\nDescription: a test\n"
    );
    write(&tree.join("DEBIAN/control"), &control)?;
    let path = format!("pool/{}", file_name(name));
    fs::create_dir_all(root.join("pool"))?;
    crate::run(
        Invocation::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .arg(tree)
            .arg(root.join(&path)),
    )?;
    let archive = fs::read(root.join(&path))?;
    let (size, sum) = (archive.len(), sum(&archive));
    Ok(format!(
        "{control}Filename: {path}\nSize: {size}\nSHA256: {sum}\n\n"
    ))
}

/// Writes the index of a suite, the same for both components.
fn publish(root: &Path, suite: &str, index: &str) -> io::Result<()> {
    let dists = root.join("dists").join(suite);
    let mut release = format!(
        "Origin: Debian\nCodename: {suite}\nSuite: {suite}\nArchitectures: amd64\n\
         Components: main contrib\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
    );
    for component in ["main", "contrib"] {
        let path = format!("{component}/binary-amd64/Packages");
        write(&dists.join(&path), index)?;
        let (sum, size) = (sum(index.as_bytes()), index.len());
        release = format!("{release} {sum} {size} {path}\n");
    }
    write(&dists.join("Release"), &release)
}

/// Gives the machine an apt that knows the mirror, and nothing of the machine that it really is.
fn configure(folder: &Path, port: u16) -> io::Result<()> {
    let at = |name: &str| folder.join("machine").join(name).display().to_string();
    for name in ["state/lists/partial", "cache/archives/partial", "sources"] {
        fs::create_dir_all(at(name))?;
    }
    write(Path::new(&at("status")), "")?;
    let sources = format!("deb http://127.0.0.1:{port}/ trixie main contrib\n");
    write(Path::new(&at("sources/debian.list")), &sources)?;
    let text = format!(
        "Dir::State \"{}\";\nDir::State::status \"{}\";\nDir::Cache \"{}\";\n\
         Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{}\";\n\
         Dir::Etc::parts \"/dev/null\";\nAPT::Sandbox::User \"\";\nAPT::Architecture \"amd64\";\n\
         Acquire::http::Proxy \"DIRECT\";\nAcquire::http::Timeout \"1\";\n\
         Acquire::AllowInsecureRepositories \"true\";\nAPT::Get::AllowUnauthenticated \"true\";\n",
        at("state"),
        at("status"),
        at("cache"),
        at("sources"),
    );
    write(&folder.join("apt.conf"), &text)
}

fn sum(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "plain files in a temporary directory, no atomicity needed"
)]
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
