//! The steps about roots: images in the cache, clones of them, the trash.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use os_api::Command;
use os_api::command::container::RootSource;
use os_core::{ImageFact, StorageFacts, layout};
use os_engine::{Readiness, StepContext};
use os_image::repository::{Repository, Wanted};
use os_image::{Archive, ArchiveSource, Limits, UnpackAnswer, UnpackJob};
use os_storage::{Extent, PoolContents};
use os_store::atomic::{self, Attributes};
use os_sys::{SpawnRequest, patience};
use os_types::image::Arch;
use os_types::{
    Code, DatasetName, Failure, IdMap, ImageDigest, PoolName, Presence, SnapshotName, chain,
};
use rustix::fs::MemfdFlags;

use super::{Steps, dataset, fail, lxc};

/// Where images are looked for if no repository is named, below the state folder.
const REPOSITORY: &str = "repository";

/// What an image step is about.
pub(super) struct Image<'a> {
    pub(super) pool: &'a PoolName,
    pub(super) digest: &'a ImageDigest,
    pub(super) file: &'a Path,
    pub(super) uid_map: &'a IdMap,
    pub(super) gid_map: &'a IdMap,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be named where an error is mapped"
)]
fn storage(error: os_storage::StorageError) -> Failure {
    fail::storage(&error)
}

/// Unpacks an image into an empty dataset and makes the snapshot that containers are cloned from.
fn unpack(
    image: &Image<'_>,
    contents: &dyn PoolContents,
    dataset: &DatasetName,
    context: &StepContext<'_>,
) -> Result<(), Failure> {
    let target = contents.mountpoint(dataset).join(layout::PRIVATE);
    atomic::create_dir(&target, Attributes::mode(0o755)).map_err(|error| fail::file(&error))?;
    let job = UnpackJob {
        archive: ArchiveSource::Path(image.file.to_owned()),
        target,
        uid_map: image.uid_map.clone(),
        gid_map: image.gid_map.clone(),
        limits: Limits::default(),
        memory_bytes: 1 << 30,
        cpu_seconds: 3600,
    };
    match run_helper(&job, context)? {
        UnpackAnswer::Failed(failure) => return Err(failure),
        UnpackAnswer::Done {
            image: found,
            report,
        } => {
            if found.digest != *image.digest {
                let text = format!("{} is another image by now", image.file.display());
                return Err(Failure::new(Code::Image, text));
            }
            tracing::info!(digest = image.digest.short(), ?report, "unpacked");
        }
    }
    let ready: SnapshotName = format!("{dataset}@{}", layout::IMAGE_SNAPSHOT).parse()?;
    contents.snapshot(&ready).map(drop).map_err(storage)
}

pub(super) fn look_rename(
    pool: &dyn PoolContents,
    before: &DatasetName,
    after: &DatasetName,
) -> Result<Readiness, Failure> {
    let was = dataset::info(pool, before)?.is_some();
    let is = dataset::info(pool, after)?.is_some();
    Ok(match (was, is) {
        (false, true) => Readiness::Done,
        (true, false) => Readiness::Ready,
        (true, true) => Readiness::Conflict(format!("{after} exists already")),
        (false, false) => Readiness::Conflict(format!("{before} does not exist")),
    })
}

pub(super) fn clone(
    pool: &dyn PoolContents,
    origin: &SnapshotName,
    dataset: &DatasetName,
    to: Presence,
) -> Result<(), Failure> {
    let changed = match to {
        Presence::Present => pool.clone_snapshot(origin, dataset, &[]),
        Presence::Absent => pool.destroy(dataset, Extent::Only),
    };
    changed.map(drop).map_err(storage)
}

pub(super) fn look_purge(
    pool: &dyn PoolContents,
    dataset: &DatasetName,
) -> Result<Readiness, Failure> {
    dataset::look(pool, dataset, Presence::Absent)
}

pub(super) fn purge(pool: &dyn PoolContents, dataset: &DatasetName) -> Result<(), Failure> {
    let purged = pool.destroy(dataset, Extent::Recursive);
    purged.map(drop).map_err(storage)
}

