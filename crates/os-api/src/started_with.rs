//! What a container that runs was started with.

use serde::{Deserialize, Serialize};

use crate::part::{Keyed, Prlimits};
use crate::settings::ContainerSettings;

/// The settings and parts of a container when it was started, and what was written into its guest
/// since. What differs now and takes effect only at a start or in the guest is pending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedWith {
    /// Its settings.
    pub settings: ContainerSettings,
    /// Its limits of processes, inherited ones included.
    pub prlimits: Keyed<Prlimits>,
}
