//! What a command is going to do: its steps, the entities it touches, and where its journal is kept.

use serde::{Deserialize, Serialize};

use crate::entity::EntityRef;
use crate::names::PoolName;
use crate::step::Step;

/// Where an operation's journal is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "place", rename_all = "kebab-case")]
pub enum JournalPlace {
    /// On the pool it changes: it travels with the pool.
    Pool {
        /// The pool.
        pool: PoolName,
    },
    /// On the host's disk: what makes, opens, closes or forgets a whole pool.
    Host,
    /// In the runtime directory: what changes only what runs, at no cost of a sync.
    Run,
}

/// What a command is going to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// The steps in order; empty if there is nothing to do.
    pub steps: Vec<Step>,
    /// What is touched; the operation waits for its turn with each of them.
    pub touches: Vec<EntityRef>,
    /// Where the journal is kept.
    pub journal: JournalPlace,
    /// Groups of steps that run side by side, in order; the other steps run one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parallel: Vec<Parallel>,
}

/// Steps of a plan that run side by side: none of them needs another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Parallel {
    /// Number of the first one, counted from 1.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// How many begin at a time.
    pub width: usize,
}

impl Plan {
    /// The inverse plan, in reverse order, by [`Step::undo`].
    ///
    /// # Errors
    /// The first step that cannot be taken back.
    pub fn undo(&self) -> Result<Self, &Step> {
        let steps = self.steps.iter().rev();
        let steps = steps.map(|step| step.undo().ok_or(step));
        Ok(Self {
            steps: steps.collect::<Result<_, _>>()?,
            touches: self.touches.clone(),
            journal: self.journal.clone(),
            // Steps back are rare and few: in order is good enough.
            parallel: Vec::new(),
        })
    }

    /// The group that begins with this step, counted from 1.
    pub fn parallel_at(&self, number: usize) -> Option<&Parallel> {
        self.parallel.iter().find(|group| {
            let end = group.first.saturating_add(group.count);
            group.first == number && end <= self.steps.len() + 1
        })
    }
}

impl Step {
    /// Whether it may wait for a guest.
    pub fn is_about_guest(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Freeze(_) | Self::Guest(_))
    }

    /// The container that it starts or stops.
    pub fn container(&self) -> Option<EntityRef> {
        match self {
            Self::Run(run) => Some(run.container.entity(&run.pool)),
            _ => None,
        }
    }
}
