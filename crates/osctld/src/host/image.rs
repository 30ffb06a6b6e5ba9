//! The steps about roots: images in the cache, clones of them, the trash.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use os_core::layout;
use os_engine::{Readiness, StepContext};
use os_image::{ArchiveSource, Limits, UnpackAnswer, UnpackJob};
use os_storage::{Extent, PoolContents};
use os_store::atomic::{self, Attributes};
use os_sys::{SpawnRequest, patience};
use os_types::{
    Code, DatasetName, Failure, IdMap, ImageDigest, PoolName, Presence, SnapshotName, chain,
};
use rustix::fs::MemfdFlags;

use super::{Steps, dataset, fail};

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
    let ready = layout::image_snapshot(dataset)?;
    contents.snapshot(&ready).map(drop).map_err(storage)
}

pub(super) fn look_rename(
    pool: &dyn PoolContents,
    before: &DatasetName,
    after: &DatasetName,
) -> Result<Readiness, Failure> {
    let was = dataset::exists(pool, before)?;
    let is = dataset::exists(pool, after)?;
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
        let is_there = dataset::exists(&*contents, &dataset)?;
        let ready = layout::image_snapshot(&dataset)?;
        let is_ready = contents.has_snapshot(&ready).map_err(storage)?;
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
        if dataset::exists(&*contents, &dataset)? {
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
    let request = SpawnRequest::new(os_runtime::helper_program()?)
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
