//! `osctl group tree`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::view::Group;
use os_types::{Code, Failure, GroupName, PoolName};
use owo_colors::Style;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::{complete, reading};

/// Print the tree of groups
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl group tree tank")]
pub(crate) struct Tree {
    /// Only of this pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: Option<PoolName>,
}

impl Run for Tree {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let of = self.pool.or_else(|| ctx.pool().cloned());
        ctx.globals.pool.clone_from(&of);
        let groups = reading::groups(ctx)?;
        if ctx.globals.json {
            return ctx.printer.json(&groups);
        }
        if let (Some(pool), true) = (of, groups.is_empty()) {
            // A pool always has the group `/`.
            let failure = Failure::new(Code::NotFound, format!("pool {pool} is not imported"));
            return Err(failure.next(format!("osctl pool import {pool}")).into());
        }
        let mut text = String::new();
        let mut pools: Vec<_> = groups.iter().map(|group| &group.pool).collect();
        pools.dedup();
        for pool in pools {
            let names = groups.iter().filter(|group| group.pool == *pool);
            let mut names: Vec<_> = names.map(|group: &Group| &group.name).collect();
            names.sort();
            let root = GroupName::root();
            text.push_str(&group(ctx, &format!("{pool}:{root}")));
            text.push('\n');
            draw(ctx, &names, &root, "", &mut text);
        }
        ctx.printer.text(&text)
    }
}

/// Draws what is directly below `parent`, and below that.
fn draw(ctx: &Ctx, names: &[&GroupName], parent: &GroupName, indent: &str, text: &mut String) {
    let [branch, last_branch, bar] = if ctx.is_unicode {
        ["├── ", "└── ", "│   "]
    } else {
        ["|-- ", "`-- ", "|   "]
    };
    let children: Vec<_> = names
        .iter()
        .filter(|name| name.parent().as_ref() == Some(parent))
        .collect();
    for (index, name) in children.iter().enumerate() {
        let is_last = index + 1 == children.len();
        let short = name.components().last().unwrap_or_default();
        let line = [
            indent,
            if is_last { last_branch } else { branch },
            &group(ctx, short),
            "\n",
        ];
        text.extend(line);
        let below = format!("{indent}{}", if is_last { "    " } else { bar });
        draw(ctx, names, name, &below, text);
    }
}

fn group(ctx: &Ctx, name: &str) -> String {
    ctx.printer.paint(name, Style::new().blue().bold())
}
