//! The roots of images in the cache of a pool.

use std::time::Duration;

use os_cmd::os_helper::{Helper, HelperError};
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_helper_api::{Answer, Job, UnpackJob, UnpackLimits};
use os_storage::{DestroyScope, PoolContents};
use os_store::atomic::{self, Attributes};
use os_sys::patience;
use os_types::step::ImageStep;
use os_types::{Code, DatasetName, Failure, Presence};

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
        archive: image.file.clone(),
        target,
        uid_map: image.uid_map.clone(),
        gid_map: image.gid_map.clone(),
        limits: UnpackLimits::default(),
        memory_bytes: 1 << 30,
        cpu_seconds: 3600,
    };
    let Answer::Unpacked {
        image: found,
        report,
    } = run_helper(job, context)?
    else {
        return Err(Failure::new(Code::Internal, "another answer of os-helper"));
    };
    if found.digest != image.digest {
        let text = format!("{} is another image by now", image.file.display());
        return Err(Failure::new(Code::Image, text));
    }
    tracing::info!(digest = image.digest.short(), ?report, "unpacked");
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
            contents.destroy(&dataset, DestroyScope::Recursive)?;
        }
        if self.to == Presence::Present {
            contents.create(&dataset, &[])?;
            let unpacked = unpack(self, &*contents, &dataset, context);
            if unpacked.is_err() {
                // The failure tells more than what a destroy might say on top.
                drop(contents.destroy(&dataset, DestroyScope::Recursive));
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

/// Has `os-helper` unpack it; it is killed when the operation is cancelled or out of time.
fn run_helper(job: UnpackJob, context: &StepContext<'_>) -> Result<Answer, Failure> {
    let helper = Helper::new(os_runtime::helper_program()?);
    let mut started = helper.start(Job::Unpack(job), Vec::new(), Vec::new())?;
    let ended = patience::until(context.remaining(), || {
        if context.is_cancelled() {
            return Err(Failure::new(Code::Cancelled, "unpacking was cancelled"));
        }
        let slice = Duration::from_millis(50);
        match started.ended(slice.min(context.remaining())) {
            Err(error @ HelperError::Died { .. }) => {
                let text = format!("unpacking died, probably at a limit: {error}");
                Err(Failure::new(Code::Image, text))
            }
            other => Ok(other?),
        }
    })?;
    ended.ok_or_else(|| Failure::new(Code::Deadline, "unpacking took too long"))
}
