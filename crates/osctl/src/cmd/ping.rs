//! `osctl ping`.

use std::time::{Duration, Instant};

use clap::Args;
use os_api::endpoint::{Nothing, PingGet};
use os_api::view::DaemonState;
use os_api::view::Ping as Pong;
use os_types::{Code, Failure};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::views::word;

/// Exit status: it answers, but is not ready in time.
const NOT_READY: u8 = 1;

/// Exit status: nothing answers.
const NO_DAEMON: u8 = 2;

/// Exit status: something answers that is not osctld.
const BAD_ANSWER: u8 = 3;

/// Ask osctld whether it is there
///
/// With a timeout in seconds, waits until the daemon is ready, i.e. has imported the pools
/// that were imported before.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 it answers (and is ready, when waiting), 1 it is not ready in time,\n2 nothing answers, 3 the answer cannot be understood.\n\nExample: osctl ping 10 && osctl pool ls"
)]
pub(crate) struct Ping {
    /// How many seconds to wait
    wait: Option<u32>,
}

impl Run for Ping {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let pong = match self.wait {
            None => ask(ctx),
            Some(seconds) => wait(ctx, Duration::from_secs(seconds.into()), ask, |pong| {
                pong.state == DaemonState::Starting
            }),
        };
        match pong {
            Ok(pong) => report(ctx, &pong, self.wait.is_some()),
            Err(failure) => {
                ctx.printer.failure(&failure);
                Err(Fault::Status(match failure.code {
                    Code::NoDaemon | Code::Privilege => NO_DAEMON,
                    Code::Deadline => NOT_READY,
                    _ => BAD_ANSWER,
                }))
            }
        }
    }
}

fn ask(ctx: &mut Ctx) -> Result<Pong, Failure> {
    ctx.client.ask::<PingGet>(&Nothing {}, &Nothing {})
}

/// Asks again and again, as long as the answer is worth waiting and `limit` is not over; the last answer.
pub(crate) fn wait<T>(
    ctx: &mut Ctx,
    limit: Duration,
    ask: impl Fn(&mut Ctx) -> Result<T, Failure>,
    is_worth_waiting: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(10);
    loop {
        let answer = ask(ctx);
        let is_worth_waiting = match &answer {
            Ok(answer) => is_worth_waiting(answer),
            Err(failure) => failure.code == Code::NoDaemon,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if !is_worth_waiting || left.is_zero() {
            return answer;
        }
        // There is nothing to be notified by while no daemon runs.
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

fn report(ctx: &mut Ctx, pong: &Pong, is_waiting: bool) -> Outcome {
    if ctx.globals.json {
        ctx.printer.json(pong)?;
    } else if !ctx.printer.quiet {
        let state = word(pong.state);
        ctx.printer.line(format_args!(
            "osctld {} is {state}, pid {}",
            pong.version, pong.pid
        ))?;
    }
    if is_waiting && pong.state != DaemonState::Ready {
        return Err(Fault::Status(NOT_READY));
    }
    Ok(())
}
