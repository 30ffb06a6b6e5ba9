//! The programs of LXC, run by an ordinary user, as in vpsAdminOS and osctl.
//!
//! The control group is created and delegated before the measurement, and so is the idmapped mount of the
//! root. osctl does both at each start.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use os_cgroup::{CgroupPath, Tree};
use os_sys::{DetachedMount, MountUse, SpawnRequest};

use super::{Action, Contender, LXC, Listing, Processes};
use crate::{as_user, command, view};

/// Containers of the user in a directory.
#[derive(Debug)]
pub(crate) struct Lxc {
    folder: PathBuf,
    tree: Tree,
    group: CgroupPath,
    made: Vec<String>,
}

impl Lxc {
    /// Creates the files of the user in `folder`; all containers use `root`.
    pub(crate) fn new(folder: &Path, root: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("lxc");
        for name in ["", "run", "cts"] {
            fs::create_dir(folder.join(name))?;
            chown(folder.join(name), Some(view::USER), Some(view::USER))?;
        }
        fs::create_dir(folder.join("root"))?;
        shift(root, &folder.join("root"))?;
        let tree = Tree::detect(&format!("osctl-bench-{}", std::process::id()))?;
        let lxc = Self {
            folder,
            tree,
            group: "lxc".parse()?,
            made: Vec::new(),
        };
        lxc.delegate()?;
        Ok(lxc)
    }

    /// Creates the control group and delegates it to the user.
    fn delegate(&self) -> anyhow::Result<()> {
        self.tree.create(&self.group)?;
        let names = [
            "",
            "cgroup.procs",
            "tasks",
            "cgroup.subtree_control",
            "cgroup.threads",
        ];
        for folder in self.tree.folders(&self.group) {
            for path in names.map(|name| folder.join(name)) {
                if path.exists() {
                    chown(&path, Some(view::USER), Some(view::USER))?;
                }
            }
        }
        Ok(())
    }

    /// Removes the control group and the mount. All containers must be stopped.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.tree.kill(&self.group, Duration::from_secs(10))?;
        self.tree.remove(&self.group, Duration::from_secs(10))?;
        self.tree.remove_parent()?;
        os_sys::unmount(&self.folder.join("root"))?;
        Ok(())
    }

    fn program(&self, name: &str) -> Option<SpawnRequest> {
        let groups = self.tree.join_fds(&self.group).ok()?;
        let request = as_user::request(&command::find(name).ok()?, groups).ok()?;
        let request = request
            .env("HOME", &self.folder)
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .arg("-P")
            .arg(self.folder.join("cts"));
        Some(request)
    }
}

/// Mounts `root` at `target` with the ids of the user's containers.
fn shift(root: &Path, target: &Path) -> anyhow::Result<()> {
    let map = view::map()?;
    let namespace = os_sys::user_namespace(&map, &map)?;
    let opened = fs::File::open(root)?;
    let mount = DetachedMount::copy_of(std::os::fd::AsFd::as_fd(&opened), root)?;
    mount.restrict(MountUse::Guest)?;
    mount.shift_ids(std::os::fd::AsFd::as_fd(&namespace))?;
    Ok(mount.attach(target)?)
}

impl Contender for Lxc {
    fn name(&self) -> &'static str {
        LXC
    }

    fn command(&self, action: Action, id: &str) -> Option<SpawnRequest> {
        match action {
            Action::Create | Action::Delete => None,
            Action::Start => Some(self.program("lxc-start")?.args(["-n", id])),
            Action::Exec => Some(
                self.program("lxc-attach")?
                    .args(["-n", id, "--", "/bin/true"]),
            ),
            Action::Kill => Some(self.program("lxc-stop")?.args(["-k", "-n", id])),
        }
    }

    fn listing(&self, listing: Listing) -> Option<SpawnRequest> {
        let ls = self.program("lxc-ls")?.arg("-f");
        Some(match listing {
            Listing::Full => ls,
            Listing::States => ls.args(["-F", "NAME,STATE"]),
        })
    }

    fn make(&mut self, id: &str) -> anyhow::Result<()> {
        let folder = self.folder.join("cts").join(id);
        fs::create_dir(&folder)?;
        chown(&folder, Some(view::USER), Some(view::USER))?;
        let map = view::map()?;
        let entry = map.entries().first().context("an empty id map")?;
        let (first, count) = (entry.host().first(), entry.host().count());
        let root = self.folder.join("root");
        let text = format!(
            "lxc.include = /usr/share/lxc/config/common.conf\n\
             lxc.include = /usr/share/lxc/config/userns.conf\n\
             lxc.idmap = u 0 {first} {count}\n\
             lxc.idmap = g 0 {first} {count}\n\
             lxc.rootfs.path = dir:{}\n\
             lxc.uts.name = {id}\n\
             lxc.net.0.type = empty\n\
             lxc.apparmor.profile = unconfined\n",
            root.display()
        );
        #[expect(
            clippy::disallowed_methods,
            reason = "a temporary file that no other process reads yet"
        )]
        fs::write(folder.join("config"), text)?;
        self.made.push(id.to_owned());
        Ok(())
    }

    fn processes(&self) -> anyhow::Result<Processes> {
        let mut inits = Vec::new();
        for id in &self.made {
            let info = self.program("lxc-info").context("there is no lxc-info")?;
            let told = command::run(info.args(["-n", id, "-p", "-H"]))?.text;
            inits.extend(told.trim().parse::<u32>().ok());
        }
        Ok(Processes {
            daemon: None,
            inits,
        })
    }

    fn recover(&mut self, _: usize) -> anyhow::Result<Option<Duration>> {
        Ok(None)
    }
}
