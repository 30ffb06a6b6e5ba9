//! What plans about roots have to know of images and datasets.

use std::path::PathBuf;

use os_api::Command;
use os_api::command::container::RootSource;
use os_core::{ImageFact, StorageFacts, layout};
use os_image::Archive;
use os_image::repository::{Repository, Wanted};
use os_types::image::Arch;
use os_types::{ContainerName, DatasetName, Failure, PoolName};

use super::LinuxHost;

/// Where images are looked for if no repository is named, below the state directory.
const REPOSITORY: &str = "repository";

impl LinuxHost {
    /// Whether a process ends before the pool is closed: it runs in a container, or for an operation
    /// that the export waits for.
    fn ends_by_itself(&self, pid: u32) -> bool {
        let own = std::process::id();
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
        let parent = format!("/{}/", self.cgroups().parent());
        let is_guest = read("cgroup").is_ok_and(|groups| groups.contains(&parent));
        let ours = format!("PPid:\t{own}\n");
        pid == own || is_guest || read("status").is_ok_and(|status| status.contains(&ours))
    }

    /// What a plan about roots has to know: only what this command asks for, as a pool may have
    /// thousands of datasets.
    pub(crate) fn storage_facts(&self, command: &Command) -> Result<StorageFacts, Failure> {
        let mut facts = StorageFacts {
            unique: unique(),
            ..StorageFacts::default()
        };
        let state = self.state();
        match command {
            Command::ContainerNew(body) => {
                os_runtime::check_seccomp_policy(body.settings.seccomp_profile.as_ref())?;
                let arch: Arch = rustix::system::uname()
                    .machine()
                    .to_string_lossy()
                    .parse()?;
                facts.image = self.find_image(&body.root, &arch);
                facts.arch = Some(arch);
                // A pool that is not there is the planner's to refuse.
                if let Ok(pool) = state.pool_or_default(body.pool.as_ref()) {
                    let default = layout::container_dataset(pool.dataset(), &body.name)?;
                    let wanted = body.dataset.as_ref().unwrap_or(&default);
                    self.note_dataset(pool.name(), wanted, &mut facts)?;
                    self.note_cached(pool.name(), &mut facts)?;
                }
            }
            Command::ContainerSet(body) => {
                os_runtime::check_seccomp_policy(body.settings.seccomp_profile.as_ref())?;
            }
            Command::ContainerDel(body) => {
                self.note_container(body.pool.as_ref(), &body.name, &mut facts)?;
            }
            // An ephemeral container goes when it is stopped.
            Command::ContainerStop(body) if self.is_ephemeral(body.pool.as_ref(), &body.name) => {
                self.note_container(body.pool.as_ref(), &body.name, &mut facts)?;
            }
            Command::ContainerRename(body) => {
                self.note_container(body.pool.as_ref(), &body.name, &mut facts)?;
            }
            Command::TrashPrune(body) if state.pool(&body.pool).is_some() => {
                let all = self.contents(&body.pool).list();
                facts.datasets = all?.into_iter().map(|info| info.name).collect();
                self.note_trash_hooks(&body.pool, &mut facts)?;
            }
            Command::ImagePrune(body) if state.pool(&body.pool).is_some() => {
                self.note_images(&body.pool, &mut facts)?;
            }
            Command::PoolExport(body) if state.pool(&body.pool).is_some() => {
                let holders = os_storage::holders_below(&self.paths().pool(&body.pool));
                let holders = holders.into_iter();
                let of_host = holders
                    .filter(|holder| !holder.pid.is_some_and(|pid| self.ends_by_itself(pid)));
                facts.holders = of_host.map(|holder| holder.to_string()).collect();
            }
            _ => {}
        }
        Ok(facts)
    }

    fn is_ephemeral(&self, pool: Option<&PoolName>, name: &ContainerName) -> bool {
        let state = self.state();
        let found = state.find(pool, name).ok();
        let doc = found.and_then(|found| found.entry.doc());
        doc.is_some_and(|doc| doc.settings.ephemeral == Some(true))
    }

    fn note_dataset(
        &self,
        pool: &PoolName,
        wanted: &DatasetName,
        facts: &mut StorageFacts,
    ) -> Result<(), Failure> {
        if self.contents(pool).exists(wanted)? {
            facts.datasets.insert(wanted.clone());
        }
        Ok(())
    }

