//! Arguments that name one or more containers: ids, patterns, `--all`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::{Code, ContainerName, ContainerState, Failure};

use crate::complete;
use crate::context::Ctx;
use crate::entity::Target;
use crate::fault::Fault;
use crate::pattern::Pattern;
use crate::reading;
use crate::target::Ref;

/// The containers of a command.
#[derive(Debug, Args)]
pub(super) struct Targets {
    /// The containers: [pool:]id, or a pattern of ids such as 'web*' or 'tank:*'
    #[arg(required_unless_present = "all", add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Pattern<Ref<ContainerName>>>,
    /// All containers, or all of the pool of --pool
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

impl Targets {
    /// The containers, each once. Of those that a pattern or `--all` means, only the ones in a state
    /// that `fits` the command.
    ///
    /// # Errors
    /// A pattern that fits no container, in whatever state.
    pub(super) fn resolve(
        self,
        ctx: &mut Ctx,
        fits: impl Fn(ContainerState) -> bool,
    ) -> Result<Vec<Ref<ContainerName>>, Fault> {
        let default = ctx.pool().cloned();
        let targets = if self.all {
            vec![Pattern::every()]
        } else {
            self.ids
        };
        let is_pattern = |target: &Pattern<_>| matches!(target, Pattern::Like { .. });
        let containers = if targets.iter().any(is_pattern) {
            reading::containers_with(ctx, false)?
        } else {
            Vec::new()
        };
        let mut found = Vec::new();
        for target in targets {
            let pattern = match target {
                Pattern::One(id) => {
                    found.push(id.or_pool(default.as_ref()));
                    continue;
                }
                Pattern::Like { ref name, .. } => name,
            };
            let like: Vec<_> = containers
                .iter()
                .filter(|ct| target.fits(Ref::<ContainerName>::place(ct)))
                .collect();
            if like.is_empty() && !self.all {
                let text = format!("no container has an id like {pattern}");
                let failure = Failure::new(Code::NotFound, text);
                return Err(failure.next("osctl ct ls").into());
            }
            let fitting = like.into_iter().filter(|ct| fits(ct.state));
            found.extend(fitting.map(|ct| Ref {
                pool: Some(ct.pool.clone()),
                name: ct.name.clone(),
            }));
        }
        let mut seen = Vec::new();
        found.retain(|id| {
            let is_new = !seen.contains(id);
            seen.push(id.clone());
            is_new
        });
        if found.is_empty() {
            ctx.printer.note("there is nothing to do");
        }
        Ok(found)
    }
}
