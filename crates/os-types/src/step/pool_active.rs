//! Taking an open pool into use, or out of it, in one step, as in journals of earlier versions.

use serde::{Deserialize, Serialize};

use super::{
    Durability, PoolLoadStep, PoolPrepareStep, PoolRunningStep, PoolUsersStep, Presence, Step,
    StepKind,
};
use crate::names::PoolName;

/// An open pool is in use. No plan has this step any more, but [`PoolActiveStep::steps`] in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolActiveStep {
    /// The pool.
    pub pool: PoolName,
    /// At the absent end, leave the accounts of its users on the host.
    pub keep_users: bool,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolActiveStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let pool = &self.pool;
        match self.to {
            Presence::Present => {
                format!("settle the journal of pool {pool}, load it and register its users")
            }
            Presence::Absent => format!("unload pool {pool} and unregister its users"),
        }
    }
}

impl PoolActiveStep {
    /// The steps that it consists of, in their order.
    pub fn steps(&self) -> [Step; 4] {
        let Self {
            pool,
            keep_users: keep,
            to,
        } = self;
        let (keep, to) = (*keep, *to);
        let pool = || pool.clone();
        let prepare = PoolPrepareStep { pool: pool(), to };
        let running = PoolRunningStep { pool: pool(), to };
        let load = PoolLoadStep { pool: pool(), to };
        let users = PoolUsersStep {
            pool: pool(),
            keep,
            to,
        };
        let mut steps = [prepare.into(), running.into(), load.into(), users.into()];
        if to == Presence::Absent {
            steps.reverse();
        }
        steps
    }
}
