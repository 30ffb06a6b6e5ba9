//! Paths of osctl on this host.

use std::path::{Path, PathBuf};

use os_core::layout;
use os_types::PoolName;

/// All paths, derived from one root.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    root: PathBuf,
}

impl Paths {
    /// Paths below `root`, which is `/` but for tests and daemons that live side by side.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What can be lost at any time, mode 0711.
    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run/osctl")
    }

    /// The socket of the API.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run().join("osctld.sock")
    }

    /// Scripts that are run before the daemon is stopped, and after it was resumed.
    pub(crate) fn daemon_hooks(&self) -> PathBuf {
        self.run().join("hooks/daemon")
    }

    /// What only this host knows: sources of pools, images, the host journal.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("var/lib/osctl")
    }

    /// One link a pool that this host knows.
    pub(crate) fn sources(&self) -> PathBuf {
        self.state().join("pools")
    }

    /// The link of one pool.
    pub(crate) fn source(&self, pool: &PoolName) -> PathBuf {
        self.sources().join(pool.as_str())
    }

    /// The directory of `passwd`, `group`, `subuid`, `subgid`.
    pub(crate) fn etc(&self) -> PathBuf {
        self.root.join("etc")
    }

    /// How loaded the host is, as the kernel says in `/proc/loadavg`. Another root has a file of its own
    /// only if a test put it there.
    pub(crate) fn load_average(&self) -> PathBuf {
        let own = self.root.join("proc/loadavg");
        if own.exists() {
            own
        } else {
            "/proc/loadavg".into()
        }
    }

    /// Where a pool is mounted.
    pub(crate) fn pool(&self, pool: &PoolName) -> PathBuf {
        self.root.join(pool.as_str())
    }

    /// The run state of a pool; it exists while the pool is imported.
    pub(crate) fn pool_run(&self, pool: &PoolName) -> PathBuf {
        self.run().join("pools").join(pool.as_str())
    }

    /// The name of the control group above all others of osctl: `osctl`, or with a mark of the
    /// root if it is not `/`.
    pub(crate) fn cgroup_parent(&self) -> String {
        layout::cgroup_parent(&self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_moves_with_the_root() {
        let pool: PoolName = "tank".parse().unwrap();
        let paths = Paths::new("/");
        assert_eq!(paths.socket(), Path::new("/run/osctl/osctld.sock"));
        assert_eq!(paths.pool(&pool), Path::new("/tank"));
        assert_eq!(paths.cgroup_parent(), "osctl");
        let moved = Paths::new("/t/x");
        assert_eq!(
            moved.source(&pool),
            Path::new("/t/x/var/lib/osctl/pools/tank")
        );
        assert_ne!(moved.cgroup_parent(), Paths::new("/t/y").cgroup_parent());
    }
}