    /// Whether the image that was found is in the cache.
    fn note_cached(&self, pool: &PoolName, facts: &mut StorageFacts) -> Result<(), Failure> {
        if let Some(Ok(image)) = &facts.image {
            let digest = image.info.digest.clone();
            let cached = layout::image_dataset(&self.scopes.dataset(pool), &digest)?;
            let ready = layout::image_snapshot(&cached)?;
            let found = self.contents(pool).has_snapshot(&ready);
            if found? {
                facts.cached.insert(digest, true);
            }
        }
        Ok(())
    }

    /// A container that is going away or gets another name.
    fn note_container(
        &self,
        pool: Option<&PoolName>,
        name: &ContainerName,
        facts: &mut StorageFacts,
    ) -> Result<(), Failure> {
        let state = self.state();
        // One that is not there is the planner's to refuse.
        let Ok(found) = state.find(pool, name) else {
            return Ok(());
        };
        let folder = found.pool.folder().join(layout::hook_folder(name));
        let mut entries = std::fs::read_dir(folder).ok();
        let log = found.pool.folder().join(layout::container_log(name));
        facts.has_log = log.exists();
        facts.has_hooks = entries
            .as_mut()
            .is_some_and(|entries| entries.next().is_some());
        self.note_dataset(found.pool.name(), &found.dataset(name)?, facts)
    }

    /// Scripts in the trash, those too whose container had no root, as datasets of the trash.
    fn note_trash_hooks(&self, pool: &PoolName, facts: &mut StorageFacts) -> Result<(), Failure> {
        let folder = self.scopes.folder(pool).join(layout::trash_hook_folder(""));
        let trash = self.scopes.dataset(pool).join("trash")?;
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Some(name) = entry.file_name().to_str() {
                facts.datasets.insert(trash.join(name)?);
            }
        }
        Ok(())
    }

    /// All images in the cache, and whether anything was cloned from them.
    fn note_images(&self, pool: &PoolName, facts: &mut StorageFacts) -> Result<(), Failure> {
        let images = self.scopes.dataset(pool).join("image")?;
        let snapshots = self.contents(pool).snapshots();
        for snapshot in snapshots? {
            let (dataset, name) = snapshot.name.as_str().split_once('@').unwrap_or_default();
            let digest = dataset.strip_prefix(images.as_str());
            let digest = digest.and_then(|rest| rest.strip_prefix('/')?.parse().ok());
            if let (Some(digest), layout::IMAGE_SNAPSHOT) = (digest, name) {
                facts.cached.insert(digest, !snapshot.clones.is_empty());
            }
        }
        Ok(())
    }

    /// The image that is asked for; `None` for an empty root.
    fn find_image(&self, root: &RootSource, host: &Arch) -> Option<Result<ImageFact, Failure>> {
        let file = match root {
            RootSource::Empty { .. } => return None,
            RootSource::File { path } => Ok(path.clone().into()),
            RootSource::Repository {
                path,
                distribution,
                version,
                arch,
                vendor,
                variant,
            } => {
                let folder = path.clone().map(PathBuf::from);
                let folder = folder.unwrap_or_else(|| self.paths().state().join(REPOSITORY));
                let wanted = Wanted {
                    distribution: distribution.clone(),
                    version: version
                        .clone()
                        .unwrap_or_else(|| "stable".parse().expect("stable is a version")),
                    arch: arch.clone().unwrap_or_else(|| host.clone()),
                    vendor: vendor.clone(),
                    variant: variant.clone(),
                };
                let found = Repository::new(folder).find(&wanted);
                found.map_err(Failure::from)
            }
        };
        Some(file.and_then(|file| {
            let archive = Archive::open(&file)?;
            Ok(ImageFact {
                info: archive.info().clone(),
                file,
            })
        }))
    }
}

/// `<unix time>.<6 hex digits>`: what no other dataset in the trash is called.
fn unique() -> String {
    let now = jiff::Timestamp::now();
    let mut mixed = std::process::id();
    mixed = mixed.wrapping_mul(0x9e37_79b1) ^ now.subsec_nanosecond().unsigned_abs();
    format!("{}.{:06x}", now.as_second(), mixed & 0x00ff_ffff)
}
