//! `osctl healthcheck`.

use std::fmt::Write;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{AssetsQuery, Nothing, PingGet};
use os_api::view::{Asset, AssetState, DaemonState, Health, PoolState};
use os_types::{EntityRef, Failure, PoolName};
use owo_colors::Style;
use serde::Serialize;

use crate::cmd::{Run, assets};
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::printer::printable;
use crate::views::word;
use crate::{complete, reading};

/// Exit status when something is wrong.
const UNHEALTHY: u8 = 1;

/// Exit status when nothing is wrong so far, but pools are still being imported.
const NOT_READY: u8 = 6;

/// Look for what is not as it should be, and say what to do
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong, 1 something is, 6 nothing yet, but\npools are still being imported; others as `osctl help exit-codes`.\n\nExample: osctl healthcheck tank"
)]
pub(crate) struct Healthcheck {
    /// Only these pools [default: the host and all pools]
    #[arg(value_name = "POOL", add = ArgValueCompleter::new(complete::pools))]
    pools: Vec<PoolName>,
    /// Show also what is as it should be
    #[arg(short, long)]
    all: bool,
}

/// Something that cannot be used.
#[derive(Debug, Serialize)]
struct Disabled {
    entity: EntityRef,
    failure: Failure,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    disabled: Vec<Disabled>,
    assets: Vec<Asset>,
    /// Whether osctld has settled what was cut off, and has imported its pools.
    ready: bool,
    /// The pools that are being imported.
    importing: Vec<PoolName>,
}

impl Run for Healthcheck {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let mut pools: Vec<_> = self.pools.into_iter().map(Some).collect();
        if pools.is_empty() {
            pools.push(ctx.pool().cloned());
        }
        let mut found = Findings {
            ready: ctx.client.ask::<PingGet>(&Nothing {}, &Nothing {})?.state == DaemonState::Ready,
            ..Findings::default()
        };
        for pool in pools {
            ctx.globals.pool.clone_from(&pool);
            disabled(ctx, &mut found)?;
            let query = AssetsQuery {
                pool,
                invalid: !self.all,
                ..AssetsQuery::default()
            };
            found.assets.extend(assets::fetch(ctx, &query)?);
        }
        // What is disabled by a damaged file is also an invalid asset: once is enough.
        found.disabled.retain(|disabled| {
            let is_it = |asset: &Asset| asset.entity == disabled.entity && is_wrong(asset);
            !found.assets.iter().any(is_it)
        });
        found.ready &= found.importing.is_empty();
        let is_healthy = found.disabled.is_empty() && !found.assets.iter().any(is_wrong);
        if ctx.globals.json {
            ctx.printer.json(&found)?;
        } else {
            let text = render(ctx, &found);
            ctx.printer.text(&text)?;
            match (&*found.importing, found.ready) {
                ([], true) if is_healthy => ctx.printer.note("nothing is wrong"),
                ([], true) => {}
                ([], false) => ctx.printer.say("osctld is not ready yet"),
                (pools, _) => {
                    let names: Vec<_> = pools.iter().map(PoolName::as_str).collect();
                    let names = names.join(", ");
                    ctx.printer
                        .say(format_args!("not ready yet, being imported: {names}"));
                }
            }
            if !found.ready {
                ctx.printer.say("hint: osctl ping 60 && osctl healthcheck");
            }
        }
        match (is_healthy, found.ready) {
            (true, true) => Ok(()),
            (true, false) => Err(Fault::Status(NOT_READY)),
            (false, _) => Err(Fault::Status(UNHEALTHY)),
        }
    }
}

/// Adds the entities of the pool of `--pool`, or of all, that cannot be used, and the pools that are
/// being imported.
fn disabled(ctx: &mut Ctx, found: &mut Findings) -> Result<(), Fault> {
    let mut all = Vec::new();
    for pool in reading::pools(ctx)? {
        if ctx.pool().is_none_or(|wanted| *wanted == pool.name) {
            if pool.state == PoolState::Importing {
                found.importing.push(pool.name.clone());
            }
            // Problems of entities on the pool are reported with the entities.
            let own = pool.failure.filter(|_| pool.health != Health::Degraded);
            all.push((EntityRef::Pool { pool: pool.name }, own));
        }
    }
    for range in reading::id_ranges(ctx)? {
        let (pool, name) = (range.pool, range.name);
        all.push((EntityRef::IdRange { pool, name }, range.failure));
    }
    for user in reading::users(ctx)? {
        let (pool, name) = (user.pool, user.name);
        all.push((EntityRef::User { pool, name }, user.failure));
    }
    for group in reading::groups(ctx)? {
        let (pool, name) = (group.pool, group.name);
        all.push((EntityRef::Group { pool, name }, group.failure));
    }
    for container in reading::containers_with(ctx, false)? {
        let (pool, name) = (container.pool, container.name);
        all.push((EntityRef::Container { pool, name }, container.failure));
    }
    let wrong = all.into_iter().filter_map(|(entity, failure)| {
        let failure = failure?;
        Some(Disabled { entity, failure })
    });
    found.disabled.extend(wrong);
    Ok(())
}

fn is_wrong(asset: &Asset) -> bool {
    asset.state != AssetState::Valid
}

/// An entity a paragraph: what is wrong with it, and the next command.
fn render(ctx: &Ctx, found: &Findings) -> String {
    let mut text = String::new();
    let mut current: Option<&EntityRef> = None;
    for Disabled { entity, failure } in &found.disabled {
        heading(ctx, entity, &mut current, &mut text);
        line(
            &mut text,
            format_args!("  disabled: {}", printable(&failure.message)),
        );
        hint(failure.next.as_deref(), &mut text);
    }
    for asset in &found.assets {
        heading(ctx, &asset.entity, &mut current, &mut text);
        let (state, kind) = (word(asset.state), word(asset.kind));
        line(
            &mut text,
            format_args!("  {state} {kind} {}", printable(&asset.path)),
        );
        for error in &asset.errors {
            line(&mut text, format_args!("    {}", printable(error)));
        }
        hint(asset.next.as_deref(), &mut text);
    }
    text
}

fn heading<'a>(
    ctx: &Ctx,
    entity: &'a EntityRef,
    current: &mut Option<&'a EntityRef>,
    text: &mut String,
) {
    if *current != Some(entity) {
        *current = Some(entity);
        let shown = ctx.printer.paint(&entity.to_string(), Style::new().bold());
        line(text, format_args!("{shown}"));
    }
}

fn hint(next: Option<&str>, text: &mut String) {
    if let Some(next) = next {
        line(text, format_args!("    hint: {}", printable(next)));
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a string cannot fail");
}