impl Steps {
    fn image_dataset(&self, image: &Image<'_>) -> Result<DatasetName, Failure> {
        let scope = self.scopes.dataset(image.pool);
        Ok(layout::image_dataset(&scope, image.digest)?)
    }

    pub(super) fn look_cached(
        &self,
        image: &Image<'_>,
        to: Presence,
    ) -> Result<Readiness, Failure> {
        let contents = self.contents(image.pool);
        let dataset = self.image_dataset(image)?;
        let is_there = dataset::info(&*contents, &dataset)?.is_some();
        let ready: SnapshotName = format!("{dataset}@{}", layout::IMAGE_SNAPSHOT).parse()?;
        let snapshots = contents.snapshots().map_err(storage)?;
        let is_ready = snapshots.iter().any(|snapshot| snapshot.name == ready);
        Ok(match to {
            Presence::Present if is_ready => Readiness::Done,
            Presence::Absent if !is_there => Readiness::Done,
            _ => Readiness::Ready,
        })
    }

    /// Unpacks an image, or drops it from the cache. What was left by an attempt that a crash cut
    /// off is thrown away first: only the snapshot at the end says that all of it is there.
    pub(super) fn cache_image(
        &self,
        image: &Image<'_>,
        to: Presence,
        context: &StepContext<'_>,
    ) -> Result<(), Failure> {
        let contents = self.contents(image.pool);
        let dataset = self.image_dataset(image)?;
        if dataset::info(&*contents, &dataset)?.is_some() {
            contents
                .destroy(&dataset, Extent::Recursive)
                .map_err(storage)?;
        }
        if to == Presence::Absent {
            return Ok(());
        }
        contents.create(&dataset, &[]).map_err(storage)?;
        let unpacked = unpack(image, &*contents, &dataset, context);
        if unpacked.is_err() {
            // The failure tells more than what a destroy might say on top.
            drop(contents.destroy(&dataset, Extent::Recursive));
        }
        unpacked
    }

    /// What a plan about roots has to know.
    pub(crate) fn storage_facts(&self, command: &Command) -> Result<StorageFacts, Failure> {
        let mut facts = StorageFacts {
            unique: unique(),
            ..StorageFacts::default()
        };
        let pool = match command {
            Command::ContainerNew(body) => {
                let arch: Arch = rustix::system::uname()
                    .machine()
                    .to_string_lossy()
                    .parse()?;
                facts.image = self.find_image(&body.root, &arch);
                facts.arch = Some(arch);
                self.state()
                    .pool_or_default(body.pool.as_ref())
                    .map(|pool| pool.name().clone())
            }
            Command::ContainerDel(body) => {
                self.note_hooks(body.pool.as_ref(), &body.name, &mut facts)
            }
            // An ephemeral container goes when it is stopped.
            Command::ContainerStop(body) if self.is_ephemeral(body.pool.as_ref(), &body.name) => {
                self.note_hooks(body.pool.as_ref(), &body.name, &mut facts)
            }
            Command::ContainerRename(body) => {
                self.note_hooks(body.pool.as_ref(), &body.name, &mut facts)
            }
            Command::TrashPrune(body) => Ok(body.pool.clone()),
            Command::ImagePrune(body) => Ok(body.pool.clone()),
            _ => return Ok(StorageFacts::default()),
        };
        // A pool that is not there is the planner's to refuse.
        let Ok(pool) = pool else {
            return Ok(facts);
        };
        if self.state().pool(&pool).is_some() {
            self.list(&pool, &mut facts)?;
        }
        Ok(facts)
    }

    fn is_ephemeral(&self, pool: Option<&PoolName>, name: &os_types::ContainerName) -> bool {
        let state = self.state();
        let found = state.find_container(pool, name).ok();
        let doc = found.and_then(|found| found.entry.doc());
        doc.is_some_and(|doc| doc.ephemeral)
    }

