//! The states of a container, and the only ways from one to another.
//!
//! ```text
//!            begin             init runs             freeze              is frozen
//!  stopped ──────────> starting ─────────> running ───────────> freezing ──────────> frozen
//!   ^   ^               │    │              ^ ^ │                  │ │                │ │
//!   │   │ start failed  │    │              │ │ │      thawed      │ │                │ │
//!   │   └───────────────┘    │              │ └─│──────────────────┘ │                │ │
//!   │                        │              └───│──── thawed ────────│────────────────┘ │
//!   │                        │ stop             │ stop               │ stop        stop │
//!   │                        v                  v                    v                  v
//!   └──────────────────────────────────────── stopping ──────────────────────────────────
//!          cleared                               │
//!                                                └─> stop given up: running or frozen again
//! ```
//!
//! - *begin*: an operation starts the container. Nothing of an earlier run is left.
//! - *init runs*: init has executed its program, and its process is known by a pidfd.
//! - *start failed*: what the start had made was removed again.
//! - *freeze*, *is frozen*, *thawed*: the freezer was asked; all processes are frozen; they run
//!   again. A freeze that does not come to pass is thawed, too: FUSE and the freezer can wait for
//!   each other.
//! - *stop*: an operation ends the container, or init has ended and what is left is removed. A
//!   stronger stop takes over a weaker one, so *stop* also leads from stopping to stopping.
//! - *stop given up*: init did not shut down in time and may not be killed, or the stop was
//!   cancelled. The container is again what it was before.
//! - *cleared*: no process is left, and the control group is gone. It is allowed in every state,
//!   because the kernel may end all processes of a container at any time.
//! - *found*: the daemon was restarted, and the container runs or is frozen. Also one that has ended
//!   in between is found as running, without an init, so that its end is attended to. A container that
//!   somebody else has frozen or thawed is found so by the next operation.
//!
//! Reading never changes the table: a container whose init has ended is shown as stopping until
//! somebody has cleared it (`containers.rs`).

use os_types::ContainerState;

/// What happens to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Begin,
    InitRuns,
    StartFailed,
    Freeze,
    IsFrozen,
    Thawed,
    Stop,
    /// Back to the state before the stop.
    StopGivenUp(ContainerState),
    Cleared,
    /// In this state.
    Found(ContainerState),
}

/// The state after `event`; `None` if there is no such edge in the drawing.
pub(crate) fn next(from: ContainerState, event: Event) -> Option<ContainerState> {
    use ContainerState::{Freezing, Frozen, Running, Starting, Stopped, Stopping, Unknown};
    Some(match (from, event) {
        (Stopped, Event::Begin) => Starting,
        (Starting, Event::InitRuns) | (Freezing | Frozen, Event::Thawed) => Running,
        (Running, Event::Freeze) => Freezing,
        (Freezing, Event::IsFrozen) => Frozen,
        (Starting | Running | Freezing | Frozen | Stopping, Event::Stop) => Stopping,
        (Stopping, Event::StopGivenUp(before @ (Running | Frozen))) => before,
        (Starting, Event::StartFailed) | (_, Event::Cleared) => Stopped,
        (Stopped | Running | Frozen, Event::Found(found @ (Running | Frozen))) => found,
        (Stopped | Starting | Running | Freezing | Frozen | Stopping | Unknown, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_follows_the_drawing() {
        let life = [
            (Event::Begin, ContainerState::Starting),
            (Event::InitRuns, ContainerState::Running),
            (Event::Freeze, ContainerState::Freezing),
            (Event::IsFrozen, ContainerState::Frozen),
            (Event::Stop, ContainerState::Stopping),
            (
                Event::StopGivenUp(ContainerState::Frozen),
                ContainerState::Frozen,
            ),
            (Event::Thawed, ContainerState::Running),
            (Event::Stop, ContainerState::Stopping),
            (Event::Cleared, ContainerState::Stopped),
        ];
        let mut state = ContainerState::Stopped;
        for (event, expected) in life {
            state = next(state, event).unwrap();
            assert_eq!(state, expected, "{event:?}");
        }
    }

    #[test]
    fn what_is_not_drawn_does_not_happen() {
        for (from, event) in [
            (ContainerState::Running, Event::Begin),
            (ContainerState::Stopping, Event::Begin),
            (ContainerState::Stopped, Event::InitRuns),
            (ContainerState::Stopping, Event::InitRuns),
            (ContainerState::Running, Event::StartFailed),
            (ContainerState::Frozen, Event::Freeze),
            (ContainerState::Stopped, Event::Stop),
            (
                ContainerState::Stopping,
                Event::StopGivenUp(ContainerState::Starting),
            ),
            (
                ContainerState::Starting,
                Event::Found(ContainerState::Running),
            ),
        ] {
            assert_eq!(next(from, event), None, "{from} {event:?}");
        }
    }

    #[test]
    fn every_state_can_be_cleared() {
        for state in ContainerState::ALL {
            assert_eq!(next(state, Event::Cleared), Some(ContainerState::Stopped));
        }
    }
}
