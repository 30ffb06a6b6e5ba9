//! The roots of images in the cache of a pool.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_image::{ArchiveSource, Limits, UnpackAnswer, UnpackJob};
use os_storage::{Extent, PoolContents};
use os_store::atomic::{self, Attributes};
use os_sys::{SpawnRequest, patience};
use os_types::step::ImageStep;
use os_types::{Code, DatasetName, Failure, Presence};
use rustix::fs::MemfdFlags;

use super::{HostStep, LinuxHost};

/// Unpacks an image into an empty dataset and makes the snapshot that containers are cloned from.
fn unpack(
    image: &ImageStep,
    contents: &dyn PoolContents,
    dataset: &DatasetName,
    context: &StepContext<'_>,
) -> Result<(), Failure> {
    let target = contents.mountpoint(dataset).join(layout::PRIVATE);
    atomic::create_dir(&target, Attributes::mode(0o755))?;
    let job = UnpackJob {
        archive: ArchiveSource::Path(image.file.clone()),
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
            if found.digest != image.digest {
                let text = format!("{} is another image by now", image.file.display());
                return Err(Failure::new(Code::Image, text));
            }
            tracing::info!(digest = image.digest.short(), ?report, "unpacked");
        }
    }
    let ready = layout::image_snapshot(dataset)?;
    contents.snapshot(&ready)?;
    Ok(())
}

impl HostStep for ImageStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let contents = host.contents(&self.pool);
        let dataset = dataset(self, host)?;
        let is_done = match self.to {
            Presence::Present => contents.has_snapshot(&layout::image_snapshot(&dataset)?)?,
            Presence::Absent => !contents.exists(&dataset)?,
        };
        Ok(StepCheck::done_if(is_done))
    }

    /// What was left by an attempt that a crash cut off is thrown away first: only the snapshot at
    /// the end says that the image is complete.
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let contents = host.contents(&self.pool);
        let dataset = dataset(self, host)?;
        if contents.exists(&dataset)? {
            contents.destroy(&dataset, Extent::Recursive)?;
        }
        if self.to == Presence::Present {
            contents.create(&dataset, &[])?;
            let unpacked = unpack(self, &*contents, &dataset, context);
            if unpacked.is_err() {
                // The failure tells more than what a destroy might say on top.
                drop(contents.destroy(&dataset, Extent::Recursive));
            }
            unpacked?;
        }
        Ok(Outcome::Changed)
    }
}

fn dataset(step: &ImageStep, host: &LinuxHost) -> Result<DatasetName, Failure> {
    let scope = host.scopes.dataset(&step.pool);
    Ok(layout::image_dataset(&scope, &step.digest)?)
}

/// Runs `os-helper unpack`, which is killed when the operation is cancelled or out of time.
fn run_helper(job: &UnpackJob, context: &StepContext<'_>) -> Result<UnpackAnswer, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Code::System, format!("cannot run os-helper: {error}"))
    };
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
    let mut child = os_sys::spawn(request)?;
    let ended = patience::until(context.remaining(), || {
        if context.is_cancelled() {
            return Err(Failure::new(Code::Cancelled, "unpacking was cancelled"));
        }
        let slice = Duration::from_millis(50);
        Ok(child.wait(slice.min(context.remaining()))?)
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