    fn note_hooks(
        &self,
        pool: Option<&PoolName>,
        name: &os_types::ContainerName,
        facts: &mut StorageFacts,
    ) -> Result<PoolName, os_core::LookupError> {
        let state = self.state();
        let found = state.find_container(pool, name)?;
        let folder = found.pool.folder().join(layout::hook_folder(name));
        let mut entries = std::fs::read_dir(folder).ok();
        // One that is not there need not be removed either.
        facts.kept_hooks = entries
            .as_mut()
            .is_none_or(|entries| entries.next().is_some());
        Ok(found.pool.name().clone())
    }

    fn list(&self, pool: &PoolName, facts: &mut StorageFacts) -> Result<(), Failure> {
        let contents = self.contents(pool);
        let scope = self.scopes.dataset(pool);
        let images = scope.join("image")?;
        let datasets = contents.list().map_err(storage)?;
        for snapshot in contents.snapshots().map_err(storage)? {
            let (dataset, name) = snapshot.name.as_str().split_once('@').unwrap_or_default();
            let digest = dataset.strip_prefix(images.as_str());
            let digest = digest.and_then(|rest| rest.strip_prefix('/')?.parse().ok());
            if let (Some(digest), layout::IMAGE_SNAPSHOT) = (digest, name) {
                facts.cached.insert(digest, !snapshot.clones.is_empty());
            }
        }
        facts.datasets = datasets.into_iter().map(|info| info.name).collect();
        Ok(())
    }

    /// The image that is asked for; `None` for an empty root.
    fn find_image(&self, root: &RootSource, host: &Arch) -> Option<Result<ImageFact, Failure>> {
        let file = match root {
            RootSource::Empty { .. } => return None,
            RootSource::File { path } => Ok(path.clone()),
            RootSource::Repository {
                path,
                distribution,
                version,
                arch,
                vendor,
                variant,
            } => {
                let folder = path.clone();
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
                found.map_err(|error| Failure::from(&error))
            }
        };
        Some(file.and_then(|file| {
            let archive = Archive::open(&file).map_err(|error| Failure::from(&error))?;
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

/// Runs `os-helper unpack`, which is killed when the operation is cancelled or out of time.
fn run_helper(job: &UnpackJob, context: &StepContext<'_>) -> Result<UnpackAnswer, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(Code::Step, format!("cannot run os-helper: {error}"));
    let text = serde_json::to_vec(job).unwrap_or_default();
    let memory = rustix::fs::memfd_create("unpack", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(|errno| failed(errno.into()))?);
    memory.write_all(&text).map_err(failed)?;
    let (mut answers, output) = std::io::pipe().map_err(failed)?;
    let (mut complaints, errors) = std::io::pipe().map_err(failed)?;
    let request = SpawnRequest::new(lxc::helper()?)
        .args(["unpack", "0"])
        .stdin(OwnedFd::from(memory))
        .stdout(OwnedFd::from(output))
        .stderr(OwnedFd::from(errors));
    let child = os_sys::spawn(request);
    let mut child = child.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    let ended = patience::until(context.remaining(), || {
        if context.is_cancelled() {
            return Err(Failure::new(Code::Cancelled, "unpacking was cancelled"));
        }
        let slice = Duration::from_millis(50);
        let status = child.wait(slice.min(context.remaining()));
        status.map_err(|error| Failure::new(Code::Step, chain(&error)))
    });
    if !matches!(ended, Ok(Some(_))) {
        drop(child.signal_group(os_sys::Signal::KILL));
        drop(child.wait(Duration::from_secs(10)));
        ended?;
        return Err(Failure::new(Code::Deadline, "unpacking took too long"));
    }
    let mut answer = String::new();
    answers.read_to_string(&mut answer).map_err(failed)?;
    serde_json::from_str(&answer).map_err(|_no_answer| {
        let mut said = String::new();
        drop(complaints.read_to_string(&mut said));
        let said: String = said
            .trim()
            .chars()
            .take(500)
            .flat_map(char::escape_debug)
            .collect();
        let text = format!("unpacking died, probably at a limit: {said}");
        Failure::new(Code::Image, text)
    })
}
