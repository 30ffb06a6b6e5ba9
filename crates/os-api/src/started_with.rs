//! What a container that runs was started with.

use serde::{Deserialize, Serialize};

use crate::part::{Keyed, Prlimits};
use crate::settings::ContainerSettings;

/// The settings and parts of a container when it was started. What differs now and takes effect
/// only at a start is pending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedWith {
    /// Its settings.
    pub settings: ContainerSettings,
    /// Its limits of processes, inherited ones included.
    pub prlimits: Keyed<Prlimits>,
}
