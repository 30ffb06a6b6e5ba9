//! `osctl daemon`: stopping and starting osctld without cutting off what it does to containers.

use std::time::Duration;

use clap::Args;
use os_api::Endpoint;
use os_api::endpoint::{DaemonGet, DaemonPrepareStop, DaemonResume, Nothing};
use os_api::view::DaemonStatus;
use os_types::{Code, Failure};

use crate::cmd::{Run, commands, ping};
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::views::word;

/// Longest time that osctld takes to prepare itself or to resume: 300 s for commands that run, and
/// scripts of the administrator.
const LONGEST: Duration = Duration::from_mins(10);

commands! {
    DaemonCommand {
        Status(Status),
        PrepareStop(PrepareStop),
        Resume(Resume),
        WaitReady(WaitReady),
    }
}

/// Show whether osctld is ready, or prepared for a stop
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl daemon status -H -o phase")]
pub(crate) struct Status {
    #[command(flatten)]
    shown: ShowArgs,
}

/// Prepare osctld for a stop
///
/// Runs the pre-stop scripts in /run/osctl/hooks/daemon, refuses commands that start, stop, freeze or
/// delete containers from then on, and waits at most 300 s for those that run. Containers go on running.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl daemon prepare-stop && sv stop osctld")]
pub(crate) struct PrepareStop {}

/// Go on after `osctl daemon prepare-stop`
///
/// Runs the post-resume scripts in /run/osctl/hooks/daemon and accepts all commands again.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl daemon resume")]
pub(crate) struct Resume {}

/// Wait until osctld is ready: it has imported the pools that were imported before
#[derive(Debug, Args)]
#[command(after_help = "Example: sv start osctld && osctl daemon wait-ready --timeout 300")]
pub(crate) struct WaitReady {
    /// How long to wait at most (exit code 7 then)
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    timeout: u32,
}

impl Run for Status {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| {
            Ok(ask::<DaemonGet>(ctx, Duration::ZERO)?)
        })
    }
}

impl Run for PrepareStop {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        change::<DaemonPrepareStop>(ctx)
    }
}

impl Run for Resume {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        change::<DaemonResume>(ctx)
    }
}

impl Run for WaitReady {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let limit = Duration::from_secs(self.timeout.into());
        let ask = |ctx: &mut Ctx| ask::<DaemonGet>(ctx, Duration::ZERO);
        let status = ping::wait(ctx, limit, ask, |status| !status.ready)?;
        if status.ready {
            report(ctx, &status)
        } else {
            Err(too_late(&status, self.timeout).into())
        }
    }
}

fn change<E>(ctx: &mut Ctx) -> Outcome
where
    E: Endpoint<Path = Nothing, Query = Nothing, Answer = DaemonStatus>,
{
    if ctx.globals.plan {
        ctx.printer
            .note("it concerns osctld itself and has no plan");
        return Ok(());
    }
    let status = ask::<E>(ctx, LONGEST)?;
    report(ctx, &status)
}

fn report(ctx: &mut Ctx, status: &DaemonStatus) -> Outcome {
    if ctx.globals.json {
        return ctx.printer.json(status);
    }
    ctx.printer
        .note(format_args!("osctld is {}", word(status.phase)));
    Ok(())
}

fn ask<E>(ctx: &mut Ctx, extra: Duration) -> Result<DaemonStatus, Failure>
where
    E: Endpoint<Path = Nothing, Query = Nothing, Answer = DaemonStatus>,
{
    ctx.client.ask_for::<E>(&Nothing {}, &Nothing {}, extra)
}

fn too_late(status: &DaemonStatus, seconds: u32) -> Failure {
    let text = format!("osctld is {} after {seconds} s", word(status.phase));
    Failure::new(Code::Deadline, text).next("osctl daemon status")
}
