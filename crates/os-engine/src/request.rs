//! What is submitted to the engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use os_types::{EntityRef, Failure, OpId, Plan};

use crate::host::Reservation;
use crate::slots::Slot;

/// The deadline of an operation unless the command has another one.
pub const DEADLINE: Duration = Duration::from_mins(10);

/// A plan that is about to be carried out.
pub struct Planned {
    /// The steps.
    pub plan: Plan,
    /// What the host has reserved for them.
    pub reservation: Reservation,
}

/// Makes the plan of an operation from the state of the world.
///
/// It is called once the operation holds its locks, and again if the plan turns
/// out to touch more. Pure but for reading; called on a thread that may block.
pub type Planner = Arc<dyn Fn() -> Result<Planned, Failure> + Send + Sync>;

/// How an operation stands to others that want the same entity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strength {
    /// It waits in order and is never interrupted for another one.
    #[default]
    Normal,
    /// It waits in order. An urgent operation on what it touches cancels it: what it has done so
    /// far is useless for a container that will be killed.
    Yielding,
    /// As `Yielding`, and withdrawn while it waits: an administrator who kills a container wants it to
    /// be stopped.
    Starting,
    /// It passes all that wait, cancels a yielding holder, and is subject to no bound. It must be
    /// short: `ct stop --kill`.
    Urgent,
}

impl Strength {
    /// Whether an urgent operation cancels it.
    pub(crate) const fn yields(self) -> bool {
        matches!(self, Self::Yielding | Self::Starting)
    }
}

/// A command on its way to become an operation.
#[derive(Clone)]
pub struct OperationRequest {
    /// The command, e.g. `user-new`.
    pub command: String,
    /// The command line, secrets removed.
    pub cli: String,
    /// User id of the client.
    pub uid: u32,
    /// Process id of the client.
    pub pid: i32,
    /// What it touches, as far as the command alone tells.
    pub touches: Vec<EntityRef>,
    /// The time it has from submission to its last step.
    pub deadline: Duration,
    /// How it stands to others.
    pub strength: Strength,
    /// How many of its kind run at a time; no bound if none.
    pub slot: Option<Slot>,
    /// The operation it undoes.
    pub undoes: Option<OpId>,
    /// Its plan.
    pub planner: Planner,
}

/// For a plan that gives nothing away.
impl From<Plan> for Planned {
    fn from(plan: Plan) -> Self {
        Self {
            plan,
            reservation: None,
        }
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planned")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OperationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationRequest")
            .field("command", &self.command)
            .field("touches", &self.touches)
            .finish_non_exhaustive()
    }
}
