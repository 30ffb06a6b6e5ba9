//! `osctl ct tree`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::view::{Container, Group};
use os_types::{GroupName, PoolName};
use owo_colors::Style;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::Value;
use crate::{complete, reading};

/// Print the tree of groups and containers, with states and memory
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct tree tank")]
pub(crate) struct Tree {
    /// Only this pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: Option<PoolName>,
}

impl Run for Tree {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let of = self.pool.or_else(|| ctx.pool().cloned());
        ctx.globals.pool.clone_from(&of);
        let things = Things {
            groups: reading::groups(ctx)?,
            containers: reading::containers_with(ctx, ctx.globals.json)?,
        };
        if ctx.globals.json {
            return ctx.printer.json(&things);
        }
        let mut lines = Vec::new();
        let mut pools: Vec<_> = things.groups.iter().map(|group| &group.pool).collect();
        pools.dedup();
        for pool in pools {
            let root = GroupName::root();
            lines.push(things.group_line(ctx, pool, &root, &format!("{pool}:{root}"), ""));
            things.draw(ctx, pool, &root, "", &mut lines);
        }
        ctx.printer.text(&aligned(&lines))
    }
}

/// The data of the tree.
#[derive(Debug, serde::Serialize)]
struct Things {
    groups: Vec<Group>,
    containers: Vec<Container>,
}

/// A line of the tree.
struct Line {
    /// Branches and the name, in colours.
    drawn: String,
    /// Its width, in columns of the terminal.
    width: usize,
    state: String,
    memory: String,
}

impl Things {
    /// Prints everything below the group `parent`, recursively.
    fn draw(
        &self,
        ctx: &Ctx,
        pool: &PoolName,
        parent: &GroupName,
        indent: &str,
        lines: &mut Vec<Line>,
    ) {
        let [branch, last_branch, bar] = if ctx.is_unicode {
            ["├── ", "└── ", "│   "]
        } else {
            ["|-- ", "`-- ", "|   "]
        };
        let root = GroupName::root();
        let containers = self.containers.iter().filter(|container| {
            // Containers with an unreadable file have no group, but are printed, too.
            let group = container.group.as_ref().unwrap_or(&root);
            container.pool == *pool && group == parent
        });
        let containers: Vec<_> = containers.collect();
        let groups = self
            .groups
            .iter()
            .filter(|group| group.pool == *pool && group.name.parent().as_ref() == Some(parent));
        let groups: Vec<_> = groups.collect();
        let count = containers.len() + groups.len();
        let before = |index| {
            let is_last = index + 1 == count;
            let branch = if is_last { last_branch } else { branch };
            let below = if is_last { "    " } else { bar };
            (format!("{indent}{branch}"), format!("{indent}{below}"))
        };
        for (index, container) in containers.iter().enumerate() {
            lines.push(container_line(ctx, container, &before(index).0));
        }
        for (index, group) in groups.iter().enumerate() {
            let (branch, below) = before(containers.len() + index);
            let short = group.name.components().last().unwrap_or_default();
            lines.push(self.group_line(ctx, pool, &group.name, short, &branch));
            self.draw(ctx, pool, &group.name, &below, lines);
        }
    }

    fn group_line(
        &self,
        ctx: &Ctx,
        pool: &PoolName,
        name: &GroupName,
        shown: &str,
        branch: &str,
    ) -> Line {
        let mut found = self.groups.iter();
        let found = found.find(|group| group.pool == *pool && group.name == *name);
        let painted = ctx.printer.paint(shown, Style::new().blue().bold());
        Line {
            drawn: format!("{branch}{painted}"),
            width: (branch.chars().count()) + shown.chars().count(),
            state: String::new(),
            memory: memory(ctx, found.and_then(|group| group.figures.memory_bytes)),
        }
    }
}

fn container_line(ctx: &Ctx, container: &Container, branch: &str) -> Line {
    let name = container.name.as_str();
    let painted = ctx.printer.paint(name, Style::new().red().bold());
    Line {
        drawn: format!("{branch}{painted}"),
        width: branch.chars().count() + name.chars().count(),
        state: container.state.to_string(),
        memory: memory(ctx, container.figures.memory_bytes),
    }
}

fn memory(ctx: &Ctx, bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| {
        Value::Bytes(bytes).render(&crate::listing::style(ctx, false))
    })
}

/// The lines with aligned columns for state and memory.
fn aligned(lines: &[Line]) -> String {
    let widest = |width: fn(&Line) -> usize| lines.iter().map(width).max().unwrap_or(0);
    let name = widest(|line| line.width);
    let state = widest(|line| line.state.len());
    let memory = widest(|line| line.memory.len());
    let mut text = String::new();
    for line in lines {
        let padding = " ".repeat(name - line.width);
        let columns = format!(
            "{padding}  {:<state$}  {:>memory$}",
            line.state, line.memory
        );
        text.extend([line.drawn.as_str(), columns.trim_end(), "\n"]);
    }
    text
}
