//! `osctld`, the container daemon: wiring only.
//!
//! ```text
//!   client ── http ── submit ──> os-core: plan ──> os-engine: journal, turns ──> host: steps
//!                └─── query ──> cache (the configuration in memory), kernel figures
//! ```
//!
//! `start` brings everything up in the order that lets clients in before pools are imported; `host`
//! has one file a kind of step; `http` one line an endpoint; `query` the reading endpoints.
#![forbid(unsafe_code)]

mod admission;
mod app;
mod args;
mod autostart;
mod cache;
mod exits;
mod host;
mod http;
mod identity;
mod instance;
mod lifecycle;
mod log;
mod news;
mod notify;
mod paths;
mod query;
mod read_pool;
mod readiness;
mod resume;
mod scopes;
mod start;
mod submit;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::args::Args;

#[expect(clippy::print_stderr, reason = "before there is a log")]
fn main() -> ExitCode {
    let args = Args::parse();
    // Before there is a thread: each would get an arena of its own.
    let memory = os_sys::use_one_arena().context("cannot limit memory");
    match memory.and_then(|()| start::run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if tracing::dispatcher::has_been_set() {
                tracing::error!("{error:#}");
            } else {
                eprintln!("osctld: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
